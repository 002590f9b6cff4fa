"""The sandbox's page as `origyne-bot demo` serves it, and a person before it in Chromium, at a desk or on a phone."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Locator, Page, async_playwright, expect

from tests.peers.programs import program

#: Milliseconds that something may take to be seen; only what never comes takes so long.
PATIENCE = 60_000
DESKTOP, PHONE = "desktop", "phone"
_SIZES: dict[str, dict[str, object]] = {
    DESKTOP: {"viewport": {"width": 1440, "height": 900}},
    PHONE: {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
#: As root, or in a container, Chromium has no sandbox of its own.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]

expect.set_options(timeout=PATIENCE)


@dataclass
class Visitor:
    """A person before the page."""

    page: Page
    width: str

    async def show(self, pane: str) -> Locator:
        """Bring a pane before the eyes, as its tab does on a phone."""
        if self.width == PHONE:
            await self.page.locator(f'.tabs [data-pane="{pane}"]').click()
        return self.page.locator(f"#{pane}")

    async def link_telephone(self) -> None:
        """Once the operator's files are read, open the mail that the technical contact got, and its link; nothing where
        that was done before."""
        await expect(self.page.locator("#journal")).to_contain_text("lus")
        welcome = self.page.locator(".chat-welcome")
        if await welcome.is_visible():
            await self.page.get_by_role("button", name="Ouvrir ce courriel").click()
            mail = self.page.frame_locator("#mail iframe")
            await mail.locator('a[href^="https://t.me/"]').first.click()
            await expect(self.page.locator("#chat")).to_contain_text("ce chat est relié")

    async def write(self, text: str) -> Locator:
        """Write in the chat and return the robot's answer to it."""
        await self.show("chat")
        await self.page.get_by_role("combobox", name="Message", exact=True).fill(text)
        before = await self.sent()
        await self.page.get_by_role("combobox", name="Message", exact=True).press("Enter")
        return await self.answer(before)

    async def send_file(self, name: str, content: bytes, *, as_photo: bool = False) -> Locator:
        """Send a file from this machine and return the robot's answer to it."""
        await self.show("chat")
        before = await self.sent()
        await self.page.get_by_role("button", name="Joindre").click()
        label = "Envoyer comme photo" if as_photo else "Envoyer comme fichier"
        async with self.page.expect_file_chooser() as choosing:
            await self.page.get_by_role("button", name=label).click()
        chosen = FilePayload(name=name, mimeType="image/png", buffer=content)
        await (await choosing.value).set_files(chosen)
        return await self.answer(before)

    async def sent(self) -> int:
        """How many messages this person has sent."""
        return await self.page.locator(".chat-message.mine").count()

    async def answer(self, before: int) -> Locator:
        """The robot's answer to the message that follows the first `before` ones of this person's."""
        asked = self.page.locator(".chat-message.mine").nth(before)
        await expect(asked).to_be_visible()
        number = await asked.get_attribute("data-id")
        answer = self.page.locator(f'.chat-message.theirs[data-answers="{number}"]').first
        await expect(answer).to_be_visible()
        return answer


@dataclass(frozen=True)
class Demo:
    """A running `origyne-bot demo`."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def running_demo(
    environment: Mapping[str, str] | None = None, command: Sequence[str | Path] = (sys.executable, "-m", "bot", "demo")
) -> Iterator[Demo]:
    """The command itself, on a free port, until it is told to stop.

    :param environment: what it differs by from this process's.

    Raises:
        RuntimeError: it ended by itself, or with another status than 0; the message is what it printed.
    """
    env = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                break
        else:
            raise RuntimeError(f"the demo ended at once: {said}")
        try:
            yield Demo(found[0], process)
        finally:
            process.send_signal(signal.SIGTERM)
            said += process.communicate(timeout=60)[0]
        if process.returncode:
            raise RuntimeError(f"the demo ended with {process.returncode}: {said}")


@asynccontextmanager
async def running_browser(chromium: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        env: dict[str, str | float | bool] = {**os.environ, "LANG": "fr_FR.UTF-8"}
        running = await playwright.chromium.launch(executable_path=chromium, args=FLAGS, env=env)
        yield running
        await running.close()


@asynccontextmanager
async def visit(browser: Browser, demo: Demo, width: str, **options: Any) -> AsyncIterator[Visitor]:
    """At the page, once it has shown all that there is; no error of its scripts goes unseen."""
    settings = {"locale": "fr-FR", "timezone_id": "Europe/Paris", **_SIZES[width], **options}
    context = await browser.new_context(**settings)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(demo.url)
    await page.locator("body[data-ready]").wait_for()
    yield Visitor(page, width)
    await context.close()
    assert errors == []


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo() as demo:
        yield demo


@pytest.fixture(scope="module")
def chromium() -> Path:
    return program("chromium", "chromium")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    async with running_browser(chromium) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", params=[DESKTOP, PHONE])
async def visitor(request: pytest.FixtureRequest, browser: Browser, demo: Demo) -> AsyncIterator[Visitor]:
    async with visit(browser, demo, request.param) as visitor:
        yield visitor
