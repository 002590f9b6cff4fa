"""The guides of a page each: what they tell to type is answered, what they quote is said, each prints as one page."""

import io
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from playwright.async_api import Page as BrowserPage
from pypdf import PdfReader

from bot.house import House
from bot.mail.questions import Asked, asked
from bot.mail.reading import read
from bot.sandbox.page.guides import NAMES, GuidesPart, tokens_of
from bot.sandbox.page.server import Page
from core.settings import Settings
from handlers import registry
from handlers.ask import Ask, Door, Person
from handlers.understand import understand
from tests.handlers.filled import NOW, settings

TOP = Path(__file__).parents[2]
READERS = {
    "technique": Person("technique", "Camille Martin", frozenset({"technique"})),
    "comptabilite": Person("comptabilite", "Comptabilité", frozenset({"comptabilité"})),
    "equipe": Person("equipe", "Équipe", frozenset({"équipe"})),
}

#: They wait for the running service, or for servers that are not here; each has its own tests.
NEED_SERVICE = {"sync", "selftest", "clore"}

IN_MODULE_LOOP = pytest.mark.asyncio(loop_scope="module")


def typed() -> list[tuple[str, str]]:
    """Each guide's name with each text that it says to type."""
    return [
        (name, inline.content)
        for name in NAMES
        for block in tokens_of(name)
        for inline in block.children or ()
        if inline.type == "code_inline"
    ]


def words_for_people() -> list[tuple[str, str]]:
    quoted = []
    for name in NAMES:
        tokens = tokens_of(name)
        opened = [place for place, token in enumerate(tokens) if token.type == "blockquote_open"]
        quoted += [(name, tokens[place + 2].content) for place in opened]
    return quoted


def by_mail(text: str, house: House) -> Asked:
    raw = f"From: compta@telecom.example\r\nSubject: Question\r\nMessage-ID: <1@poste.example>\r\n\r\n{text}\r\n"
    return asked(read(raw.encode(), ""), house.context.telecom, NOW)


@pytest.fixture
def configured(filled: Path, tmp_path: Path) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", staff_emails="equipe@telecom.example, dominique@telecom.example")


@pytest.mark.parametrize(("guide", "text"), typed())
async def test_what_a_guide_tells_to_type_is_understood_and_answered(guide: str, text: str, house: House) -> None:
    by_chat = understand(text, house.context.telecom)
    command = registry.named(by_chat[0]) if by_chat else None
    door: Door = "chat" if guide == "technique" or (command and command.sensitive) else "mail"
    if door == "chat":
        assert by_chat
        question = by_chat
    else:
        said = by_mail(text, house)
        (found,) = said.questions
        assert set(said.others) <= {"Question"}
        question = found.name, found.arguments
    ask = Ask(*question, READERS[guide], door, True, conversation=f"{door}:1", message=1)
    command = registry.named(question[0])
    assert command
    assert registry.refusal(ask, command) is None
    if command.name not in NEED_SERVICE:
        assert not (await registry.answer(ask, house.context)).refused


@pytest.mark.parametrize(("guide", "words"), words_for_people())
def test_words_that_a_guide_shows_as_for_people_ask_nothing_of_the_bot(guide: str, words: str, house: House) -> None:
    assert by_mail(words, house).questions == ()
    assert words in by_mail(words, house).others


@pytest.mark.parametrize("guide", NAMES)
def test_what_a_guide_quotes_is_what_people_read(guide: str) -> None:
    sources = "".join(path.read_text("utf-8") for room in ("bot", "handlers") for path in (TOP / room).rglob("*.py"))
    text = "".join(inline.content for block in tokens_of(guide) for inline in block.children or ())
    quotes = re.findall(r"« (.*?) »", text)
    assert quotes
    for quote in quotes:
        assert quote.partition("…")[0].lower() in sources.lower()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Page]:
    async with Page([GuidesPart()]) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def tab(browser: Browser) -> AsyncIterator[BrowserPage]:
    """No error and no refusal of its policy goes unseen."""
    context = await browser.new_context(locale="fr-FR")
    tab = await context.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield tab
    await context.close()
    assert errors == []


@IN_MODULE_LOOP
@pytest.mark.parametrize("guide", NAMES)
async def test_a_guide_prints_as_one_page_of_a4_whose_text_has_ten_points(
    guide: str, served: Page, tab: BrowserPage
) -> None:
    await tab.goto(f"{served.url}guides/{guide}")
    printed = PdfReader(io.BytesIO(await tab.pdf(prefer_css_page_size=True, print_background=True)))
    (page,) = printed.pages
    assert (round(page.mediabox.width / 72 * 25.4), round(page.mediabox.height / 72 * 25.4)) == (210, 297)
    sizes: list[float] = []

    def see(text: str, cm: list[float], tm: list[float], _: object, size: float) -> None:
        if text.strip():
            sizes.append(abs(size * tm[3] * cm[3]))

    assert "Quelque chose ne va pas" in page.extract_text(visitor_text=see)
    assert min(sizes) >= 10


@IN_MODULE_LOOP
@pytest.mark.parametrize("guide", NAMES)
async def test_a_guide_fits_the_width_of_a_phone(guide: str, served: Page, tab: BrowserPage) -> None:
    await tab.set_viewport_size({"width": 390, "height": 844})
    await tab.goto(f"{served.url}guides/{guide}")
    assert await tab.evaluate("document.documentElement.scrollWidth") <= 390


@IN_MODULE_LOOP
async def test_the_guides_lead_to_each_other(served: Page, tab: BrowserPage) -> None:
    await tab.goto(f"{served.url}guides/technique")
    for title in ("La comptabilité", "L'équipe", "Le contact technique"):
        await tab.get_by_role("link", name=title).click()
        assert await tab.get_by_role("heading", level=1).inner_text() == title


@IN_MODULE_LOOP
async def test_an_unknown_guide_is_not_there(served: Page, browser: Browser) -> None:
    context = await browser.new_context()
    answer = await context.request.get(f"{served.url}guides/..%2Ftechnique")
    assert answer.status == 404
    await context.close()
