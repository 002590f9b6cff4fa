"""`origyne-bot outbox`: what is to be sent, what could not be, and what to do with it, beside a running service.

A second process may write: each of its changes is one short transaction, for which SQLite makes the service wait, and
the service takes a message only if it is still to be sent, and there (`Outbox.sending`). It looks at its queue every
half minute at the latest, so it needs no bell.
"""

import argparse
import html
import re
import sys
import textwrap
from contextlib import closing
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from rich.console import Console
from rich.text import Text
from sqlite_utils import Database

from bot.bounces import CAME_BACK, LATE
from bot.desk import audit, faulty, open_desk
from bot.desk.outbox import Entry, Outbox
from bot.desk.people import People
from bot.mail.codes import without_codes
from bot.mail.refusals import understood
from bot.mail.smtp import BARE_ADDRESS
from bot.running import is_running
from bot.telegram.drawing import TAG, Message
from core.settings import Settings
from handlers import french

ANSWERED, REFUSED = 0, 1

#: Columns of a terminal.
WIDTH = 80

#: Messages that --all and --sent show.
_MOST = 200

_STATES = {"queued": "attend", "sending": "part", "sent": "parti", "failed": "pas remis", "dropped": "abandonné"}
_STYLES = {"failed": "bold red", "queued": "yellow", "sending": "yellow"}
_CHANNELS = {"chat": "Telegram", "mail": "courriel"}


def run(options: argparse.Namespace, out: Console, err: Console) -> int:
    """`options.action`: list, show, retry or drop."""
    data = Settings.load().open_data_folder()
    with closing(open_desk(data)) as db:
        status = _ACTIONS[options.action](options, _Office(db, data), out, err)
        if options.action != "list":
            audit.record_by_hand(db, f"outbox {options.action}")
        return status


class _Office:
    """`data`: the folder whose service the queue belongs to."""

    def __init__(self, db: Database, data: Path) -> None:
        self.db = db
        self.data = data
        self.outbox = Outbox(db)
        self.people = People(db)

    def whom(self, entry: Entry) -> str:
        if entry.channel == "mail":
            return entry.recipient
        owner = self.people.by_chat(int(entry.recipient))
        return owner.person.name if owner else f"chat {entry.recipient}"

    def subject(self, entry: Entry) -> str:
        if entry.subject:
            return one_line(entry.subject)
        words = _chat_words(self.outbox.content(entry.id)) if entry.channel == "chat" else ""
        return one_line(words.partition("\n")[0])


# -- actions


def _list(options: argparse.Namespace, office: _Office, out: Console, _: Console) -> int:
    now = int(datetime.now().timestamp())
    if options.all or options.sent:
        entries = office.outbox.everything(_MOST, only_sent=options.sent)
    else:
        entries = office.outbox.unsettled(now)
    if not entries:
        out.print("Rien n'attend, et rien n'a échoué." if not (options.all or options.sent) else "Rien n'est parti.")
    else:
        out.print(Text(_summary(entries), style="bold"))
    for entry in entries:
        _print_entry(entry, office, out, now)
    if len(entries) == _MOST:
        out.print(f"(les {_MOST} derniers)")
    for it in faulty.marked(office.db, now):
        since = french.moment(it.since, now)
        told = f"! Les courriels n'arrivent pas à {it.address} (depuis le {since}) : {it.reason}"
        for line in textwrap.wrap(told, WIDTH, subsequent_indent="  "):
            out.print(Text(line, style="yellow"))
    if any(entry.state in ("queued", "failed") for entry in entries):
        out.print("origyne-bot outbox retry ID (ou all) pour renvoyer, show ID, drop ID")
    return ANSWERED


def _show(options: argparse.Namespace, office: _Office, out: Console, err: Console) -> int:
    entry = office.outbox.entry(options.id)
    if entry is None:
        return _unknown(options.id, err)
    _print_entry(entry, office, out, int(datetime.now().timestamp()))
    if entry.cause:
        out.print(Text(f"       au journal du service : [{entry.cause}]", style="dim"))
    if not entry.has_content:
        out.print("Son contenu n'est plus gardé.")
        return ANSWERED
    if entry.error:
        out.print(Text(f"\nRéponse du serveur : {one_line(entry.error)}", style="dim"))
    payload, attachment = office.outbox.content(entry.id)
    words = _mail_words(payload or b"") if entry.channel == "mail" else _chat_words((payload, attachment))
    out.print(Text(f"\n{_masked(words)}"))
    return ANSWERED


def _retry(options: argparse.Namespace, office: _Office, out: Console, err: Console) -> int:
    if options.to and not BARE_ADDRESS.fullmatch(options.to):
        err.print(Text(f"« {options.to} » n'est pas une adresse."))
        return REFUSED
    if options.to and (len(options.ids) > 1 or options.ids == ["all"]):
        err.print("--to va avec un seul message.")
        return REFUSED
    if options.ids == ["all"]:
        waiting = office.outbox.unsettled(int(datetime.now().timestamp()))
        entries = [entry for entry in waiting if entry.state in ("failed", "queued") and entry.has_content]
        if not entries:
            out.print("Rien n'attend, et rien n'a échoué : il n'y a rien à renvoyer.")
            return ANSWERED
    else:
        found = _entries(options.ids, office, err)
        if found is None:
            return REFUSED
        entries = found
    results = [_retry_one(entry, options.to, office, out, err) for entry in entries]
    if any(results):
        if is_running(office.data):
            out.print("Le service les envoie dans les 30 secondes.")
        else:
            out.print("Le service ne tourne pas : il les enverra quand il démarrera (origyne-bot serve).")
    return ANSWERED if all(results) else REFUSED


def _retry_one(entry: Entry, to: str, office: _Office, out: Console, err: Console) -> bool:
    if to and entry.channel != "mail":
        err.print(f"Le message {entry.id} va dans Telegram : --to ne vaut que pour les courriels.")
        return False
    if not entry.has_content:
        err.print(f"Le message {entry.id} ne peut pas être renvoyé : son contenu n'est plus gardé.")
        return False
    owner = office.people.by_id(entry.person_id) if entry.person_id and entry.channel == "mail" else None
    present = to or (owner.email if owner and owner.person.roles else entry.recipient)
    payload = None
    if present.lower() != entry.recipient.lower():
        payload = _readdressed(office.outbox.content(entry.id)[0] or b"", present)
    if not office.outbox.retry(entry, present if payload else "", payload):
        err.print(f"Le message {entry.id} est justement en train de partir.")
        return False
    again = f"Le message {entry.id} sera renvoyé à {present if entry.channel == 'mail' else office.whom(entry)}"
    out.print(Text(f"{again} (et non plus à {entry.recipient})." if payload else f"{again}."))
    return True


def _drop(options: argparse.Namespace, office: _Office, out: Console, err: Console) -> int:
    entries = _entries(options.ids, office, err)
    if entries is None:
        return REFUSED
    for entry in entries:
        if entry.state not in ("queued", "failed"):
            words = {"sending": "est justement en train de partir", "sent": "est parti"}.get(entry.state, "l'est déjà")
            err.print(f"Le message {entry.id} ne peut pas être abandonné : il {words}.")
            return REFUSED
        _print_entry(entry, office, out, int(datetime.now().timestamp()))
    one = "Ce message ne sera jamais envoyé, et son contenu est effacé."
    several = "Ces messages ne seront jamais envoyés, et leur contenu est effacé."
    if not is_confirmed(one if len(entries) == 1 else several, options, out):
        err.print("Rien n'a changé. Sans terminal, ajouter --yes.")
        return REFUSED
    dropped = [office.outbox.drop(entry) for entry in entries]
    out.print(f"{french.count(sum(dropped), 'message abandonné', 'messages abandonnés')}.")
    return ANSWERED if all(dropped) else REFUSED


_ACTIONS = {"list": _list, "show": _show, "retry": _retry, "drop": _drop}


def is_confirmed(loss: str, options: argparse.Namespace, out: Console) -> bool:
    """Whether who types wants it so, after he was told what is lost; without a terminal, only --yes does."""
    out.print(Text(loss, style="bold"))
    if options.yes:
        return True
    return sys.stdin.isatty() and input("Continuer ? [o/N] ").strip().lower() in ("o", "oui")


def _entries(ids: list[str] | list[int], office: _Office, err: Console) -> list[Entry] | None:
    """What these numbers mean; None, and said why, where one means nothing."""
    found = []
    for said in dict.fromkeys(map(str, ids)):
        entry = office.outbox.entry(int(said)) if said.isdecimal() else None
        if entry is None:
            _unknown(said, err)
            return None
        found.append(entry)
    return found


def _unknown(said: str | int, err: Console) -> int:
    err.print(Text(f"Aucun message n° {said}. « origyne-bot outbox --all » montre les numéros."))
    return REFUSED


# -- what is shown


def _summary(entries: list[Entry]) -> str:
    count = {state: sum(entry.state == state for entry in entries) for state in _STATES}
    told = (
        (count["queued"] + count["sending"], "à envoyer", "à envoyer"),
        (count["failed"], "pas remis", "pas remis"),
        (count["sent"], "parti", "partis"),
        (count["dropped"], "abandonné", "abandonnés"),
        (sum(entry.uncertain for entry in entries), "incertain", "incertains"),
    )
    return ", ".join(french.count(number, one, many) for number, one, many in told if number)


def _print_entry(entry: Entry, office: _Office, out: Console, now: int) -> None:
    state = "revenu" if entry.state == "failed" and entry.error.startswith(CAME_BACK) else _STATES[entry.state]
    head = f"{entry.id:>5}  {french.moment(entry.created_at, now)}  {_CHANNELS[entry.channel]:<8}  {state:<9}  "
    line = Text(head, style=_STYLES.get(entry.state, ""))
    line.append(_cut(office.whom(entry), WIDTH - len(head)))
    out.print(line)
    if subject := office.subject(entry):
        out.print(Text(f"       {_cut(subject, WIDTH - 7)}"))
    for detail in textwrap.wrap(_details(entry, now), WIDTH - 7):
        out.print(Text(f"       {detail}", style="dim"))


def _details(entry: Entry, now: int) -> str:
    told = [french.count(entry.tries, "essai")] if entry.tries and entry.state != "sent" else []
    if entry.state == "queued" and entry.next_try_at > now:
        told.append(f"prochain le {french.moment(entry.next_try_at, now)}")
    if entry.sent_at and entry.state == "sent":
        told.append(f"parti le {french.moment(entry.sent_at, now)}")
    if entry.uncertain:
        told.append("une copie est peut-être déjà arrivée")
    if entry.error:
        told.append(_reason(entry.error))
    if entry.state == "failed" and not entry.has_content:
        told.append("contenu effacé")
    return " ; ".join(told)


def _reason(error: str) -> str:
    for beginning in (CAME_BACK, LATE):
        if error.startswith(beginning):
            return beginning + str(understood(error.removeprefix(beginning)))
    return one_line(str(understood(error)))


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


def one_line(words: str) -> str:
    """Words from outside as a terminal can show them: nothing in them moves its cursor or changes its colours."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())


def printable(words: str) -> str:
    """The same for several lines."""
    return "\n".join("".join(sign if sign.isprintable() else " " for sign in line) for line in words.splitlines())


def _mail_words(payload: bytes) -> str:
    message = message_from_bytes(payload, policy=default)
    assert isinstance(message, EmailMessage)
    shown = [f"{name} : {message[name]}" for name in ("From", "To", "Reply-To", "Subject", "Date") if message[name]]
    files = [part.get_filename() or "?" for part in message.iter_attachments()]
    body = message.get_body(preferencelist=("plain",))
    shown += [f"Fichiers : {', '.join(files)}"] if files else []
    return "\n".join([*shown, "", str(body.get_content()) if body else ""])


def _chat_words(content: tuple[bytes | None, bytes | None]) -> str:
    if content[0] is None:
        return ""
    message = Message.restored(content[0], content[1])
    if message.protected:
        return "(une réponse avec des codes)"
    words = html.unescape(TAG.sub("", message.html))
    return f"{words}\nFichier : {message.file_name}".strip() if message.file_name else words


#: What lets somebody speak for another: an enrolment code, the secret of a reply address.
_SECRETS = re.compile(r"((?:/start |[?&]start=)|(?<=[\w.-])\+)[\w-]{12,}")


def _masked(words: str) -> str:
    return printable(_SECRETS.sub(lambda found: f"{found[1]}•••", without_codes(words)))


_TO = re.compile(rb"^To:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.IGNORECASE | re.MULTILINE)


def _readdressed(payload: bytes, to: str) -> bytes:
    """The same mail, with the same Message-ID, to somebody else."""
    head, gap, body = payload.partition(b"\r\n\r\n") if b"\r\n\r\n" in payload else payload.partition(b"\n\n")
    return _TO.sub(lambda _: b"To: " + to.encode(), head, count=1) + gap + body
