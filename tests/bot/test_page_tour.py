"""The guided tour of the sandbox's page: each of its ten steps really happens."""

import pytest
from playwright.async_api import expect

from tests.peers.browser import Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

STEPS = 10


async def test_each_step_of_the_tour_happens(visitor: Visitor) -> None:
    page = visitor.page
    await page.locator("#tour-button").click()
    tour = page.get_by_role("region", name="Visite guidée")
    for number in range(1, STEPS + 1):
        await expect(tour.locator(".tour-count")).to_have_text(f"{number}/{STEPS}")
        title = await tour.get_by_role("heading").inner_text()
        await tour.get_by_role("button", name="Faire").click()
        await expect(page.locator('#tour:is([data-state="done"], [data-state="wrong"])')).to_have_count(1)
        assert await page.locator("#tour").get_attribute("data-state") == "done", f"{title}: {await tour.inner_text()}"
        await tour.get_by_role("button", name="Terminer" if number == STEPS else "Suivant").click()
    await expect(tour).to_contain_text("La visite est finie")
    await expect(tour.get_by_role("button", name="Fermer")).to_be_focused()
    files = await visitor.show("files")
    await expect(files).to_contain_text("logo.png")
    mails = await visitor.show("mail")
    await mails.get_by_role("tab", name="Comptabilité").click()
    await expect(mails.locator(".mail-list")).to_contain_text("RE: ")


async def test_a_step_can_be_skipped_and_the_tour_left_by_keyboard(visitor: Visitor) -> None:
    page = visitor.page
    await page.locator("#tour-button").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".tour-count")).to_have_text(f"2/{STEPS}")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#tour")).to_be_hidden()
    await expect(page.locator("#tour-button")).to_be_focused()
