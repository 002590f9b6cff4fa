"""What people see of the sandbox's page, and reach by keyboard, while other things lie above or wait."""

import re

import pytest
from playwright.async_api import FilePayload, expect

from tests.peers.browser import Demo, Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

#: Whether the middle of an element is in the window and in the list that it scrolls with.
IN_SIGHT = """element => {
    const box = element.getBoundingClientRect();
    const list = element.closest(".chat-list").getBoundingClientRect();
    const middle = (box.top + box.bottom) / 2;
    return box.height > 100 && middle > list.top && middle < list.bottom;
}"""


async def test_the_field_is_one_key_away_for_a_keyboard(visitor: Visitor) -> None:
    field = visitor.page.get_by_role("combobox", name="Message", exact=True)
    await visitor.page.keyboard.press("Tab")
    await expect(visitor.page.get_by_role("link", name="Écrire au robot")).to_be_focused()
    await visitor.page.keyboard.press("Enter")
    await expect(field).to_be_focused()
    await visitor.page.locator(".chat-list").focus()
    await visitor.page.keyboard.press("Escape")
    await expect(field).to_be_focused()


async def test_the_menu_of_commands_stays_until_something_else_is_touched(visitor: Visitor) -> None:
    await visitor.link_telephone()
    await visitor.show("chat")
    menu = visitor.page.get_by_role("listbox", name="Commandes")
    await visitor.page.get_by_role("combobox", name="Message", exact=True).focus()
    await visitor.page.get_by_role("button", name="Commandes").click()
    await expect(visitor.page.get_by_role("combobox", name="Message", exact=True)).to_be_focused()
    await expect(menu).to_be_visible()
    await visitor.page.locator("#faults-button").focus()
    await expect(menu).to_be_hidden()


async def test_the_end_of_the_conversation_stays_in_sight_while_a_picture_loads(visitor: Visitor) -> None:
    await visitor.link_telephone()
    await visitor.show("chat")
    pictures = visitor.page.locator(".chat-photo img")
    before = await pictures.count()
    await visitor.write("/conso Dupont mois dernier")
    picture = pictures.nth(before)
    await expect(picture).to_have_js_property("complete", True)
    assert await picture.evaluate(IN_SIGHT)


async def test_the_chat_says_that_the_robot_is_cut(visitor: Visitor) -> None:
    said = visitor.page.locator(".chat-cut")
    await expect(said).to_be_hidden()
    await visitor.page.locator("#faults-button").click()
    robot = visitor.page.get_by_role("switch", name=re.compile("^Le robot"))
    await robot.click()
    await expect(robot).to_have_attribute("aria-checked", "false")
    await visitor.page.keyboard.press("Escape")
    await visitor.show("chat")
    await expect(said).to_be_visible()
    await visitor.page.locator("#faults-button").click()
    await robot.click()
    await expect(said).to_be_hidden()


async def test_a_refusal_is_said_above_what_is_open_and_once(visitor: Visitor) -> None:
    await visitor.page.route("**/faults/telegram", lambda route: route.abort())
    await visitor.page.locator("#faults-button").click()
    for _ in range(2):
        await visitor.page.get_by_role("button", name="Passerelle en panne").click()
    notice = visitor.page.locator(".notice.wrong")
    await expect(notice).to_contain_text("La démonstration ne répond plus")
    await visitor.page.wait_for_function("""() => {
        const [notice, ...others] = document.querySelectorAll(".notice.wrong");
        if (!notice || others.length) return false;
        notice.style.pointerEvents = "auto";
        const box = notice.getBoundingClientRect();
        return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === notice;
    }""")


async def test_an_unreadable_picture_of_the_ftp_is_said_to_be_one(visitor: Visitor) -> None:
    files = await visitor.show("files")
    await files.locator('[data-folder="Documents"]').click()
    await expect(files.locator("[aria-current=page]")).to_have_text("Documents")
    name = f"{visitor.width} d'été, 100 % « neuf » & <b>.png"
    await files.locator("input[type=file]").set_input_files(
        FilePayload(name=name, mimeType="image/png", buffer=b"rien")
    )
    await files.locator(".files-row").filter(has_text=name).click()
    preview = visitor.page.get_by_role("dialog", name=name)
    await expect(preview).to_contain_text("n'est pas une image lisible")


async def test_a_page_without_its_demonstration_says_so_and_fits_the_screen(visitor: Visitor, demo: Demo) -> None:
    await visitor.page.route("**/events", lambda route: route.abort())
    await visitor.page.goto(demo.url)
    await expect(visitor.page.locator("#state")).to_contain_text("ne répond plus")
    screen = visitor.page.viewport_size
    assert screen
    # A phone that is shown something wider grows its own idea of the screen.
    assert await visitor.page.evaluate("innerWidth") == screen["width"]
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
