"""The table of routes: who is told of what, by which channel, at once or once a day, within which hours.

The packaged `routes.toml` says the rule of the operator's card (B-5); a `routes.toml` in the data folder changes lines
of it. Both are written in French words, which `origyne-bot routes` says back.
"""

import difflib
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from bot.desk.outbox import Channel
from bot.desk.people import Contact
from core.folders import PARIS
from core.holidays import Days, is_worked
from core.hours import Span, read_span, read_time, show_span, show_time
from core.layouts import fold
from handlers.desk import Topic

USER_FILE = "routes.toml"
_PACKAGED = Path(__file__).with_name("routes.toml")

#: Who can be told, as the table names them; else an address.
ROLES = ("technique", "comptabilite", "equipe")
_ROLE_ALIASES = {"compta": "comptabilite", "comptable": "comptabilite", "contact": "technique", "staff": "equipe"}


class RoutesError(Exception):
    """The user's routes.toml cannot be used; `faults` has one French sentence for each entry in question."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Detail:
    """A part of a group that can have routes of its own. `kinds`: of `bot.notices.news.News`."""

    name: str
    what: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """What the table routes. `topic`: what a person mutes it by in his chat."""

    name: str
    what: str
    topic: Topic
    details: tuple[Detail, ...]


def _same(name: str, what: str, topic: Topic, kind: str) -> Group:
    return Group(name, what, topic, (Detail("", what, (kind,)),))


GROUPS = (
    Group(
        "factures",
        "factures",
        "invoices",
        (
            Detail("origyne", "factures d'Origyne", ("invoice.operator",)),
            Detail("clients", "factures des clients", ("invoice.client",)),
        ),
    ),
    _same("facturation", "relevés de facturation", "invoices", "billed.arrived"),
    Group(
        "lignes",
        "changements de lignes",
        "lines",
        (
            Detail("premiere", "première lecture des lignes", ("lines.loaded",)),
            Detail("nouvelle", "nouvelles lignes", ("line.new",)),
            Detail("activee", "lignes activées", ("line.activated",)),
            Detail("suspendue", "lignes suspendues", ("line.suspended",)),
            Detail("retablie", "lignes rétablies", ("line.resumed",)),
            Detail("resiliee", "lignes résiliées", ("line.terminated",)),
            Detail("sim", "SIM changées", ("line.sim",)),
            Detail("client", "lignes qui changent de client", ("line.client",)),
            Detail("forfait", "forfaits changés", ("line.plan",)),
            Detail("statut", "autres changements de statut", ("line.status",)),
            Detail("disparue", "lignes disparues de l'état", ("line.vanished",)),
            Detail("revenue", "lignes de retour dans l'état", ("line.returned",)),
        ),
    ),
    _same("communications", "arrivées de CDR", "cdrs", "rated.arrived"),
    _same("conservation", "communications effacées à leur terme", "cdrs", "cdrs.purged"),
    _same("cartes", "cartes SIM reçues", "sims", "sims.arrived"),
    Group(
        "documents",
        "documents et autres fichiers",
        "documents",
        (
            Detail("contrats", "documents", ("document.arrived",)),
            Detail("tarifs", "tables tarifaires", ("tariffs.arrived",)),
            Detail("autres", "autres fichiers", ("other.arrived",)),
        ),
    ),
    Group(
        "rejets",
        "rangées de côté, fichiers qui attendent",
        "faults",
        (
            Detail("fichiers", "fichiers qui attendent", ("file.waiting", "file.waiting.again", "file.waiting.over")),
            Detail("rangees", "rangées de côté", ("file.rejects", "file.rejects.again", "file.rejects.over")),
            Detail("reprises", "rangées reprises", ("file.mended",)),
        ),
    ),
    Group(
        "retards",
        "livraisons en retard",
        "late",
        (
            Detail("etats", "états des lignes en retard", ("late.account_status",)),
            Detail("communications", "CDR en retard", ("late.rated_cdrs",)),
            Detail("facturation", "relevé de facturation en retard", ("late.billed_cdrs",)),
        ),
    ),
    Group(
        "pannes",
        "pannes",
        "troubles",
        (
            Detail("ftp", "FTP illisible", ("trouble.ftp",)),
            Detail("fichiers", "fichiers que le FTP refuse", ("trouble.ftp_files",)),
            Detail("telegram", "Telegram en panne", ("trouble.telegram", "trouble.chat_queue")),
            Detail("envoi", "courriels qui ne partent plus", ("trouble.smtp", "trouble.mail_queue")),
            Detail("reception", "courriels qui n'arrivent plus", ("trouble.imap",)),
            Detail("service", "parties du service qui s'arrêtent", ("trouble.loops",)),
            Detail("disque", "disque plein, ou presque", ("trouble.disk", "trouble.intake")),
            Detail("routes", "routes.toml qui ne se lit pas", ("trouble.routes",)),
            Detail("sauvegardes", "sauvegardes qui ne se font plus", ("trouble.backup",)),
            Detail("bases", "bases remises en état", ("trouble.store",)),
            Detail("horloge", "horloge de la machine qui saute", ("trouble.clock",)),
        ),
    ),
)
_BY_NAME = {group.name: group for group in GROUPS}
_PLACES = {kind: (group, detail) for group in GROUPS for detail in group.details for kind in detail.kinds}
_GROUP_ALIASES = {
    "facture": "factures",
    "releves": "facturation",
    "billedcdrs": "facturation",
    "ligne": "lignes",
    "cdr": "communications",
    "cdrs": "communications",
    "ratedcdrs": "communications",
    "sim": "cartes",
    "sims": "cartes",
    "cartessim": "cartes",
    "document": "documents",
    "rejet": "rejets",
    "retard": "retards",
    "panne": "pannes",
}


@dataclass(frozen=True)
class Route:
    """One way to one reader. `reader`: of `ROLES`, or an address; `at`: minute of the day (Paris) of a daily digest,
    None for at once; `hours`: outside them it waits, None for any; `own`: from the user's file."""

    reader: str
    channel: Channel
    at: int | None = None
    hours: Span | None = None
    days: Days = "tous"
    own: bool = False

    def due(self, now: int, place: str) -> int:
        """When what is known now goes out: now itself, or the first time that it may. UTC seconds.

        :param place: whose public holidays are kept, of `core.holidays.REGIONS`.
        """
        first = datetime.fromtimestamp(now, PARIS).date()
        for day in (first + timedelta(days=ahead) for ahead in range(60)):
            if not is_worked(day, self.days, place):
                continue
            if self.at is not None:
                if _on(day, self.at) >= now:
                    return _on(day, self.at)
                continue
            for begin, end in self._windows():
                if _on(day, end) > now:
                    return max(_on(day, begin), now)
        raise AssertionError("two months without a day of work")

    def _windows(self) -> tuple[Span, ...]:
        """Within one day."""
        if self.hours is None:
            return ((0, 1440),)
        begin, end = self.hours
        return ((begin, end),) if begin < end else ((0, end), (begin, 1440))

    def in_words(self) -> str:
        """aussitôt; chaque jour à 18 h; de 8 h à 20 h, jours ouvrés."""
        if self.at is not None:
            when = f"à {show_time(self.at)}" if self.days != "tous" else f"chaque jour à {show_time(self.at)}"
        else:
            when = show_span(self.hours) if self.hours else "aussitôt"
        return when if self.days == "tous" else f"{when}, jours {self.days}"


#: What a table's line holds: no route for "jamais".
_Line = tuple[Route, ...]


@dataclass(frozen=True)
class Routes:
    """`lines`: by group, detail ("" for the whole group) and reader. `own`: what came from the user's file."""

    lines: dict[tuple[str, str, str], _Line]
    own: frozenset[tuple[str, str, str]] = field(default=frozenset())

    @classmethod
    def load(cls, data: Path | None = None) -> "Routes":
        """The packaged table, and that of the data folder over it.

        :raises RoutesError: with every fault of the user's file, not only the first.
        """
        routes = _packaged()
        path = data / USER_FILE if data else None
        if path is None or not path.is_file():
            return routes
        own = _read(_parsed(path), str(path))
        lines = dict(routes.lines)
        for group, detail, reader in own:
            if not detail:  # what is said of all holds for each part of it, but for those that the file names
                for part in [part for part in lines if part[0] == group and part[2] == reader]:
                    del lines[part]
        lines |= {key: tuple(replace(route, own=True) for route in line) for key, line in own.items()}
        return cls(lines, frozenset(own))

    def of(self, kind: str) -> list[Route]:
        """The routes of a kind of news."""
        group, detail = _PLACES[kind]
        found = self._of(group.name, detail.name)
        return [route for line in found.values() for route in line]

    def table(self) -> "Iterator[tuple[str, tuple[Route, ...], bool]]":
        """What (French), its routes, and whether the user's file says so; a detail only where it differs."""
        for group in GROUPS:
            whole = self._of(group.name, "")
            yield group.what, _all(whole), any(key[:2] == (group.name, "") for key in self.own)
            for detail in group.details:
                line = self._of(group.name, detail.name)
                if detail.name and line != whole:
                    yield f"— {detail.what}", _all(line), any(key[:2] == (group.name, detail.name) for key in self.own)

    def topics_of(self, contact: Contact) -> set[Topic]:
        """What can reach a person's chats."""
        readers = {fold(role) for role in contact.person.roles} | {contact.email.lower()}
        return {
            topic_of(kind)
            for kind in _PLACES
            for route in self.of(kind)
            if route.reader in readers and route.channel == "chat"
        }

    def _of(self, group: str, detail: str) -> dict[str, _Line]:
        """By reader: what is said of the detail, else of the group."""
        found = {key[2]: line for key, line in self.lines.items() if key[:2] == (group, "")}
        return found | {key[2]: line for key, line in self.lines.items() if detail and key[:2] == (group, detail)}


def topic_of(kind: str) -> Topic:
    return _PLACES[kind][0].topic


def in_force(data: Path) -> tuple[Routes, str]:
    """The table that holds now, and what is wrong with the user's file, "" for nothing: else the packaged one holds."""
    try:
        return Routes.load(data), ""
    except RoutesError as error:
        return _packaged(), " ".join(error.faults)


def packaged_text() -> str:
    """The packaged file, with its explanations."""
    return _PACKAGED.read_text("utf-8")


def _all(found: dict[str, _Line]) -> _Line:
    return tuple(route for line in found.values() for route in line)


def _on(day: date, minute: int) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=PARIS) + timedelta(minutes=minute)
    return int(midnight.timestamp())


@cache
def _packaged() -> Routes:
    return Routes(_read(tomllib.loads(_PACKAGED.read_text("utf-8")), str(_PACKAGED)))


# -- how a person writes it


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8-sig")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        number = int(found[1]) if found else len(text.splitlines())
        line = (text.splitlines() or [""])[min(number, len(text.splitlines())) - 1].strip()
        raise RoutesError([f"{path}, ligne {number} : « {line} » ne se lit pas. {_advice(line)}"]) from error
    except UnicodeDecodeError as error:
        raise RoutesError([f"{path} ne se lit pas : l'enregistrer en UTF-8."]) from error
    except OSError as error:
        raise RoutesError([f"{path} ne se lit pas ({error.strerror})."]) from error


def _advice(line: str) -> str:
    name, equals, value = map(str.strip, line.partition("="))
    if line.startswith("["):
        return "Écrire le nom entre crochets et sans accent, par exemple [lignes]."
    if not line.isascii() and not name.isascii() and not name.startswith(('"', "'")):
        return f"À gauche, écrire sans accent : {_plain(name)} = {value}."
    if "@" in name and not name.startswith(('"', "'")):
        return f'Mettre l\'adresse entre guillemets : "{name}" = {value}.'
    if equals and value and not value.startswith(('"', "'", "[")):
        return f'À droite, mettre des guillemets : {name} = "{value}".'
    return 'Une ligne a la forme technique = "courriel" ; voir les exemples par « origyne-bot routes --example ».'


_EXAMPLES = '"courriel", "chat", "courriel à 18h", "chat de 8h à 20h, jours ouvrés" ou "jamais"'


def _read(raw: dict[str, Any], where: str) -> dict[tuple[str, str, str], _Line]:
    found: dict[tuple[str, str, str], _Line] = {}
    faults: list[str] = []
    for name, table in raw.items():
        group = _BY_NAME.get(_GROUP_ALIASES.get(fold(name), fold(name)))
        if group is None:
            faults.append(f"{where} : [{name}] n'existe pas. {_meant(name, list(_BY_NAME))}")
        elif not isinstance(table, dict):
            faults.append(f'{where} : « {name} » est à mettre entre crochets, puis une ligne comme technique = "chat".')
        else:
            _read_table(table, group, "", f"{where}, [{name}]", found, faults)
    if faults:
        raise RoutesError(faults)
    return found


def _read_table(
    table: dict[str, Any],
    group: Group,
    detail: str,
    where: str,
    found: dict[tuple[str, str, str], _Line],
    faults: list[str],
) -> None:
    details = [it.name for it in group.details if it.name]
    for name, value in table.items():
        if isinstance(value, dict):
            if detail or fold(name) not in details:
                faults.append(f"{where.removesuffix(']')}.{name}] n'existe pas. {_meant(name, details)}")
            else:
                _read_table(value, group, fold(name), f"{where.removesuffix(']')}.{name}]", found, faults)
            continue
        reader = name.strip().lower() if "@" in name else _ROLE_ALIASES.get(fold(name), fold(name))
        if reader not in ROLES and "@" not in reader:
            faults.append(f"{where} : « {name} » n'est personne. {_meant(name, list(ROLES))} Ou une adresse.")
            continue
        try:
            found[group.name, detail, reader] = _line(value, reader)
        except ValueError as error:
            faults.append(f"{where} {name} : {error}")


def _meant(name: str, known: list[str]) -> str:
    if not known:
        return "Ce qui est entre crochets n'a pas de parties."
    close = difflib.get_close_matches(fold(name), known, n=1)
    return f"Vouliez-vous dire {close[0]} ?" if close else f"Écrire {', '.join(known)}."


_CHANNELS: dict[str, Channel] = {
    "courriels": "mail",
    "courriel": "mail",
    "mails": "mail",
    "mail": "mail",
    "e-mail": "mail",
    "email": "mail",
    "chat": "chat",
    "telegram": "chat",
}
_CHANNEL = re.compile(rf"\b({'|'.join(_CHANNELS)})\b")
_NEVER = ("jamais", "non", "rien", "aucun", "")
_AT_ONCE = r"aussitot|tout de suite|immediatement|immediat|sans attendre"
_DAYS: dict[str, Days] = {
    r"(?:les )?jours ouvres|en semaine|du lundi au vendredi": "ouvrés",
    r"(?:les )?jours ouvrables|du lundi au samedi": "ouvrables",
    r"7 ?j(?:ours)? ?(?:sur|/) ?7|tous les jours|chaque jour|(?:une|1) fois par jour|par jour": "tous",
}


def _line(value: Any, reader: str) -> _Line:
    """:raises ValueError: what cannot be understood (French)."""
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"écrire {_EXAMPLES}.")
    routes: list[Route] = []
    for text in texts:
        plain = _plain(text)
        if plain in _NEVER:
            continue
        places = [found.start() for found in _CHANNEL.finditer(plain)]
        if not places or plain[: places[0]].strip(" ,"):
            raise ValueError(f"« {text} » n'est pas compris ; écrire {_EXAMPLES}.")
        clauses = [plain[begin:end] for begin, end in zip(places, [*places[1:], None], strict=True)]
        routes += [_route(clause, text, reader) for clause in clauses]
    channels = [route.channel for route in routes]
    if len(set(channels)) < len(channels):
        raise ValueError("le même canal deux fois ; un seul envoi par jour et par canal est possible.")
    return tuple(routes)


def _route(clause: str, text: str, reader: str) -> Route:
    """One channel and what follows it."""
    name, rest = _CHANNEL.findall(clause)[0], _CHANNEL.sub("", clause, count=1)
    route = Route(reader, _CHANNELS[name])
    for words in filter(None, map(str.strip, _split(rest))):
        span, time = read_span(words), read_time(words)
        days = next((days for pattern, days in _DAYS.items() if re.fullmatch(pattern, words)), None)
        if span is not None and span[0] != span[1]:
            route = replace(route, hours=span)
        elif time is not None:
            route = replace(route, at=time)
        elif days:
            route = replace(route, days=days)
        elif not re.fullmatch(_AT_ONCE, words):
            raise ValueError(f"« {words} » n'est pas compris dans « {text} » ; écrire {_EXAMPLES}.")
    if route.at is not None and route.hours is not None:
        raise ValueError(f"« {text} » dit une heure et des heures : garder l'une ou l'autre.")
    return route


_DAY_WORDS = "|".join(_DAYS)


def _split(rest: str) -> Iterator[str]:
    """Clauses: those between commas, and days that stand before or after hours without one."""
    for piece in re.split(r"[,;]|\bet\b(?!\s*\d)", rest):
        at = 0
        for found in re.finditer(rf"\b(?:{_DAY_WORDS}|{_AT_ONCE})", piece):
            yield piece[at : found.start()]
            yield found[0]
            at = found.end()
        yield piece[at:]


def _plain(text: str) -> str:
    """Small letters without accents, one space between words."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())
