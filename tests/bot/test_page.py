"""The sandbox's page in Chromium, at a desk and on a phone: what people do there really happens."""

import pytest
from playwright.async_api import expect

from bot.sandbox import pictures
from tests.peers.browser import Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

LINE = "06 39 98 00 01"


async def test_a_number_is_answered_with_the_state_of_its_line(visitor: Visitor) -> None:
    await visitor.link_telephone()
    answer = await visitor.write("/status 0639980001")
    await expect(answer).to_contain_text(f"{LINE} : ")
    await expect(answer).to_contain_text("Dupont BTP")
    await expect(answer).to_contain_text("AccountStatus_")


async def test_a_wrong_logo_is_refused_with_a_right_one_and_nothing_is_placed(visitor: Visitor) -> None:
    await visitor.link_telephone()
    await visitor.write("/upload logo")
    refused = await visitor.send_file("logo-site.png", pictures.logo(190, 190, dpi=72))
    await expect(refused).to_contain_text("190 × 190")
    await expect(refused).to_contain_text("72 dpi")
    await expect(refused.get_by_role("button", name="Déposer la version corrigée")).to_be_visible()
    await refused.get_by_role("button", name="Abandonner").click()
    await expect(visitor.page.locator("#chat")).to_contain_text("abandonné")
