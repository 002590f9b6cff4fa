"""From the operator's files to the mails and messages that tell of them: each once, to whom it concerns."""

import asyncio
import io
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from openpyxl import load_workbook

from bot.desk import progress
from bot.desk.people import TECHNICAL
from bot.house import House, open_house
from bot.mail.attachments import as_it_travels
from bot.notices.digest import announce, notify
from bot.notices.news import News
from bot.sandbox.operator import Operator
from bot.sandbox.tree import Tree
from bot.telegram.drawing import Message
from core import events, store
from core.intake import MIRROR
from tests.handlers.filled import NOW, make_pass, settings, small_operator

ACCOUNTING, TECHNICAL_MAIL = "compta@telecom.example", "technique@telecom.example"
CHAT = 4200001


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An operator's tree and a data folder after the first pass over it."""
    folder = tmp_path_factory.mktemp("morning")
    operator = small_operator(folder / "ftp")
    asyncio.run(make_pass(operator.root, folder / "data"))
    return folder


@pytest.fixture
def folder(morning: Path, tmp_path: Path) -> Path:
    shutil.copytree(morning, tmp_path / "x")
    return tmp_path / "x"


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    house = open_house(settings(folder / "data"))
    yield house
    close(house)


@pytest.fixture
def caught_up(house: House) -> House:
    """A house that has told all of the first pass and forgot it, with the contact's chat bound."""
    notified(house)
    house.desk.execute("DELETE FROM outbox")
    house.desk.execute("DELETE FROM faults")
    house.people.enrol(CHAT, house.people.new_code(TECHNICAL, NOW), NOW)
    return house


def room_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail takes two files of a hundred bytes."""
    monkeypatch.setattr("bot.notices.digest.room_for_files", lambda megabytes: 2 * as_it_travels(100))


def notified(house: House) -> int:
    return asyncio.run(notify(house))


def close(house: House) -> None:
    house.desk.close()
    house.context.telecom.close()


def mails(house: House) -> list[EmailMessage]:
    rows = house.desk.execute("SELECT payload FROM outbox WHERE channel = 'mail' ORDER BY id")
    found = [message_from_bytes(payload, policy=default) for (payload,) in rows]
    assert all(isinstance(message, EmailMessage) for message in found)
    return [message for message in found if isinstance(message, EmailMessage)]


def chats(house: House) -> list[tuple[str, str]]:
    rows = house.desk.execute("SELECT recipient, payload FROM outbox WHERE channel = 'chat' ORDER BY id")
    return [(recipient, Message.restored(payload, None).html) for recipient, payload in rows]


def text(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    assert part
    return str(part.get_content()).replace("\r\n", "\n")


def attachments(message: EmailMessage) -> dict[str, bytes]:
    found = {}
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found[part.get_filename() or ""] = content
    return found


def subjects(house: House) -> list[str]:
    return [str(message["Subject"]) for message in mails(house)]


def the_mail(house: House, words: str) -> EmailMessage:
    (found,) = (message for message in mails(house) if words in message["Subject"])
    return found


def happens(folder: Path, kind: events.Kind, path: str, *, in_a_pass: bool = True, **data: object) -> None:
    """An event of a file, as the intake writes it."""
    with closing(store.open_to_write(folder / "data")) as db, db.atomic():
        db.execute(
            "INSERT OR IGNORE INTO files (path, folder, size, stamp, sha256, state, fetched_clock) "
            "VALUES (?, 'other', 1, '', '', 'read', ? + (SELECT count(*) FROM files))",
            (path, NOW),
        )
        (file_id,) = db.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
        events.write(db, kind, file_id, **data)
        if in_a_pass:
            end_pass(folder, db.execute)


def end_pass(folder: Path, execute: Callable[[str], object]) -> None:
    execute(
        "INSERT INTO passes (started_clock, ended_clock, fetched, last_event) "
        "VALUES (0, 0, 0, (SELECT max(id) FROM events))"
    )


def invoice(folder: Path, name: str, month: int, *, size: int = 100, client: str = "", replaced: bool = False) -> None:
    side = "Clients" if client else "Intégrateur"
    path = f"Factures/{side}/{name}"
    file = folder / "data" / MIRROR / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"%PDF" + b"x" * (size - 4))
    kind: events.Kind = "invoice.client" if client else "invoice.operator"
    happens(folder, kind, path, month=month, client=client, replaced=replaced)


# Accounting


def test_the_operators_invoice_goes_to_accounting_with_its_pdf(house: House, folder: Path) -> None:
    notified(house)
    message = the_mail(house, "facture Origyne")
    (original,) = (folder / "ftp/Factures/Intégrateur/2026-10").glob("*.pdf")
    assert message["To"] == ACCOUNTING
    assert attachments(message)[original.name] == original.read_bytes()


def test_the_purge_of_past_months_is_told_to_the_technical_contact(caught_up: House, folder: Path) -> None:
    with closing(store.open_to_write(folder / "data")) as db, db.atomic():
        data = {"rows": 1200, "first_month": 202509, "last_month": 202510, "files": 61, "rejects": 2, "kept": 202511}
        events.write(db, "cdrs.purged", None, **data)
        end_pass(folder, db.execute)
    notified(caught_up)
    mail = the_mail(caught_up, "communications effacées")
    assert mail["To"] == TECHNICAL_MAIL
    assert "Détail de septembre 2025 à octobre 2025" in text(mail)
    assert "61 fichiers gardés effacés" in text(mail)
    assert "Les totaux et les factures restent." in text(mail)


def test_the_clients_invoices_of_a_month_are_one_mail(house: House, folder: Path) -> None:
    notified(house)
    message = the_mail(house, "4 factures clients")
    originals = {path.name: path.read_bytes() for path in (folder / "ftp/Factures/Clients/2026-10").glob("*.pdf")}
    assert message["To"] == ACCOUNTING
    assert originals.items() <= attachments(message).items()


def test_the_client_invoices_of_several_months_are_one_mail(caught_up: House, folder: Path) -> None:
    for month in (202609, 202611):
        for client in ("Dupont", "Garage"):
            invoice(folder, f"{month}_{client}.pdf", month, client=client)
    notified(caught_up)
    assert subjects(caught_up) == [
        "Télécom Exemple : 4 factures clients de septembre et novembre 2026",
    ]


def test_the_billing_file_tells_each_clients_amount(house: House, folder: Path) -> None:
    notified(house)
    message = the_mail(house, "relevé de facturation d'octobre 2026")
    assert message["To"] == ACCOUNTING
    told = text(message)
    assert "Octobre 2026 par client" in told
    assert all(name in told for name in ("Dupont BTP", "Boulangerie Pâquerette & Fils", "Garage de l'Étoile"))


def test_the_total_of_a_month_is_told_however_many_clients_there_are(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.mail.letter.MOST_ROWS", 2)
    notified(house)
    told = text(the_mail(house, "relevé de facturation"))
    assert "… et 2 autres" in told
    assert "Total : " in told


def test_a_mail_never_claims_to_be_the_legal_invoice(house: House) -> None:
    notified(house)
    for subject in ("facture Origyne", "factures clients"):
        told = text(the_mail(house, subject))
        words = " ".join(told.split())  # a text's prose is in short lines
        assert "Copie pour consultation : la facture légale est celle reçue par votre plateforme agréée." in words


def test_accounting_is_told_nothing_technical(house: House) -> None:
    notified(house)
    (one,) = (message for message in mails(house) if message["To"] == ACCOUNTING)
    assert not re.search(r"fichiers? de CDR|changement|Cartes SIM", text(one))


def test_an_invoice_that_replaces_another_says_so(caught_up: House, folder: Path) -> None:
    invoice(folder, "a.pdf", 202610, replaced=True)
    notified(caught_up)
    assert "a.pdf (remplace la précédente)" in text(mails(caught_up)[0])


def test_an_invoice_whose_month_is_unknown_is_sent_all_the_same(caught_up: House, folder: Path) -> None:
    invoice(folder, "a.pdf", 0)
    notified(caught_up)
    (message,) = mails(caught_up)
    assert message["Subject"] == "Télécom Exemple : facture Origyne d'un mois inconnu"
    assert list(attachments(message)) == ["a.pdf"]


def test_invoices_of_several_months_name_the_first_and_the_last(caught_up: House, folder: Path) -> None:
    for month in (202512, 202601, 202603, 0):
        invoice(folder, f"{month}.pdf", month)
    notified(caught_up)
    assert subjects(caught_up) == ["Télécom Exemple : 4 factures Origyne de décembre 2025 à mars 2026"]


def test_the_newest_invoices_are_attached_as_far_as_there_is_room(
    caught_up: House, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_for_two(monkeypatch)
    for month in (202608, 202609, 202610):
        invoice(folder, f"{month}.pdf", month, size=100)
    notified(caught_up)
    (message,) = mails(caught_up)
    assert set(attachments(message)) == {"202609.pdf", "202610.pdf"}
    assert "202608.pdf" in text(message)
    assert "factures Factures/Intégrateur/202608.pdf" in " ".join(text(message).split())


def test_a_small_invoice_goes_along_beside_one_that_is_too_large(
    caught_up: House, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_for_two(monkeypatch)
    invoice(folder, "large.pdf", 202610, size=3000)
    invoice(folder, "small.pdf", 202609, size=100)
    notified(caught_up)
    assert list(attachments(mails(caught_up)[0])) == ["small.pdf"]


def test_an_invoice_that_is_gone_from_the_disk_does_not_hold_back_the_others(caught_up: House, folder: Path) -> None:
    invoice(folder, "a.pdf", 202610)
    invoice(folder, "b.pdf", 202609)
    (folder / "data" / MIRROR / "Factures/Intégrateur/a.pdf").unlink()
    notified(caught_up)
    (message,) = mails(caught_up)
    assert list(attachments(message)) == ["b.pdf"]
    assert "À prendre sur le FTP : a.pdf." in text(message)


def test_who_hears_of_invoices_in_the_chat_has_them_a_touch_away(caught_up: House, folder: Path) -> None:
    routed(folder, '[factures]\ntechnique = "chat"\n')
    invoice(folder, "a.pdf", 202610)
    notified(caught_up)
    ((payload,),) = caught_up.desk.execute(_CHATS).fetchall()
    assert Message.restored(payload, None).buttons == ((("📄 Les PDF", "factures origyne 2026-10"),),)


# Technical


def test_the_first_pass_is_told_in_one_technical_mail(house: House) -> None:
    notified(house)
    (message,) = (message for message in mails(house) if message["To"] == TECHNICAL_MAIL)
    told = text(message)
    assert "Première lecture : 24 lignes, 4 clients" in told
    assert "Cartes SIM" in told
    assert "fichiers de CDR" in told


def test_the_technical_contact_is_greeted_by_name(house: House) -> None:
    notified(house)
    (message,) = (message for message in mails(house) if message["To"] == TECHNICAL_MAIL)
    assert text(message).startswith("Bonjour Camille Martin,\n")


def test_the_row_that_could_not_be_read_is_reported_with_its_file_line_and_reason(house: House) -> None:
    notified(house)
    (message,) = (message for message in mails(house) if message["To"] == TECHNICAL_MAIL)
    told = " ".join(text(message).split())
    assert "1 rangée mise de côté" in told
    assert "RatedCDRs_20261123_1900_03.csv, ligne 3 : numéro abîmé par un tableur" in told


def test_changes_of_a_later_pass_reach_the_mail_and_the_chat_once(
    caught_up: House, folder: Path, tmp_path: Path
) -> None:
    operator = Operator(tmp_path / "again", lines=24, clients=4, months=2)
    operator.fill()
    shutil.rmtree(folder / "ftp")
    shutil.copytree(operator.root, folder / "ftp")
    operator.tree = Tree(folder / "ftp")
    operator.change_line("0639980001", status="Suspendue")
    operator.deliver_status(datetime(2026, 11, 24, 9, 0))
    asyncio.run(make_pass(folder / "ftp", folder / "data"))
    notified(caught_up)
    (message,) = mails(caught_up)
    assert message["Subject"] == "Télécom Exemple : 1 changement de ligne (06 39 98 00 01 suspendue)"
    assert "06 39 98 00 01" in text(message)
    assert "Active → Suspendue" in text(message)
    ((recipient, html),) = chats(caught_up)
    assert recipient == str(CHAT)
    assert "06 39 98 00 01" in html
    # The line is a touch away in the chat, which is no line to read in a mail.
    ((payload,),) = caught_up.desk.execute("SELECT payload FROM outbox WHERE channel = 'chat'").fetchall()
    assert Message.restored(payload, None).buttons == ((("06 39 98 00 01", "status 0639980001"),),)
    assert "répondre à ce courriel" not in text(message)


def test_without_a_chat_the_digest_goes_by_mail_alone(house: House) -> None:
    notified(house)
    assert chats(house) == []


def test_many_events_of_a_pass_are_one_digest(caught_up: House, folder: Path) -> None:
    for number in range(50):
        happens(
            folder,
            "line.suspended",
            "AccountStatus/a.csv",
            msisdn=f"06399800{number:02}",
            client="Dupont",
            before="Active",
            after="Suspendue",
            at=NOW,
        )
    happens(folder, "file.waiting", "RatedCDRs/x.csv", reason="colonne du numéro introuvable")
    notified(caught_up)
    (message,) = mails(caught_up)
    assert message["Subject"].startswith("Télécom Exemple : 50 changements de lignes (suspendues), 1 fichier attend")
    assert "RatedCDRs/x.csv : colonne du numéro introuvable" in text(message)


def test_a_pass_without_news_writes_nothing(caught_up: House, folder: Path) -> None:
    asyncio.run(make_pass(folder / "ftp", folder / "data"))
    assert notified(caught_up) == 0
    assert mails(caught_up) == []


def test_a_client_named_like_markup_breaks_no_message(caught_up: House, folder: Path) -> None:
    happens(
        folder,
        "line.suspended",
        "AccountStatus/a.csv",
        msisdn="0639980001",
        client="<b>&",
        before="",
        after="x",
        at=NOW,
    )
    notified(caught_up)
    assert "&lt;b&gt;&amp;" in chats(caught_up)[0][1]


# Exactly once


def test_nothing_is_told_twice(house: House) -> None:
    assert notified(house) > 0
    before = subjects(house)
    assert notified(house) == 0
    assert subjects(house) == before


def test_nothing_is_told_twice_after_a_restart(house: House, folder: Path) -> None:
    notified(house)
    before = subjects(house)
    again = open_house(settings(folder / "data"))
    assert notified(again) == 0
    assert subjects(again) == before
    close(again)


def test_a_crash_before_the_end_leaves_all_to_be_told(
    house: House, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(House, "write_letter", crash)
    with pytest.raises(KeyboardInterrupt):
        notified(house)
    monkeypatch.undo()
    again = open_house(settings(folder / "data"))
    assert mails(again) == []
    assert notified(again) > 0
    assert len(mails(again)) == 2
    close(again)


def test_a_pass_that_has_not_ended_announces_nothing(caught_up: House, folder: Path) -> None:
    happens(folder, "file.waiting", "RatedCDRs/x.csv", in_a_pass=False, reason="x")
    assert notified(caught_up) == 0
    assert mails(caught_up) == []


def test_what_a_broken_off_pass_found_is_told_after_the_next(caught_up: House, folder: Path) -> None:
    happens(folder, "file.waiting", "RatedCDRs/x.csv", in_a_pass=False, reason="x")
    notified(caught_up)
    happens(folder, "file.waiting", "RatedCDRs/y.csv", reason="y")
    assert notified(caught_up) == 2
    assert "RatedCDRs/x.csv" in text(mails(caught_up)[0])


def test_the_cursor_stands_at_the_last_event(house: House) -> None:
    notified(house)
    (last,) = house.context.telecom.execute("SELECT max(id) FROM events").fetchone()
    assert progress.get(house.desk, "event_cursor") == last


def test_a_process_that_dies_at_any_step_tells_each_event_once(caught_up: House, folder: Path) -> None:
    routed(folder, '[lignes]\ntechnique = ["courriel à 18h", "chat"]\n')
    changed(folder, 2)
    waits(folder, "RatedCDRs/x.csv", "colonne du numéro introuvable")
    close(caught_up)
    steps = dies_at_each_step(folder, 0)
    assert steps > 10
    house = open_house(settings(folder / "data"))
    assert [html.count("06 39 90 00 0") for _, html in chats(house)] == [2]
    assert ["fichier attend" in subject for subject in subjects(house)] == [True]
    assert house.desk.execute("SELECT kind FROM waiting_news").fetchall() == [("line.suspended",)] * 2
    close(house)
    dies_at_each_step(folder, 24)
    house = open_house(settings(folder / "data"))
    assert len(chats(house)) == 1
    assert "2 changements de lignes" in subjects(house)[-1]
    assert len(mails(house)) == 2
    assert house.desk.execute("SELECT count(*) FROM waiting_news").fetchone() == (0,)
    close(house)


def dies_at_each_step(folder: Path, hours: int) -> int:
    """Tell, dying before the first statement on the desk, before the second, and so on, until all is told; how many."""
    for step in range(1, 1000):
        child = os.fork()
        if child == 0:
            try:
                dying(folder, step, hours)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return step
    raise AssertionError("it never ended")


def dying(folder: Path, step: int, hours: int) -> None:
    house = at(open_house(settings(folder / "data")), hours)
    left = step

    def count(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    house.desk.conn.set_trace_callback(count)
    notified(house)


async def test_two_who_tell_at_once_tell_once(caught_up: House, folder: Path) -> None:
    changed(folder, 30)  # a spreadsheet is made meanwhile
    await asyncio.gather(notify(caught_up), notify(caught_up))
    assert len(mails(caught_up)) == len(chats(caught_up)) == 1
    caught_up.context.close()


# What must not be in them


def test_no_mail_or_message_holds_a_secret(house: House, folder: Path) -> None:
    house.people.enrol(CHAT, house.people.new_code(TECHNICAL, int(time.time())), int(time.time()))
    notified(house)
    operator = Operator(folder / "same", lines=24, clients=4, months=2)
    secrets = {code for sim in operator.sims for code in (sim.puk1, sim.puk2)}
    secrets |= {line.rio for line in operator.lines if line.rio}
    told = "\n".join([*subjects(house), *map(text, mails(house)), *(html for _, html in chats(house))])
    assert secrets
    assert not any(secret in told for secret in secrets)


def test_a_subject_is_one_line(caught_up: House, folder: Path) -> None:
    happens(folder, "billed.arrived", "BilledCDRs/x\r\nBcc: evil@evil.example.csv", rows=1, rejected=0)
    notified(caught_up)
    (message,) = mails(caught_up)
    assert message["Bcc"] is None


# Threads, tables, repeats, routes


def test_a_months_invoices_are_one_conversation(caught_up: House, folder: Path) -> None:
    invoice(folder, "a.pdf", 202610)
    notified(caught_up)
    invoice(folder, "b.pdf", 202610, client="Dupont")
    notified(caught_up)
    first, second = mails(caught_up)[-2:]
    assert first["Message-ID"] in second["References"]
    assert first["Reply-To"] == second["Reply-To"]
    invoice(folder, "c.pdf", 202609)
    notified(caught_up)
    assert mails(caught_up)[-1]["Reply-To"] != first["Reply-To"]


def changed(folder: Path, count: int, path: str = "AccountStatus/x.csv") -> None:
    for number in range(count):
        happens(
            folder, "line.suspended", path, msisdn=f"06399{number:05}", client="Dupont BTP",
            before="Active", after="Suspendue", at=NOW,
        )  # fmt: skip


def test_two_hundred_changes_are_one_table_and_a_spreadsheet(caught_up: House, folder: Path) -> None:
    changed(folder, 200)
    notified(caught_up)
    (message,) = mails(caught_up)
    assert message["Subject"] == "Télécom Exemple : 200 changements de lignes (suspendues)"
    ((name, content),) = attachments(message).items()
    assert f"voir {name}, ci-joint" in text(message)
    rows = list(load_workbook(io.BytesIO(content))["Changements de lignes"].iter_rows(values_only=True))
    assert len(rows) == 201
    assert rows[1][:5] == ("0639900000", "Dupont BTP", "suspendue", "Active", "Suspendue")
    assert isinstance(rows[1][5], datetime)
    ((_, shown),) = chats(caught_up)
    assert shown.count("Dupont BTP") == 8
    assert "… et 192 autres, dans le courriel.\nEn tout : 200 suspendues." in shown
    caught_up.context.close()


def test_who_reads_in_the_chat_alone_has_the_spreadsheet_there(caught_up: House, folder: Path) -> None:
    routed(folder, '[lignes]\ntechnique = "chat"\n')
    changed(folder, 21)
    notified(caught_up)
    files = [Message.restored(payload, None).file_name for (payload,) in caught_up.desk.execute(_CHATS)]
    assert [name for name in files if name.endswith(".xlsx")]
    caught_up.context.close()


_CHATS = "SELECT payload FROM outbox WHERE channel = 'chat' ORDER BY id"


def test_without_its_spreadsheet_a_notice_is_told_all_the_same(caught_up: House, folder: Path) -> None:
    caught_up.context.close()  # nothing can be made any more
    changed(folder, 21)
    notified(caught_up)
    (message,) = mails(caught_up)
    assert attachments(message) == {}
    assert "21 changements de lignes" in text(message)


def test_many_invoices_and_clients_have_their_spreadsheet_too(caught_up: House, folder: Path) -> None:
    for number in range(21):
        invoice(folder, f"{number}.pdf", 202610, client=f"Client {number}")
    notified(caught_up)
    (message,) = mails(caught_up)
    (sheet,) = (content for name, content in attachments(message).items() if name.endswith(".xlsx"))
    rows = list(load_workbook(io.BytesIO(sheet))["Factures clients"].iter_rows(values_only=True))
    assert len(rows) == 22
    assert len(attachments(message)) == 22
    caught_up.context.close()


def test_files_that_are_too_many_to_name_are_counted(caught_up: House, folder: Path) -> None:
    for number in range(25):
        happens(folder, "file.waiting", f"RatedCDRs/x{number}.csv", reason="colonne du numéro introuvable")
    notified(caught_up)
    told = text(mails(caught_up)[0])
    assert told.count("colonne du numéro introuvable") == 20
    assert "… et 5 autres." in told
    caught_up.context.close()


def test_a_first_start_after_years_is_one_mail_a_person(caught_up: House, folder: Path) -> None:
    months = [year * 100 + month for year in (2024, 2025) for month in range(1, 13)]
    for month in months:
        invoice(folder, f"{month}.pdf", month)
        invoice(folder, f"{month}_Dupont.pdf", month, client="Dupont")
    for day in range(100):
        path = f"RatedCDRs/{day}.csv"
        happens(folder, "rated.arrived", path, new=5, rows=5, rejected=0, unknown_types=[], months=[202511])
    notified(caught_up)
    assert subjects(caught_up) == [
        "Télécom Exemple : 24 factures Origyne et 24 factures clients de janvier 2024 à décembre 2025",
        "Télécom Exemple : 100 fichiers de CDR (500 nouvelles communications)",
    ]
    assert len(chats(caught_up)) == 1
    caught_up.context.close()


# Faults that come again


def store_says(folder: Path, sql: str, *values: object) -> None:
    """What the intake leaves in the store, and a pass that ends."""
    with closing(store.open_to_write(folder / "data")) as db, db.atomic():
        db.execute(sql, values)
        end_pass(folder, db.execute)


def rejected(folder: Path, path: str, reason: str) -> None:
    """A row is set aside, and told."""
    happens(folder, "file.rejects", path, line=3, count=1, reason=reason)
    store_says(
        folder,
        "INSERT INTO rejects (file_id, line, reason, content) SELECT id, 3, ?, '' FROM files WHERE path = ?",
        reason,
        path,
    )


def waits(folder: Path, path: str, reason: str) -> None:
    happens(folder, "file.waiting", path, reason=reason)
    store_says(folder, "UPDATE files SET state = 'waiting', reason = ? WHERE path = ?", reason, path)


def is_read(folder: Path, path: str) -> None:
    happens(folder, "rated.arrived", path, new=1, rows=1, rejected=0, unknown_types=[], months=[202611])
    store_says(folder, "UPDATE files SET state = 'read', reason = '' WHERE path = ?", path)


def at(house: House, hours: float) -> House:
    """The same house, so many hours later."""
    then = NOW + int(hours * 3600)
    return replace(house, context=replace(house.context, now=lambda: then))


def test_a_fault_that_comes_each_hour_is_told_once_and_its_end_once(caught_up: House, folder: Path) -> None:
    for hour in range(3):
        rejected(folder, f"RatedCDRs/x{hour}.csv", f"numéro abîmé : « {hour} »")
        notified(at(caught_up, hour))
    assert len(mails(caught_up)) == len(chats(caught_up)) == 1
    is_read(folder, "RatedCDRs/y.csv")
    for _ in range(2):
        notified(at(caught_up, 3))
        end_of_pass(folder)
    assert len(mails(caught_up)) == len(chats(caught_up)) == 2
    told = text(mails(caught_up)[-1])
    assert "✅ RatedCDRs : les nouveaux fichiers se lisent sans faute" in told
    # With that of the first pass.
    assert "4 rangées d'avant restent de côté : origyne-bot rejects" in told


def end_of_pass(folder: Path) -> None:
    with closing(store.open_to_write(folder / "data")) as db, db.atomic():
        end_pass(folder, db.execute)


def test_another_fault_is_told_at_once(caught_up: House, folder: Path) -> None:
    for reason in ("numéro abîmé", "date illisible"):
        rejected(folder, f"RatedCDRs/{reason}.csv", reason)
        notified(caught_up)
    assert len(mails(caught_up)) == 2


def test_a_fault_that_keeps_coming_is_recalled_once_a_day_with_how_often(caught_up: House, folder: Path) -> None:
    for hour in range(24):
        rejected(folder, f"RatedCDRs/x{hour:02}.csv", "numéro abîmé")
        notified(at(caught_up, hour))
    for hour in (24, 25):
        notified(at(caught_up, hour))
    assert len(mails(caught_up)) == 2
    told = text(mails(caught_up)[-1])
    assert "RatedCDRs : numéro abîmé (23 fois depuis hier à 09:00)" in told


def test_a_file_that_waits_for_days_is_not_said_to_be_read(caught_up: House, folder: Path) -> None:
    waits(folder, "RatedCDRs/x.csv", "colonne du numéro introuvable")
    notified(caught_up)
    for hour in (1, 30, 60):
        is_read(folder, f"RatedCDRs/y{hour}.csv")
        notified(at(caught_up, hour))
    assert not any("✅" in text(message) for message in mails(caught_up))
    is_read(folder, "RatedCDRs/x.csv")
    notified(at(caught_up, 61))
    assert "✅ RatedCDRs : tout est de nouveau lu" in text(mails(caught_up)[-1])


def test_a_bad_row_of_each_hourly_state_is_not_over_while_the_newest_has_it(caught_up: House, folder: Path) -> None:
    rejected(folder, "AccountStatus/AccountStatus_20261124_090000.csv", "ICCID illisible")
    notified(caught_up)
    # The next file has the same row, of which the intake makes no second event.
    changed(folder, 1, "AccountStatus/AccountStatus_20261124_100000.csv")
    store_says(
        folder,
        "INSERT INTO rejects (file_id, line, reason, content) SELECT id, 3, 'ICCID illisible', '' FROM files "
        "WHERE path = 'AccountStatus/AccountStatus_20261124_100000.csv'",
    )
    notified(at(caught_up, 1))
    assert not any("✅" in text(message) for message in mails(caught_up))


def test_a_fault_that_comes_back_after_its_end_is_told_and_its_end_believed_later(
    caught_up: House, folder: Path
) -> None:
    for hour in range(4):
        rejected(folder, f"RatedCDRs/x{hour}.csv", "numéro abîmé")
        notified(at(caught_up, hour))
        is_read(folder, f"RatedCDRs/y{hour}.csv")
        notified(at(caught_up, hour + 0.5))
    told = [text(message) for message in mails(caught_up)]
    assert sum("mise de côté" in it for it in told) == 2
    assert sum("✅" in it for it in told) == 1
    end_of_pass(folder)
    notified(at(caught_up, 7))
    assert "✅" in text(mails(caught_up)[-1])


def test_a_restart_neither_tells_a_fault_again_nor_forgets_its_end(caught_up: House, folder: Path) -> None:
    waits(folder, "RatedCDRs/x.csv", "colonne du numéro introuvable")
    notified(caught_up)
    close(caught_up)
    again = open_house(settings(folder / "data"))
    waits(folder, "RatedCDRs/z.csv", "colonne du numéro introuvable")
    notified(again)
    assert len(mails(again)) == 1
    for path in ("RatedCDRs/x.csv", "RatedCDRs/z.csv"):
        is_read(folder, path)
    notified(again)
    assert "✅ RatedCDRs : tout est de nouveau lu" in text(mails(again)[-1])
    close(again)


# Routes


def routed(folder: Path, text: str) -> None:
    (folder / "data" / "routes.toml").write_text(text, "utf-8")


def test_the_persons_table_sends_elsewhere(caught_up: House, folder: Path) -> None:
    routed(folder, '[lignes]\ntechnique = "chat"\nequipe = "courriel"\n')
    changed(folder, 1)
    notified(caught_up)
    assert [message["To"] for message in mails(caught_up)] == ["equipe@telecom.example"]
    assert len(chats(caught_up)) == 1


def test_what_waits_for_its_hour_is_told_then_all_at_once(
    caught_up: House, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed(folder, '[lignes]\ntechnique = "courriel à 18h"\n')
    for _ in range(2):
        changed(folder, 1)
        notified(caught_up)
    assert mails(caught_up) == []
    (folder / "data" / "routes.toml").unlink()  # by the rule under which it was kept
    close(caught_up)
    again = open_house(settings(folder / "data"))
    later = replace(again, context=replace(again.context, now=lambda: int(time.time()) + 24 * 3600))
    notified(later)
    (message,) = mails(later)
    assert "2 changements de lignes" in message["Subject"]
    notified(later)
    assert len(mails(later)) == 1
    close(again)


def test_who_is_no_longer_named_is_told_nothing_that_waited_for_him(caught_up: House, folder: Path) -> None:
    routed(folder, '[lignes]\nequipe = "courriel à 18h"\ntechnique = "jamais"\n')
    changed(folder, 1)
    notified(at(caught_up, 0))
    close(caught_up)
    house = open_house(settings(folder / "data", staff_emails=""))
    notified(at(house, 24))
    assert mails(house) == []
    assert house.desk.execute("SELECT count(*) FROM waiting_news").fetchone() == (0,)
    close(house)


def test_an_alert_that_waits_for_its_hour_comes_with_its_end(caught_up: House, folder: Path) -> None:
    routed(folder, '[pannes]\ntechnique = "courriel à 18h"\n')
    early = at(caught_up, 0)
    with early.desk.atomic():
        for title in ("⚠️ Le FTP ne se lit plus", "Le FTP se lit de nouveau"):
            announce(early, News("trouble.ftp", "", {"title": title, "lines": [], "thread": "trouble.ftp:1"}))
    assert mails(caught_up) == []
    assert notified(at(caught_up, 24))
    first, last = mails(caught_up)
    assert last["In-Reply-To"] == first["Message-ID"]


@pytest.mark.parametrize(("status", "silent"), [("suspended_by_operator", False), ("suspended", True)])
def test_a_line_that_the_operator_suspends_by_himself_sounds_in_quiet_hours(
    caught_up: House, folder: Path, status: str, silent: bool
) -> None:
    changed(folder, 1)
    (msisdn,) = caught_up.context.telecom.execute("SELECT msisdn FROM lines LIMIT 1").fetchone()
    happens(
        folder, "line.suspended", "AccountStatus/x.csv", msisdn=msisdn, client="", before="Active", after="x", at=NOW
    )
    store_says(folder, "UPDATE lines SET status = ? WHERE msisdn = ?", status, msisdn)
    quiet = replace(caught_up, settings=caught_up.settings.model_copy(update={"quiet_days": "mardi"}))
    notified(at(quiet, 0))
    ((payload,),) = caught_up.desk.execute(_CHATS).fetchall()
    assert Message.restored(payload, None).silent is silent


def test_a_table_with_a_fault_stops_no_notice(caught_up: House, folder: Path) -> None:
    routed(folder, "[lignes]\ntecnique = chat\n")
    changed(folder, 1)
    notified(caught_up)
    assert [message["To"] for message in mails(caught_up)] == [TECHNICAL_MAIL]


def test_one_mailbox_with_two_roles_gets_one_digest(caught_up: House, folder: Path) -> None:
    close(caught_up)
    house = open_house(settings(folder / "data", accounting_email=TECHNICAL_MAIL))
    changed(folder, 1)
    invoice(folder, "a.pdf", 202610)
    notified(house)
    (message,) = mails(house)
    assert (
        message["Subject"]
        == "Télécom Exemple : facture Origyne d'octobre 2026 ; 1 changement de ligne (06 39 90 00 00 suspendue)"
    )
    close(house)
