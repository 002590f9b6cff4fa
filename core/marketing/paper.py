"""A model as a Word document: styles, numbering, forms, the integrator's logo and banner on every page."""

import io
import zipfile
from importlib import resources
from typing import TYPE_CHECKING, Any

from core.marketing.markup import NBSP, Block, Cell, Grid, Line, Text, text_of
from core.pictures import BANNER, LOGO, Rule, check

if TYPE_CHECKING:
    from docx.document import Document
    from docx.shared import Length
    from docx.table import _Cell
    from docx.text.paragraph import Paragraph
    from docx.text.run import Run

#: Of headings, where the profile's colour would not be read on white.
INK = "1F2A44"

#: Said in the header and the footer of every page.
MARK = "Modèle à faire relire par un avocat"

_STYLES = {
    "title": "Title",
    "annex": "Annexe",
    "subtitle": "Subtitle",
    "article": "heading 1",
    "heading": "heading 2",
    "clause": "Clause",
    "plain": "Normal",
    "item": "List Bullet",
    "warning": "Avertissement",
}

#: Twentieths of a point: A4 less its margins of 20 mm.
_WIDTH = 9638
_LABEL = 3500
_INDENT = 624

#: Word refuses a longer title or author.
_MOST_SIGNS = 255

#: Millimetres, of the logo and the banner: half as much again as on an invoice (95 pixels at 300 dpi are 8 mm), where
#: the banner's small print is hard to read; twice as much weighs on every page.
_HEIGHT = 12.0


class Paper:
    """A document that grows block by block. `title`, `operator` and `colour` (#rrggbb, or "") as they are shown."""

    def __init__(self, title: str, operator: str, colour: str, logo: bytes | None, banner: bytes | None) -> None:
        import docx

        self._document: Document = docx.Document()
        self._within = False
        self._last: Text | Grid | None = None
        _restyle(self._document, readable(colour))
        _set_page(self._document)
        _set_properties(self._document, f"{title} (modèle)", operator)
        self._draw_header(title, operator, logo)
        self._draw_footer(banner, operator)

    def add(self, block: Block) -> None:
        if isinstance(block, Grid):
            self._close_frame()
            if isinstance(self._last, Text):
                self._document.paragraphs[-1].paragraph_format.keep_with_next = True
            self._add_grid(block)
        else:
            if block.kind != "warning":
                self._close_frame()
            self._within = block.kind not in ("title", "annex", "heading") and (self._within or block.kind == "article")
            paragraph = self._document.add_paragraph(style=_STYLES[block.kind])
            if isinstance(self._last, Text) and self._last.kind == "item" != block.kind:
                paragraph.paragraph_format.space_before = _twips(100)
            _write(paragraph, block.line)
            if text_of(block.line).endswith(":"):
                paragraph.paragraph_format.keep_with_next = True
        self._last = block

    def saved(self) -> bytes:
        packed = io.BytesIO()
        self._document.save(packed)
        return _timeless(packed.getvalue())

    # -- Parts

    def _close_frame(self) -> None:
        """What follows a warning keeps its distance from the frame."""
        if isinstance(self._last, Text) and self._last.kind == "warning":
            self._add_gap()

    def _add_grid(self, grid: Grid) -> None:
        columns = max(len(row) for row in (grid.header, *grid.rows))
        # A form stands under the text of its clause; a table needs the whole width.
        indent = _INDENT if self._within and not grid.header else 0
        widths = _widths(grid, columns, _WIDTH - indent)
        table = self._document.add_table(rows=0, cols=columns)
        table.autofit = False
        # Word wants its elements in the order of its schema.
        after = ("w:tblBorders", "w:shd", "w:tblLayout", "w:tblCellMar", "w:tblLook")
        table._tbl.tblPr.insert_element_before(_element("w:tblInd", w=str(indent), type="dxa"), *after)
        for column, width in zip(table.columns, widths, strict=True):
            column.width = _twips(width)
        for place, cells in enumerate((grid.header, *grid.rows) if grid.header else grid.rows):
            head = bool(grid.header) and place == 0
            row = table.add_row()
            described = row._tr.get_or_add_trPr()
            _sub(described, "w:cantSplit")
            if not head and not any(map(text_of, cells[-1])):
                _sub(described, "w:trHeight", val="400", hRule="atLeast")
            if head:
                _sub(described, "w:tblHeader")
            for column, cell in enumerate(cells):
                drawn = row.cells[column]
                drawn.width = _twips(widths[column])
                if grid.header:
                    _frame(drawn, head=head)
                else:
                    _underline(drawn, label=column == 0, low=len(cells[-1]) == 1 and not text_of(cells[-1][0]))
                _fill(drawn, cell, bold=head, keep=place < len(grid.rows) - 1 + bool(grid.header))
        self._add_gap()

    def _add_gap(self) -> None:
        gap = self._document.add_paragraph().paragraph_format
        gap.space_after = _twips(0)
        gap.line_spacing = _twips(160)

    def _draw_header(self, title: str, operator: str, logo: bytes | None) -> None:
        paragraph = self._document.sections[0].header.paragraphs[0]
        self._picture(paragraph.add_run(), LOGO, logo, f"Logo de {operator}" if operator else "Logo")
        paragraph.add_run("\t" + " · ".join(filter(None, ["Modèle", title, operator])))

    def _draw_footer(self, banner: bytes | None, operator: str) -> None:
        paragraph = self._document.sections[0].footer.paragraphs[0]
        words = f"Bandeau de {operator}" if operator else "Bandeau"
        self._picture(paragraph.add_run(), BANNER, banner, words)
        paragraph.add_run(f"\t{MARK} · page{NBSP}")
        _add_field(paragraph, "PAGE")
        paragraph.add_run(f"{NBSP}/{NBSP}")
        _add_field(paragraph, "NUMPAGES")

    def _picture(self, run: "Run", rule: Rule, content: bytes | None, words: str) -> None:
        """Put a picture in, byte for byte. python-docx's own way knows fewer JPEGs than the operator takes."""
        from docx.opc.constants import RELATIONSHIP_TYPE
        from docx.opc.packuri import PackURI
        from docx.oxml.shape import CT_Inline
        from docx.parts.image import ImagePart
        from docx.shared import Mm

        verdict = check(content, rule) if content else None
        if not (content and verdict and verdict.extension and verdict.width and verdict.height):
            return
        name = f"{rule.name}.{verdict.extension}"
        kind = "image/png" if verdict.extension == "png" else "image/jpeg"
        image = ImagePart(PackURI(f"/word/media/{name}"), kind, content)
        relation = run.part.relate_to(image, RELATIONSHIP_TYPE.IMAGE)
        width = _HEIGHT * verdict.width / verdict.height
        shape = CT_Inline.new_pic_inline(len(name), relation, name, Mm(width), Mm(_HEIGHT))
        shape.docPr.set("descr", words)
        for side in ("distT", "distB", "distL", "distR"):
            shape.set(side, "0")  # LibreOffice's own default is some distance
        run._r.add_drawing(shape)


def readable(colour: str) -> str:
    """A colour as Word writes it, if dark enough for text on white (contrast 4.5, as WCAG 2 asks), else our own."""
    value = colour.removeprefix("#")
    try:
        parts = [int(value[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    except ValueError:
        return INK
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return value.upper() if 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5 else INK


# -- The document


def _restyle(document: "Document", colour: str) -> None:
    """Our own styles and numbering in the place of those of python-docx's template, and French everywhere."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.oxml import parse_xml
    from docx.oxml.ns import qn

    ours = resources.files(__package__)
    for element, name in (
        (document.styles.element, "styles.xml"),
        (document.part.numbering_part.element, "numbering.xml"),
    ):
        wanted = ours.joinpath(name).read_text("utf-8").replace("COLOUR", colour)
        for child in list(element):
            element.remove(child)
        for child in list(parse_xml(wanted.encode())):
            element.append(child)
    settings = document.settings.element
    for name in ("w:useFELayout", "w:savePreviewPicture", "w:rsids", "w:proofState"):
        for child in list(settings.iter(qn(name))):
            child.getparent().remove(child)
    for child in settings.iter(qn("w:compatSetting")):
        if child.get(qn("w:name")) == "compatibilityMode":
            child.set(qn("w:val"), "15")  # of Word 2013 and later: it does not say "compatibility mode" in its title
    for child in settings.iter(qn("w:themeFontLang")):
        child.set(qn("w:val"), "fr-FR")
    package, part = document.part.package, document.part
    # The template's own: the picture of a blank page, data and effects that nothing refers to.
    for relations in (package.rels, part.rels):
        for key, relation in list(relations.items()):
            if relation.reltype == RELATIONSHIP_TYPE.THUMBNAIL or relation.reltype.endswith(
                ("/customXml", "/stylesWithEffects")
            ):
                del relations[key]


def _set_page(document: "Document") -> None:
    from docx.shared import Mm

    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(20)
    section.top_margin, section.bottom_margin = Mm(28), Mm(28)
    section.header_distance, section.footer_distance = Mm(10), Mm(9)


def _set_properties(document: "Document", title: str, operator: str) -> None:
    properties = document.core_properties
    properties.title = title[:_MOST_SIGNS]
    properties.author = operator[:_MOST_SIGNS]
    properties.language = "fr-FR"
    properties.keywords = "modèle"
    properties.comments = ""
    # The template's dates are not this document's, and the hour would make each copy another.
    element = properties._element
    for child in list(element):
        if child.tag.endswith(("}created", "}modified", "}lastModifiedBy", "}revision")):
            element.remove(child)


def _timeless(packed: bytes) -> bytes:
    """The same archive without the hour at which it was packed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as former, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in former.namelist():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), former.read(name), zipfile.ZIP_DEFLATED)
    return made.getvalue()


# -- Within a page


def _write(paragraph: "Paragraph", line: Line, *, bold: bool = False) -> None:
    from docx.enum.text import WD_COLOR_INDEX

    for span in line:
        run = paragraph.add_run(span.text)
        run.bold = True if bold or span.bold else None
        if span.is_open:
            run.font.highlight_color = WD_COLOR_INDEX.YELLOW


def _fill(drawn: "_Cell", cell: Cell, *, bold: bool, keep: bool) -> None:
    for place, line in enumerate(cell):
        paragraph = drawn.paragraphs[0] if place == 0 else drawn.add_paragraph()
        paragraph.style = "Case"
        if keep:
            paragraph.paragraph_format.keep_with_next = True
        _write(paragraph, line, bold=bold)


def _frame(drawn: "_Cell", *, head: bool) -> None:
    """A cell of a table."""
    properties = drawn._tc.get_or_add_tcPr()
    borders = _sub(properties, "w:tcBorders")
    for side in ("top", "left", "bottom", "right"):
        _sub(borders, f"w:{side}", val="single", sz="4", space="0", color="A6A6A6")
    if head:
        _sub(properties, "w:shd", val="clear", color="auto", fill="EEF1F5")


def _underline(drawn: "_Cell", *, label: bool, low: bool) -> None:
    """A cell of a form: its value stands on a dotted line, and its label beside it."""
    properties = drawn._tc.get_or_add_tcPr()
    if not label:
        _sub(_sub(properties, "w:tcBorders"), "w:bottom", val="dotted", sz="6", space="0", color="767676")
    if low:
        _sub(properties, "w:vAlign", val="bottom")


def _add_field(paragraph: "Paragraph", code: str) -> None:
    """What Word computes, such as the number of a page."""
    field = _sub(paragraph._p, "w:fldSimple", instr=code)
    _sub(_sub(field, "w:r"), "w:t").text = "1"


def _widths(grid: Grid, columns: int, whole: int) -> list[int]:
    """A form's labels take what they need; a table's columns as their headers ask, each at least a little."""
    if not grid.header:
        return [_LABEL, *[(whole - _LABEL) // (columns - 1)] * (columns - 1)]
    if columns < 3:
        return [whole // 2] * columns
    # A number is short, a code has twelve signs.
    weights = [
        4 if len(name) < 3 else min(16, max(11, len(name))) for name in map(text_of, (cell[0] for cell in grid.header))
    ]
    return [whole * weight // sum(weights) for weight in weights]


def _twips(value: int) -> "Length":
    from docx.shared import Twips

    return Twips(value)


def _sub(parent: Any, name: str, **attributes: str) -> Any:
    """An element of Word's own, at the end of another."""
    parent.append(_element(name, **attributes))
    return parent[-1]


def _element(name: str, **attributes: str) -> Any:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    element = OxmlElement(name)
    for key, value in attributes.items():
        element.set(qn(f"w:{key}"), value)
    return element
