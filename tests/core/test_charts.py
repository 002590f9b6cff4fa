"""Pictures of daily traffic, from real stores and from traffic made up to be awkward."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import charts, daily
from core.charts import WIDTH
from core.daily import Known
from core.daily_chart import DailyChart
from core.usage import Total
from core.workshop import Workshop
from tests.core.test_daily import BILLED_OCTOBER, DUPONT, ROWS, STATE
from tests.core.test_intake import Telecom, cdr_file

OCTOBER, NOVEMBER = daily.days_of(202610), daily.days_of(202611)
ALL = Known(*OCTOBER, partial=False)
FIRST = OCTOBER[0]

Days = dict[int, list[Total]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("charts")
    telecom = Telecom(data)
    telecom.take("AccountStatus/AccountStatus_20261124_080000.csv", STATE)
    telecom.take("RatedCDRs/RatedCDRs_20261104_1900.csv", cdr_file(*ROWS))
    telecom.take("BilledCDRs/BilledCDRs_202610.csv", BILLED_OCTOBER)
    telecom.db.close()
    return data


@pytest.fixture(autouse=True)
def no_warning() -> Iterator[None]:
    """A sign that the font has not is a warning; what another test left to be collected is none of these."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def of_client(first: int, last: int, title: str = "Dupont BTP : conso") -> DailyChart:
    return DailyChart(title, DUPONT, "", first, last)


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    assert image.format == "PNG"
    assert image.width == WIDTH
    assert 300 < image.height <= WIDTH * 5 / 4  # a phone shows taller ones less wide
    return image.convert("RGBA")


def drawn(days: Days, known: Known = ALL, title: str = "Dupont BTP : conso", last: int = OCTOBER[1]) -> Image.Image:
    return opened(charts._picture(of_client(FIRST, last, title), days, known))


def share(image: Image.Image, colour: str) -> float:
    """How much of a picture has a colour."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    pixels = np.asarray(image.convert("RGB")).astype(int)
    return float((np.abs(pixels - wanted).max(axis=2) < 3).mean())


def talk(seconds: int, amount: int | None = None) -> list[Total]:
    return [Total("voice", 1, seconds, 0, amount, None)]


def test_a_month_of_a_client_is_a_picture_without_transparency(data: Path) -> None:
    image = opened(charts.draw(data, of_client(*NOVEMBER)))
    assert image.getchannel("A").getextrema() == (255, 255)
    assert len(charts.draw(data, of_client(*NOVEMBER))) < 150_000


@pytest.mark.parametrize("msisdn", ["0639980001", "0639989999"])
def test_a_line_has_its_picture_also_when_it_is_not_known(data: Path, msisdn: str) -> None:
    opened(charts.draw(data, DailyChart(f"{msisdn} : conso", "", msisdn, *NOVEMBER)))


def test_a_client_that_is_not_known_is_drawn_without_traffic(data: Path) -> None:
    image = opened(charts.draw(data, DailyChart("Nobody : conso", "nobody", "", *NOVEMBER)))
    assert image.height < 700


@pytest.mark.parametrize("months", [(202610,), ()])
def test_the_source_of_each_month_is_the_one_asked_for(data: Path, months: tuple[int, ...]) -> None:
    """Billed, October has 13,50 € of fees and calls in Switzerland; rated, a call of 9,99 € on its last day."""
    image = opened(charts.draw(data, DailyChart("Dupont BTP : conso", DUPONT, "", *OCTOBER, months)))
    assert (share(image, charts._COLOURS["other"]) > 0.001) == bool(months)


@pytest.mark.parametrize("days", [1, 2, 7, 31, 62, 63, 120, 190, 191, 366, 1500])
def test_any_range_of_days_has_its_picture(days: int) -> None:
    traffic = {FIRST + day: talk(60 + day, 1_000_000) for day in range(days)}
    chart = of_client(FIRST, FIRST + days - 1)
    image = opened(charts._picture(chart, traffic, Known(FIRST, FIRST + days - 1, partial=False)))
    assert share(image, charts._COLOURS["voice"]) > 0.02


def test_no_traffic_is_said_in_words() -> None:
    nothing = drawn({})
    unknown = drawn({}, Known(0, -1, partial=False))
    assert nothing.height == unknown.height < 700
    assert nothing.tobytes() != unknown.tobytes()


def test_days_of_which_no_file_tells_are_grey_and_days_without_traffic_are_not() -> None:
    traffic = {FIRST: talk(600)}
    assert share(drawn(traffic), charts._UNKNOWN) < 0.001
    later = drawn(traffic, Known(FIRST, FIRST + 15, partial=False))
    assert share(later, charts._UNKNOWN) > 0.1
    assert share(drawn(traffic), charts._NONE) > 2 * share(
        drawn({FIRST + n: talk(60) for n in range(31)}), charts._NONE
    )


def test_a_day_that_is_not_over_is_hatched() -> None:
    traffic = {FIRST + day: talk(600) for day in range(10)}
    over = drawn(traffic, Known(FIRST, FIRST + 9, partial=False))
    assert share(over, charts._COLOURS["voice"]) > share(
        drawn(traffic, Known(FIRST, FIRST + 9, partial=True)), charts._COLOURS["voice"]
    )


def test_weekends_are_tinted_where_days_are_shown() -> None:
    assert share(drawn({FIRST: talk(600)}), charts._WEEKEND) > 0.03
    year = charts._picture(of_client(FIRST, FIRST + 365), {FIRST: talk(600)}, Known(FIRST, FIRST + 365, partial=False))
    assert share(opened(year), charts._WEEKEND) < 0.001


def test_amounts_come_first_and_are_stacked_by_kind() -> None:
    paid = [Total("voice", 1, 60, 0, 2_000_000, 2_000_000), Total("premium", 1, 60, 0, 3_000_000, 3_000_000)]
    image = drawn({FIRST + day: paid for day in range(31)})
    assert share(image, charts._COLOURS["premium"]) > 0.05
    assert share(image, charts._COLOURS["voice"]) > 0.05


def test_amounts_that_are_all_zero_leave_room_for_what_was_consumed() -> None:
    free, unknown = drawn({FIRST: talk(600, 0)}), drawn({FIRST: talk(600)})
    assert free.height == unknown.height < drawn({FIRST: talk(600, 1)}).height


def test_credits_reach_below_zero() -> None:
    image = drawn({FIRST + 3: talk(60, -2_000_000), FIRST + 4: talk(60, 1_000_000)})
    assert share(image, charts._COLOURS["voice"]) > 0.005
    drawn({FIRST + 3: talk(0, -2_000_000)})


@pytest.mark.parametrize(
    "traffic",
    [
        talk(10**9, 10**17),
        [Total("data", 1, 0, 1 << 60, 1, None)],
        [Total("data", 1, 0, 1, None, None)],
        [Total("sms", 1, 0, 0, None, None)],
        [Total("mms", 10**9, 0, 0, None, None)],
        [Total("other", 1, 0, 0, None, None), Total("sms", 1, 0, 0, None, None)],
        [Total("premium", 1, 60, 0, 1, 1)],
    ],
    ids=["huge", "exabyte", "one octet", "one SMS", "MMS", "other", "a millionth"],
)
def test_any_quantity_fits(traffic: list[Total]) -> None:
    drawn({FIRST: traffic})
    drawn({FIRST + 12: traffic}, last=FIRST + 12)


@pytest.mark.parametrize(
    "title",
    [
        "🚀 Étoile & Fils <b> $x^2$ {a} % : conso d'octobre 2026",
        "漢字 株式会社 : conso d'octobre 2026",
        "🚀",
        "",
        "Mots " * 200 + ": conso d'octobre 2026",
        "A" * 500,
        "a\nb\tc\x00d\u202e : conso",
        "\\frac{1}{0} $",
    ],
)
def test_any_name_can_be_written(title: str) -> None:
    drawn({FIRST: talk(60)}, title=title)


def test_a_long_name_is_cut_and_its_period_is_not() -> None:
    long, short = drawn({}, title="Nom " * 50 + ": conso d'octobre 2026"), drawn({}, title="Nom : conso d'octobre 2026")
    below = (0, 100, WIDTH, short.height)
    assert long.crop(below).tobytes() == short.crop(below).tobytes()
    assert long.tobytes() != short.tobytes()


def test_figures_are_french() -> None:
    assert charts._euros(1234567.891) == "1\u202f234\u202f567,89\u00a0€"
    assert charts._euros(-0.5) == "-0,50\u00a0€"
    assert [charts._duration(seconds) for seconds in (40, 465, 600, 3599.7, 3725, 400_000)] == [
        "40\u00a0s",
        "7\u00a0min\u00a045\u00a0s",
        "10\u00a0min",
        "1\u00a0h\u00a000",
        "1\u00a0h\u00a002",
        "111\u00a0h\u00a006",
    ]
    assert charts._octets(7.6 * 1024**3) == "7,6\u00a0Go"
    assert charts._euros_scale(1).named([0, 0.5, 1]) == ["0,00\u00a0€", "0,50\u00a0€", "1,00\u00a0€"]
    assert charts._euros_scale(1).named([0, 5, 10]) == ["0\u00a0€", "5\u00a0€", "10\u00a0€"]


async def test_it_is_drawn_in_the_workshop(data: Path) -> None:
    workshop = Workshop()
    try:
        await workshop.make(charts.warm_up)
        opened(await workshop.make(charts.draw, data, of_client(*NOVEMBER)))
    finally:
        workshop.close()
