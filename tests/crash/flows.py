"""The flows that are cut: what happens before the service starts, and what people do while it runs, however often it
dies meanwhile."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bot.sandbox import pictures
from bot.sandbox.operator import SUSPENDED
from core.folders import PARIS
from tests.crash.stage import CAMILLE, NUMBER, Stage, text_of, until
from tests.peers.mail import DOMAIN

Act = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True)
class Flow:
    name: str
    before: Act
    during: Act


async def _nothing(stage: Stage) -> None:
    pass


async def _two_passes(stage: Stage) -> None:
    await until(lambda: stage.service.words.count("pass: "), lambda passes: passes >= 2, "a second pass")


# -- files and notices


async def _files_come(stage: Stage) -> None:
    """New ones of three folders, one that grew under its name, and one with rows that nobody can read."""
    operator = stage.operator
    operator.deliver_rated(_at(10), rows=12)
    operator.deliver_rated(_at(12), rows=6, unreadable=2)
    operator.deliver_sim_listing(_at(11), count=2)
    operator.deliver_status(_at(12))
    grown = sorted((operator.root / "RatedCDRs").iterdir())[0]
    lines = grown.read_bytes().splitlines(keepends=True)
    grown.write_bytes(b"".join([*lines, lines[-1].replace(b"06", b"07", 1)]))


async def _line_and_invoice(stage: Stage) -> None:
    stage.operator.change_line(NUMBER, status=SUSPENDED)
    stage.operator.deliver_status(_at(9))
    stage.operator.deliver_operator_invoice("2026-11")


async def _hears_of_line(stage: Stage) -> None:
    await stage.shown("changement de ligne")


async def _letters(stage: Stage) -> None:
    """One mail to each of three mailboxes: invoices, a new line in stock, a question to the staff."""
    stage.operator.deliver_client_invoices("2026-11")
    stage.operator.deliver_sim_listing(_at(11), count=2)
    stage.phone.send("/contact Qui suit le portage de Dupont ?")


# -- chat


async def _questions_of_many_kinds(stage: Stage) -> None:
    """Answers in words, with a picture, and with a code, which comes into a message that holds its place."""
    stage.phone.send("/conso DUPONT 2026-10")
    stage.phone.send(f"/puk {NUMBER}")


async def _asks_for_code(stage: Stage) -> None:
    stage.press(await stage.shown("Ligne : 06 39 98 00 01"), "Montrer le code")
    await stage.shown("PUK :")


async def _three_people_write(stage: Stage) -> None:
    stage.phone.send(f"/status {NUMBER}")
    stage.phone.send("/rio check 01PEROY4P4RT 0612345678")
    stage.phone.send("06 39 98 00 02")
    stage.api.phone(CAMILLE + 1, "Inconnu").send("bonjour")


async def _corrects_and_presses(stage: Stage) -> None:
    await stage.shown("RIO faux")
    await stage.shown("06 39 98 00 02")
    asked = next(it for it in stage.phone.conversation if it.text.startswith("/rio"))
    stage.phone.edit(asked, "/rio check 01PEROY4P4TR 0612345678")
    await stage.shown("RIO correct")
    stage.phone.send("/alertes")
    stage.press(await stage.shown("Ce que je signale"), "lignes")
    await stage.shown("🔕 changements de lignes")


async def _starts_profile(stage: Stage) -> None:
    stage.phone.send("/profil")


async def _fills_profile(stage: Stage) -> None:
    """Each answer is said once the question was seen."""
    question = await stage.shown("Profil de")
    stage.press(question, "Remplir")
    await stage.shown("Quelle est l'adresse de la société")
    stage.phone.send("12 rue de l'Exemple\n00000 Ville-Fictive")
    await stage.shown("Quel est le SIRET")
    stage.phone.send("123 456 782 00010")
    question = await stage.shown("Quel est le numéro de TVA")
    stage.press(question, "FR 11 123 456 782")
    await stage.shown("Quel est le téléphone du service client")
    stage.phone.send("06 39 98 00 00")
    question = await stage.shown("✅ Téléphone client : 06 39 98 00 00")
    stage.press(question, "appel non surtaxé")
    await stage.shown("adresse de courriel du service client")
    stage.phone.send(f"clients@{DOMAIN}")
    await stage.shown("Un code est parti")
    code = re.search(r"Votre code : (\d{3} \d{3})", text_of(await stage.mailed("clients", "Votre code")))
    assert code
    stage.phone.send(code[1])
    await stage.shown("est vérifiée")


# -- pictures


async def _announces_logo(stage: Stage) -> None:
    stage.phone.send("/upload logo")


async def _sends_logo(stage: Stage) -> None:
    await stage.shown("Envoyer maintenant")
    stage.phone.send_file("logo.png", pictures.logo())
    verdict = await stage.shown("conforme")
    stage.press(verdict, "Déposer")
    await stage.shown("Logo déposé")


# -- mail


async def _four_mails(stage: Stage) -> None:
    """Two that ask, one of a stranger, and one that nobody can read."""
    await stage.write("compta", "Question", "Bonjour,\n\nconso DUPONT 2026-10\n\nMerci\n")
    await stage.write("technique", "Une ligne", f"status {NUMBER}\n")
    await stage.write("clients", "Bonjour", "Êtes-vous là ?\n")
    poison = b"From: compta@client.test\r\nTo: bot@client.test\r\nMessage-ID: <p@poste.test>\r\n"
    poison += b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000
    await stage.drop(poison, f"compta@{DOMAIN}")


async def _asks_staff(stage: Stage) -> None:
    stage.phone.send("/contact Qui suit le portage de Dupont ?")


async def _staff_answers(stage: Stage) -> None:
    """The staff answers by mail below the question, and is answered from the chat, which then closes it."""
    question = await stage.mailed("equipe", "Qui suit le portage")
    await stage.write("equipe", f"Re: {question['Subject']}", "Moi, voici.\n", answers=question)
    answer = await stage.shown("Moi, voici.")
    stage.phone.send("Merci, c'est noté", reply_to=answer)
    await stage.mailed("equipe", "c'est noté")
    stage.press(await stage.shown("Envoyé à l'équipe"), "Clore")
    await stage.mailed("equipe", "a clos cette conversation")


def _at(hour: int) -> datetime:
    return datetime(2026, 11, 24, hour, tzinfo=PARIS)


FLOWS = (
    Flow("file in", _files_come, _nothing),
    Flow("event to notice", _line_and_invoice, _hears_of_line),
    Flow("mail out", _letters, _nothing),
    Flow("chat out", _questions_of_many_kinds, _asks_for_code),
    Flow("mail in", _four_mails, _nothing),
    Flow("chat in", _three_people_write, _corrects_and_presses),
    Flow("dialog", _starts_profile, _fills_profile),
    Flow("upload to FTP", _announces_logo, _sends_logo),
    Flow("bridge", _asks_staff, _staff_answers),
)

#: What the service does by itself, with nothing to do.
IDLE = Flow("idle", _nothing, _two_passes)
