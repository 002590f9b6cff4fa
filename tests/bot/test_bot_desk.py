"""What the running bot keeps of the account opening: mailboxes, pictures, and what became of them on the FTP."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from bot.bot_desk import BotDesk
from bot.desk import FILE_NAME, open_desk, threads
from bot.desk.outbox import Outbox
from bot.desk.people import TECHNICAL, People
from bot.desk.pictures import MOST, MOST_BYTES, record_placed
from bot.desk.schema import migrations
from bot.house import House, open_house
from bot.mail.letter import Letter
from bot.notices.digest import notify
from bot.sandbox import pictures
from bot.sandbox.ftpserver import SandboxFtp
from core import store
from core.ftp import FtpError
from core.settings import FtpAccess
from handlers.answer import Answer, Button, OutFile
from handlers.ask import Person
from tests.handlers.filled import PASSWORD, make_pass, settings, small_operator
from tests.peers.ftp import FtpPeer

CAMILLE = Person("technique", "Camille Martin", frozenset({"technique"}))
TEAM = Person("equipe:equipe@telecom.example", "equipe@telecom.example", frozenset({"équipe"}))

LOGO, OTHER = pictures.logo(), pictures.logo(kind="JPEG")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An operator's tree and a data folder after the first pass over it."""
    folder = tmp_path_factory.mktemp("filled")
    operator = small_operator(folder / "ftp")
    asyncio.run(make_pass(operator.root, folder / "data"))
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    shutil.copytree(filled, tmp_path / "x")
    return tmp_path / "x"


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    house = open_house(settings(folder / "data"))
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with closing(open_desk(tmp_path)) as db:
        yield db


def desk_of(db: Database, tmp_path: Path, ftp: FtpAccess | None = None, telecom: Database | None = None) -> BotDesk:
    given = settings(tmp_path, ftp)
    People(db).follow(given)
    return BotDesk(given, db, Outbox(db), telecom)


def recipients(db: Database) -> set[str]:
    return {to for (to,) in db.execute("SELECT recipient FROM outbox WHERE channel = 'mail'")}


# Where notices go


def test_the_next_notice_goes_to_the_new_addresses(house: House) -> None:
    house.own.set_profile(CAMILLE, "accounting_email", "factures@telecom.example")
    house.own.set_profile(CAMILLE, "technical_email", "nouvelle@telecom.example")
    house.desk.execute("DELETE FROM outbox")  # what the former addresses are told
    assert asyncio.run(notify(house))
    assert recipients(house.desk) == {"factures@telecom.example", "nouvelle@telecom.example"}


def test_what_was_queued_before_the_change_goes_where_it_was_meant_to(house: House) -> None:
    assert asyncio.run(notify(house))
    house.own.set_profile(CAMILLE, "accounting_email", "factures@telecom.example")
    assert recipients(house.desk) == {"compta@telecom.example", "technique@telecom.example"}


def test_the_contacts_chat_stays_his_under_a_new_address_and_name(house: House) -> None:
    house.people.enrol(4200001, house.people.new_code(TECHNICAL, 0), 0)
    house.own.set_profile(CAMILLE, "technical_email", "nouvelle@telecom.example")
    house.own.set_profile(CAMILLE, "technical_contact", "Dominique Durand")
    contact = house.people.by_chat(4200001)
    assert contact
    assert (contact.email, contact.person.name) == ("nouvelle@telecom.example", "Dominique Durand")


def test_the_former_technical_address_is_nobodys(house: House) -> None:
    house.own.set_profile(CAMILLE, "technical_email", "nouvelle@telecom.example")
    assert house.people.by_email("technique@telecom.example") is None
    assert house.people.by_email("Nouvelle@telecom.example") is not None


def test_a_restart_keeps_what_was_said(folder: Path, house: House) -> None:
    house.own.set_profile(CAMILLE, "accounting_email", "factures@telecom.example")
    again = open_house(house.settings)
    try:
        assert again.profile.accounting_email == "factures@telecom.example"
        accountant = again.people.by_id("comptabilite")
        assert accountant
        assert accountant.email == "factures@telecom.example"
    finally:
        again.context.close()
        again.desk.close()
        again.context.telecom.close()


def test_a_desk_of_the_version_before_is_brought_up_with_its_people(tmp_path: Path) -> None:
    with closing(Database(tmp_path / FILE_NAME)) as old:
        migrations.apply(old, stop_before="0004_dossier")
        assert "profile" not in old.table_names()
        people_of_before(old)
    with closing(open_desk(tmp_path)) as db:
        desk = desk_of(db, tmp_path)
        assert desk.is_enrolled()
        desk.mail_code(CAMILLE, "service_email", "clients@telecom.example")
        assert desk.waiting_addresses() == {"service_email": "clients@telecom.example"}


def people_of_before(old: Database) -> None:
    with old.atomic():
        old.execute("INSERT INTO people VALUES ('technique', 'Camille Martin', '[\"technique\"]', 't@telecom.example')")
        old.execute("INSERT INTO chats (chat_id, person_id, bound_at) VALUES (4200001, 'technique', 0)")


# Pictures that wait


def test_a_draft_is_of_the_person_who_sent_it(db: Database, tmp_path: Path) -> None:
    desk = desk_of(db, tmp_path)
    draft = desk.add_draft(CAMILLE, "logo", "logo.png", LOGO)
    assert desk.draft(TEAM, draft.token) is None
    assert desk.draft(CAMILLE, draft.token) == draft


def test_the_newest_drafts_stay_and_no_more_of_them(db: Database, tmp_path: Path) -> None:
    desk = desk_of(db, tmp_path)
    drafts = [desk.add_draft(CAMILLE, "", f"{number}.png", LOGO + bytes([number])) for number in range(MOST + 5)]
    kept = [desk.draft(CAMILLE, draft.token) for draft in drafts]
    assert kept == [None] * 5 + drafts[5:]


def test_large_drafts_push_the_oldest_out(db: Database, tmp_path: Path) -> None:
    desk = desk_of(db, tmp_path)
    small = desk.add_draft(TEAM, "logo", "logo.png", LOGO)
    large = [desk.add_draft(CAMILLE, "", "x.png", bytes([number]) * (MOST_BYTES // 2)) for number in range(3)]
    assert [bool(desk.draft(CAMILLE, draft.token)) for draft in large] == [False, True, True]
    assert desk.draft(TEAM, small.token) == small


def test_one_draft_stays_however_large(db: Database, tmp_path: Path) -> None:
    desk = desk_of(db, tmp_path)
    draft = desk.add_draft(CAMILLE, "", "x.png", bytes(MOST_BYTES + 1))
    assert desk.draft(CAMILLE, draft.token) == draft


def test_a_logo_that_is_given_up_leaves_every_other_picture(db: Database, tmp_path: Path) -> None:
    desk = desk_of(db, tmp_path)
    unsaid = desk.add_draft(CAMILLE, "", "image.png", OTHER)
    newer = desk.add_draft(CAMILLE, "logo", "autre.png", LOGO + b"newer")
    given_up = desk.add_draft(CAMILLE, "logo", "logo.png", LOGO)
    desk.drop_draft(CAMILLE, given_up.token)
    assert desk.draft(CAMILLE, given_up.token) is None
    assert desk.draft(CAMILLE, unsaid.token) == unsaid
    assert desk.draft(CAMILLE, newer.token) == newer


# Pictures on the FTP


def on_the_ftp(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "Personnalisation").iterdir()}


async def test_two_persons_who_put_a_logo_at_once_both_do(db: Database, tmp_path: Path, embedded_ftp: FtpPeer) -> None:
    desk = desk_of(db, tmp_path, embedded_ftp.access())
    contents = [pictures.logo(), pictures.logo() + b"\0"]
    await asyncio.gather(desk.place(CAMILLE, "logo", contents[0], "png"), desk.place(TEAM, "logo", contents[1], "png"))
    found = on_the_ftp(embedded_ftp.root)
    assert sorted(found.values()) == sorted(contents)
    assert found["logo.png"] == desk.placed("logo")


async def test_a_put_that_is_recorded_has_no_draft_left(db: Database, tmp_path: Path, embedded_ftp: FtpPeer) -> None:
    desk = desk_of(db, tmp_path, embedded_ftp.access())
    draft = desk.add_draft(CAMILLE, "logo", "logo.png", LOGO)
    await desk.place(CAMILLE, "logo", LOGO, "png")
    assert desk.draft(CAMILLE, draft.token) is None


class RefusingFtp(SandboxFtp):
    """It takes files and renames none to `refused`."""

    def __init__(self, root: Path, refused: str) -> None:
        super().__init__(root, "demo", PASSWORD)
        renames = self._server.commands_mapping["rnto"]

        async def rnto(connection: Any, rest: Any) -> bool:
            if str(rest).endswith(refused):
                connection.response("553", "not this name")
                return True
            return bool(await renames(connection, rest))

        self._server.commands_mapping["rnto"] = rnto


async def test_an_ftp_that_refuses_half_way_leaves_all_as_it_was(db: Database, tmp_path: Path) -> None:
    root = tmp_path / "ftp"
    (root / "Personnalisation").mkdir(parents=True)
    (root / "Personnalisation/logo.jpg").write_bytes(OTHER)
    async with RefusingFtp(root, "/logo.png") as ftp:
        desk = desk_of(db, tmp_path, FtpAccess(ftp.host, ftp.port, "demo", PASSWORD))
        draft = desk.add_draft(CAMILLE, "logo", "logo.png", LOGO)
        with pytest.raises(FtpError, match="not this name"):
            await desk.place(CAMILLE, "logo", LOGO, "png")
    assert on_the_ftp(root)["logo.jpg"] == OTHER
    assert "logo.png" not in on_the_ftp(root)
    assert desk.placed("logo") is None
    assert desk.draft(CAMILLE, draft.token) == draft  # a touch tries again


async def mirrored(folder: Path, files: dict[str, bytes]) -> Database:
    """The store after a pass over these files of Personnalisation."""
    for name, content in files.items():
        path = folder / "ftp/Personnalisation" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert not (await make_pass(folder / "ftp", folder / "data")).error
    return store.open_to_read(folder / "data")


async def test_dated_former_copies_are_not_the_logo(db: Database, folder: Path) -> None:
    with closing(
        await mirrored(folder, {"logo.20261126-101112.png": OTHER, "logo.20261126-101112-2.png": OTHER})
    ) as it:
        assert desk_of(db, folder / "data", telecom=it).placed("logo") is None


async def test_what_somebody_else_puts_later_is_the_logo(db: Database, folder: Path) -> None:
    record_placed(db, "logo", "Personnalisation/logo.png", LOGO)
    with db.atomic():
        db.execute("UPDATE pictures SET at = at - 60")
    with closing(await mirrored(folder, {"logo.png": b"not a picture at all"})) as telecom:
        assert desk_of(db, folder / "data", telecom=telecom).placed("logo") == b"not a picture at all"


async def test_what_we_put_after_the_last_pass_is_the_logo(db: Database, folder: Path) -> None:
    with closing(await mirrored(folder, {"logo.jpg": OTHER})) as telecom:
        desk = desk_of(db, folder / "data", telecom=telecom)
        assert desk.placed("logo") == OTHER
        record_placed(db, "logo", "Personnalisation/logo.png", LOGO)
        assert desk.placed("logo") == LOGO


async def test_a_copy_that_went_away_is_no_logo(db: Database, folder: Path) -> None:
    with closing(await mirrored(folder, {"logo.png": OTHER})) as telecom:
        shutil.rmtree(folder / "data/ftp/Personnalisation")
        assert desk_of(db, folder / "data", telecom=telecom).placed("logo") is None


# What the mail to an address holds


def test_a_codes_mail_has_the_code_in_its_text_alone(db: Database, tmp_path: Path) -> None:
    desk = desk_of(db, tmp_path)
    desk.mail_code(CAMILLE, "service_email", "clients@telecom.example")
    ((payload, subject),) = db.execute("SELECT payload, subject FROM outbox").fetchall()
    message = message_from_bytes(payload, policy=default)
    assert not any(sign.isdigit() for sign in str(message["Subject"]) + subject)


# What the mails to people bear


def written(house: House, letter: Letter) -> EmailMessage:
    house.write_letter(letter)
    (payload,) = house.desk.execute("SELECT payload FROM outbox ORDER BY id DESC LIMIT 1").fetchone()
    message = message_from_bytes(payload, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def page(message: EmailMessage) -> str:
    html = message.get_body(("html",))
    assert html
    return str(html.get_content())


ASKING = Answer("T", buttons=(Button("Conso", "conso 0639980001"),))


def test_a_mail_bears_the_logo_that_stands_on_the_ftp_and_the_integrators_colour(house: House) -> None:
    record_placed(house.desk, "logo", "Personnalisation/logo.png", LOGO)
    house.own.set_profile(CAMILLE, "colour", "#182d54")
    message = written(house, Letter("technique@telecom.example", "x", (ASKING,)))
    (inline,) = (part for part in message.walk() if part["Content-ID"])
    assert inline.get_payload(decode=True) == LOGO
    assert "#182d54" in page(message)


def test_a_prepared_reply_goes_to_the_secret_address_of_the_thread(house: House) -> None:
    thread = threads.open_thread(house.desk, "notice", "x", "x")
    letter = Letter("technique@telecom.example", "x", (ASKING,), person_id=TECHNICAL, thread=thread.id)
    message = written(house, letter)
    secret = message["Reply-To"].addresses[0].addr_spec
    assert f"mailto:{secret.replace('+', '%2B')}?" in page(message)


def test_without_a_thread_a_reply_is_prepared_where_the_receiving_server_vouches_for_who_sends_it(
    house: House, folder: Path
) -> None:
    letter = Letter("technique@telecom.example", "x", (ASKING,))
    assert "mailto:" not in page(written(house, letter))
    house.own._settings = settings(folder / "data", mail_trusted_server="mx.telecom.example")
    assert "mailto:robot@telecom.example?" in page(written(house, letter))


@pytest.mark.parametrize(
    ("to", "person_id", "example"),
    [
        ("Compta@telecom.example", "", "factures"),
        ("compta@telecom.example", "comptabilite", "factures"),
        ("technique@telecom.example", "technique", "status"),
        ("equipe@telecom.example", "", "status"),
        ("stranger@client.example", "", "aide"),
    ],
)
def test_the_foot_is_for_who_reads_it(house: House, to: str, person_id: str, example: str) -> None:
    foot = page(written(house, Letter(to, "x", (Answer("T"),), person_id=person_id))).partition("par exemple : ")[2]
    assert foot.startswith(example)


def test_a_code_in_a_subject_is_not_kept_in_the_outbox_either(house: House) -> None:
    house.write_letter(Letter("technique@telecom.example", "Re: puk 12345678", (Answer("T"),)))
    assert not [row for row in house.desk.execute("SELECT subject FROM outbox") if "12345678" in row[0]]


def test_a_mail_weighs_no_more_than_the_setting_says(house: House, folder: Path) -> None:
    house.own._settings = settings(folder / "data", mail_max_mb=1)
    part = Answer("T", files=tuple(OutFile(f"{n}.pdf", bytes(250_000)) for n in range(3)))
    message = written(house, Letter("compta@telecom.example", "x", (part,)))
    assert [file.get_filename() for file in message.iter_attachments()] == ["0.pdf"]
