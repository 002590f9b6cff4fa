"""A workbook (XLSX) that checks RIOs without the bot, by formulas alone; what it says is in `core.rio_formulas`.

The steps of each row stand in the hidden sheet "Calcul", one a column. Light to import: xlsxwriter is loaded when a
workbook is made.
"""

import io
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from core import rio, rio_formulas, rio_words
from core.numbers import show
from core.rio_formulas import NO_NUMBER, NO_RIO, ODD_NUMBER, RIGHT, WRONG, quoted, said

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

TITLE = "Vérification RIO"

#: The sheets, and the rows (from 1) to write in: the number in column B, the RIO in column C.
SHEET, HELP, STEPS = "RIO", "Mode d'emploi", "Calcul"
ROWS = 500
FIRST = 6
LAST = FIRST + ROWS - 1


@cache
def make() -> bytes:
    """The workbook, empty. It is always the same, and its many formulas take seconds."""
    import xlsxwriter

    content = io.BytesIO()
    # Of the same widths everywhere; LibreOffice has no Calibri.
    font = {"font_name": "Arial", "font_size": 10}
    book: Workbook = xlsxwriter.Workbook(content, {"in_memory": True, "default_format_properties": font})
    book.set_properties({"title": TITLE, "subject": "Vérifier un RIO avec son numéro, avant la commande"})
    sheet, help_sheet, steps = (book.add_worksheet(name) for name in (SHEET, HELP, STEPS))
    _write_sheet(book, sheet)
    _write_help(book, help_sheet)
    _write_steps(book, steps)
    book.close()
    return content.getvalue()


_INK, _GREY, _LINE = "#1F3A5F", "#5A6472", "#D3D9E2"
#: Ground and ink.
_GREEN, _RED, _AMBER = ("#C6EFCE", "#006100"), ("#FFC7CE", "#9C0006"), ("#FFEB9C", "#7F4F00")
_COLOURS = {RIGHT: _GREEN, WRONG: _RED, NO_NUMBER: _AMBER, ODD_NUMBER: _AMBER, NO_RIO: _AMBER}
#: Of every other row.
_INPUT, _PLAIN = ("#FFFDF2", "#FFF8DF"), ("#FFFFFF", "#F4F6FA")
_HEAD = {"bold": True, "font_color": "#FFFFFF", "bg_color": _INK, "valign": "vcenter"}
#: Its zero is slashed: no O looks like it.
_CODE_FONT = "Consolas"
_A4 = 9


# -- The sheet that people write in

#: The look and the width of each column that answers.
_ANSWERS = {
    "Verdict": ("verdict", 17),
    "Explication": ("words", 48),
    "Que faire": ("words", 43),
    "Lu comme": ("read", 22),
    "Opérateur, offre": ("line", 19),
}


def _write_sheet(book: "Workbook", sheet: "Worksheet") -> None:
    sheet.set_column("A:A", 5)
    sheet.set_column("B:B", 26)
    sheet.set_column("C:C", 20)
    for place, (_, width) in enumerate(_ANSWERS.values(), start=3):
        sheet.set_column(place, place, width)
    _write_top(book, sheet)
    head = [book.add_format({**_HEAD, "align": "center"}), *[book.add_format({**_HEAD, "indent": 1})] * 7]
    for place, title in enumerate(("N°", "Numéro de la ligne", "RIO", *_ANSWERS)):
        sheet.write_string(FIRST - 2, place, title, head[place])
    looks = [_looks(book, band) for band in range(2)]
    columns = _columns()
    answers = rio_formulas.answers()
    for row in range(FIRST, LAST + 1):
        look = looks[row % 2]
        cells = _cells(row, columns, beside_steps=False)
        sheet.set_row(row - 1, 29)
        # Blank where nothing is written: the bot, which checks lists too, shall find no row there.
        place_of_row = f'IF([@verdict]="","",ROW()-{FIRST - 1})'
        sheet.write_formula(row - 1, 0, _formula(place_of_row, cells), look["place"], "")
        sheet.write_blank(row - 1, 1, None, look["input"])
        sheet.write_blank(row - 1, 2, None, look["input"])
        for place, (title, words) in enumerate(answers, start=3):
            sheet.write_formula(row - 1, place, _formula(words, cells), look[_ANSWERS[title][0]], "")
    for verdict, (ground, ink) in _COLOURS.items():
        rule = {"type": "cell", "criteria": "==", "value": quoted(verdict)}
        coloured = book.add_format({"bg_color": ground, "font_color": ink})
        sheet.conditional_format(f"D{FIRST}:D{LAST}", rule | {"format": coloured})
    sheet.ignore_errors({"number_stored_as_text": f"B{FIRST}:C{LAST}"})
    sheet.freeze_panes(FIRST - 1, 3)
    sheet.set_selection(FIRST - 1, 1, FIRST - 1, 1)
    sheet.autofilter(FIRST - 2, 3, LAST - 1, 3)
    sheet.protect("", {"format_columns": True, "format_rows": True, "autofilter": True})
    sheet.set_portrait()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(0.4, 0.4, 0.5, 0.6)
    sheet.center_horizontally()
    sheet.repeat_rows(FIRST - 2)
    sheet.print_area(0, 0, LAST - 1, 5)  # what was read and whose line it is are for the screen
    sheet.set_footer(f"&L{TITLE} · document confidentiel&R&P / &N")
    sheet.activate()


def _write_top(book: "Workbook", sheet: "Worksheet") -> None:
    """Title, what to do, and how many are what."""
    title = book.add_format({"bold": True, "font_size": 16, "font_color": _INK, "valign": "vcenter"})
    sheet.write_string(0, 0, TITLE, title)
    sheet.write_string(
        1,
        0,
        "Écrire le numéro et le RIO dans les cases jaunes : le verdict s'affiche à côté."
        " Pour coller une liste : collage spécial, valeurs seules.",
        book.add_format({"font_color": _GREY, "valign": "top"}),
    )
    for row, height in enumerate((28, 20, 22, 7, 26)):
        sheet.set_row(row, height)

    def count(*verdicts: str) -> str:
        return "=" + "+".join(f"COUNTIF($D${FIRST}:$D${LAST},{quoted(verdict)})" for verdict in verdicts)

    badge = {"bold": True, "align": "center", "valign": "vcenter", "right": 5, "right_color": "#FFFFFF"}
    for cell, formula, number_format, (ground, ink) in (
        ("B3", count(RIGHT), '[<2]0" juste";0" justes"', _GREEN),
        ("C3", count(WRONG), '0" faux"', _RED),
        ("D3", count(NO_NUMBER), '0" sans numéro"', _AMBER),
        ("E3", count(ODD_NUMBER, NO_RIO), '0" à compléter (numéro illisible, RIO absent)"', _AMBER),
    ):
        look = badge | {"bg_color": ground, "font_color": ink, "num_format": number_format}
        sheet.write_formula(cell, formula, book.add_format(look), 0)
    total = f'[<2]0" ligne remplie sur {ROWS}";0" lignes remplies sur {ROWS}"'
    plain = {"num_format": total, "font_color": _GREY, "align": "left", "valign": "vcenter", "indent": 1}
    sheet.write_formula("F3", count(*_COLOURS), book.add_format(plain), 0)


def _looks(book: "Workbook", band: int) -> "dict[str, Format]":
    row = {"valign": "vcenter", "bottom": 1, "bottom_color": _LINE}
    answer = {**row, "bg_color": _PLAIN[band], "font_size": 9, "text_wrap": True}
    code = {"font_name": _CODE_FONT, "align": "left", "indent": 1}
    box = {"border": 1, "border_color": "#D9C77E", "bg_color": _INPUT[band]}
    looks: dict[str, dict[str, Any]] = {
        "place": {**answer, "align": "center", "font_color": _GREY},
        "input": {**row, **code, **box, "font_size": 10.5, "num_format": "@", "locked": False},
        "verdict": {**answer, "bold": True, "align": "center", "font_size": 10},
        "words": {**answer, "indent": 1},
        "read": {**answer, **code, "font_color": _GREY},
        "line": {**answer, "font_color": _GREY, "indent": 1},
    }
    return {name: book.add_format(look) for name, look in looks.items()}


# -- The steps


def _write_steps(book: "Workbook", sheet: "Worksheet") -> None:
    bold = book.add_format({"bold": True})
    sheet.write_string("A1", "Alphabet", bold)
    sheet.write_string(rio_formulas.ALPHABET_CELL.replace("$", ""), rio.ALPHABET)
    sheet.write_string("A2", f"De ce qui est écrit dans la feuille {SHEET} à ce qu'elle en dit, une étape par colonne.")
    steps = rio_formulas.steps()
    columns = _columns()
    for place, (_, title, _) in enumerate(steps):
        sheet.write_string(FIRST - 2, place, title, bold)
    for row in range(FIRST, LAST + 1):
        cells = _cells(row, columns, beside_steps=True)
        for place, (_, _, words) in enumerate(steps):
            sheet.write_formula(row - 1, place, _formula(words, cells), None, "")
    _write_tables(sheet, bold)
    sheet.freeze_panes(FIRST - 1, 0)
    sheet.protect()
    sheet.hide()


def _write_tables(sheet: "Worksheet", bold: "Format") -> None:
    """What the steps of all rows look up."""
    top, left = _corner(rio_formulas.OPERATORS)
    sheet.write_string(top - 1, left, "Opérateurs de métropole", bold)
    for place, pair in enumerate(rio.MAINLAND_OPERATORS.items()):
        sheet.write_row(top + place, left, pair)
    down, down_worth = _corner(rio_formulas.DOWN), _corner(rio_formulas.DOWN_WORTH)
    across, across_worth = _corner(rio_formulas.ACROSS), _corner(rio_formulas.ACROSS_WORTH)
    sheet.write_string(down[0] - 1, down[1], "Échanges de O et 0, signes 7 à 12", bold)
    sheet.write_string(across[0] - 1, across[1], "Échanges de O et 0, signes 1 à 6", bold)
    for place, (exchanged, among_first, among_last) in enumerate(rio_formulas.choices()):
        sheet.write_row(down[0] + place, down[1], exchanged)
        sheet.write_number(down_worth[0] + place, down_worth[1], among_last)
        sheet.write_column(across[0], across[1] + place, exchanged)
        sheet.write_number(across_worth[0], across_worth[1] + place, among_first)


def _corner(area: str) -> tuple[int, int]:
    from xlsxwriter.utility import xl_cell_to_rowcol

    row, column = xl_cell_to_rowcol(area.replace("$", "").split(":")[0])
    return row, column


def _columns() -> dict[str, str]:
    """The column of each step."""
    from xlsxwriter.utility import xl_col_to_name

    return {name: xl_col_to_name(place) for place, (name, _, _) in enumerate(rio_formulas.steps())}


def _cells(row: int, columns: Mapping[str, str], *, beside_steps: bool) -> dict[str, str]:
    """The cell of each name in the formulas of a row."""
    people, steps = (f"{SHEET}!", "") if beside_steps else ("", f"{STEPS}!")
    written = {"@number": f"{people}$B{row}", "@rio": f"{people}$C{row}", "@verdict": f"{people}$D{row}"}
    return written | {name: f"{steps}${column}{row}" for name, column in columns.items()}


def _formula(words: str, cells: Mapping[str, str]) -> str:
    return "=" + re.sub(r"\[([@\w ]+)\]", lambda found: cells[found[1]], words)


# -- The instructions

_USE = (
    "Ce classeur vérifie, sans connexion, qu'un RIO va avec le numéro à porter : une faute de copie se voit avant la"
    " commande."
)
_FILLING = (
    "Le client obtient son RIO en appelant le 3179 depuis la ligne à porter ; il le reçoit aussi par SMS.",
    "Une ligne par numéro : le numéro en colonne B, le RIO en colonne C, rien d'autre dans ces deux cases."
    f" Après {ROWS} lignes, repartir d'un fichier vierge.",
    "Le numéro s'écrit comme on veut : 06 39 98 00 01, 06.39.98.00.01, +33 6 39 98 00 01, +33 (0)6…, 0033 6… ; +262,"
    " +590, +594 ou +596 pour l'outre-mer ; 14 chiffres pour une ligne machine à machine. Le zéro qu'un tableur a mangé"
    " (639980001) est rétabli.",
    "Le RIO peut être en minuscules, avec des espaces, des points ou des tirets. Le signe + fait partie de certaines"
    " clés : le garder.",
    "Coller une liste : Collage spécial, puis Valeurs (ou Texte). Un collage ordinaire apporte la mise en forme de sa"
    " source, et peut verrouiller les cases.",
)
_MEANINGS = (
    (RIGHT, "Le RIO va avec ce numéro.", rio_formulas.KEEP_THE_LINE),
    (WRONG, "Un signe est faux, manque ou est de trop.", rio_words.ASK_AGAIN),
    (NO_NUMBER, "La forme est bonne ; la clé reste à vérifier.", rio_formulas.WRITE_NUMBER),
    (ODD_NUMBER, "Ce n'est pas un numéro français.", rio_formulas.MEND_NUMBER),
    (NO_RIO, "Le numéro se lit, la colonne C est vide.", rio_formulas.ASK_RIO),
)
_WARNINGS = (
    "Une clé juste ne dit pas que la ligne est portable : l'opérateur actuel peut encore refuser.",
    "Ne jamais résilier une ligne avant son portage : le numéro serait perdu.",
    "Un RIO et son numéro suffisent à prendre la ligne : ne pas envoyer ce fichier rempli par courriel, ne pas le"
    " laisser dans un dossier partagé, l'effacer après usage.",
)
_NOTES = (
    "O (la lettre) et 0 (le chiffre) sont souvent confondus : quand les échanger rend la clé juste, la feuille le"
    " propose. Le RIO proposé se confirme avec le client.",
    "Un numéro devenu 3,36123E+10 a perdu des chiffres : le reprendre à sa source, dans une colonne au format Texte.",
    "La feuille n'interroge aucun opérateur et ne cherche pas un RIO dans une phrase. Une liste déjà saisie ailleurs"
    " peut être vérifiée par le robot : la lui envoyer en conversation privée.",
    "Imprimer : d'abord décocher les vides dans le filtre de la colonne Verdict.",
    f"Les formules sont protégées sans mot de passe ; le calcul est dans la feuille masquée « {STEPS} ».",
)
#: Signs on a line of a paragraph, and of the last column.
_LINE_OF_TEXT, _LINE_OF_CELL = 145, 80


def _examples() -> tuple[tuple[str, str], ...]:
    """Numbers and RIOs of invented lines."""
    number, nine = "0639980002", "01EROY4P4"
    with_zero = (nine + rio.key(nine, number)).replace("O", "0")
    return (
        ("06 39 98 00 01", "01E4K7P2QEM3"),
        ("+33 6 39 98 00 48", "01 P ABC123 SE+"),
        ("06 39 98 00 01", "01E4K7P2QEN3"),
        (show(number), with_zero),
        ("06 39 98 00 01", "01E4K7P2QEM"),
        ("", "01E4K7P2QEM3"),
        ("3,36123E+10", "01E4K7P2QEM3"),
    )


def _write_help(book: "Workbook", sheet: "Worksheet") -> None:
    page = _Page(book, sheet)
    page.title(HELP, 16)
    page.paragraph(_USE)
    page.title(f"Remplir la feuille « {SHEET} »")
    for text in _FILLING:
        page.paragraph(text, "•")
    page.title("Lire le verdict")
    page.row(("Verdict", "Ce que cela veut dire", "", "Que faire"), page.head)
    for verdict, meaning, then in _MEANINGS:
        page.verdict((verdict, meaning, "", then), 0)
    page.title("À savoir")
    for text in _WARNINGS:
        page.paragraph(text, "•", bold=True)
    for text in _NOTES:
        page.paragraph(text, "•")
    page.title("Exemples (lignes inventées)")
    page.row(("Numéro", "RIO", "Verdict", "Ce qui est dit"), page.head)
    for number, code in _examples():
        found = said(number, code)
        page.verdict((number, code, found.verdict, f"{found.why} {found.then}"), 2)
    sheet.ignore_errors({"number_stored_as_text": f"A1:E{page.at}"})
    sheet.hide_gridlines(2)
    sheet.protect("", {"format_columns": True, "format_rows": True})
    sheet.set_portrait()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 1)
    sheet.set_margins(0.5, 0.5, 0.6, 0.6)
    sheet.center_horizontally()


class _Page:
    """A sheet to be read, written from top to bottom. `at`: the next row, from 0."""

    def __init__(self, book: "Workbook", sheet: "Worksheet") -> None:
        self._book, self._sheet, self.at = book, sheet, 0
        for place, width in enumerate((3, 20, 20, 18, 68)):
            sheet.set_column(place, place, width)
        cell = {"bottom": 1, "bottom_color": _LINE, "valign": "vcenter", "text_wrap": True}
        self.head = book.add_format({**_HEAD, "indent": 1})
        self._cell = book.add_format({**cell, "indent": 1})
        self._code = book.add_format({**cell, "indent": 1, "font_name": _CODE_FONT})
        self._bullet = book.add_format({"align": "right", "valign": "top", "indent": 1})
        self._words = {bold: book.add_format({"bold": bold, "text_wrap": True, "valign": "top"}) for bold in (0, 1)}
        self._verdicts = {
            verdict: book.add_format({**cell, "bold": True, "align": "center", "bg_color": ground, "font_color": ink})
            for verdict, (ground, ink) in _COLOURS.items()
        }

    def title(self, text: str, size: int = 12) -> None:
        look = {"bold": True, "font_size": size, "font_color": _INK, "valign": "vcenter"}
        self._sheet.set_row(self.at, 30)
        self._sheet.write_string(self.at, 1, text, self._book.add_format(look))
        self.at += 1

    def paragraph(self, text: str, bullet: str = "", *, bold: bool = False) -> None:
        self._sheet.set_row(self.at, 3 + 13 * -(-len(text) // _LINE_OF_TEXT))
        self._sheet.write_string(self.at, 0, bullet, self._bullet)
        self._sheet.merge_range(self.at, 1, self.at, 4, text, self._words[bold])
        self.at += 1

    def row(self, texts: tuple[str, ...], look: "Format") -> None:
        self._sheet.set_row(self.at, 20)
        for place, text in enumerate(texts, start=1):
            self._sheet.write_string(self.at, place, text, look)
        self.at += 1

    def verdict(self, texts: tuple[str, ...], place: int) -> None:
        """A row with a verdict at a place, from 0; what comes before that is a number and a RIO."""
        self._sheet.set_row(self.at, 4 + 13 * max(1.5, -(-len(texts[-1]) // _LINE_OF_CELL)))
        for column, text in enumerate(texts):
            look = self._verdicts[text] if column == place else self._code if column < place else self._cell
            self._sheet.write_string(self.at, column + 1, text, look)
        if not texts[2]:
            self._sheet.merge_range(self.at, 2, self.at, 3, texts[1], self._cell)
        self.at += 1
