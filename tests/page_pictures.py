"""Pictures of the sandbox's page for the README, as Chromium shows it while people use it."""

import io
from pathlib import Path

from PIL import Image
from playwright.async_api import Locator, expect

from tests.peers.browser import DESKTOP, PHONE, Visitor, running_browser, running_demo, visit

LINE = "0639980001"


async def page_pictures(chromium: Path) -> dict[str, Image.Image]:
    """By file name: the whole page at a desk, an answer with its chart on a phone, an invoice mail in its mailbox."""
    with running_demo() as demo:
        async with running_browser(chromium) as browser:
            async with visit(browser, demo, PHONE, viewport={"width": 390, "height": 1180}) as phone:
                await phone.link_telephone()
                answer = await _answer(phone)
            async with visit(browser, demo, DESKTOP, viewport={"width": 1440, "height": 860}) as desk:
                whole = await _whole(desk)
            async with visit(browser, demo, DESKTOP, viewport={"width": 1500, "height": 1000}) as desk:
                invoice = await _invoice(desk)
    return {"bac-a-sable.png": whole, "reponse.png": answer, "facture.png": invoice}


async def _answer(phone: Visitor) -> Image.Image:
    await phone.write("/conso Fleurs d'Été mois dernier")
    picture = phone.page.get_by_role("button", name="Voir l'image en grand").last
    await expect(picture.get_by_role("img")).to_be_visible()
    await phone.page.wait_for_function("[...document.images].every(it => it.complete)")
    await phone.page.locator(".chat-list").evaluate("it => it.scrollTo(0, it.scrollHeight)")
    await phone.page.locator(":focus").evaluate("it => it.blur()")
    return await _shot(phone.page.locator("body"))


async def _whole(desk: Visitor) -> Image.Image:
    """A line that the operator suspends, the robot's word of it, and the mail that says so."""
    files = await desk.show("files")
    await files.get_by_text("Changer une ligne").click()
    await files.get_by_label("État").select_option("Suspendue")
    await files.get_by_role("button", name="Changer", exact=True).click()
    await files.get_by_role("button", name="Heure suivante").click()
    await expect(desk.page.locator(".chat-list")).to_contain_text("Active → Suspendue")
    await files.get_by_text("Changer une ligne").click()
    mails = await desk.show("mail")
    await mails.get_by_role("tab", name="Technique").click()
    await mails.locator(".mail-row").filter(has_text="changement de ligne").first.click()
    await expect(desk.page.frame_locator("#mail iframe").locator("body")).to_contain_text("suspendue")
    await desk.write(f"/status {LINE}")
    await _settled(desk)
    return await _shot(desk.page.locator("body"))


async def _invoice(desk: Visitor) -> Image.Image:
    files = await desk.show("files")
    await files.get_by_role("button", name="Mois suivant").click()
    mails = await desk.show("mail")
    await mails.get_by_role("tab", name="Comptabilité").click()
    await mails.locator(".mail-row").filter(has_text=": facture Origyne").first.click()
    await expect(desk.page.frame_locator("#mail iframe").locator("body")).to_contain_text("Bonjour")
    await _settled(desk)
    return await _shot(mails)


async def _settled(desk: Visitor) -> None:
    """Without the words of a moment."""
    await expect(desk.page.locator(".notice")).to_have_count(0)


async def _shot(element: Locator) -> Image.Image:
    return Image.open(io.BytesIO(await element.screenshot(animations="disabled"))).convert("RGB")
