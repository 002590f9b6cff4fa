"""The page's mailboxes in Chromium, at a desk and on a phone."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.peers.browser import Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def filled(visitor: Visitor) -> None:
    """Everything that the operator had delivered is read."""
    pane = await mailbox(visitor, "Technique")
    await expect(pane.get_by_role("button", name="première lecture")).to_be_visible()


async def mailbox(visitor: Visitor, name: str) -> Locator:
    pane = await visitor.show("mail")
    await pane.get_by_role("tab", name=name).click()
    return pane


async def write(pane: Locator, subject: str, text: str, to: str = "") -> None:
    await pane.get_by_role("button", name="Écrire", exact=True).click()
    if to:
        await pane.get_by_label("À", exact=True).fill(to)
    await pane.get_by_label("Objet").fill(subject)
    await pane.get_by_label("Texte du courriel").fill(text)
    await pane.get_by_role("button", name="Envoyer").click()


async def test_a_prepared_reply_is_sent_and_brings_its_spreadsheet(visitor: Visitor) -> None:
    pane = await mailbox(visitor, "Comptabilité")
    subject = f"Question d'octobre, {visitor.width}"
    await write(pane, subject, "conso Dupont octobre")
    answers = pane.get_by_role("button", name=f"Re: {subject}")
    await answers.first.click()
    await visitor.page.frame_locator("#mail iframe").get_by_role("link", name="Tableur").click()
    await expect(pane.get_by_label("Texte du courriel")).to_have_value(re.compile("conso Dupont BTP .* tableur"))
    await pane.get_by_role("button", name="Envoyer").click()
    if visitor.width == "phone":
        await pane.get_by_role("button", name="Retour à la liste").click()
    await expect(answers).to_have_count(2)
    await answers.first.click()
    await expect(pane.get_by_role("link", name=re.compile(r"\.xlsx"))).to_be_visible()


async def test_a_reply_quotes_as_the_program_that_was_chosen(visitor: Visitor) -> None:
    pane = await mailbox(visitor, "Comptabilité")
    await pane.get_by_role("button", name="relevé de facturation").last.click()
    await pane.get_by_role("button", name="Répondre", exact=True).click()
    await expect(pane.get_by_label("Objet")).to_have_value(re.compile("^RE: "))
    await pane.get_by_label("Écrire comme").select_option("Gmail")
    await expect(pane.get_by_label("Objet")).to_have_value(re.compile("^Re: "))
    await pane.get_by_title("Texte cité").click()
    await expect(pane.locator(".mail-quote pre")).to_contain_text("a écrit :")


async def test_what_was_begun_is_kept_when_it_is_closed(visitor: Visitor) -> None:
    pane = await mailbox(visitor, "Équipe")
    await pane.get_by_role("button", name="Écrire", exact=True).click()
    text = pane.get_by_label("Texte du courriel")
    await text.fill("Bonjour Camille")
    await text.press("Escape")
    await expect(text).to_be_hidden()
    await pane.get_by_role("button", name="Écrire", exact=True).click()
    await expect(text).to_have_value("Bonjour Camille")
    await pane.get_by_role("button", name="Jeter le brouillon").click()
    await pane.get_by_role("button", name="Écrire", exact=True).click()
    await expect(text).to_have_value("")


async def test_mails_are_chosen_opened_and_left_by_keyboard(visitor: Visitor) -> None:
    pane = await mailbox(visitor, "Technique")
    rows = pane.locator(".mail-row")
    await expect(rows.nth(1)).to_be_visible()
    await rows.first.focus()
    await visitor.page.keyboard.press("ArrowDown")
    await expect(rows.nth(1)).to_be_focused()
    await visitor.page.keyboard.press("Enter")
    subject = await rows.nth(1).locator(".mail-subject").text_content()
    await expect(pane.locator(".mail-reader h3")).to_have_text(subject or "")
    await pane.get_by_role("button", name="Répondre", exact=True).focus()
    await visitor.page.keyboard.press("Escape")
    await expect(rows.nth(1)).to_be_focused()


async def test_a_mail_is_unread_until_it_is_opened(visitor: Visitor) -> None:
    subject = f"À lire, {visitor.width}"
    await write(await mailbox(visitor, "Clients"), subject, "Bonjour", to="lea@telecom-exemple.test")
    pane = await mailbox(visitor, "Léa")
    row = pane.get_by_role("button", name=subject)
    await expect(row).to_have_accessible_name(re.compile("^Non lu"))
    await expect(pane.get_by_role("tab", name="Léa")).to_contain_text("1 non lu")
    await row.click()
    await expect(pane.get_by_role("tab", name="Léa")).not_to_contain_text("1 non lu")
    await expect(pane.locator(f'.mail-row:has-text("{subject}")')).not_to_have_class(re.compile("unread"))


async def test_a_link_to_the_internet_is_not_followed(visitor: Visitor) -> None:
    subject = f"Un lien, {visitor.width}"
    await write(
        await mailbox(visitor, "Clients"), subject, "Voir https://example.org/tarifs", to="lea@telecom-exemple.test"
    )
    pane = await mailbox(visitor, "Léa")
    await pane.get_by_role("button", name=subject).click()
    await pane.get_by_role("button", name="Texte", exact=True).click()
    await pane.get_by_role("link", name="example.org").click()
    await expect(visitor.page.locator("#notices")).to_contain_text("n'a pas d'accès à internet")
    assert len(visitor.page.context.pages) == 1
