"""The picture of daily traffic that a phone shows; made in the workshop (`core.workshop`), light to import elsewhere.

One picture for Telegram's light and dark themes: a card of its own background. Widths and signs are pixels of a
picture 1080 wide, which a phone shows at a third of that.
"""

import io
import logging
import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core import daily, store
from core.clients import Client
from core.daily import Known
from core.daily_chart import DailyChart
from core.folders import MONTHS
from core.kinds import Kind
from core.numbers import show
from core.usage import Total
from core.words import KIND

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ft2font import FT2Font

WIDTH = 1080
_MARGIN = 44
# A phone shows a picture that is taller than 4:5 less wide, and its signs smaller.
_HEAD, _FOOT, _NOTHING = 212, 66, 330
_PANEL_HEAD, _LARGE, _SMALL, _PANEL_FOOT = 48, 384, 176, 64

NBSP = "\u00a0"
THIN = "\u202f"

# Okabe and Ito's palette, which people who see colours otherwise tell apart too.
_BLUE, _ORANGE, _GREEN, _PINK, _RED, _GREY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#8A94A3"
_COLOURS: dict[Kind, str] = {
    "voice": _BLUE,
    "sms": _PINK,
    "mms": _PINK,
    "data": _GREEN,
    "premium": _RED,
    "other": _GREY,
}
_CARD, _EDGE, _INK, _SOFT, _GRID, _WEEKEND, _UNKNOWN, _NONE = (
    "#FBFCFE",
    "#D3DAE4",
    "#14202E",
    "#566273",
    "#DFE5EC",
    "#EEF2F8",
    "#E3E7ED",
    "#98A3B1",
)

#: Fewer bars are no broader.
_LEAST_BARS = 7
#: Ranges of more days are shown by week, then by month.
_MOST_DAYS, _MOST_WEEKS_DAYS = 62, 190


def draw(data: Path, chart: DailyChart) -> bytes:
    """The picture, as PNG.

    :param data: the folder of the store.
    """
    with closing(store.open_to_read(data)) as db:
        of: Client | str = chart.msisdn
        if chart.client:
            row = db.execute("SELECT id, name FROM clients WHERE folded = ?", (chart.client,)).fetchone()
            of = Client(*row) if row else Client(-1, "")  # 0 would be whoever is not named
        known = daily.known_days(db, chart.first, chart.last, chart.billed_months)
        days = daily.by_day(db, of, chart.first, chart.last, chart.billed_months)
    return _picture(chart, days, known)


def warm_up() -> None:
    """Import what is slow to import, and draw once for nothing."""
    _picture(DailyChart("", "", "0600000000", 0, 6), {}, Known(0, 6, partial=False))


# -- What is shown


@dataclass(frozen=True)
class _Bar:
    """The days from `first` to `last`. `parts`: bottom up; `known`: a file tells of them; `partly`: not of them all."""

    first: int
    last: int
    parts: tuple[float, ...]
    known: bool
    partly: bool

    @property
    def height(self) -> float:
        return sum(self.parts)

    @property
    def stacked(self) -> tuple[float, float]:
        """How far it reaches below and above zero."""
        return sum(part for part in self.parts if part < 0), sum(part for part in self.parts if part > 0)


@dataclass(frozen=True)
class _Scale:
    """`size`: the unit that the axis counts in, `unit`: its name; `said`: a value in it, in words; `least`: what lies
    between two round values at least.
    """

    size: float
    said: Callable[[float], str]
    unit: str
    least: float

    def named(self, ticks: list[float]) -> list[str]:
        """Round values with as many decimals as the most exact of them."""
        digits = next(digits for digits in range(7) if all(abs(it - round(it, digits)) < 1e-9 for it in (*ticks, 0)))
        if self.unit == "€" and digits:
            digits = max(2, digits)
        return [f"{_decimal(tick, digits)}{NBSP}{self.unit}".rstrip() for tick in ticks]


@dataclass(frozen=True)
class _Panel:
    """`kinds`: what is stacked, bottom up; `value`: of a total; `scale`: for the highest value there is."""

    title: str
    kinds: tuple[tuple[Kind, ...], ...]
    value: Callable[[Total], float]
    scale: Callable[[float], _Scale]


_MESSAGES: tuple[Kind, ...] = ("sms", "mms")
_STACK: tuple[tuple[Kind, ...], ...] = (("voice",), _MESSAGES, ("data",), ("premium",), ("other",))


def _panels(totals: Sequence[Total]) -> list[_Panel]:
    """The amounts, where there are any; then what was talked and sent; else how many communications there were."""
    panels = []
    if any(total.amount for total in totals):
        stack = tuple(kinds for kinds in _STACK if any(total.amount for total in totals if total.kind in kinds))
        panels.append(_Panel("Montant HT", stack, _amount, _euros_scale))
    if any(total.seconds for total in totals if total.kind == "voice"):
        panels.append(_Panel("Voix", (("voice",),), lambda total: total.seconds, _time_scale))
    if any(total.bytes for total in totals if total.kind == "data"):
        panels.append(_Panel("Data", (("data",),), lambda total: total.bytes, _volume_scale))
    if not panels and totals:
        messages = all(total.kind in _MESSAGES for total in totals)
        stack = (
            (_MESSAGES,)
            if messages
            else tuple(kinds for kinds in _STACK if any(total.count for total in totals if total.kind in kinds))
        )
        panels.append(_Panel("SMS et MMS" if messages else "Communications", stack, _count, _count_scale))
    return panels


def _amount(total: Total) -> float:
    return (total.amount or 0) / 1e6


def _count(total: Total) -> float:
    return total.count


def _euros_scale(_: float) -> _Scale:
    return _Scale(1, _euros, "€", 0.01)


def _time_scale(most: float) -> _Scale:
    size, unit = (3600, "h") if most >= 7200 else (60, "min") if most >= 120 else (1, "s")
    return _Scale(size, lambda value: _duration(value * size), unit, 0.5 if size == 3600 else 1)


def _volume_scale(most: float) -> _Scale:
    size, unit = _unit(most)
    return _Scale(size, lambda value: _octets(value * size), unit, 0.1)


def _count_scale(_: float) -> _Scale:
    return _Scale(1, _whole, "", 1)


def _spans(first: int, last: int) -> list[tuple[int, int]]:
    """The days of each bar."""
    if last - first < _MOST_DAYS:
        return [(day, day) for day in range(first, last + 1)]
    if last - first < _MOST_WEEKS_DAYS:
        monday = first - daily.date_of(first).weekday()
        return [(max(first, day), min(last, day + 6)) for day in range(monday, last + 1, 7)]
    spans = [daily.days_of(month) for month in daily.months_between(first, last)]
    return [(max(first, begin), min(last, end)) for begin, end in spans]


def _bars(panel: _Panel, spans: list[tuple[int, int]], days: dict[int, list[Total]], known: Known) -> list[_Bar]:
    bars = []
    for first, last in spans:
        totals = [total for day in range(first, last + 1) for total in days.get(day, ())]
        parts = tuple(
            float(sum(panel.value(total) for total in totals if total.kind in kinds)) for kinds in panel.kinds
        )
        begin, end = max(first, known.first), min(last, known.last)
        whole = (begin, end) == (first, last) and not (known.partial and end == known.last)
        # What has traffic is known, whatever the files' dates say.
        bars.append(_Bar(first, last, parts, begin <= end or bool(totals), not whole))
    return bars


# -- How it is drawn


def _picture(chart: DailyChart, days: dict[int, list[Total]], known: Known) -> bytes:
    # Of a home where it may write nothing, and of its fonts: neither matters here.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    spans = _spans(chart.first, chart.last)
    totals = daily.merged(days.values())
    panels = _panels(totals)
    heights = [_LARGE if number == 0 else _SMALL for number in range(len(panels))]
    height = _HEAD + (sum(heights) + (_PANEL_HEAD + _PANEL_FOOT) * len(panels) if panels else _NOTHING) + _FOOT
    with mpl.rc_context({"font.family": ["DejaVu Sans"], "axes.unicode_minus": False, "text.parse_math": False}):
        figure = Figure(figsize=(WIDTH / 100, height / 100), dpi=100, facecolor=_CARD)
        FigureCanvasAgg(figure)
        page = _Page(figure, height)
        page.frame()
        _write_head(page, chart, totals)
        top = _HEAD
        drawn = [
            _Drawn(panel, _bars(panel, spans, days, known), tall) for panel, tall in zip(panels, heights, strict=True)
        ]
        left = _MARGIN + max((_measured(label, 26) for it in drawn for label in it.labels), default=0) + 14
        for it, tall in zip(drawn, heights, strict=True):
            _draw_panel(page, it, known, top, left)
            top += _PANEL_HEAD + tall + _PANEL_FOOT
        if not panels:
            nothing = (
                "Aucun trafic sur cette période" if known.first <= known.last else "Aucun fichier sur cette période"
            )
            page.write(WIDTH / 2, _HEAD + _NOTHING / 2 - 24, nothing, 38, _SOFT, bold=True, ha="center")
        _write_foot(page, chart, known)
        content = io.BytesIO()
        figure.savefig(content, format="png", facecolor=_CARD)
    return content.getvalue()


class _Page:
    """A figure on which one writes by pixels from its top left corner."""

    def __init__(self, figure: "Figure", height: int) -> None:
        self.figure = figure
        self.height = height

    def frame(self) -> None:
        from matplotlib.patches import Rectangle

        self.figure.add_artist(
            Rectangle((0, 0), 1, 1, transform=self.figure.transFigure, fill=False, edgecolor=_EDGE, linewidth=4)
        )

    def write(
        self, x: float, y: float, text: str, size: float, colour: str, *, bold: bool = False, ha: str = "left"
    ) -> float:
        """Write a line whose top is at `y`; returns the `x` where it ends."""
        written = self.figure.text(
            x / WIDTH,
            1 - (y + size * 0.76) / self.height,
            text,
            fontsize=_points(size),
            color=colour,
            fontweight="bold" if bold else "normal",
            ha=ha,
            va="baseline",
            parse_math=False,
        )
        return float(written.get_window_extent().x1)

    def axes(self, top: float, height: float, left: float) -> "Axes":
        box = (left / WIDTH, 1 - (top + height) / self.height, (WIDTH - left - _MARGIN) / WIDTH, height / self.height)
        return self.figure.add_axes(box)


def _points(pixels: float) -> float:
    return pixels * 0.72


def _write_head(page: _Page, chart: DailyChart, totals: list[Total]) -> None:
    # The name may be cut, what is said of it may not.
    name, _, rest = chart.title.replace(NBSP, " ").rpartition(" : ")
    name, rest = (name, rest[:1].upper() + rest[1:]) if name else (rest, "")
    wide = WIDTH - 2 * _MARGIN
    name = _fitting(_drawable(name) or (show(chart.msisdn) if chart.msisdn else "Client"), 44, wide, bold=True)
    page.write(_MARGIN, 44, name, 44, _INK, bold=True)
    page.write(_MARGIN, 104, _fitting(_drawable(rest), 32, wide), 32, _SOFT)
    words = _in_words(totals)
    size = next((size for size in (30, 28, 26) if _measured(words, size, bold=True) <= wide), 26)
    page.write(_MARGIN, 156, _fitting(words, size, wide, bold=True), size, _INK, bold=True)


def _in_words(totals: list[Total]) -> str:
    """65,83 € HT · voix 53 h 20 · 1 717 SMS · data 7,6 Go."""
    amounts = [total.amount for total in totals if total.amount is not None]
    words = [f"{_euros(sum(amounts) / 1e6)} HT"] if amounts else []
    of = {total.kind: total for total in totals}
    if "voice" in of:
        words.append(f"voix {_duration(of['voice'].seconds)}")
    words += [f"{_whole(of[kind].count)} {KIND[kind]}" for kind in _MESSAGES if kind in of]
    if octets := sum(total.bytes for total in totals):
        words.append(f"data {_octets(octets)}")
    return " · ".join(words)


def _write_foot(page: _Page, chart: DailyChart, known: Known) -> None:
    if known.first > known.last:
        return
    until = f"{daily.date_of(known.last):%d/%m/%Y}" + (", jour incomplet" if known.partial else "")
    billed = {daily.month_of(day) in chart.billed_months for day in (known.first, known.last)}
    if billed == {True}:
        told = "D'après la facturation"
    elif billed == {False}:
        told = f"D'après les relevés quotidiens, jusqu'au {until}"
    else:
        told = f"Facturation, puis relevés quotidiens jusqu'au {until}"
    page.write(_MARGIN, page.height - 54, told, 26, _SOFT)


class _Drawn:
    """A panel with its bars, in a height, and the axis that these make."""

    def __init__(self, panel: _Panel, bars: list[_Bar], tall: float) -> None:
        self.panel = panel
        self.bars = bars
        self.tall = tall
        self.scale = panel.scale(max((abs(bar.height) for bar in bars), default=0))
        self.ticks, self.low, self.high = _axis([bar.stacked for bar in bars], self.scale, tall)
        self.labels = self.scale.named([tick / self.scale.size for tick in self.ticks])


def _draw_panel(page: _Page, drawn: _Drawn, known: Known, top: float, left: float) -> None:
    panel, bars, tall, low, high = drawn.panel, drawn.bars, drawn.tall, drawn.low, drawn.high
    x = page.write(_MARGIN, top, panel.title, 30, _INK, bold=True) + 28
    if len(panel.kinds) > 1:
        for kinds in panel.kinds:
            x = _key(page, x, top, _COLOURS[kinds[0]], _named(kinds))
    axes = page.axes(top + _PANEL_HEAD, tall, left)
    width = (WIDTH - left - _MARGIN) / max(len(bars), _LEAST_BARS)
    few = max(0, _LEAST_BARS - len(bars)) / 2
    axes.set_xlim(-0.6 - few, len(bars) - 0.4 + few)
    axes.set_ylim(low, high)
    axes.set_facecolor(_CARD)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, pad=10, labelsize=_points(26), labelcolor=_SOFT)
    axes.set_yticks(drawn.ticks, drawn.labels)
    axes.grid(axis="y", color=_GRID, linewidth=1.5)
    axes.set_axisbelow(True)
    places, names = _labels(bars, width)
    axes.set_xticks(places, names)
    pixel = (high - low) / tall
    by_day = all(bar.first == bar.last for bar in bars)
    for place, bar in enumerate(bars):
        if by_day and bar.known and daily.date_of(bar.first).weekday() >= 5:
            axes.axvspan(place - 0.5, place + 0.5, color=_WEEKEND, linewidth=0, zorder=0)
        _draw_bar(axes, place, bar, panel, pixel)
    axes.axhline(0, color=_SOFT, linewidth=2, zorder=4)
    _grey_unknown(axes, bars, known, width if tall == _LARGE else 0)
    _name_highest(axes, bars, drawn.scale, pixel)


def _draw_bar(axes: "Axes", place: int, bar: _Bar, panel: _Panel, pixel: float) -> None:
    if not bar.known:
        return
    above = below = 0.0
    for kinds, part in zip(panel.kinds, bar.parts, strict=True):
        if part:
            axes.bar(
                place,
                part if len(panel.kinds) > 1 else math.copysign(max(abs(part), 3 * pixel), part),
                0.78,
                bottom=above if part > 0 else below,
                color=_COLOURS[kinds[0]],
                hatch="//" if bar.partly else None,
                edgecolor=_CARD,
                linewidth=0,
                zorder=3,
            )
        above, below = (above + part, below) if part > 0 else (above, below + part)
    if not above and not below:  # known, and nothing: not the same as not known
        axes.bar(place, 5 * pixel, 0.5, color=_NONE, linewidth=0, zorder=3)


def _grey_unknown(axes: "Axes", bars: list[_Bar], known: Known, width: float) -> None:
    """Mark the bars of which no file tells yet, or none told, with words where a bar's `width` leaves room."""
    places = [place for place, bar in enumerate(bars) if not bar.known]
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    for run in runs:
        axes.axvspan(run[0] - 0.5, run[-1] + 0.5, facecolor=_UNKNOWN, edgecolor="#FFFFFF", hatch="/", lw=0)
        words = "à venir" if bars[run[0]].first > known.last >= known.first else "sans fichier"
        if len(run) * width > _measured(words, 26) + 16:
            low, high = axes.get_ylim()
            axes.text(
                (run[0] + run[-1]) / 2,
                (max(low, 0) + high) / 2,
                words,
                ha="center",
                va="center",
                fontsize=_points(26),
                color=_SOFT,
                bbox={"facecolor": _UNKNOWN, "edgecolor": "none", "pad": 4},
            )


def _name_highest(axes: "Axes", bars: list[_Bar], scale: "_Scale", pixel: float) -> None:
    highest = max(range(len(bars)), key=lambda place: bars[place].height)
    bar = bars[highest]
    if bar.height <= 0:
        return
    words = scale.said(bar.height / scale.size)
    if len(bars) > 1:
        words = f"{_when(bar)}{NBSP}: {words}"
    begin, end = axes.get_xlim()
    wide = _measured(words, 28, bold=True) * (end - begin) / float(axes.get_window_extent().width)
    centre = min(max(highest, begin + wide / 2), end - wide / 2)
    axes.text(
        centre,
        max(bar.stacked[1], 0) + 10 * pixel,
        words,
        ha="center",
        va="bottom",
        fontsize=_points(28),
        fontweight="bold",
        color=_INK,
        zorder=6,
    )


def _key(page: _Page, x: float, y: float, colour: str, name: str) -> float:
    from matplotlib.patches import Rectangle

    square = Rectangle(
        (x / WIDTH, 1 - (y + 26) / page.height),
        24 / WIDTH,
        24 / page.height,
        transform=page.figure.transFigure,
        facecolor=colour,
    )
    page.figure.add_artist(square)
    return page.write(x + 34, y + 2, name, 26, _SOFT) + 26


def _named(kinds: tuple[Kind, ...]) -> str:
    return {"premium": "Spéciaux", "other": "Autre"}.get(kinds[0], " et ".join(KIND[kind] for kind in kinds))


def _axis(stacked: list[tuple[float, float]], scale: _Scale, tall: float) -> tuple[list[float], float, float]:
    """Round figures for the axis, and its ends; there is room for the highest bar's label."""
    size = scale.size
    top = max((above for _, above in stacked), default=0) / size
    bottom = min((below for below, _ in stacked), default=0) / size
    step = max(scale.least, _round_step((top - bottom or 1) / (tall / 64)))
    ticks = [number * step for number in range(-int(-bottom // step), int(top // step) + 1)]
    room = (top - bottom or step) * 52 / tall
    low = bottom - (room / 2 if bottom < 0 else 0)
    return [tick * size for tick in ticks], low * size, (max(top, step / 2) + room) * size


def _round_step(least: float) -> float:
    power = 10 ** math.floor(math.log10(least))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.9999))


def _labels(bars: list[_Bar], width: float) -> tuple[list[int], list[str]]:
    """Which bars are named below the axis, and how."""
    if any(bar.last - bar.first > 6 for bar in bars):
        every = math.ceil(84 / width)
        places = [*range(0, len(bars), every)]
        return places, [_month(bars[place].first, year=place == 0) for place in places]
    of_one_month = len({daily.month_of(day) for bar in bars for day in (bar.first, bar.last)}) == 1
    if of_one_month and bars[0].first == bars[-1].first:
        return [0], [f"{daily.date_of(bars[0].first):%d/%m/%Y}"]
    if of_one_month and all(bar.first == bar.last for bar in bars):
        numbers = [daily.date_of(bar.first).day for bar in bars]
        few = width > 52
        return (
            [place for place, number in enumerate(numbers) if few or number == 1 or number % 5 == 0],
            [str(number) for number in numbers if few or number == 1 or number % 5 == 0],
        )
    every = math.ceil(100 / width)
    places = [*range(0, len(bars), every)]
    return places, [f"{daily.date_of(bars[place].first):%d/%m}" for place in places]


_SHORT_MONTHS = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")


def _month(day: int, *, year: bool = False) -> str:
    when = daily.date_of(day)
    return _SHORT_MONTHS[when.month - 1] + (f" {when:%y}" if year or when.month == 1 else "")


def _when(bar: _Bar) -> str:
    if bar.last - bar.first > 6:
        return MONTHS[daily.date_of(bar.first).month - 1]
    if bar.last > bar.first:
        return f"{daily.date_of(bar.first):%d/%m} au {daily.date_of(bar.last):%d/%m}"
    return f"{daily.date_of(bar.first):%d/%m}"


# -- Words and figures


def _whole(value: float) -> str:
    return f"{value:,.0f}".replace(",", THIN)


def _decimal(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace(",", THIN).replace(".", ",")


def _euros(value: float) -> str:
    return f"{_decimal(value, 2)}{NBSP}€"


def _duration(seconds: float) -> str:
    """12 h 05, 25 min, 7 min 45 s, 40 s."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{_whole(minutes // 60)}{NBSP}h{NBSP}{minutes % 60:02}"
    if minutes:
        return f"{minutes}{NBSP}min" + (f"{NBSP}{rest:02}{NBSP}s" if rest else "")
    return f"{rest}{NBSP}s"


def _octets(octets: float) -> str:
    size, unit = _unit(octets)
    return f"{_decimal(octets / size, 1)}{NBSP}{unit}"


def _unit(octets: float) -> tuple[float, str]:
    for power, unit in ((4, "To"), (3, "Go"), (2, "Mo")):
        if octets >= 1024**power:
            return float(1024**power), unit
    return 1024.0, "Ko"


# -- Room for words


@lru_cache(4)
def _font(*, bold: bool) -> "FT2Font":
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))


def _drawable(text: str) -> str:
    """The text without signs that the font has not, such as emoji, and without the holes they leave."""
    font = _font(bold=True)
    return " ".join("".join(sign for sign in text if font.get_char_index(ord(sign)) or sign == " ").split())


def _measured(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a text, in pixels."""
    font = _font(bold=bold)
    font.set_size(size, 72)
    font.set_text(text, 0)
    return float(font.get_width_height()[0]) / 64


def _fitting(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """The text, or its beginning and an ellipsis."""
    if _measured(text, size, bold=bold) <= width:
        return text
    kept = next(
        n for n in range(len(text), -1, -1) if n < 1 or _measured(f"{text[:n].rstrip()}…", size, bold=bold) <= width
    )
    return f"{text[:kept].rstrip()}…"
