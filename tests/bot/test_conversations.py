"""Whole conversations: the unmodified service, its worker and workshop, an FTP, a mail server and a Bot API server.

What is typed goes through Telegram's own HTTP interface, and what is checked is what the telephone shows.
"""

import asyncio
import io
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import date, datetime
from itertools import count

import openpyxl
import pytest
import pytest_asyncio
from PIL import Image
from rich.console import Console

from bot.desk import open_desk
from bot.desk.people import TECHNICAL, People
from bot.sandbox.botapi import Phone
from bot.sandbox.botapi.world import Message
from bot.sandbox.house import ACCOUNTING, Sandbox
from bot.sandbox.script import Play
from core import rio
from core.numbers import show
from handlers import french, registry

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

TODAY = date(2026, 11, 24)
LINE, SUSPENDED, RESERVED, TERMINATED = "0639980001", "0639980002", "0639980004", "0639980005"
CLIENT = "Dupont BTP"
PATIENCE = 30

_numbers = count(4_300_001)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(TODAY) as sandbox:
        assert await Play(sandbox, Console(file=io.StringIO())).open()
        yield sandbox


@pytest.fixture
def camille(box: Sandbox) -> Phone:
    """A telephone of the technical contact; each conversation has its own, so that none waits for another's rate."""
    return bound(box)


def bound(box: Sandbox) -> Phone:
    number = next(_numbers)
    phone = box.api.phone(number, "Camille", started=True)
    with closing(open_desk(box.folder / "data")) as desk:
        people = People(desk)
        with desk.atomic():
            code = people.new_code(TECHNICAL, int(time.time()))
        assert people.enrol(number, code, int(time.time()))
    return phone


async def ask(phone: Phone, text: str) -> Message:
    return await phone.ask(text, timeout=PATIENCE)


async def press(phone: Phone, message: Message, button: str) -> Message:
    """Touch a button and wait for what it brings: a new message, or this one with another content."""
    phone.press(message, button)
    return await phone.wait(lambda it: bool(it.text), timeout=PATIENCE)


async def file_of(phone: Phone) -> Message:
    return await phone.wait(lambda message: message.document is not None, timeout=PATIENCE)


def sheet(message: Message) -> "openpyxl.Workbook":
    assert message.document
    assert message.document.name.endswith(".xlsx")
    return openpyxl.load_workbook(io.BytesIO(message.document.content))


def cells(book: "openpyxl.Workbook") -> Iterator[str]:
    for page in book:
        for row in page.iter_rows(values_only=True):
            yield from (str(cell) for cell in row if cell is not None)


# A line


async def test_a_line_is_told_by_its_number(camille: Phone) -> None:
    answer = await ask(camille, f"/status {LINE}")
    assert answer.text.startswith(f"🟢 {show(LINE)} : active\n")
    assert f"Client : {CLIENT}" in answer.text
    assert re.search(r"état au 24/11 à 08:00 \(il y a .*\), fichier AccountStatus_\d+_\d+\.csv", answer.text)
    assert answer.labels == ["Conso", "Historique", "PUK", "Exporter", "Demander à l'équipe"]


async def test_a_number_alone_in_any_writing_is_the_same_question(camille: Phone) -> None:
    for text in ("+33 6 39 98 00 01", "06.39.98.00.01"):
        assert show(LINE) in (await ask(camille, text)).text


async def test_its_number_and_its_card_are_copied_by_a_touch(camille: Phone, box: Sandbox) -> None:
    answer = await ask(camille, f"statut {LINE}")
    assert f"<code>{show(LINE)}</code>" in answer.html
    assert f"<code>{box.operator.line(LINE).iccid}</code>" in answer.html


async def test_options_are_told_where_the_file_has_them(camille: Phone, box: Sandbox) -> None:
    line = next(line for line in box.operator.lines if line.options and line.client)
    assert f"Options : {line.options}" in (await ask(camille, f"/status {line.msisdn}")).text


async def test_a_line_is_found_by_its_card(camille: Phone, box: Sandbox) -> None:
    iccid = box.operator.line(LINE).iccid
    assert show(LINE) in (await ask(camille, f"/status {iccid}")).text


async def test_last_digits_that_several_lines_share_become_buttons(camille: Phone, box: Sandbox) -> None:
    endings = Counter(text[-4:] for line in box.operator.lines for text in (line.msisdn, line.iccid))
    shared = next(digits for digits, count in sorted(endings.items()) if 2 <= count <= 8)
    expected = {
        show(line.msisdn) for line in box.operator.lines if line.msisdn.endswith(shared) or line.iccid.endswith(shared)
    }
    answer = await ask(camille, f"/status {shared}")
    assert answer.text.startswith(f"{len(expected)} lignes correspondent")
    assert set(answer.labels) == expected
    assert answer.labels[0] in (await press(camille, answer, answer.labels[0])).text


async def test_a_number_with_a_wrong_digit_proposes_the_near_ones(camille: Phone, box: Sandbox) -> None:
    number = "0639989001"  # nobody's
    assert number not in {line.msisdn for line in box.operator.lines}
    answer = await ask(camille, f"/status {number}")
    assert answer.text.startswith(f"Aucune ligne ne correspond à {french.quoted(show(number))}.")
    assert "Vouliez-vous dire" in answer.text
    assert show(LINE) in answer.labels
    assert show(LINE) in (await press(camille, answer, show(LINE))).text


async def test_a_suspended_line_says_since_when_and_what_traffic_it_had(camille: Phone) -> None:
    answer = await ask(camille, f"/status {SUSPENDED}")
    assert answer.text.startswith(f"🟠 {show(SUSPENDED)} : suspendue")
    assert "Depuis : " in answer.text


async def test_its_buttons_ask_on(camille: Phone) -> None:
    answer = await ask(camille, f"/status {LINE}")
    assert (await press(camille, answer, "Conso")).text.startswith(f"{show(LINE)} : conso de novembre 2026")
    history = await press(camille, answer, "Historique")
    assert history.text.startswith(f"{show(LINE)} : ")


async def test_exporter_sends_a_spreadsheet_of_the_line(camille: Phone, box: Sandbox) -> None:
    answer = await ask(camille, f"/status {LINE}")
    camille.press(answer, "Exporter")
    book = sheet(await file_of(camille))
    everything = set(cells(book))
    assert box.operator.line(LINE).iccid in everything
    assert box.operator.line(LINE).rio not in everything
    assert not {sim.puk1 for sim in box.operator.sims} & everything


async def test_what_changed_on_a_line_is_told_newest_first(camille: Phone, box: Sandbox) -> None:
    line = "0639980050"
    for hour, status in ((9, "Suspendue"), (10, "Active")):
        box.operator.change_line(line, status=status)
        box.operator.deliver_status(datetime(2026, 11, 24, hour))
        await box.phone.wait(lambda message: show(line) in message.text, timeout=PATIENCE)
    answer = await ask(camille, f"/historique {line}")
    assert answer.text.startswith(
        f"{show(line)} : 2 changements\n"
        "24/11 à 10:00 · rétablie · Suspendue → Active\n24/11 à 09:00 · suspendue · Active → Suspendue\n"
    )


# Lists


async def test_pages_are_turned_in_place_and_old_buttons_still_answer(camille: Phone, box: Sandbox) -> None:
    answer = await ask(camille, "/lignes Dupont")
    total = sum(line.client == CLIENT for line in box.operator.lines)
    assert answer.text.startswith(f"{CLIENT} : {total} lignes (1 à 8)")
    second = await press(camille, answer, next(label for label in answer.labels if label.endswith("▶")))
    assert second.message_id == answer.message_id
    assert second.edited
    assert f"{CLIENT} : {total} lignes (9 à 16)" in second.text
    first = await press(camille, second, next(label for label in second.labels if label.startswith("◀")))
    assert (first.message_id, first.text) == (answer.message_id, answer.text)


async def test_lines_of_a_client_in_a_status(camille: Phone, box: Sandbox) -> None:
    answer = await ask(camille, "/lignes dupont suspendues")
    there = [
        line.msisdn
        for line in box.operator.lines
        if line.client == CLIENT and line.status.startswith(("Suspendue", "Suspended"))
    ]
    assert f"{CLIENT} : {len(there)} ligne" in answer.text
    assert show(SUSPENDED) in answer.text
    assert show(LINE) not in answer.text
    state = await press(camille, answer, show(SUSPENDED))
    assert "suspendue" in state.text


async def test_lines_as_a_spreadsheet(camille: Phone, box: Sandbox) -> None:
    answer = await ask(camille, "/lignes Dupont")
    camille.press(answer, "Tableur")
    everything = set(cells(sheet(await file_of(camille))))
    numbers = {line.msisdn for line in box.operator.lines if line.client == CLIENT}
    assert numbers <= everything


async def test_clients_and_their_lines(camille: Phone, box: Sandbox) -> None:
    answer = await ask(camille, "/clients")
    assert answer.text.startswith(f"{len(box.operator.clients)} clients")
    one = await press(camille, answer, answer.labels[0])
    assert one.text.startswith(answer.labels[0])
    assert "Conso" in one.labels


# Cards and codes


async def test_the_stock_of_cards(camille: Phone) -> None:
    answer = await ask(camille, "/sim")
    assert re.match(r"\d+ cartes SIM connues\nSur une ligne : \d+\nSur aucune ligne : \d+", answer.text)


async def test_one_card(camille: Phone, box: Sandbox) -> None:
    card = box.operator.line(LINE).iccid
    answer = await ask(camille, f"/sim {card}")
    assert answer.text.startswith(f"SIM {card}\nLigne : {show(LINE)}\nClient : {CLIENT}")
    assert "PUK" in answer.labels


async def test_a_puk_is_hidden_until_touched_and_cannot_be_passed_on(camille: Phone, box: Sandbox) -> None:
    listed = {sim.iccid: sim for sim in box.operator.sims}
    line = next(line for line in box.operator.lines if line.client and line.iccid in listed)
    asked = await ask(camille, f"/puk {line.msisdn}")
    puk = listed[line.iccid].puk1
    assert puk not in asked.text
    camille.press(asked, "Montrer le code")
    answer = await camille.wait(lambda message: "Code PUK" in message.text)
    assert f"Code PUK : {puk}" in answer.text
    assert f"<tg-spoiler>{puk}</tg-spoiler>" in answer.html
    assert answer.protected


async def test_no_code_in_a_group(box: Sandbox) -> None:
    camille = bound(box)
    group = box.api.group(-1001 - secrets.randbelow(10**6), "Équipe technique")
    there = camille.in_group(group)
    state = await ask(there, f"/status {LINE}")
    assert "PUK" not in state.labels
    refused = await ask(there, f"/puk {LINE}")
    assert "conversation privée" in refused.text
    there.send("bonjour à tous")
    camille.send("/aide")
    await camille.wait(1, PATIENCE)
    assert len(there.messages) == 2


# RIO


def right_rio(number: str) -> str:
    return "01EB0R1SO" + rio.key("01EB0R1SO", number)


async def test_a_rio_in_any_order_and_spacing(camille: Phone) -> None:
    code = right_rio(LINE)
    for text in (f"/rio {code} {LINE}", f"rio {show(LINE)} {code[:2]} {code[2:6]} {code[6:].lower()}"):
        assert (await ask(camille, text)).text.startswith(f"✅ RIO correct : {code} va avec le {show(LINE)}")


async def test_a_rio_alone_asks_for_its_number(camille: Phone) -> None:
    assert "ne se vérifie qu'avec le numéro" in (await ask(camille, right_rio(LINE))).text


async def test_o_for_0_is_proposed(camille: Phone) -> None:
    code = right_rio(LINE)
    answer = await ask(camille, f"/rio check {code[:4]}O{code[5:]} {LINE}")
    assert answer.text.startswith("❌ RIO faux")
    assert f"{code} serait juste" in answer.text


async def test_a_list_of_rios_comes_back_annotated(camille: Phone) -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page
    page.append(["Nom", "RIO", "Téléphone"])
    page.append(["Un", right_rio(LINE), show(LINE)])
    page.append(["Deux", right_rio(LINE), show(SUSPENDED)])
    page.append(["Trois", right_rio(RESERVED), 639980004])
    content = io.BytesIO()
    book.save(content)
    camille.send_file("portabilités.xlsx", content.getvalue())
    answer = await file_of(camille)
    assert answer.caption.startswith("portabilités.xlsx : 3 RIO vérifiés\n✅ 2 justes\n❌ 1 faux")
    rows = list(sheet(answer).active.iter_rows(values_only=True))  # type: ignore[union-attr]
    assert [row[:3] for row in rows[1:]] == [
        ("Un", right_rio(LINE), show(LINE)),
        ("Deux", right_rio(LINE), show(SUSPENDED)),
        ("Trois", right_rio(RESERVED), 639980004),
    ]
    verdicts = rows[0].index("Verdict")
    assert [row[verdicts] for row in rows[1:]] == ["Juste", "Faux", "Juste"]


# Consumption


async def test_the_consumption_of_a_client_with_its_picture_and_spreadsheet(camille: Phone, box: Sandbox) -> None:
    expected = box.operator.usage(CLIENT, "2026-10")
    answer = await ask(camille, "/conso dupont octobre")
    assert answer.text.startswith(f"{CLIENT} : conso d'octobre 2026")
    assert french.euros(expected.amount) in answer.text
    assert french.duration(expected.voice_seconds) in answer.text
    assert "En septembre 2026 : " in answer.text
    assert "Hors forfait : " in answer.text
    picture = await camille.wait(lambda message: message.photo is not None, timeout=PATIENCE)
    assert picture.photo
    assert Image.open(io.BytesIO(picture.photo.content)).width >= 800
    camille.press(answer, "Tableur")
    book = sheet(await file_of(camille))
    callers = {
        cdr.caller
        for cdr in box.operator.cdrs
        if cdr.client == CLIENT and (cdr.start.year, cdr.start.month) == (2026, 10)
    }
    assert callers
    assert callers <= set(cells(book))


async def test_a_client_s_name_alone_asks_for_its_consumption(camille: Phone) -> None:
    assert (await ask(camille, "dupont btp")).text.startswith(f"{CLIENT} : conso de novembre 2026")


async def test_a_mistyped_name_is_found_and_said(camille: Phone) -> None:
    answer = await ask(camille, "/conso duont btp octobre")
    assert CLIENT in answer.text
    assert "lu comme" in answer.text or CLIENT in answer.labels


async def test_some_days(camille: Phone) -> None:
    answer = await ask(camille, f"/conso {LINE} du 1 au 15 octobre")
    assert answer.text.startswith(f"{show(LINE)} : ")
    assert "du 1er au 15 octobre 2026" in answer.text


async def test_a_line_s_communications_hide_who_was_called(camille: Phone, box: Sandbox) -> None:
    sent = await ask(camille, f"/cdr {LINE} octobre")
    assert sent.caption.startswith(f"{show(LINE)} : ")
    everything = list(cells(sheet(sent)))
    called = {cdr.called for cdr in box.operator.cdrs if cdr.caller == LINE and cdr.called and len(cdr.called) == 10}
    assert called
    assert not called & {re.sub(r"\D", "", cell) for cell in everything}
    assert any(re.fullmatch(r"0\d \d\d \d\d XX XX", cell) for cell in everything)


# Papers


async def test_an_invoice_is_fetched_by_its_button(camille: Phone, box: Sandbox) -> None:
    answer = await ask(camille, "/factures origyne octobre 2026")
    assert answer.text.startswith("Origyne : 1 facture d'octobre 2026")
    camille.press(answer, next(label for label in answer.labels if label.startswith("📄")))
    sent = await file_of(camille)
    (invoice,) = (box.operator.root / "Factures/Intégrateur/2026-10").iterdir()
    assert sent.document
    assert sent.document.content == invoice.read_bytes()


async def test_invoices_of_a_client(camille: Phone) -> None:
    answer = await ask(camille, "/factures dupont")
    assert re.match(rf"{CLIENT} : \d+ factures?\n", answer.text)


async def test_a_document_is_fetched(camille: Phone) -> None:
    answer = await ask(camille, "/documents")
    camille.press(answer, next(label for label in answer.labels if label.startswith("📄")))
    assert (await file_of(camille)).document


# The bot itself


async def test_a_pass_on_demand_and_what_it_found(camille: Phone, box: Sandbox) -> None:
    assert (await ask(camille, "/sync")).text.startswith("Passe terminée")


async def test_the_state_of_the_bot(camille: Phone) -> None:
    answer = await ask(camille, "/etat")
    for folder in ("AccountStatus", "RatedCDRs", "BilledCDRs", "Cartes SIM"):
        assert folder in answer.text
    assert "prochaine" in answer.text.lower()


async def test_rows_set_aside(camille: Phone) -> None:
    assert re.search(r"rangées? de côté|Aucune rangée", (await ask(camille, "/rejets")).text)


async def test_alerts_are_switched_in_place(camille: Phone) -> None:
    answer = await ask(camille, "/alertes")
    assert "🔔 changements de lignes" in answer.text
    off = await press(camille, answer, "🔔 lignes")
    assert off.message_id == answer.message_id
    assert "🔕 changements de lignes" in off.text
    night = await ask(camille, "/alertes silence 20h à 8h")
    assert "Sans sonnerie de 20 h à 8 h" in night.text
    on = await ask(camille, "/alertes lignes oui")
    assert "🔔 changements de lignes" in on.text


async def test_help_and_each_of_its_commands(camille: Phone) -> None:
    answer = await ask(camille, "/aide")
    technical = [command for command in registry.commands() if "technique" in command.roles]
    assert all(f"/{command.name} : " in answer.text for command in technical)
    assert (await ask(camille, "/aide conso")).text.startswith("/conso : ")


async def test_the_menu_has_every_command_of_the_role(box: Sandbox) -> None:
    technical = [command.name for command in registry.commands() if "technique" in command.roles]
    assert [command.command for command in box.phone.menu] == technical


async def test_a_mistyped_command_is_proposed_as_a_button(camille: Phone) -> None:
    answer = await ask(camille, f"/statsu {LINE}")
    assert "Vouliez-vous dire /status" in answer.text
    assert show(LINE) in (await press(camille, answer, answer.labels[0])).text


async def test_a_wrong_argument_gets_the_usage_and_an_example(camille: Phone) -> None:
    answer = await ask(camille, "/status abc")
    assert "Usage : /status" in answer.text
    assert "Exemple : /status" in answer.text


# Behaviour


async def test_an_edited_question_edits_its_answer(camille: Phone) -> None:
    question = camille.send(f"/status {SUSPENDED}")
    first = await camille.wait(1, PATIENCE)
    camille.edit(question, f"/status {LINE}")
    second = await camille.wait(lambda message: message.edited, timeout=PATIENCE)
    assert second.message_id == first.message_id
    assert show(LINE) in second.text
    assert len(camille.messages) == 1


async def test_questions_of_several_people_do_not_wait_for_each_other(box: Sandbox) -> None:
    phones = [bound(box) for _ in range(8)]
    for phone in phones:
        phone.send(f"/cdr {LINE} octobre")
        phone.send(f"/status {LINE}")
    for phone in phones:
        await phone.wait(2, timeout=PATIENCE)
        assert [message.document is not None for message in phone.messages].count(True) == 1
        assert sum("état au" in message.text for message in phone.messages) == 1


async def test_a_long_name_with_odd_signs_is_shown_as_it_is(camille: Phone, box: Sandbox) -> None:
    client = next(client.name for client in box.operator.clients if '"' in client.name or "&" in client.name)
    answer = await ask(camille, f"/conso {client}")
    assert client in answer.text


# By mail and in the terminal


async def test_the_accountant_asks_by_mail_and_gets_the_spreadsheet(box: Sandbox) -> None:
    question = "conso dupont octobre 2026 tableur"
    sent = await box.write_mail(ACCOUNTING, "Chiffres", question)
    raw = await box.mail.wait_for(ACCOUNTING, lambda raw: f"In-Reply-To: {sent}".encode() in raw, 100)
    assert b".xlsx" in raw


async def test_a_puk_never_leaves_by_mail(box: Sandbox) -> None:
    line = next(line for line in box.operator.lines if line.client)
    sent = await box.write_mail(ACCOUNTING, "Question", f"status {line.msisdn}\npuk {line.msisdn}")
    raw = await box.mail.wait_for(ACCOUNTING, lambda raw: f"In-Reply-To: {sent}".encode() in raw, 100)
    assert not [sim.puk1 for sim in box.operator.sims if sim.puk1.encode() in raw]


# What is read on the screen

#: A raw code of ours, an English word, or a French one without its accent.
_WINCE = re.compile(
    r"\b(?:None|True|False|null|nan|active_|[a-z]+_[a-z_]+|unknown|suspended|terminated|reserved|stock_|voice|premium|other|"
    r"etat|numero|resiliee?s?|reservee?s?|activee|derniere|reçue? le \D|periode|detail|facturee|a l'heure|deja|apres|"
    r"telephone|operateur|integrateur|cote|melange|echec|envoye|recu|annee|fevrier|aout|decembre)\b"
)


async def test_no_raw_code_no_english_and_no_missing_accent_on_the_main_paths(box: Sandbox) -> None:
    # Several telephones, since a chat is answered once a second at most; one alone asks all about a command.
    commands = iter(registry.commands())
    words: list[str] = []

    async def ask_all(phone: Phone) -> None:
        for command in commands:
            for text in (command.name, *command.examples):
                question = phone.send(f"/{text}").message_id
                await phone.wait(lambda it, question=question: it.reply_to == question, timeout=2 * PATIENCE)
        words.extend(message.text or message.caption for message in phone.messages)

    await asyncio.gather(*(ask_all(bound(box)) for _ in range(6)))
    assert len(words) >= sum(1 + len(command.examples) for command in registry.commands())
    # Files are named by the operator, or as their question was.
    shown = [re.sub(r"\S+\.(?:csv|pdf|xlsx|png|toml)|/\w+|origyne-bot \w+", "", text) for text in words]
    assert [found for text in shown for found in _WINCE.findall(text.replace("/etat", ""))] == []
