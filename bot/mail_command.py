"""`origyne-bot mail`: mails that could not be dealt with, as they came; read, repaired, dealt with anew.

The service looks for what is new every second, so that nothing has to tell it.
"""

import argparse
from contextlib import closing
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.policy import default

from rich.console import Console
from rich.text import Text

from bot.desk import audit, open_desk
from bot.desk.inbox import Aside, Inbox
from bot.mail.codes import without_codes
from bot.mail.reading import MailUnreadable, read
from bot.outbox_command import is_confirmed, one_line, printable
from bot.poison import headers_of
from bot.running import is_running
from core.settings import Settings
from handlers import french

ANSWERED, REFUSED = 0, 1

#: Signs of a mail that `show` prints, and of a line of the list.
_MOST_SIGNS, _WIDTH = 20_000, 80

_HEADERS = ("From", "To", "Cc", "Subject", "Date", "Message-ID", "Auto-Submitted", "Authentication-Results")


def run(options: argparse.Namespace, out: Console, err: Console) -> int:
    """`options.action`: list, show, export, replay or drop."""
    settings = Settings.load()
    with closing(open_desk(settings.open_data_folder())) as db:
        status = _ACTIONS[options.action](options, settings, Inbox(db), out, err)
        if options.action != "list":
            audit.record_by_hand(db, f"mail {options.action}")
        return status


def _list(_: argparse.Namespace, settings: Settings, inbox: Inbox, out: Console, err: Console) -> int:
    waiting = inbox.aside("mail")
    if not waiting:
        out.print("Aucun courriel n'est de côté.")
        return ANSWERED
    out.print(Text(f"{french.count(len(waiting), 'courriel')} de côté", style="bold"))
    for aside in waiting:
        _print_aside(aside, out)
    out.print("origyne-bot mail show ID pour lire, replay ID (ou all) pour traiter de nouveau")
    return ANSWERED


def _show(options: argparse.Namespace, settings: Settings, inbox: Inbox, out: Console, err: Console) -> int:
    aside = _one(options.id, inbox, err)
    if aside is None:
        return REFUSED
    _print_aside(aside, out)
    out.print("")
    for name, value in _headers(aside).items():
        out.print(Text(f"{name} : {without_codes(value)}"))
    try:
        text = read(aside.payload, settings.mail_trusted_server).own_text
        told = "" if text else "Aucun texte n'y a été lu."
    except MailUnreadable as error:
        told, text = f"Illisible ({error}) : voici ses premiers signes.", aside.payload.decode("utf-8", "replace")
    except Exception as error:  # what set it aside can be met here again
        told = f"Sa lecture échoue ({type(error).__name__}) : voici ses premiers signes."
        text = aside.payload.decode("utf-8", "replace")
    if told:
        out.print(Text(f"\n{told}", style="yellow"))
    out.print(Text(f"\n{without_codes(printable(text[:_MOST_SIGNS]))}"))
    return ANSWERED


def _export(options: argparse.Namespace, settings: Settings, inbox: Inbox, out: Console, err: Console) -> int:
    aside = _one(options.id, inbox, err)
    if aside is None:
        return REFUSED
    try:
        options.file.touch(mode=0o600, exist_ok=False)
        options.file.write_bytes(aside.payload)
    except FileExistsError:
        err.print(Text(f"{options.file} existe déjà : donner un autre nom."))
        return REFUSED
    except OSError as error:
        err.print(Text(f"{options.file} ne s'écrit pas : {error.strerror}."))
        return REFUSED
    only = " (ses en-têtes seuls : il était trop gros)" if aside.truncated else ""
    out.print(Text(f"Courriel {aside.id} enregistré dans {options.file}{only}."))
    out.print(Text(f"Une fois réparé : origyne-bot mail replay {aside.id} {options.file}"))
    return ANSWERED


def _replay(options: argparse.Namespace, settings: Settings, inbox: Inbox, out: Console, err: Console) -> int:
    if options.id == "all":
        if options.file:
            err.print("Un fichier remplace un seul courriel : donner son numéro.")
            return REFUSED
        waiting = inbox.aside("mail")
        if not waiting:
            out.print("Aucun courriel n'est de côté : il n'y a rien à traiter de nouveau.")
            return ANSWERED
    else:
        aside = _one(options.id, inbox, err)
        if aside is None:
            return REFUSED
        waiting = [aside]
    try:
        repaired = options.file.read_bytes() if options.file else None
    except OSError as error:
        err.print(Text(f"{options.file} ne se lit pas : {error.strerror}."))
        return REFUSED
    if repaired is not None:
        try:
            read(repaired, settings.mail_trusted_server)
        except MailUnreadable as error:
            err.print(Text(f"{options.file} ne se lit pas non plus comme un courriel ({error}) : rien n'a changé."))
            return REFUSED
    count = sum(inbox.replay(aside, repaired) for aside in waiting)
    soon = (
        "Le service s'en occupe dans la seconde."
        if is_running(settings.data)
        else "Le service ne tourne pas : il s'en occupera quand il démarrera (origyne-bot serve)."
    )
    out.print(f"{french.count(count, 'courriel à traiter', 'courriels à traiter')} de nouveau. {soon}")
    return ANSWERED


def _drop(options: argparse.Namespace, settings: Settings, inbox: Inbox, out: Console, err: Console) -> int:
    found = [_one(number, inbox, err) for number in dict.fromkeys(options.ids)]
    waiting = [aside for aside in found if aside]
    if len(waiting) < len(found):
        return REFUSED
    for aside in waiting:
        _print_aside(aside, out)
    one = "Ce courriel ne sera pas traité, et il est effacé d'ici ; il reste dans la boîte aux lettres."
    several = "Ces courriels ne seront pas traités, et ils sont effacés d'ici ; ils restent dans la boîte aux lettres."
    if not is_confirmed(one if len(waiting) == 1 else several, options, out):
        err.print("Rien n'a changé. Sans terminal, ajouter --yes.")
        return REFUSED
    count = sum(inbox.drop(aside) for aside in waiting)
    out.print(f"{french.count(count, 'courriel abandonné', 'courriels abandonnés')}.")
    return ANSWERED


_ACTIONS = {"list": _list, "show": _show, "export": _export, "replay": _replay, "drop": _drop}


def _one(said: str | int, inbox: Inbox, err: Console) -> Aside | None:
    aside = inbox.one_aside("mail", int(said)) if str(said).isdecimal() else None
    if aside is None:
        err.print(Text(f"Aucun courriel n° {said} n'est de côté. « origyne-bot mail » montre les numéros."))
    return aside


def _print_aside(aside: Aside, out: Console) -> None:
    now = int(datetime.now().timestamp())
    headers = _headers(aside)
    size = "trop gros" if aside.truncated else french.volume(len(aside.payload))
    head = f"{aside.id:>5}  {french.moment(aside.received_at, now)}  {size:>9}  "
    line = Text(head, style="bold")
    line.append(_cut(headers.get("From", "expéditeur illisible"), _WIDTH - len(head)))
    out.print(line)
    if subject := headers.get("Subject", ""):
        out.print(Text(f"       {_cut(without_codes(subject), _WIDTH - 7)}"))
    out.print(Text(f"       {_cut(aside.reason, _WIDTH - 7)}", style="dim"))


def _headers(aside: Aside) -> dict[str, str]:
    """The headers that can be read, each on one line."""
    try:
        message = message_from_bytes(headers_of(aside.payload), policy=default)
    except Exception:  # they may be what is wrong with it
        return {}
    return {name: value for name in _HEADERS if (value := _header(message, name))}


def _header(message: Message, name: str) -> str:
    try:
        return one_line(str(message.get(name, "") or ""))
    except Exception:
        return ""


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
