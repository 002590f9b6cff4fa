"""What the service's log (a JSON object a line, see `core.logs`) tells, in plain French and with delays."""

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

#: Somebody's act (`person`, `operator`), what the robot did (`read`, `event`, `notice`, `answer`), what went wrong, and
#: its end.
Kind = Literal["person", "operator", "read", "event", "notice", "answer", "fault", "recovery"]

#: Seconds: files read later are not laid to a deposit, nor notices to a reading.
_DEPOSIT_LASTS, _READING_LASTS = 120, 10
#: Questions and notices that are remembered.
_REMEMBERED = 500

_IN = {"chat": "dans le chat", "mail": "par courriel", "terminal": "au terminal"}
_MESSAGE = {"chat": "Message dans le chat", "mail": "Courriel envoyé"}


@dataclass(frozen=True)
class Happening:
    """`at`: seconds since 1970. `delay`: seconds since what it answers to. `chain`: the same for all that comes of one
    deposit or of one question, "" for what stands alone."""

    at: float
    kind: Kind
    text: str
    delay: float | None = None
    chain: str = ""


@dataclass
class _Deposit:
    """`left`: its files that no pass has brought yet. `doubtful`: a pass brought so many others that these may have
    been among them."""

    at: float
    chain: str
    left: int
    doubtful: bool = False


@dataclass(frozen=True)
class _Cause:
    """What later lines go back to: `at` is when somebody acted, None where nobody did."""

    chain: str
    at: float | None
    command: str = ""


class Tail:
    """The whole lines that a file has got since the last look; a file that is not there has none yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0
        self._begun = b""

    def lines(self) -> list[str]:
        try:
            with self._path.open("rb") as file:
                if file.seek(0, 2) < self._place:  # begun anew
                    self._place, self._begun = 0, b""
                file.seek(self._place)
                content = file.read()
        except FileNotFoundError:
            return []
        self._place += len(content)
        *whole, self._begun = (self._begun + content).split(b"\n")
        return [line.decode("utf-8", "replace") for line in whole]


class ServiceLog:
    """Reads line after line; remembers what leads to what."""

    def __init__(self) -> None:
        self._deposits: list[_Deposit] = []
        self._reading: tuple[float, _Cause] | None = None
        self._causes: OrderedDict[str, _Cause] = OrderedDict()
        self._answered: set[str] = set()
        self._wrong: dict[str, float] = {}

    def deposited(self, at: float, chain: str, files: int) -> None:
        """Somebody put files on the FTP: what is read of them next goes back to this."""
        self._deposits = [deposit for deposit in self._deposits if not deposit.doubtful]
        self._deposits.append(_Deposit(at, chain, files))

    def happenings(self, line: str) -> list[Happening]:
        """What a line tells: mostly nothing; nothing either where it is no record."""
        try:
            record = json.loads(line)
            said = _Record(
                datetime.fromisoformat(record["time"]).timestamp(),
                str(record["level"]),
                str(record["logger"]),
                str(record["message"]),
                str(record["about"]),
            )
        except (ValueError, TypeError, KeyError):
            return []
        if said.level in ("WARNING", "ERROR", "CRITICAL"):
            return list(self._fault(said))
        for pattern, handle in _HANDLERS:
            if found := pattern.fullmatch(said.message):
                return list(handle(self, said, found))
        return []

    # -- the service itself

    def _started(self, said: "_Record", _: re.Match[str]) -> Iterator[Happening]:
        self._wrong.clear()
        yield Happening(said.at, "recovery", "Le robot a démarré")

    def _stopping(self, said: "_Record", _: re.Match[str]) -> Iterator[Happening]:
        yield Happening(said.at, "fault", "Le robot s'arrête")

    def _stopped(self, said: "_Record", _: re.Match[str]) -> Iterator[Happening]:
        yield Happening(said.at, "fault", "Le robot est arrêté")

    # -- files and notices

    def _pass(self, said: "_Record", found: re.Match[str]) -> Iterator[Happening]:
        fetched, read, error = int(found[1]), int(found[2]), found[3]
        if error:
            yield from self._broken("ftp", said.at, _FTP_SILENT)
        else:
            yield from self._mended("ftp", said.at, "Le robot lit de nouveau le FTP")
        if not fetched and not read:
            return
        cause = self._cause_of_files(said.at, fetched or read) or _Cause(said.about, None)
        self._reading = said.at, cause
        yield Happening(said.at, "read", _files_read(fetched, read), _since(cause, said.at), cause.chain)

    def _notices(self, said: "_Record", found: re.Match[str]) -> Iterator[Happening]:
        cause = _Cause(said.about, None)
        if self._reading and said.at - self._reading[0] < _READING_LASTS:
            cause = self._reading[1]
        self._remember(said.about, cause)
        events, readers = int(found[1]), int(found[2])
        whom = _count(readers, "personne", "personnes") if readers else "mais pour personne"
        text = f"{_count(events, 'nouvelle', 'nouvelles')}, {'pour ' if readers else ''}{whom}"
        yield Happening(said.at, "event", text, _since(cause, said.at), cause.chain)

    # -- questions

    def _taken(self, said: "_Record", found: re.Match[str]) -> Iterator[Happening]:
        door, command = found[1], found[2]
        yield from self._mended_by(door, said.at)
        self._remember(said.about, _Cause(said.about, said.at, command))
        where = _IN.get(door, door)
        yield Happening(said.at, "person", f"Demande {where} : {command}", chain=said.about)

    def _sent(self, said: "_Record", found: re.Match[str]) -> Iterator[Happening]:
        channel, taken = found[1], found[2]
        yield from self._mended_by(channel, said.at)
        cause = self._causes.get(said.about, _Cause(said.about, None))
        delay = float(taken) if taken else _since(cause, said.at)
        if said.about.startswith("q"):
            text = self._answer(said.about, cause.command, channel)
            yield Happening(said.at, "answer", text, delay, cause.chain)
        elif said.about.startswith("n"):
            yield Happening(said.at, "notice", f"Avis {_IN[channel]}", delay, cause.chain)
        else:
            yield Happening(said.at, "notice", _MESSAGE[channel], delay, cause.chain)

    def _answer(self, about: str, command: str, channel: str) -> str:
        more = about in self._answered
        self._answered.add(about)
        if not command:  # such as what one person writes to another
            return _MESSAGE[channel]
        return f"{command} : {'suite' if more else 'répondu'} {_IN[channel]}"

    # -- what goes wrong, and its end

    def _fault(self, said: "_Record") -> Iterator[Happening]:
        for logger, pattern, key, text in _FAULTS:
            if said.logger.startswith(logger) and (found := re.search(pattern, said.message, re.DOTALL)):
                words = found.expand(text)
                if key:
                    yield from self._broken(key, said.at, words)
                else:
                    yield Happening(said.at, "fault", words, chain=self._chain(said.about))
                return
        text = "Une erreur est survenue" if said.level != "WARNING" else "Un incident est noté"
        yield Happening(said.at, "fault", f"{text} dans le robot ({said.logger})", chain=self._chain(said.about))

    def _broken(self, key: str, at: float, text: str) -> Iterator[Happening]:
        """Once until it is mended: it is logged at each attempt."""
        if key not in self._wrong:
            self._wrong[key] = at
            yield Happening(at, "fault", text)

    def _mended(self, key: str, at: float, text: str) -> Iterator[Happening]:
        if key in self._wrong:
            yield Happening(at, "recovery", text, at - self._wrong.pop(key))

    def _mended_by(self, channel: str, at: float) -> Iterator[Happening]:
        if channel == "chat":
            yield from self._mended("telegram", at, "Telegram répond de nouveau")
        elif channel == "mail":
            yield from self._mended("mail", at, "Le courriel passe de nouveau")

    # -- what leads to what

    def _cause_of_files(self, at: float, files: int) -> _Cause | None:
        """The last deposit that so many files reach to; none where there are more of them than were deposited."""
        self._deposits = [deposit for deposit in self._deposits if at - deposit.at < _DEPOSIT_LASTS]
        if files > sum(deposit.left for deposit in self._deposits):
            for deposit in self._deposits:
                deposit.doubtful = True
            return None
        while self._deposits[0].left < files:
            files -= self._deposits.pop(0).left
        deposit = self._deposits[0]
        deposit.left -= files
        if not deposit.left:
            self._deposits.pop(0)
        return _Cause(deposit.chain, deposit.at)

    def _remember(self, about: str, cause: _Cause) -> None:
        self._causes[about] = cause
        if len(self._causes) > _REMEMBERED:
            forgotten, _ = self._causes.popitem(last=False)
            self._answered.discard(forgotten)

    def _chain(self, about: str) -> str:
        return self._causes[about].chain if about in self._causes else about


@dataclass(frozen=True)
class _Record:
    at: float
    level: str
    logger: str
    message: str
    about: str


def _since(cause: _Cause, at: float) -> float | None:
    return max(at - cause.at, 0.0) if cause.at is not None else None


def _files_read(fetched: int, read: int) -> str:
    if fetched == read or not read:
        one, many = ("fichier reçu et lu", "fichiers reçus et lus") if read else ("fichier reçu", "fichiers reçus")
        return _count(fetched, one, many)
    if not fetched:
        return _count(read, "fichier lu", "fichiers lus")
    return f"{_count(fetched, 'fichier reçu', 'fichiers reçus')}, {_count(read, 'lu', 'lus')}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number < 2 else many}"


_HANDLERS: tuple[tuple[re.Pattern[str], Callable[[Any, _Record, re.Match[str]], Iterator[Happening]]], ...] = (
    (re.compile(r"service started.*"), ServiceLog._started),
    (re.compile(r"stopping"), ServiceLog._stopping),
    (re.compile(r"stopped"), ServiceLog._stopped),
    (re.compile(r"pass: (\d+) fetched, (\d+) read(?:, but: (.*))?", re.DOTALL), ServiceLog._pass),
    (re.compile(r"notices: (\d+) events?, (\d+) readers?"), ServiceLog._notices),
    (re.compile(r"taken: (\w+), (/\S+)"), ServiceLog._taken),
    (
        re.compile(r"sent: (chat|mail) parcel \d+ in [\d.]+ s(?:, ([\d.]+) s after it was taken)?"),
        ServiceLog._sent,
    ),
)

_FTP_SILENT = "Le robot n'atteint plus le FTP : il réessaie à chaque passage"

#: Beginning of the logger's name, what the message holds, under which name the fault lasts until it is mended ("" for
#: one that is over at once), and its French. The first that fits counts.
_FAULTS = (
    ("core.sync", r"", "ftp", _FTP_SILENT),
    ("core.mirror", r"^([^.\n]{1,160})", "", r"Un fichier du FTP n'a pas pu être pris : \1"),
    ("bot.telegram.poller", r"another poll", "telegram", "Un autre programme lit les messages de ce robot"),
    ("bot.telegram.poller", r"", "telegram", "Le robot n'atteint plus Telegram : il réessaie"),
    ("bot.mail.imap", r"^IMAP: ", "mail", "Le robot n'atteint plus sa boîte aux lettres : il réessaie"),
    (
        "bot.",
        r"^(?:chat|mail): (\d+) parcels were being sent",
        "",
        r"Envois en cours au dernier arrêt : \1, refaits et marqués « incertains »",
    ),
    ("bot.telegram.sender", r"^chat parcel \d+ refused: (.{1,160})", "", r"Telegram refuse un message : \1"),
    ("bot.telegram.sender", r"^a chat is lost", "", "Un chat n'est plus joignable"),
    ("bot.mail.sending", r"^mail parcel \d+ refused: (.{1,160})", "", r"Un courriel n'est pas parti : \1"),
    ("bot.bounces", r"came back", "", "Un courriel est revenu sans avoir été remis"),
    ("bot.mail.answering", r"^mail set aside", "", "Un courriel illisible est mis de côté"),
    (
        "bot.mail.answering",
        r"^mail in the name of",
        "",
        "Un courriel se dit d'une personne connue sans preuve : refusé",
    ),
    ("bot.mail.answering", r"not vouched for", "", "Un courriel sans preuve d'origine n'a rien déclenché"),
    ("bot.stopping", r"^not all ended", "", "Arrêt sans attendre : ce qui était en cours sera repris au démarrage"),
    ("core.logs", r"stumbled", "", "Le robot a trébuché, et s'est repris"),
    ("bot.", r"stumbled", "", "Le robot a trébuché, et s'est repris"),
)
