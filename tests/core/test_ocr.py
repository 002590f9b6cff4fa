"""The text of banners, read from their pixels by the real models, in a workshop as the bot does."""

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.mentions import Mentions, OcrMissing, is_installed, judge, look, read
from core.pictures import BANNER, check
from core.profile import Profile, show
from core.workshop import Workshop
from tests.corpus.banners import BANNERS, FAULTY, FINE_PRINT, Banner, Faulty

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    """One for all, so that the models load once."""
    if not is_installed():
        reason = "rapidocr or onnxruntime is missing: pip install -e '.[ocr]'"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    made = Workshop()
    yield made
    made.close()


def known(banner: Banner) -> Profile:
    return replace(banner.company.profile, phone_cost=banner.cost)


def expected(banner: Banner) -> dict[str, str]:
    company = banner.company
    return {
        "name": company.name,
        "address": company.address,
        "siret": show("siret", company.siret),
        "vat": show("vat", company.vat),
        "phone": show("phone", company.phone),
        "email": company.email,
        "cost": banner.cost,
    }


def seen(found: Mentions) -> dict[str, str]:
    six = ("name", "address", "siret", "vat", "phone", "email")
    return {mention: getattr(found, mention).read for mention in six} | {"cost": found.cost}


def judged_both_ways(content: bytes, profile: Profile) -> tuple[Mentions, Mentions]:
    """By a profile, and knowing nothing."""
    lines = read(content)
    return judge(lines, profile), judge(lines, Profile())


def loaded() -> set[str]:
    return {name.split(".")[0] for name in sys.modules}


def said_by(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, check=False)


def test_there_are_banners_of_many_makes() -> None:
    assert len({banner.title for banner in BANNERS}) == len(BANNERS) >= 25
    assert len({(banner.look.font, banner.look.size) for banner in BANNERS}) >= 15
    assert len({banner.company for banner in BANNERS}) >= 6
    assert len({banner.cost for banner in BANNERS}) >= 7


@pytest.mark.parametrize("banner", BANNERS, ids=lambda banner: banner.title)
def test_each_of_them_is_a_right_banner(banner: Banner) -> None:
    verdict = check(banner.draw(), BANNER)
    assert (verdict.faults, verdict.extension) == ((), banner.extension)


@pytest.mark.parametrize("banner", BANNERS, ids=lambda banner: banner.title)
async def test_every_mention_is_found_with_its_exact_value(workshop: Workshop, banner: Banner) -> None:
    by_profile, alone = await workshop.make(judged_both_ways, banner.draw(), known(banner))
    assert seen(by_profile) == expected(banner)
    assert by_profile.certain
    assert by_profile.remarks() == ()
    assert seen(alone) == expected(banner)
    assert alone.complete


@pytest.mark.parametrize("faulty", FAULTY, ids=lambda faulty: faulty.banner.title)
async def test_a_fault_is_told_and_only_that_one(workshop: Workshop, faulty: Faulty) -> None:
    found = await workshop.make(look, faulty.banner.draw(), known(faulty.banner))
    mention = getattr(found, faulty.mention)
    assert mention.read == faulty.read
    assert faulty.words in mention.remark
    assert mention.line.startswith("⚠️ ")
    assert not found.complete
    assert found.remarks() == (mention.remark,)


async def test_what_is_misread_is_read_once_more_enlarged(workshop: Workshop) -> None:
    content, profile = FINE_PRINT.draw(), known(FINE_PRINT)
    assert not judge(await workshop.make(read, content), profile).certain
    found = await workshop.make(look, content, profile)
    assert found.certain
    assert seen(found) == expected(FINE_PRINT)


async def test_columns_are_read_row_by_row_from_left_to_right(workshop: Workshop) -> None:
    columns = next(banner for banner in BANNERS if banner.title == "three columns")
    lines = await workshop.make(read, columns.draw())
    assert lines == tuple(part for line in columns.lines for part in line.split("|") if part)


async def test_white_letters_on_nothing_are_not_there_as_on_paper(workshop: Workshop) -> None:
    plain = BANNERS[0]
    white = replace(plain, look=replace(plain.look, ink="white", transparent=True))
    assert await workshop.make(read, white.draw()) == ()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
async def test_a_picture_is_read_whatever_its_colours_are_made_of(workshop: Workshop, mode: str) -> None:
    picture = Image.open(io.BytesIO(BANNERS[0].draw()))
    if mode == "I;16":
        grey = picture.convert("L")
        made = Image.frombytes(mode, grey.size, b"".join(bytes((sign, sign)) for sign in grey.tobytes()))
    else:
        made = picture.convert(mode)
    file = io.BytesIO()
    made.save(file, "JPEG" if mode == "CMYK" else "PNG")
    found = judge(await workshop.make(read, file.getvalue()), known(BANNERS[0]))
    assert seen(found) == expected(BANNERS[0])


async def test_an_empty_banner_has_no_text(workshop: Workshop) -> None:
    file = io.BytesIO()
    Image.new("RGB", (760, 95), "#182d54").save(file, "PNG")
    assert await workshop.make(read, file.getvalue()) == ()
    assert not (await workshop.make(look, file.getvalue(), Profile())).complete


async def test_reading_loads_what_is_heavy_in_the_workshop_alone(workshop: Workshop) -> None:
    await workshop.make(read, BANNERS[0].draw())
    assert "onnxruntime" in await workshop.make(loaded)
    assert "onnxruntime" not in loaded()


@pytest.mark.usefixtures("workshop")
def test_reading_asks_nothing_of_the_network_and_says_nothing() -> None:
    said = said_by(
        "import socket\n"
        "def refuse(*given): raise AssertionError(f'the network is asked: {given}')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse\n"
        "from core.mentions import read\nfrom tests.corpus.banners import BANNERS\n"
        "print(len(read(BANNERS[0].draw())))"
    )
    assert (said.stdout, said.stderr, said.returncode) == ("3\n", "", 0)


@pytest.mark.usefixtures("workshop")
def test_a_model_that_is_lost_is_named_and_not_fetched() -> None:
    said = said_by(
        "from core.mentions import OcrMissing, ocr\n"
        "ocr._MODELS['Rec'] = 'lost.onnx'\n"
        "try: ocr.read(b'')\nexcept OcrMissing as error: print(error)"
    )
    assert "lost.onnx" in said.stdout
    assert "pip install --force-reinstall 'origyne-bot[ocr]'" in said.stdout


@pytest.mark.parametrize("lacking", ["rapidocr", "onnxruntime"])
def test_without_its_libraries_reading_says_what_to_install(lacking: str) -> None:
    said = said_by(
        f"import sys\nsys.modules[{lacking!r}] = None\n"
        "from core.mentions import OcrMissing, is_installed, read\nprint(is_installed())\n"
        "try: read(b'')\nexcept OcrMissing as error: print(error)"
    )
    assert said.stdout.splitlines()[0] == "False"
    assert "pip install 'origyne-bot[ocr]'" in said.stdout


def test_what_is_missing_comes_back_from_a_workshop() -> None:
    error = pickle.loads(pickle.dumps(OcrMissing("il manque quelque chose")))
    assert (type(error), str(error)) == (OcrMissing, "il manque quelque chose")
