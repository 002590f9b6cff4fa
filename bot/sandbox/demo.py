"""`origyne-bot demo`: the assistant on embedded servers, by a written scenario or by hand."""

import asyncio
import shlex
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bot.mail.faults import MailError
from bot.sandbox.house import ACCOUNTING, STAFF, TECHNICAL, Sandbox
from bot.sandbox.operator import ACTIVE, SUSPENDED
from bot.sandbox.pictures import logo
from bot.sandbox.script import Play
from core.folders import PARIS

_HELP = """\
Vous êtes Camille Martin, contact technique : ce qui est tapé part dans Telegram.
  /status 0639980001 · /conso Dupont · /lignes · /puk 0639980001 · /factures · /etat · /aide dit tout
Et pour faire bouger le reste :
  :logo bon | :logo mauvais      envoyer un logo d'essai comme fichier
  :fichier CHEMIN                envoyer un fichier
  :bouton NOM                    toucher un bouton du dernier message qui en a
  :suspendre NUMÉRO | :rétablir NUMÉRO   l'opérateur change l'état d'une ligne
  :heure                         l'opérateur dépose l'heure suivante (états et CDR)
  :facture                       l'opérateur dépose sa facture
  :courriel TEXTE                la comptabilité écrit au robot
  :aide    :fin"""


async def run(*, scripted: bool, console: Console) -> int:
    """Play the demo; 0 when all went as it should."""
    console.print(Text("origyne-bot · démonstration", style="bold"))
    console.print(Text("Tout se passe sur cette machine, avec des données inventées. Préparation…", style="dim"))
    async with Sandbox() as sandbox:
        if scripted:
            return 0 if await Play(sandbox, console).run() else 1
        return await _by_hand(sandbox, console)


async def _by_hand(sandbox: Sandbox, console: Console) -> int:
    play = Play(sandbox, console)
    if not await play.open():
        return 1
    console.print()
    console.print(Text(_HELP, style="dim"))
    watching = asyncio.create_task(_watch(sandbox, play))
    orders = _Orders(sandbox)
    try:
        while sandbox.running:
            try:
                typed = (await asyncio.to_thread(input, "› ")).strip()
            except (EOFError, KeyboardInterrupt):
                break
            if typed in (":fin", ":quitter", ":q"):
                break
            if typed == ":aide":
                console.print(Text(_HELP, style="dim"))
            elif typed.startswith(":"):
                console.print(Text(await orders.obey(typed), style="dim"))
            elif typed:
                sandbox.phone.send(typed)
                await asyncio.sleep(0.7)  # the answer comes before the next prompt
    finally:
        watching.cancel()
    console.print(Text("Arrêt de la démonstration.", style="dim"))
    return 0


async def _watch(sandbox: Sandbox, play: Play) -> None:
    """Show what comes, as it comes."""
    shown = max((message.revision for message in sandbox.phone.messages), default=0)
    mails = {address: len(await sandbox.mail.messages(address)) for address in (ACCOUNTING, TECHNICAL, STAFF)}
    while True:
        await asyncio.sleep(0.2)
        for message in sorted(sandbox.phone.messages, key=lambda message: message.revision):
            if message.revision > shown:
                play.show_message(message)
                shown = message.revision
        for address, seen in mails.items():
            for raw in (await sandbox.mail.messages(address))[seen:]:
                mail = message_from_bytes(raw, policy=default)
                assert isinstance(mail, EmailMessage)
                play.show_mail(mail, 14)
                mails[address] += 1


class _Orders:
    """What the operator and the accountant do in the demo."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._box = sandbox
        day = sandbox.today
        self._clock = datetime(day.year, day.month, day.day, 8, tzinfo=PARIS)
        self._orders: dict[str, Callable[[str], str]] = {
            "logo": self._logo,
            "fichier": self._file,
            "bouton": self._button,
            "suspendre": lambda words: self._line(words, SUSPENDED),
            "rétablir": lambda words: self._line(words, ACTIVE),
            "retablir": lambda words: self._line(words, ACTIVE),
            "heure": self._hour,
            "facture": self._invoice,
        }

    async def obey(self, typed: str) -> str:
        name, _, words = typed[1:].partition(" ")
        if name == "courriel":
            if not words:
                return "Écrire la question après :courriel, par exemple :courriel conso Dupont"
            try:
                await self._box.write_mail(ACCOUNTING, "Question", words)
            except MailError as error:
                return str(error)
            return f"{ACCOUNTING} a écrit au robot."
        order = self._orders.get(name)
        if order is None:
            return f"« :{name} » n'existe pas ; :aide donne la liste."
        try:
            return order(words.strip())
        except (KeyError, ValueError, OSError) as error:
            return f"Impossible : {error}"

    def _logo(self, words: str) -> str:
        wrong = words.startswith("mauvais")
        self._box.phone.send_file("logo.png", logo(120, 80, dpi=72) if wrong else logo())
        return "Un logo faux est envoyé." if wrong else "Un logo juste est envoyé."

    def _file(self, words: str) -> str:
        path = Path(shlex.split(words)[0]) if words else Path()
        self._box.phone.send_file(path.name, path.read_bytes())
        return f"{path.name} est envoyé."

    def _button(self, words: str) -> str:
        shown = [message for message in self._box.phone.messages if message.buttons]
        if not shown:
            return "Aucun message n'a de bouton."
        last = max(shown, key=lambda message: message.revision)
        found = [label for label in last.labels if words.lower() in label.lower()]
        if not found:
            return f"Ce message a les boutons {', '.join(last.labels)}."
        self._box.phone.press(last, found[0])
        return f"[ {found[0]} ] est touché."

    def _line(self, words: str, status: str) -> str:
        number = "".join(words.split()) or "0639980001"
        self._box.operator.change_line(number, status=status)
        return f"{self._hour('')} Le {number} y est noté : {status}."

    def _hour(self, _: str) -> str:
        self._clock += timedelta(hours=1)
        status = self._box.operator.deliver_status(self._clock)
        rated = self._box.operator.deliver_rated(self._clock)
        return f"L'opérateur dépose {status.name} et {rated.name}."

    def _invoice(self, _: str) -> str:
        return f"L'opérateur dépose {self._box.operator.deliver_operator_invoice(self._box.operator.months[-1]).name}."
