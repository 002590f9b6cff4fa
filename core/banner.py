"""The integrator's banner, made from its profile (operator's card, B-1 and B-5): 760 x 95 px with the six mentions.

Two columns where they fit: who the company is, and its customer service. Where the words are too long for that, a text
that runs over the whole width. What can be set is measured, and the most legible one is drawn.
"""

import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise, product

from PIL import Image, ImageColor, ImageDraw

from core.pictures import BANNER, DPI
from core.pictures.reading import plain, read, unpacked
from core.profile import FIELDS, Field, Name, Profile, show
from core.typeface import Box, balanced, face, ink, lacking, width, wrapped

Rgb = tuple[int, int, int]

#: What the card wants at least; a phone number comes with its cost per minute.
MENTIONS: tuple[Name, ...] = ("operator_name", "address", "siret", "vat", "phone", "phone_cost", "service_email")

#: Pixels that stay empty along each edge, and the smallest size of a text: 11 px are 2.6 points at 300 dpi.
MARGIN = 8
SMALLEST = 11

DEFAULT_COLOUR = "#182d54"
WHITE: Rgb = (255, 255, 255)

_LOGO, _SMALL_LOGO = BANNER.height - 2 * MARGIN, 56
_BESIDE_LOGO, _BETWEEN = 16, 40
#: From the edges to the text, where no logo stands there.
_INDENT = 16
_LARGEST_BODY, _LARGEST_NAME = 16, 30
#: From the capitals of the first line to the last baseline, where there is room enough.
_SPREAD = 68

#: Of a picture that is shown; a right banner has 72,200.
_MOST_PIXELS = 10_000_000


class BannerError(Exception):
    """The banner cannot be made from this profile; the message says which value is missing or too long (French)."""


@dataclass(frozen=True)
class Placed:
    """A text in its place. `x`, `baseline`: its origin in pixels; `mention`: the field that it is (a part of), None for
    a word of ours; `soft`: of less contrast, as a label."""

    text: str
    mention: Name | None
    x: int
    baseline: int
    size: int
    bold: bool
    soft: bool

    @property
    def box(self) -> Box:
        """What it covers."""
        left, top, right, bottom = ink(self.text, self.size, self.bold)
        return (self.x + left, self.baseline + top, self.x + right, self.baseline + bottom)


@dataclass(frozen=True)
class Layout:
    """Where everything stands. `logo`: the square that it is scaled to; `rule`: the line between two columns."""

    texts: tuple[Placed, ...]
    logo: Box | None = None
    rule: Box | None = None


def draw(profile: Profile, logo: bytes | None) -> bytes:
    """The banner, a PNG as `core.pictures.BANNER` wants it; the same bytes for the same profile and logo.

    Whatever `core.profile` takes fits, with an email of up to 128 signs. A logo that cannot be read is left out.

    :raises BannerError: a mention is missing, has signs that the typeface has not, or is too long.
    """
    mark = opened(logo) if logo else None
    places = layout(profile, mark is not None)
    paper = colour_of(profile)
    strong = text_colour(paper)
    soft = _softened(strong, paper)
    image = Image.new("RGB", (BANNER.width, BANNER.height), paper)
    pen = ImageDraw.Draw(image)
    if mark and places.logo:
        _draw_logo(image, mark, places.logo)
    if places.rule:
        left, top, right, bottom = places.rule
        pen.rectangle((left, top, right - 1, bottom - 1), _mixed(strong, paper, 0.4))
    for text in places.texts:
        font = face(text.size, text.bold)
        pen.text((text.x, text.baseline), text.text, soft if text.soft else strong, font, anchor="ls")
    content = io.BytesIO()
    image.save(content, "PNG", dpi=(DPI, DPI), optimize=True)
    return content.getvalue()


def layout(profile: Profile, has_logo: bool) -> Layout:
    """Where each text of the banner stands.

    :raises BannerError: as `draw`.
    """
    values = _values(profile)
    found = _in_columns(values, has_logo) + _in_rows(values, has_logo)
    if found:
        return max(found, key=lambda each: each[0])[1]
    for running in _running(values, has_logo):
        return running
    texts: tuple[Name, ...] = ("operator_name", "address", "service_email")
    field = _field(max(texts, key=lambda name: width(values[name], SMALLEST)))
    raise BannerError(
        f"tout ne tient pas dans les {BANNER.width} × {BANNER.height} pixels du bandeau : "
        f"abréger {field.french} (/profil {field.word})"
    )


def colour_of(profile: Profile) -> Rgb:
    """The profile's colour, or a dark blue."""
    red, green, blue = ImageColor.getrgb(profile.colour or DEFAULT_COLOUR)[:3]
    return red, green, blue


def contrast(one: Rgb, other: Rgb) -> float:
    """From 1 to 21, as WCAG 2.2 (1.4.3) measures it; a text wants 4.5."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def text_colour(paper: Rgb) -> Rgb:
    """White, or a dark colour where white would not be legible: 4.5 of contrast at least, whatever the paper."""
    if contrast(WHITE, paper) >= 4.5:
        return WHITE
    slate = (20, 32, 46)
    return slate if contrast(slate, paper) >= 6 else (0, 0, 0)


def opened(content: bytes) -> Image.Image | None:
    """A picture as RGBA, for show; None when it cannot be read or is far too large."""
    try:
        reading = read(content, BANNER)
        if reading.width * reading.height > _MOST_PIXELS:
            return None
        with unpacked(content) as picture:
            seen = plain(picture)
            if seen is None:
                return None
            return (seen.convert("RGB") if seen.mode == "CMYK" else seen).convert("RGBA")
    except Exception:  # Pillow raises a dozen types on damaged bytes, which `core.pictures.check` has told of
        return None


# -- What is written


@dataclass(frozen=True)
class _Run:
    """A text of one kind in a line, `gap` pixels after the one before it."""

    text: str
    mention: Name | None
    size: int
    bold: bool = False
    soft: bool = False
    gap: int = 0


_Line = tuple[_Run, ...]


def _values(profile: Profile) -> dict[Name, str]:
    if missing := [_field(name) for name in MENTIONS if not profile.value(name).strip()]:
        words = ", ".join(f"{field.french} (/profil {field.word})" for field in missing)
        raise BannerError(f"pour faire le bandeau, il manque {words}")
    # An accent that stands apart from its letter would be drawn beside it.
    values = {name: unicodedata.normalize("NFC", show(name, profile.value(name))) for name in MENTIONS}
    for name, value in values.items():
        if signs := lacking(value):
            field = _field(name)
            raise BannerError(
                f"la police du bandeau n'a pas ces signes : {signs} ; récrire {field.french} (/profil {field.word})"
            )
    return values


def _field(name: Name) -> Field:
    return next(field for field in FIELDS if field.name == name)


def _legal(values: dict[Name, str], body: int) -> tuple[_Line, _Line]:
    space = round(0.4 * body)
    return (
        (_Run("SIRET", None, body, soft=True), _Run(values["siret"], "siret", body, gap=space)),
        (_Run("TVA", None, body, soft=True), _Run(values["vat"], "vat", body, gap=space)),
    )


# -- Two columns


@dataclass(frozen=True)
class _Style:
    """How the columns are set. `email`, `phone`: sizes in pixels; `legal`: on how many lines SIRET and VAT number
    stand, 0 when they stand below the customer service."""

    body: int
    email: int
    phone: int
    cost_beside: bool
    label: bool
    legal: int
    name_lines: int


def _in_columns(values: dict[Name, str], has_logo: bool) -> list[tuple[float, Layout]]:
    """The best way to set two columns, with its mark: the higher, the better it reads; [] where none holds."""
    left = MARGIN + _LOGO + _BESIDE_LOGO if has_logo else _INDENT
    right = BANNER.width - _INDENT
    best: list[tuple[float, Layout]] = []
    for style in _styles():
        if best and _mark(style, _LARGEST_NAME, 0) <= best[0][0]:
            continue
        service = _service(values, style)
        wide = max(_length(line) for line in service)
        company = _company(values, style, right - left - _BETWEEN - wide)
        if not company:
            continue
        mark = _mark(style, company[0][0].size, len(company))
        found = _beside(company, service, left, right - wide, has_logo)
        if found and not (best and mark <= best[0][0]):
            best = [(mark, found)]
    return best


def _styles() -> Iterator[_Style]:
    for body, less, ratio in product(range(_LARGEST_BODY, SMALLEST - 1, -1), (0, 1, 2), (1.6, 1.35, 1.0)):
        if body - less >= SMALLEST:
            for rest in product((True, False), (True, False), (1, 2, 0), (1, 2)):
                yield _Style(body, body - less, round(ratio * body), *rest)


def _mark(style: _Style, name: int, lines: int) -> float:
    """`name`: its size; `lines`: how many there are on the left."""
    mark = _mark_of_sizes(style.body, name) - 6 * (style.body - style.email) + 0.5 * style.phone
    mark -= 9 * (style.name_lines - 1) + 3 * lines + 6 * (style.phone < 1.2 * style.body)
    return mark - 2 * (not style.cost_beside) - 6 * (not style.label) - 8 * (style.legal == 0)


def _mark_of_sizes(body: int, name: int) -> float:
    """Small texts get larger first; then the name does."""
    return 10 * min(body, 14) + 4 * max(0, body - 14) + 1.2 * min(name, 26) - 10 * (name < 1.3 * body)


def _service(values: dict[Name, str], style: _Style) -> tuple[_Line, ...]:
    phone = _Run(values["phone"], "phone", style.phone, bold=True)
    cost = _Run(values["phone_cost"], "phone_cost", style.body, gap=round(0.8 * style.body) if style.cost_beside else 0)
    lines: list[_Line] = []
    if style.label:
        lines.append((_Run("Service client", None, max(SMALLEST, style.body - 1), soft=True),))
    lines += [(phone, cost)] if style.cost_beside else [(phone,), (cost,)]
    lines.append((_Run(values["service_email"], "service_email", style.email),))
    if style.legal == 0:
        lines.append(_in_one(_legal(values, style.body)))
    return tuple(lines)


def _company(values: dict[Name, str], style: _Style, room: int) -> tuple[_Line, ...]:
    """The left column, with the largest name that fits in a room that wide; () when nothing does."""
    if room < 12 * style.body:
        return ()
    address = _address_lines(values["address"], style.body, room)
    below: list[_Line] = [(_Run(text, "address", style.body),) for text in address]
    siret, vat = _legal(values, style.body)
    if style.legal == 1:
        below.append(_in_one((siret, vat)))
    elif style.legal == 2:
        # The numbers stand one under the other.
        indent = siret[1].gap + _length(siret[:1]) - _length(vat[:1])
        below += [siret, (vat[0], replace(vat[1], gap=indent))]
    if not address or any(_length(line) > room for line in below):
        return ()
    for size in range(_LARGEST_NAME, style.body, -1):
        texts = balanced(values["operator_name"], size, True, room, style.name_lines)
        lines = (*((_Run(text, "operator_name", size, bold=True),) for text in texts), *below)
        if texts and _height(lines) <= _LOGO:
            return lines
    return ()


def _address_lines(address: str, body: int, room: int) -> list[str]:
    """On one line, or two, broken at a comma where that fits; [] when it does not."""
    if width(address, body) <= room:
        return [address]
    parts = address.split(", ")
    pairs = [[", ".join(parts[:place]) + ",", ", ".join(parts[place:])] for place in range(1, len(parts))]
    fitting = [pair for pair in pairs if max(width(text, body) for text in pair) <= room]
    if fitting:
        return min(fitting, key=lambda pair: max(width(text, body) for text in pair))
    return balanced(address, body, False, room, 2)


def _in_one(lines: Sequence[_Line]) -> _Line:
    """Lines beside each other."""
    first, *others = lines
    return (*first, *(run for line in others for run in (replace(line[0], gap=round(1.3 * line[0].size)), *line[1:])))


def _beside(company: Sequence[_Line], service: Sequence[_Line], left: int, right: int, has_logo: bool) -> Layout | None:
    """Both columns, as high as each other, in the middle of the height; None where that does not hold."""
    least = max(_height(company), _height(service))
    for height in dict.fromkeys((max(least, _SPREAD), least)):
        texts = (*_placed(company, left, height), *_placed(service, right, height))
        top = (BANNER.height - height) // 2
        rule = (right - _BETWEEN // 2 - 1, top, right - _BETWEEN // 2, top + height)
        found = Layout(texts, _logo_box(_LOGO) if has_logo else None, rule)
        if _holds(found):
            return found
    return None


# -- Rows over the whole width


def _in_rows(values: dict[Name, str], has_logo: bool) -> list[tuple[float, Layout]]:
    """The best way to set what belongs together on rows, with its mark; [] where none holds."""
    left = MARGIN + _LOGO + _BESIDE_LOGO if has_logo else _INDENT
    room = BANNER.width - MARGIN - 4 - left
    best: list[tuple[float, Layout]] = []
    for body, name_lines in product(range(_LARGEST_BODY, SMALLEST - 1, -1), (1, 2)):
        for loss, rows in _rows(values, body, room):
            for size in range(_LARGEST_NAME, body, -1):
                mark = _mark_of_sizes(body, size) - 9 * (name_lines - 1) - 3 * (name_lines + len(rows)) - loss - 8
                if best and mark <= best[0][0]:
                    break
                texts = balanced(values["operator_name"], size, True, room, name_lines)
                lines = [*((_Run(text, "operator_name", size, bold=True),) for text in texts), *rows]
                height = _height(lines)
                if texts and height <= _LOGO:
                    texts_placed = tuple(_placed(lines, left, max(height, _SPREAD)))
                    found = Layout(texts_placed, _logo_box(_LOGO) if has_logo else None)
                    if _holds(found):
                        best = [(mark, found)]
                        break
    return best


def _rows(values: dict[Name, str], body: int, room: int) -> Iterator[tuple[int, list[_Line]]]:
    """The mentions below the name in their order, those that belong together on one row or on following ones, and what
    parting them costs."""
    whole, *groups = _groups(values, body, label=True)
    address = _address_lines(values["address"], body, room)
    if not address:
        return
    for cuts in product((True, False), repeat=len(groups)):
        rows: list[_Line] = [(replace(whole[0], text=text),) for text in address]
        for group, cut in zip(groups, cuts, strict=True):
            rows[-1:] = [rows[-1], group] if cut else [_in_one((rows[-1], group))]
        if all(_length(row) <= room for row in rows):
            # SIRET and VAT number want to be together, apart from the customer service and from a broken address.
            yield 12 * cuts[1] + 2 * (not cuts[2]) + 4 * (len(address) > 1 and not cuts[0]), rows


def _groups(values: dict[Name, str], body: int, label: bool) -> tuple[_Line, ...]:
    """What stays together: address, SIRET, VAT number, phone and cost, email."""
    service: _Line = (
        _Run(values["phone"], "phone", body, bold=True),
        _Run(values["phone_cost"], "phone_cost", body, gap=round(0.6 * body)),
    )
    if label:
        first = replace(service[0], gap=round(0.4 * body))
        service = (_Run("Service client", None, body, soft=True), first, service[1])
    return (
        (_Run(values["address"], "address", body),),
        *_legal(values, body),
        service,
        (_Run(values["service_email"], "service_email", body),),
    )


# -- A text that runs over the whole width


def _running(values: dict[Name, str], has_logo: bool) -> Iterator[Layout]:
    """Each way to set a running text that holds, the most legible one first."""
    for body, (side, bold, label), larger in product(
        range(14, SMALLEST - 1, -1),
        ((_LOGO, True, True), (_SMALL_LOGO, True, True), (_SMALL_LOGO, True, False), (_SMALL_LOGO, False, False)),
        (8, 6, 4, 2, 1, 0),
    ):
        left = MARGIN + side + _BESIDE_LOGO if has_logo else _INDENT
        room = BANNER.width - MARGIN - left
        name = wrapped(values["operator_name"], body + larger, bold, room)
        lines: list[_Line] = [(_Run(text, "operator_name", body + larger, bold),) for text in name]
        lines += _paragraph(values, body, room, label)
        height = _height(lines)
        if height <= _LOGO:
            found = Layout(tuple(_placed(lines, left, height)), _logo_box(side) if has_logo else None)
            if _holds(found):
                yield found


def _paragraph(values: dict[Name, str], body: int, room: int, label: bool) -> list[_Line]:
    lines: list[_Line] = []
    for group in _groups(values, body, label):
        begun = lines[-1] if lines else ()
        gap = round(1.3 * body) if begun else 0
        if begun and _length(_in_one((begun, group))) <= room:
            lines[-1] = _in_one((begun, group))
        elif len(group) > 1 or (_length(group) <= room and group[0].mention != "address"):
            lines.append(group)
        else:
            first, *others = wrapped(group[0].text, body, False, room, room - _length(begun) - gap)
            if first:
                lines[-1:] = [(*begun, replace(group[0], text=first, gap=gap))]
            lines += [(replace(group[0], text=text),) for text in others]
    return lines


# -- Lines into places


def _length(line: _Line) -> int:
    return sum(run.gap * (place > 0) + width(run.text, run.size, run.bold) for place, run in enumerate(line))


def _steps(lines: Sequence[_Line]) -> list[int]:
    """Pixels from each baseline to the next: the usual leading, more where signs would touch."""
    steps = []
    for above, below in pairwise(lines):
        depth = max(ink(run.text, run.size, run.bold)[3] for run in above)
        rise = max(-ink(run.text, run.size, run.bold)[1] for run in below)
        upper, lower = max(run.size for run in above), max(run.size for run in below)
        usual = 0.24 * upper + 0.73 * lower + 0.25 * min(upper, lower)
        steps.append(max(depth + rise + 1, round(usual)))
    return steps


def _height(lines: Sequence[_Line]) -> int:
    """Pixels from the top of the first line's capitals to the last baseline."""
    return _capitals(lines) + sum(_steps(lines))


def _capitals(lines: Sequence[_Line]) -> int:
    return max(-ink("H", run.size, run.bold)[1] for run in lines[0])


def _placed(lines: Sequence[_Line], left: int, height: int) -> Iterator[Placed]:
    """The lines spread over a height in the middle of the banner's."""
    spare = height - _height(lines)
    steps = _steps(lines)
    baseline = (BANNER.height - height) // 2 + _capitals(lines)
    for place, line in enumerate(lines):
        if place:
            baseline += steps[place - 1]
        x = left
        for run in line:
            x += run.gap if x > left else 0
            lower = baseline + spare * place // max(1, len(lines) - 1)
            yield Placed(run.text, run.mention, x, lower, run.size, run.bold, run.soft)
            x += width(run.text, run.size, run.bold)


def _logo_box(side: int) -> Box:
    top = (BANNER.height - side) // 2
    return (MARGIN, top, MARGIN + side, top + side)


def _holds(found: Layout) -> bool:
    """Nothing in the margin, nothing on something else."""
    boxes = [text.box for text in found.texts] + [box for box in (found.logo, found.rule) if box]
    inside = all(
        box[0] >= MARGIN and box[1] >= MARGIN and box[2] <= BANNER.width - MARGIN and box[3] <= BANNER.height - MARGIN
        for box in boxes
    )
    return inside and not any(_overlap(one, other) for one, other in combinations(boxes, 2))


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# -- Colours and the logo


def _luminance(colour: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(one: Rgb, other: Rgb, share: float) -> Rgb:
    """Of two colours, the first one for its share."""
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _softened(strong: Rgb, paper: Rgb) -> Rgb:
    """A label's colour: as much of the paper's in it as leaves it legible."""
    shades = (_mixed(strong, paper, share) for share in (0.75, 0.85))
    return next((shade for shade in shades if contrast(shade, paper) >= 5.5), strong)


def _draw_logo(image: Image.Image, mark: Image.Image, box: Box) -> None:
    """The logo in its square, on a card of its own ground where it has one."""
    side = box[2] - box[0]
    ground = _ground(mark, _pixel(image, (0, 0)))
    if ground:
        # Pillow's shapes have no smooth edges of their own.
        mask = Image.new("L", (4 * side, 4 * side))
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, 4 * side - 1, 4 * side - 1), 4 * 6, 255)
        image.paste(ground, box, mask.resize((side, side), Image.Resampling.LANCZOS))
    inner = side - 8 if ground else side
    scale = min(inner / mark.width, inner / mark.height)
    size = (max(1, round(mark.width * scale)), max(1, round(mark.height * scale)))
    small = mark.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    image.paste(small, (box[0] + (side - size[0]) // 2, box[1] + (side - size[1]) // 2), small)


def _ground(mark: Image.Image, paper: Rgb) -> Rgb | None:
    """The colour of the card below a logo, on which it can be seen; None for none."""
    if mark.getchannel("A").getextrema()[0] == 255:
        right, bottom = mark.width - 1, mark.height - 1
        corners = [_pixel(mark, place) for place in ((0, 0), (right, 0), (0, bottom), (right, bottom))]
        plain_ground = all(max(parts) - min(parts) <= 24 for parts in zip(*corners, strict=True))
        return corners[0] if plain_ground else None
    seen = _pixel(mark.convert("RGBa").resize((1, 1), Image.Resampling.BOX).convert("RGBA"), (0, 0))
    if contrast(seen, WHITE) >= 2:
        return WHITE
    return None if contrast(seen, paper) >= 2 else (24, 45, 84)


def _pixel(image: Image.Image, place: tuple[int, int]) -> Rgb:
    found = image.getpixel(place)
    assert isinstance(found, tuple)
    red, green, blue, *_ = found
    return red, green, blue
