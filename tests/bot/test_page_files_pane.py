"""The FTP pane and the journal in Chromium: the operator is played, the tree is walked through, files are dropped."""

import re

import pytest
from playwright.async_api import FilePayload, Locator, expect

from bot.sandbox import pictures
from tests.peers.browser import DESKTOP, Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


async def at_the_root(visitor: Visitor) -> Locator:
    pane = await visitor.show("files")
    await expect(
        pane.get_by_role("button", name="RatedCDRs").or_(pane.get_by_role("button", name="FTP"))
    ).to_be_visible()
    if await pane.get_by_role("button", name="FTP", exact=True).is_visible():
        await pane.get_by_role("button", name="FTP", exact=True).click()
    await expect(pane.get_by_role("button", name="AccountStatus")).to_be_visible()
    return pane


async def test_an_hour_that_is_played_brings_its_file_and_the_journal_tells_it(visitor: Visitor) -> None:
    journal = await visitor.show("journal")
    await expect(journal.locator('[data-kind="read"]').last).to_contain_text("reçus et lus")  # all that there was
    pane = await at_the_root(visitor)
    await pane.get_by_role("button", name="Heure suivante").click()
    await pane.get_by_role("button", name=re.compile(r"AccountStatus \+\d")).click()
    await expect(pane.locator(".files-new").first).to_contain_text("AccountStatus_")
    journal = await visitor.show("journal")
    deposit = journal.locator('[data-kind="operator"]').first
    await expect(deposit).to_contain_text("L'opérateur dépose AccountStatus_")
    chain = await deposit.get_attribute("data-chain")
    read = journal.locator(f'[data-kind="read"][data-chain="{chain}"]')
    await expect(read).to_contain_text(re.compile(r"reçus? et lus?\s*après"))


@pytest.mark.parametrize("visitor", [DESKTOP], indirect=True)  # a telephone drags nothing: its buttons are touched
async def test_a_card_that_is_dragged_onto_the_tree_is_played(visitor: Visitor) -> None:
    pane = await at_the_root(visitor)
    before = await pane.locator(".files-clock").inner_text()
    await pane.get_by_role("button", name="Heure suivante").drag_to(pane.get_by_role("button", name="Documents"))
    await expect(pane.locator(".files-clock")).not_to_have_text(before)


async def test_the_tree_is_walked_through_by_keyboard(visitor: Visitor) -> None:
    pane = await at_the_root(visitor)
    await pane.get_by_role("button", name="Documents").focus()
    await visitor.page.keyboard.press("ArrowDown")
    await visitor.page.keyboard.press("ArrowRight")
    await expect(pane.get_by_role("button", name="Clients")).to_be_focused()
    await visitor.page.keyboard.press("Enter")
    await expect(pane.locator("[aria-current=page]")).to_have_text("Clients")
    await visitor.page.keyboard.press("ArrowLeft")
    await expect(pane.get_by_role("button", name="Clients")).to_be_focused()
    await visitor.page.keyboard.press("ArrowLeft")
    await expect(pane.get_by_role("button", name="Factures 26")).to_be_focused()


async def test_a_table_opens_in_a_preview_that_escape_closes(visitor: Visitor) -> None:
    pane = await at_the_root(visitor)
    await pane.get_by_role("button", name="Cartes SIM").click()
    await pane.get_by_role("button", name="SIM_").first.click()
    preview = visitor.page.get_by_role("dialog", name="SIM_")
    await expect(preview.get_by_role("columnheader", name="NSCE")).to_be_visible()
    await expect(preview.get_by_role("link", name="Télécharger")).to_be_visible()
    await visitor.page.keyboard.press("Escape")
    await expect(preview).to_be_hidden()


async def test_a_file_is_dropped_into_the_open_folder(visitor: Visitor) -> None:
    pane = await at_the_root(visitor)
    await pane.get_by_role("button", name="Personnalisation").click()
    name = f"logo {visitor.width}.png"
    async with visitor.page.expect_file_chooser() as choosing:
        await pane.get_by_role("button", name="Déposer").click()
    await (await choosing.value).set_files(FilePayload(name=name, mimeType="image/png", buffer=pictures.logo()))
    await expect(pane.get_by_role("button", name=name)).to_be_visible()


async def test_a_line_that_is_changed_waits_for_the_next_hour(visitor: Visitor) -> None:
    pane = await at_the_root(visitor)
    await pane.get_by_text("Changer une ligne").click()
    await pane.get_by_label("État").select_option("Réservée" if visitor.width == DESKTOP else "Active")
    await pane.get_by_role("button", name="Changer", exact=True).click()
    await expect(pane.locator(".files-asked")).to_contain_text("06 39 98 00 01")
    await pane.get_by_role("button", name="Heure suivante").click()
    await expect(pane.locator(".files-asked")).to_be_empty()


async def test_the_journal_shows_what_is_asked_of_it(visitor: Visitor) -> None:
    journal = await visitor.show("journal")
    await expect(journal.get_by_text("Le robot a démarré")).to_be_visible()
    await journal.get_by_role("button", name="Dépôts").click()
    await expect(journal.get_by_text("Le robot a démarré")).to_be_hidden()
    await journal.get_by_role("button", name="Pannes").click()
    await expect(journal.get_by_text("Le robot a démarré")).to_be_visible()
    await journal.get_by_role("button", name="Tout").click()
