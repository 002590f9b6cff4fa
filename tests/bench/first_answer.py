"""From a fresh clone to the page's answer to /status, installation included. `python -m tests.bench.first_answer`.

Seconds, as a visitor would see them pass; most of it is pip, and so the way to the packages. It is no part of
`make bench`: there is nothing to compare it with.
"""

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path

from playwright.async_api import expect

from tests.peers.browser import DESKTOP, Demo, running_browser, running_demo, visit
from tests.peers.programs import program

TOP = Path(__file__).parents[2]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        began = time.perf_counter()
        subprocess.run(["git", "clone", "--quiet", TOP, clone], check=True)
        subprocess.run(["make", "--silent", "setup"], cwd=clone, check=True, stdout=subprocess.DEVNULL)
        _tell("installed", began)
        with running_demo(command=[clone / ".venv/bin/origyne-bot", "demo"]) as demo:
            _tell("the page is there", began)
            asyncio.run(_ask(demo))
            _tell("/status is answered", began)


async def _ask(demo: Demo) -> None:
    async with running_browser(program("chromium", "chromium")) as browser, visit(browser, demo, DESKTOP) as visitor:
        await visitor.link_telephone()
        answer = await visitor.write("/status 0639980001")
        await expect(answer.locator(".chat-text")).to_contain_text("Dupont BTP")


def _tell(what: str, began: float) -> None:
    print(f"{time.perf_counter() - began:6.1f} s  {what}", flush=True)


if __name__ == "__main__":
    main()
