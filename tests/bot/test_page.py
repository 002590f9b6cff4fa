"""The sandbox's page in Chromium, at a desk and on a phone: what people do there really happens."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from bot.sandbox import pictures
from tests.peers.browser import PHONE, Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

LINE = "06 39 98 00 01"


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def linked(visitor: Visitor) -> None:
    await visitor.link_telephone()


async def test_a_number_is_answered_with_the_state_of_its_line(visitor: Visitor) -> None:
    answer = await visitor.write("/status 0639980001")
    await expect(answer).to_contain_text(f"{LINE} : ")
    await expect(answer).to_contain_text("Dupont BTP")
    await expect(answer).to_contain_text("AccountStatus_")


async def test_the_menu_proposes_the_commands_and_sends_the_one_that_is_touched(visitor: Visitor) -> None:
    before = await visitor.sent()
    await visitor.page.get_by_role("button", name="Commandes").click()
    await visitor.page.get_by_role("option", name="/aide").click()
    answer = await visitor.answer(before)
    await expect(answer.locator(".chat-text")).to_contain_text("/status")


async def test_what_is_typed_after_a_slash_is_completed_by_keyboard(visitor: Visitor) -> None:
    field = visitor.page.get_by_role("combobox", name="Message", exact=True)
    await field.press_sequentially("/sta")
    await expect(visitor.page.get_by_role("listbox").get_by_role("option")).to_have_count(1)
    await field.press("ArrowDown")
    await field.press("Tab")
    await expect(field).to_have_value("/status ")
    await field.press_sequentially("0639980002")
    before = await visitor.sent()
    await field.press("Enter")
    answer = await visitor.answer(before)
    await expect(answer.locator(".chat-text")).to_contain_text("06 39 98 00 02")


async def test_a_page_of_a_list_is_turned_in_place(visitor: Visitor) -> None:
    answer = await visitor.write("/lignes")
    number = await answer.get_attribute("data-id")
    count = await visitor.page.locator(".chat-message").count()
    first = await answer.locator(".chat-text").inner_text()
    await answer.get_by_role("button", name="2/").click()
    turned = visitor.page.locator(f'.chat-message[data-id="{number}"]')
    await expect(turned.get_by_role("button", name="3/")).to_be_visible()
    assert await turned.locator(".chat-text").inner_text() != first
    assert await visitor.page.locator(".chat-message").count() == count


async def test_a_message_that_is_changed_is_answered_anew(visitor: Visitor) -> None:
    answer = await visitor.write("/status 0639980003")
    await expect(answer.locator(".chat-text")).to_contain_text("06 39 98 00 03")
    question = await answer.get_attribute("data-answers")
    mine = visitor.page.locator(".chat-message.mine").last
    await mine.hover()
    await mine.get_by_role("button", name="Que faire de ce message").click()
    await visitor.page.get_by_role("menuitem", name="Modifier").click()
    field = visitor.page.get_by_role("combobox", name="Message", exact=True)
    await expect(field).to_have_value("/status 0639980003")
    await field.fill("/status 0639980004")
    await field.press("Enter")
    await expect(mine).to_contain_text("modifié")
    await expect(mine).to_contain_text("0639980004")
    answers = visitor.page.locator(f'.chat-message[data-answers="{question}"] .chat-text')
    await expect(answers.filter(has_text="06 39 98 00 04")).to_have_count(1)


async def test_a_code_is_hidden_until_it_is_touched(visitor: Visitor) -> None:
    asked = await visitor.write("/puk 0639980001")
    await asked.get_by_role("button", name="Montrer le code").click()
    shown = visitor.page.locator(".chat-message").filter(has_text="Code PUK").last
    cover = shown.get_by_role("button", name="Montrer ce qui est caché").first
    await expect(cover.locator("span")).not_to_be_visible()
    await cover.focus()
    await visitor.page.keyboard.press("Enter")
    await expect(shown.locator(".chat-spoiler.shown")).to_have_text(re.compile(r"^\d{8}$"))
    await expect(shown.locator(".chat-spoiler.shown span")).to_be_visible()


async def test_a_consumption_comes_with_its_chart_which_opens_at_full_size(visitor: Visitor) -> None:
    await visitor.write("/conso Dupont mois dernier")
    await visitor.page.get_by_role("button", name="Voir l'image en grand").last.click()
    large = visitor.page.get_by_role("dialog", name="Image en grand")
    await expect(large.get_by_role("img")).to_be_visible()
    await visitor.page.keyboard.press("Escape")
    await expect(large).to_be_hidden()


async def test_a_wrong_logo_is_refused_with_a_right_one_and_nothing_is_placed(visitor: Visitor) -> None:
    before = await placed(visitor)
    await visitor.write("/upload logo")
    refused = await visitor.send_file("logo-site.png", pictures.logo(190, 190, dpi=72))
    await expect(refused).to_contain_text("190 × 190")
    await expect(refused).to_contain_text("72 dpi")
    await expect(refused.get_by_role("button", name="Déposer la version corrigée")).to_be_visible()
    given_up = visitor.page.locator(".chat-message.theirs").filter(has_text="Abandonné : ")
    earlier = await given_up.count()
    await refused.get_by_role("button", name="Abandonner").click()
    await expect(given_up).to_have_count(earlier + 1)
    assert await placed(visitor) == before


async def test_a_right_logo_is_placed_on_the_ftp(visitor: Visitor) -> None:
    placings = visitor.page.locator(".chat-message.theirs").filter(has_text="déposé : Personnalisation/logo.png")
    before = await placings.count()
    await visitor.write("/upload logo")
    accepted = await visitor.send_file("logo.png", pictures.logo())
    await accepted.get_by_role("button", name=re.compile("^✅")).click()
    await expect(placings).to_have_count(before + 1)
    assert any(name.startswith("logo.png") for name in await placed(visitor))


async def test_a_logo_sent_as_a_photo_is_told_apart(visitor: Visitor) -> None:
    await visitor.write("/upload logo")
    answer = await visitor.send_file("logo.png", pictures.logo(), as_photo=True)
    await expect(answer).to_contain_text("arrivée comme photo")


async def test_an_invoice_mail_is_read_and_answered_in_a_sentence(visitor: Visitor) -> None:
    mails = await visitor.show("mail")
    await mails.get_by_role("tab", name="Comptabilité").click()
    await mails.locator(".mail-row").filter(has_text="2 factures Origyne").last.click()
    reader = mails.get_by_role("article", name="Courriel")
    await expect(reader.get_by_role("list", name="Pièces jointes")).to_contain_text("Facture_Origyne_")
    shown = visitor.page.frame_locator("#mail iframe")
    await expect(shown.locator("body")).to_contain_text("Bonjour")
    answered = mails.locator(".mail-row").filter(has_text="Dupont BTP : conso d'octobre")
    before = await answered.count()
    await reader.get_by_role("button", name="Répondre", exact=True).click()
    composer = mails.locator("form")
    await expect(composer.locator("details")).to_contain_text("•••")
    await composer.locator("textarea").fill("Bonjour,\n\nconso Dupont octobre 2026\n\nMerci !")
    await composer.get_by_role("button", name="Envoyer").click()
    if visitor.width == PHONE:
        await mails.get_by_role("button", name="Retour à la liste").click()
    await expect(answered).to_have_count(before + 1)
    await answered.first.click()
    await expect(shown.locator("body")).to_contain_text("Dupont BTP")
    await expect(reader.get_by_role("list", name="Pièces jointes")).to_contain_text(
        "Dupont BTP conso d'octobre 2026.png"
    )


async def test_a_reply_of_the_staff_reaches_the_chat_without_what_it_quotes(visitor: Visitor) -> None:
    question = f"Qui suit le portage de Dupont, demande {visitor.width} ?"
    await visitor.write(f"/contact {question}")
    mails = await visitor.show("mail")
    await mails.get_by_role("tab", name="Équipe").click()
    await mails.locator(".mail-row").filter(has_text=visitor.width).first.click()
    await mails.get_by_role("button", name="Répondre", exact=True).click()
    composer = mails.locator("form")
    await composer.locator("textarea").fill(f"Moi, pour la demande {visitor.width}.\n\nDominique")
    await composer.get_by_role("button", name="Envoyer").click()
    await visitor.show("chat")
    reply = visitor.page.locator(".chat-message.theirs").filter(has_text=f"Moi, pour la demande {visitor.width}")
    await expect(reply).to_be_visible()
    await expect(reply.locator(".chat-text")).not_to_contain_text("Qui suit")


async def test_an_hour_of_deliveries_is_read_and_told(visitor: Visitor) -> None:
    files = await visitor.show("files")
    clock = files.locator(".files-clock")
    before = await clock.inner_text()
    await files.get_by_text("Changer une ligne").click()
    suspended = "suspendue" in await last_state(visitor)
    await visitor.show("files")
    await files.get_by_label("État").select_option("Active" if suspended else "Suspendue")
    await files.get_by_role("button", name="Changer", exact=True).click()
    await expect(files).to_contain_text("Pour l'heure suivante")
    hour = files.get_by_role("button", name="Heure suivante")
    if visitor.width == PHONE:
        await hour.click()
    else:
        await hour.drag_to(files.get_by_role("list", name="Contenu du dossier"))
    await expect(clock).not_to_have_text(before)
    chat = await visitor.show("chat")
    told = "Suspendue → Active" if suspended else "Active → Suspendue"
    await expect(chat.locator(".chat-message.theirs").last).to_contain_text(told)
    assert ("suspendue" in await last_state(visitor)) != suspended
    journal = await visitor.show("journal")
    for words in ("L'opérateur dépose", "lu", "Avis dans le chat", "Avis par courriel"):
        await expect(journal).to_contain_text(words)


async def test_an_answer_that_telegram_refuses_comes_once_and_the_journal_says_so(visitor: Visitor) -> None:
    journal = await visitor.show("journal")
    passed = journal.get_by_text("Le message est passé")
    before = await passed.count()
    await visitor.page.get_by_role("banner").get_by_role("button", name="Pannes").click()
    await visitor.page.get_by_role("button", name="Passerelle en panne").click()
    await expect(visitor.page.locator("#faults")).to_contain_text("Une panne attend")
    await visitor.page.keyboard.press("Escape")
    answer = await visitor.write("/status 0639980001")
    question = await answer.get_attribute("data-answers")
    await visitor.show("journal")
    await expect(passed).to_have_count(before + 1)
    await expect(journal).to_contain_text("passerelle en panne (502)")
    assert await visitor.page.locator(f'.chat-message[data-answers="{question}"]').count() == 1


async def test_what_is_written_to_a_killed_robot_is_answered_when_it_is_back(visitor: Visitor) -> None:
    await visitor.page.get_by_role("banner").get_by_role("button", name="Pannes").click()
    robot = visitor.page.get_by_role("switch", name=re.compile("^Le robot"))
    await robot.click()
    await expect(robot).to_have_attribute("aria-checked", "false")
    await visitor.page.keyboard.press("Escape")
    await visitor.show("chat")
    await visitor.page.get_by_role("combobox", name="Message", exact=True).fill("/status 0639980002")
    await visitor.page.keyboard.press("Enter")
    asked = visitor.page.locator(".chat-message.mine").last
    await expect(asked).to_contain_text("0639980002")
    number = await asked.get_attribute("data-id")
    await visitor.page.get_by_role("banner").get_by_role("button", name="Pannes").click()
    await robot.click()
    await expect(robot).to_have_attribute("aria-checked", "true")
    answer = visitor.page.locator(f'.chat-message[data-answers="{number}"]')
    await expect(answer).to_contain_text("06 39 98 00 02")


async def test_the_page_is_light_or_dark_as_one_chooses_and_remembers_it(visitor: Visitor) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await visitor.page.evaluate(ground)
    await visitor.page.get_by_role("button", name="Passer du clair au sombre").click()
    dark = await visitor.page.evaluate(ground)
    assert dark != light
    await visitor.page.reload()
    await visitor.page.locator("body[data-ready]").wait_for()
    assert await visitor.page.evaluate(ground) == dark


async def test_nothing_is_wider_than_the_screen(visitor: Visitor) -> None:
    await visitor.write("Une question dont la fin est " + "longue " * 20)
    await visitor.write("/lignes")
    screen = visitor.page.viewport_size
    assert screen
    for pane in ("chat", "mail", "files", "journal"):
        await visitor.show(pane)
        # A phone that is shown something wider grows its own idea of the screen.
        assert await visitor.page.evaluate("innerWidth") == screen["width"], pane
        assert await visitor.page.evaluate("document.body.scrollWidth") <= screen["width"], pane


async def last_state(visitor: Visitor) -> str:
    answer: Locator = await visitor.write("/status 0639980001")
    return await answer.locator(".chat-text").inner_text()


async def placed(visitor: Visitor) -> list[str]:
    """What lies in Personnalisation on the FTP: names and times."""
    files = await visitor.show("files")
    crumb = files.get_by_role("navigation").get_by_role("button", name="FTP")
    if await crumb.is_visible():
        await crumb.click()
    await files.locator('[data-folder="Personnalisation"]').click()
    await expect(files.locator("[aria-current=page]")).to_have_text("Personnalisation")
    return await files.locator(".files-list .files-row").all_inner_texts()
