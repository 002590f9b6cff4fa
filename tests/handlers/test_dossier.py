"""/dossier: what the account opening still needs, and its sending once it is complete."""

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from bot.bot_desk import BotDesk
from bot.desk import open_desk, profile
from bot.desk.outbox import Outbox
from bot.desk.people import TECHNICAL, People
from bot.desk.pictures import record_placed
from bot.sandbox import pictures
from bot.sandbox.operator import FOLDERS
from core import store
from core.profile import FIELDS
from handlers.command import Context
from tests.handlers.conftest import Filled, Say, words
from tests.handlers.filled import NOW, settings
from tests.peers.ftp import FtpPeer

ADMIN = "admin@origyne.example"


@pytest.fixture
def opening(uploading: Context, embedded_ftp: FtpPeer, filled: Filled, tmp_path: Path) -> Context:
    """An account whose every folder is there, and an operator with a mailbox."""
    for folder in FOLDERS:
        (embedded_ftp.root / folder).mkdir(parents=True, exist_ok=True)
    given = settings(filled.data, embedded_ftp.access(), admin_email=ADMIN)
    db = open_desk(tmp_path)
    return replace(uploading, settings=given, desk=BotDesk(given, db, Outbox(db), uploading.telecom))


def complete(context: Context) -> None:
    """Everything that people bring."""
    desk = context.desk
    assert isinstance(desk, BotDesk)
    db = desk._desk
    for field in FIELDS:
        value = pictures.PROFILE.value(field.name)
        profile.set_value(db, context.settings, field.name, value)
        if field.mailbox:
            profile.verify(db, value)
    record_placed(db, "logo", "Personnalisation/logo.png", pictures.logo())
    record_placed(db, "bandeau", "Personnalisation/bandeau.jpg", pictures.banner(kind="JPEG"))
    people = People(db)
    people.follow(context.settings)
    people.enrol(4200001, people.new_code(TECHNICAL, NOW), NOW)


def mails(context: Context) -> list[EmailMessage]:
    assert isinstance(context.desk, BotDesk)
    rows = context.desk._desk.execute("SELECT payload FROM outbox WHERE channel = 'mail' ORDER BY id")
    return [message_from_bytes(payload, policy=default) for (payload,) in rows]  # type: ignore[misc]


def attached(message: EmailMessage) -> dict[str, bytes]:
    return {part.get_filename() or "": part.get_payload(decode=True) for part in message.iter_attachments()}  # type: ignore[misc]


async def test_a_new_account_is_told_all_that_is_missing_with_the_command_for_it(say: Say, opening: Context) -> None:
    told = words(await say("dossier", context=opening))
    assert (
        "⬜ Profil ; il manque : Adresse, SIRET, TVA, Téléphone client, Coût de l'appel, Email client → /profil suite"
        in told
    )
    assert "⬜ Email comptabilité à vérifier : compta@telecom.example → /profil vérifier compta" in told
    assert "⬜ Logo à déposer → /upload logo" in told
    assert "⬜ Contact technique relié à Telegram" in told
    assert "✅ FTP joint" in told
    assert "✅ Dossiers du FTP" in told
    assert "✅ Premier AccountStatus reçu" in told


async def test_each_command_that_it_names_is_a_button(say: Say, opening: Context) -> None:
    answer = await say("dossier", context=opening)
    assert [button.command for button in answer.buttons][:2] == ["profil suite", "profil vérifier compta"]


async def test_a_folder_that_is_not_there_is_named(say: Say, opening: Context, embedded_ftp: FtpPeer) -> None:
    (embedded_ftp.root / "Cartes SIM").rmdir()
    (embedded_ftp.root / "Factures/Clients").rmdir()
    told = words(await say("dossier", context=opening))
    assert "⬜ Dossiers du FTP ; il manque : Cartes SIM, Factures/Clients" in told


async def test_an_ftp_that_does_not_answer_is_told_with_why(say: Say, context: Context) -> None:
    told = words(await say("dossier", context=context))
    assert "⬜ FTP injoignable : " in told


async def test_an_empty_store_has_seen_nothing(say: Say, opening: Context, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    store.open_to_write(tmp_path / "new").close()
    db = store.open_to_read(tmp_path / "new")
    told = words(await say("dossier", context=replace(opening, telecom=db)))
    db.close()
    assert "⬜ Premier AccountStatus reçu" in told
    assert "⬜ Premiers CDR reçus" in told


async def test_a_picture_on_the_ftp_that_is_wrong_is_to_be_made_again(say: Say, opening: Context) -> None:
    complete(opening)
    assert isinstance(opening.desk, BotDesk)
    record_placed(opening.desk._desk, "logo", "Personnalisation/logo.png", pictures.logo(dpi=72))
    told = words(await say("dossier", context=opening))
    assert "⬜ Logo à refaire ; celui du FTP : densité de 72 dpi, il faut 300 dpi" in told


async def test_a_vat_number_of_another_company_keeps_it_open(say: Say, opening: Context) -> None:
    complete(opening)
    assert isinstance(opening.desk, BotDesk)
    profile.set_value(opening.desk._desk, opening.settings, "vat", "FR39356000000")
    assert "⬜ Profil ; le numéro de TVA ne va pas avec le SIRET" in words(await say("dossier", context=opening))


async def test_an_address_that_waits_for_its_code_says_so(say: Say, opening: Context) -> None:
    complete(opening)
    await say("profil compta factures@telecom.example", context=opening)
    assert "⬜ Email comptabilité : code envoyé à factures@telecom.example" in words(
        await say("dossier", context=opening)
    )


async def test_it_cannot_be_sent_before_it_is_complete(say: Say, opening: Context) -> None:
    answer = await say("dossier envoyer oui", context=opening)
    assert answer.title.startswith("Dossier d'ouverture")
    assert not mails(opening)


async def test_once_complete_it_is_shown_before_it_is_sent(say: Say, opening: Context) -> None:
    complete(opening)
    answer = await say("dossier", context=opening)
    assert answer.title == "✅ Le dossier d'ouverture est complet"
    asked = await say(answer.buttons[-1].command, context=opening)
    assert asked.title == f"Envoyer le dossier à {ADMIN} ?"
    assert "SIRET : 123 456 782 00010" in words(asked)
    assert not mails(opening)


async def test_it_goes_to_the_operator_with_both_pictures(say: Say, opening: Context) -> None:
    complete(opening)
    assert not (await say("dossier envoyer oui", context=opening)).refused
    (mail,) = mails(opening)
    assert mail["To"] == ADMIN
    assert mail["Reply-To"] == pictures.PROFILE.technical_email
    assert attached(mail) == {"logo.png": pictures.logo(), "bandeau.jpg": pictures.banner(kind="JPEG")}
    part = mail.get_body(preferencelist=("plain",))
    assert part
    for field in FIELDS:
        if not field.optional and field.name not in ("siret", "vat", "phone"):
            assert pictures.PROFILE.value(field.name) in part.get_content()
    assert "123 456 782 00010" in part.get_content()


async def test_it_is_sent_twice_only_when_somebody_says_so(say: Say, opening: Context) -> None:
    complete(opening)
    await say("dossier envoyer oui", context=opening)
    again = await say("dossier envoyer oui", context=opening)
    assert again.title.startswith("Le dossier est parti le")
    assert len(mails(opening)) == 1
    await say("dossier renvoyer oui", context=opening)
    assert len(mails(opening)) == 2


async def test_without_an_address_it_says_which_setting_is_missing(say: Say, opening: Context, filled: Filled) -> None:
    complete(opening)
    nowhere = replace(opening, settings=opening.settings.model_copy(update={"admin_email": ""}))
    answer = await say("dossier", context=nowhere)
    assert "ORIGYNE_ADMIN_EMAIL" in words(answer)
    assert not answer.buttons
    assert (await say("dossier envoyer oui", context=nowhere)).refused
    assert not mails(opening)
