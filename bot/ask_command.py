"""`origyne-bot ask`: a question from the terminal, answered as in the chat."""

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bot.desk import audit
from bot.house import House, open_house
from bot.terminal import draw, save_files
from core.settings import Settings
from core.system_words import in_french
from handlers import registry
from handlers.answer import Answer
from handlers.ask import Ask, SentFile
from handlers.understand import understand, understand_file

ANSWERED, REFUSED = 0, 1


def ask(options: argparse.Namespace, out: Console, err: Console) -> int:
    """Answer, and save the files of the answer in the current folder; the exit status says whether it was answered."""
    house = open_house(Settings.load())
    contact = house.people.by_id(options.person) or house.people.by_email(options.person)
    if contact is None:
        known = ", ".join(contact.person.id for contact in house.people.everyone())
        err.print(Text(f"« {options.person} » n'est pas connu. Personnes connues : {known}."))
        return REFUSED
    if not contact.person.roles:
        err.print(Text(f"{contact.person.name} n'a plus de droits : « origyne-bot people invite » les rend."))
        return REFUSED
    understood = understand(options.question, house.context.telecom)
    if understood is None and not options.question.strip() and options.file:
        understood = understand_file(options.file[0].name, alone=True)
    if understood is None:
        close = registry.nearest(options.question.lstrip("/").partition(" ")[0], contact.person)
        hint = f" Vouliez-vous dire « {close.name} » ?" if close else ""
        err.print(Text(f"Question non comprise.{hint} La commande « aide » dit ce que je sais faire."))
        return REFUSED
    try:
        files = tuple(SentFile(path.name, path.read_bytes()) for path in options.file)
    except OSError as error:
        err.print(Text(f"{error.filename} ne se lit pas : {in_french(error)}."))
        return REFUSED
    asked = Ask(understood[0], understood[1], contact.person, "terminal", private=True, files=files)
    answer = asyncio.run(_answer(asked, house, options.yes, out))
    with house.desk.atomic():
        audit.record_answer(house.desk, contact.person.id, "terminal", asked.command, answer)
    draw(answer, out)
    save_files(answer, Path.cwd(), out)
    return REFUSED if answer.refused else ANSWERED


async def _answer(asked: Ask, house: House, yes: bool, out: Console) -> Answer:
    """The answer; what must be confirmed first is asked here, where somebody can be asked."""
    try:
        answer = await registry.answer(asked, house.context)
        confirming = next((button for button in answer.buttons if button.confirms), None)
        if confirming is None or answer.refused:
            return answer
        if not yes and not sys.stdin.isatty():
            return replace(answer, refused=True, buttons=(), lines=(*answer.lines, "À confirmer : ajouter --yes."))
        if not yes:
            draw(replace(answer, buttons=()), out)
            if not await asyncio.to_thread(_wants, f"{confirming.label} ? [o/N] "):
                return Answer("Rien n'est montré.", refused=True, about=answer.about)
        name, _, arguments = confirming.command.partition(" ")
        return await registry.answer(replace(asked, command=name, arguments=arguments, confirmed=True), house.context)
    finally:
        house.context.close()


def _wants(question: str) -> bool:
    return input(question).strip().lower() in ("o", "oui")
