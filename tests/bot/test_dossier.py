"""The account opening, from the first word to the mail that ends it: the unmodified service on real servers."""

import io
import re
from collections.abc import AsyncIterator
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from bot.sandbox import pictures
from bot.sandbox.botapi import Phone
from bot.sandbox.botapi.world import Message
from bot.sandbox.house import ACCOUNTING, ADMIN, SERVICE, TECHNICAL, Sandbox
from core.pictures import BANNER, LOGO, check

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

PATIENCE = 45


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(date(2026, 11, 24)) as sandbox:
        yield sandbox


async def says(phone: Phone, text: str) -> Message:
    return await phone.ask(text, timeout=PATIENCE)


async def presses(phone: Phone, message: Message, label: str) -> Message:
    phone.press(message, next(button for button in message.labels if label in button))
    return await phone.wait(lambda it: bool(it.text or it.caption), timeout=PATIENCE)


async def sends(phone: Phone, name: str, content: bytes) -> Message:
    phone.send_file(name, content)
    return await phone.wait(lambda it: bool(it.text or it.caption), timeout=PATIENCE)


async def receives(box: Sandbox, address: str, words: str) -> EmailMessage:
    """A mail to this address with these words in it."""

    def fits(raw: bytes) -> bool:
        message = message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        return words in f"{message['Subject']}\n{text(message)}"

    message = message_from_bytes(await box.mail.wait_for(address, fits, PATIENCE), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def text(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    return str(part.get_content()) if part else ""


def attached(message: EmailMessage) -> dict[str, bytes]:
    found = {}
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found[part.get_filename() or ""] = content
    return found


def code_in(message: EmailMessage) -> str:
    found = re.search(r"Votre code : (\d{3} \d{3})", text(message))
    assert found
    return found[1]


def on_the_ftp(box: Sandbox) -> dict[str, bytes]:
    folder = Path(box.operator.root) / "Personnalisation"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_the_whole_dossier_from_the_first_word_to_the_summary(box: Sandbox) -> None:
    camille = box.phone

    # Camille receives her code and comes in.
    mail = await receives(box, TECHNICAL, "relier votre Telegram")
    code = re.search(r"/start (\S+)", text(mail))
    assert code
    assert "Bonjour Camille Martin" in (await says(camille, f"/start {code[1]}")).text
    await receives(box, TECHNICAL, "remière lecture")  # the operator's first files are read

    # What does the opening need?
    dossier = await says(camille, "/dossier")
    assert dossier.text.startswith("Dossier d'ouverture : ")
    for line in ("⬜ Profil", "⬜ Logo à déposer", "⬜ Bandeau à déposer", "✅ FTP joint", "✅ Premiers CDR reçus"):
        assert line in dossier.text
    assert f"✅ Email technique vérifié : {TECHNICAL}" in dossier.text  # her code came from there
    assert f"⬜ Email comptabilité à vérifier : {ACCOUNTING}" in dossier.text

    # The profile, one question after the other.
    question = await presses(camille, dossier, "Remplir le profil")
    assert "Quelle est l'adresse de la société" in question.text
    assert "code postal" in (await says(camille, "12 rue de l'Exemple")).text
    question = await says(camille, "12 rue de l'Exemple\n00000 Ville-Fictive")
    assert "✅ Adresse" in question.text
    assert "Quel est le SIRET" in question.text
    assert "un chiffre est mal copié" in (await says(camille, "123 456 782 00011")).text
    question = await says(camille, "123 456 782 00010")
    question = await presses(camille, question, "FR 11 123 456 782")
    assert "téléphone du service client" in question.text
    # A client calls meanwhile: the question of the day is answered, and the profile goes on after it.
    status = await says(camille, "/status 0639980001")
    assert "06 39 98 00 01 : active" in status.text
    question = await presses(camille, status, "Reprendre le profil")
    assert "téléphone du service client" in question.text
    # Here a number is an answer, not a line to look up.
    question = await says(camille, "06 39 98 00 00")
    assert "✅ Téléphone client : 06 39 98 00 00" in question.text
    question = await presses(camille, question, "appel non surtaxé")
    assert "courriel du service client" in question.text
    answer = await says(camille, SERVICE)
    assert f"Un code est parti vers {SERVICE}" in answer.text
    answer = await says(camille, code_in(await receives(box, SERVICE, "Votre code")))
    assert f"✅ {SERVICE} est vérifiée" in answer.text

    # The accountant confirms by a plain reply to the mail.
    await says(camille, "/profil vérifier compta")
    mail = await receives(box, ACCOUNTING, "Votre code")
    await box.write_mail(
        ACCOUNTING, f"Re: {mail['Subject']}", f"Bonjour,\n\n{code_in(mail)}\n\nMartine\n", answers=mail
    )
    told = await camille.wait(lambda it: "a confirmé" in it.text, timeout=PATIENCE)
    assert ACCOUNTING in told.text

    # The logo: first as a photo, then with a wrong density, which is mended.
    await says(camille, "/upload logo")
    camille.send_photo(pictures.logo())
    assert "arrivée comme photo" in (await camille.wait(1, timeout=PATIENCE)).text
    verdict = await sends(camille, "logo.png", pictures.logo(dpi=72))
    assert "densité de 72 dpi, il faut 300 dpi" in verdict.text
    assert "Version corrigée" in verdict.text
    page = await camille.wait(
        lambda it: it.document is not None and it.document.name == "Aperçu facture.png", timeout=PATIENCE
    )
    assert page.document
    assert Image.open(io.BytesIO(page.document.content)).size == (2480, 3508)
    assert "logo.png" not in on_the_ftp(box)
    placed = await presses(camille, verdict, "Déposer la version corrigée")
    assert "✅ Logo déposé : Personnalisation/logo.png" in placed.text
    logo = on_the_ftp(box)["logo.png"]
    assert check(logo, LOGO).faults == ()

    # The banner is made from the profile.
    made = await says(camille, "/bandeau creer")
    assert "123 456 782 00010" in made.text
    placed = await presses(camille, made, "Déposer")
    assert "✅ Bandeau déposé : Personnalisation/bandeau.png" in placed.text
    banner = on_the_ftp(box)["bandeau.png"]
    assert check(banner, BANNER).faults == ()

    # All is there: the dossier goes to the operator, once it is confirmed.
    dossier = await presses(camille, placed, "dossier")
    assert dossier.text.startswith("✅ Le dossier d'ouverture est complet")
    assert "⬜" not in dossier.text
    asked = await presses(camille, dossier, "Préparer l'envoi")
    assert f"Envoyer le dossier à {ADMIN} ?" in asked.text
    assert not await box.mail.messages(ADMIN)
    assert f"✅ Dossier envoyé à {ADMIN}" in (await presses(camille, asked, "Envoyer")).text
    summary = await receives(box, ADMIN, "dossier d'ouverture de compte")
    assert attached(summary) == {"logo.png": logo, "bandeau.png": banner}
    assert summary["Reply-To"] == TECHNICAL
    for words in (
        "Télécom Exemple",
        "12 rue de l'Exemple, 00000 Ville-Fictive",
        "123 456 782 00010",
        SERVICE,
        ACCOUNTING,
    ):
        assert words in text(summary)

    # A second touch sends no second one.
    assert "Le dossier est parti" in (await presses(camille, asked, "Envoyer")).text
    assert len(await box.mail.messages(ADMIN)) == 1


async def test_the_pictures_by_mail(box: Sandbox) -> None:
    # Both in one mail, the banner with a wrong density; the names say which is which.
    files = {"Logo Télécom.png": pictures.logo(), "Bandeau.png": pictures.banner(dpi=96)}
    sent = await box.write_mail(TECHNICAL, "Nos images", "upload logo\nupload bandeau\n", files=files)
    answer = await receives(box, TECHNICAL, "Logo conforme")
    assert answer["In-Reply-To"] == sent
    assert "densité de 96 dpi, il faut 300 dpi" in text(answer)
    previews = [name for name in attached(answer) if name.startswith("Aperçu")]
    assert len(previews) >= 2
    before = on_the_ftp(box)

    # A plain reply with the line that the answer offers.
    accepts = re.findall(r"upload accepter \w+", text(answer))
    assert len(accepts) == 2
    await box.write_mail(TECHNICAL, f"Re: {answer['Subject']}", "\n".join(accepts), answers=answer)
    done = await receives(box, TECHNICAL, "Bandeau déposé")
    assert "Logo déposé : Personnalisation/logo.png" in text(done)
    now = on_the_ftp(box)
    assert now["logo.png"] == files["Logo Télécom.png"]
    assert check(now["bandeau.png"], BANNER).faults == ()
    # What stood there is kept beside.
    assert set(before.values()) <= set(now.values())
