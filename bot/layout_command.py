"""`origyne-bot layout check` and `suggest`: how a file is read, and what to write in layouts.toml for one that is not.

Works without settings too: someone may try a file before installing.
"""

import io
import os
import re
import tomllib
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from dotenv import dotenv_values
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core import copies, guesses, inspection, numbers
from core.folders import FRENCH as FOLDERS
from core.folders import PARIS, folder_of
from core.guesses import TABLES, USED, listed, quoted
from core.inspection import Inspection, SeenColumn, Suggestion
from core.layouts import USER_FILE, LayoutError, Layouts, fold
from core.readers import Waiting
from core.readers.cdrs import Cdr
from core.readers.sheet import FRENCH
from core.settings import PREFIX, Settings, SettingsError
from core.vault import Vault, VaultError
from handlers import french

ANSWERED, REFUSED, UNUSABLE = 0, 1, 2

_SEPARATORS = {";": "point-virgule", "\t": "tabulation", "|": "barre verticale", ",": "virgule"}
_ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 avec BOM",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252 (cp1252)",
    "latin-1": "Latin-1",
}
_UNITS = {
    "s": "secondes",
    "sec": "secondes",
    "secs": "secondes",
    "seconds": "secondes",
    "min": "minutes",
    "ms": "millisecondes",
    "o": "octets",
    "ko": "Ko",
    "mo": "Mo",
    "go": "Go",
    "to": "To",
}
_ABSOLUTE = re.compile(r"^1\d{9}$|\d(?:Z| ?[+-]\d\d:?\d\d)$")

#: Signs that a table's last column keeps when it is folded.
_NARROWEST = 18

_CHOICES = {"duration": ("s", "s, min ou ms"), "volume": ("ko", "o, ko, mo ou go")}


@dataclass(frozen=True)
class _File:
    """`name`: as it was asked for; `where`: "" for a file of this machine, else that it is the mirror's copy."""

    name: str
    stream: BinaryIO
    where: str

    @property
    def size(self) -> int:
        return self.stream.seek(0, io.SEEK_END)


class _Unusable(Exception):
    """What was asked cannot be done; the message says why, in French."""


def check(options: Namespace, out: Console, err: Console) -> int:
    """Say how each file is read; 0 when all would go in whole."""
    try:
        data, vault, layouts = _layouts()
    except LayoutError as error:
        err.print(Text(str(error), style="bold red"))
        return UNUSABLE
    status = ANSWERED
    for number, name in enumerate(options.files):
        if number:
            out.print("")
        try:
            with _opened(name, data, vault) as file:
                table = _asked_table(options.folder) or inspection.table_of(name)
                found = inspection.inspect(file.stream, layouts, name, table)
                _show(found, file, out, by_columns=table is None)
        except (_Unusable, OSError, EOFError) as error:
            err.print(Text(_french(error, name), style="bold red"))
            status = REFUSED
        else:
            status = status if found.goes_in_whole else REFUSED
    return status


def suggest(options: Namespace, out: Console, err: Console) -> int:
    """Print what to write in layouts.toml so that a file is read; 1 when it cannot be a table."""
    try:
        data, vault, layouts = _layouts()
        with _opened(options.file, data, vault) as file:
            found = inspection.suggest(file.stream, layouts, options.file, _asked_table(options.folder))
    except LayoutError as error:
        err.print(Text(str(error), style="bold red"))
        return UNUSABLE
    except (_Unusable, Waiting, OSError, EOFError) as error:
        err.print(Text(_french(error, options.file), style="bold red"))
        return REFUSED
    for line in block(found, options.file, layouts, own_tables(data)):
        out.print(Text(line), soft_wrap=True)
    return ANSWERED


def _french(error: Exception, name: str) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"« {name} » ne se lit pas : {error.strerror}."
    return f"« {name} » ne se lit pas : {error}" if not isinstance(error, _Unusable) else str(error)


# -- Which file, which layouts


def _layouts() -> tuple[Path, Vault, Layouts]:
    """The data folder, what opens sealed copies in it, and the layouts with the user's own when there are some."""
    try:
        settings = Settings.load()
        data, vault = settings.data, settings.vault
    except SettingsError:
        name = f"{PREFIX}DATA"
        data = Path(os.environ.get(name) or dotenv_values(".env").get(name) or "data").expanduser()
        vault = Vault()
    return data, vault, Layouts.load(data)


def own_tables(data: Path) -> Mapping[str, Any]:
    """What the user's layouts.toml holds already; a table stands in it only once."""
    path = data / USER_FILE
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}


def _asked_table(name: str | None) -> guesses.Table | None:
    if not name:
        return None
    folder = folder_of(f"{name.strip('/')}/x")
    if folder not in TABLES:
        known = ", ".join(FOLDERS[table] for table in TABLES)
        raise _Unusable(f"« {name} » n'est pas un dossier de tables de l'opérateur : {known}.")
    return folder


@contextmanager
def _opened(name: str, data: Path, vault: Vault) -> Iterator[_File]:
    """The file of that path on this machine, else the mirror's copy of the one of that path on the FTP."""
    path = Path(name).expanduser()
    if path.is_dir():
        raise _Unusable(f"« {name} » est un dossier ; indiquer un fichier.")
    if path.is_file():
        with path.open("rb") as own:
            yield _File(name, own, "")
        return
    try:
        stream = copies.open_copy(data, name.lstrip("/"), vault)
    except VaultError as error:
        raise _Unusable(f"La copie de « {name} » est chiffrée et ne s'ouvre pas : {error}.") from None
    except (OSError, copies.PathError):
        raise _Unusable(
            f"« {name} » n'existe ni ici, ni parmi les fichiers reçus du FTP ({data / copies.MIRROR}). "
            "Un fichier du FTP s'écrit avec son dossier, par exemple RatedCDRs/x.csv."
        ) from None
    with stream:
        yield _File(name, stream, "copie du FTP")


# -- check


def _show(found: Inspection, file: _File, out: Console, *, by_columns: bool) -> None:
    out.print(Text(file.name, style="bold"))
    facts = [
        ("Fichier", _kind(found, by_columns)),
        ("Taille", french.volume(file.size) + (f" ({file.where})" if file.where else "")),
    ]
    if found.encoding:
        facts += [
            ("Encodage", _ENCODINGS.get(found.encoding, found.encoding)),
            ("Séparateur", _SEPARATORS.get(found.separator, found.separator)),
            ("En-tête", f"ligne {found.header_line}" if found.header_line else "sans en-tête"),
        ]
    for label, value in facts:
        out.print(Text.assemble((f"{label}{french.NBSP}: ", "dim"), value))
    if found.columns:
        _heading(out, "Colonnes" if found.recognised else "Colonnes (aucun en-tête connu)")
        _draw(out, ("N°", "En-tête", "Devient", "Unité", "Exemples"), [_column(it, found) for it in found.columns])
    _heading(out, "Lecture")
    _show_reading(found, out)
    if first := _first_rows(found):
        _heading(out, "Premières rangées")
        _draw(out, *first)
    if found.doubts:
        _heading(out, "À vérifier")
        for doubt in found.doubts:
            out.print(Text(f"• {doubt.sentence}"), soft_wrap=not out.is_terminal)
            for line in doubt.write.splitlines():
                out.print(Text(f"    {line}", style="cyan"), soft_wrap=True)
        if any(doubt.write for doubt in found.doubts):
            out.print(Text(f"Les lignes proposées vont dans {USER_FILE}, dans le dossier des données.", style="dim"))
    if found.waiting and found.columns:
        out.print("")
        out.print(Text(f"Pour partir d'un bloc tout prêt : origyne-bot layout suggest {_argument(file.name)}"))


def _kind(found: Inspection, by_columns: bool) -> str:
    if found.table is None:
        return "inconnu"
    if not by_columns:
        return FOLDERS[found.table]
    if found.table in ("rated_cdrs", "billed_cdrs"):
        return "détail de communications (RatedCDRs ou BilledCDRs), d'après ses colonnes"
    return f"{FOLDERS[found.table]}, d'après ses colonnes"


def _argument(name: str) -> str:
    return f'"{name}"' if " " in name else name


def _heading(out: Console, text: str) -> None:
    out.print("")
    out.print(Text(text, style="bold"))


def _column(seen: SeenColumn, found: Inspection) -> tuple[str, ...]:
    name = FRENCH.get(seen.field, seen.field)
    became = {
        "read": name,
        "second": f"ignorée ({name} : déjà lue)",
        "unused": f"{name} (sans usage ici)",
        "unknown": "ignorée" if found.recognised else "?",
    }[seen.use]
    return str(seen.place + 1), seen.header or "(sans nom)", became, _unit(seen), " | ".join(seen.samples)


def _unit(seen: SeenColumn) -> str:
    if seen.field == "start" and seen.use == "read":
        # Unix seconds, or a time with its offset from UTC, tell all by themselves.
        if seen.samples and all(_ABSOLUTE.search(text) for text in seen.samples):
            return "dans les cellules"
        return "UTC" if seen.unit == "utc" else "heure de Paris"
    if seen.field == "amount" and seen.use == "read":
        return "€"
    words = _UNITS.get(seen.unit, seen.unit)
    return {"header": words, "column": "colonne « unité »", "cells": "dans les cellules", "nothing": "?", "": ""}[
        seen.unit_from
    ]


def _show_reading(found: Inspection, out: Console) -> None:
    soft = not out.is_terminal
    if found.waiting:
        out.print(Text(f"Le fichier attendrait : {found.waiting}", style="bold red"), soft_wrap=soft)
        return
    parts = [french.count(found.rows, "rangée lue", "rangées lues")]
    parts.append(french.count(found.rejected, "mise de côté", "mises de côté") if found.rejected else "aucune de côté")
    out.print(Text(f"{', '.join(parts)}", style="yellow" if found.rejected else "green"))
    for reject in found.first_rejects:
        out.print(Text(f"ligne {reject.line} : {reject.reason}"), soft_wrap=soft)
        if reject.content:
            out.print(Text(f"    {reject.content}", style="dim"), soft_wrap=soft)
    if found.rejected > len(found.first_rejects):
        out.print(Text(f"… et {french.whole(found.rejected - len(found.first_rejects))} autres"))
    for total in found.totals[:5]:
        said = f" de {_euros(total.amount)}" if total.amount is not None else ""
        out.print(Text(f"ligne {total.line} : total{said}, qui n'est pas une communication"))
    if len(found.totals) > 5:
        out.print(Text(f"… et {len(found.totals) - 5} autres totaux"))
    if found.amount is not None:
        out.print(Text(f"Somme des montants : {_euros(found.amount)} HT"))


_Rows = tuple[tuple[str, ...], list[tuple[str, ...]], Set[int]]


def _first_rows(found: Inspection) -> _Rows | None:
    if found.cdrs:
        headers = "Ligne|Début|Nature|Appelé|Durée|Volume|Montant HT|Forfait|Zone|Client"
        return _without_empty(headers, [_cdr(cdr) for cdr in found.cdrs], {4, 5, 6})
    if found.texts and found.table == "account_status":
        headers = "Ligne|ICCID|Client|Statut|Forfait|Options|Activation|RIO"
        return _without_empty(headers, [_line(row) for row in found.texts])
    if found.texts:
        return _without_empty("ICCID|IMSI|Ligne|PIN|PUK|PIN2|PUK2", [_card(row) for row in found.texts])
    return None


def _cdr(cdr: Cdr) -> tuple[str, ...]:
    kind = french.KIND[cdr.kind]
    return (
        numbers.show(cdr.msisdn) or "(compte)",
        datetime.fromtimestamp(cdr.start, PARIS).strftime("%d/%m/%Y %H:%M:%S"),
        kind if fold(kind) == fold(cdr.type) else f"{kind} ({cdr.type})" if cdr.type else kind,
        numbers.mask(cdr.called),
        french.duration(cdr.seconds) if cdr.seconds else "",
        french.volume(cdr.bytes) if cdr.bytes else "",
        "" if cdr.amount is None else _euros(cdr.amount),
        {1: "hors forfait", 0: "inclus"}.get(cdr.out_of_bundle, ""),
        cdr.zone,
        cdr.client,
    )


def _line(row: Mapping[str, str]) -> tuple[str, ...]:
    meaning = french.STATUS.get(row["status"], "inconnu")
    word = row["word"]
    return (
        numbers.show(row["msisdn"]),
        row["iccid"],
        row["client"],
        word if fold(word) == fold(meaning) else f"{meaning} ({word})",
        row["plan"],
        row.get("options", ""),
        row["activated_on"],
        row["rio"],
    )


def _card(row: Mapping[str, str]) -> tuple[str, ...]:
    codes = (row[name] for name in ("pin", "puk", "pin2", "puk2"))
    return row["iccid"], row["imsi"], numbers.show(row["msisdn"]), *codes


def _euros(millionths: int) -> str:
    """To the last decimal written: a reading is checked, not an invoice."""
    if millionths % 10_000 == 0:
        return french.euros(millionths)
    whole, rest = divmod(abs(millionths), 1_000_000)
    return f"{'-' if millionths < 0 else ''}{french.whole(whole)},{f'{rest:06}'.rstrip('0')}{french.NBSP}€"


def _without_empty(headers: str, rows: list[tuple[str, ...]], right: Set[int] = frozenset()) -> _Rows:
    """Without the columns that are empty on every row."""
    names = headers.split("|")
    kept = [place for place in range(len(names)) if any(row[place] for row in rows)]
    return (
        tuple(names[place] for place in kept),
        [tuple(inspection.shorten(row[place]) for place in kept) for row in rows],
        {kept.index(place) for place in right if place in kept},
    )


def _draw(out: Console, headers: Sequence[str], rows: Sequence[tuple[str, ...]], right: Set[int] = frozenset()) -> None:
    """A table as wide as it needs. A narrow terminal folds its last column, a narrower one gets a paragraph a row."""
    lines = _table(headers, rows, right, 0)
    if out.is_terminal and max(map(len, lines)) > out.width:
        last = max(len(row[-1]) for row in rows)
        if max(map(len, lines)) - last + _NARROWEST > out.width:
            for row in rows:
                cells = [cell for cell in row if cell]
                out.print(Text("• " + " · ".join(cells)), soft_wrap=False)
            return
        lines = _table(headers, rows, right, out.width)
    for place, line in enumerate(lines):
        out.print(Text(line, style="" if place else "dim"), soft_wrap=True)


def _table(headers: Sequence[str], rows: Sequence[tuple[str, ...]], right: Set[int], width: int) -> list[str]:
    """Its lines, without blanks at their end; `width` 0 for as wide as it needs."""
    table = Table(box=None, pad_edge=False)
    for place, header in enumerate(headers):
        is_last = place == len(headers) - 1
        table.add_column(header, justify="right" if place in right else "left", no_wrap=not (width and is_last))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    paper = Console(file=io.StringIO(), width=width or 10_000, color_system=None)
    with paper.capture() as drawn:
        paper.print(table)
    return [line.rstrip() for line in drawn.get().splitlines()]


# -- suggest


def block(found: Suggestion, name: str, layouts: Layouts, own: Mapping[str, Any]) -> Iterator[str]:
    """Lines of TOML for layouts.toml. What a person must decide is in comments; all of them can be uncommented.

    :param own: what the user's file holds already.
    """
    if found.is_empty:
        if found.waiting:
            yield f"# Rien à proposer pour « {name} », qui attend : {found.waiting}"
        else:
            yield f"# Rien à compléter : chaque colonne de « {name} » est connue, et chaque unité est dite."
        return
    yield f"# Pour « {name} » ({FOLDERS[found.table]}), à recopier dans {USER_FILE}, dans le dossier des données."
    yield "# Une ligne qui commence par # n'est qu'une supposition : ôter le # pour l'accepter, ou corriger le nom."
    yield "# Vérifier ensuite : origyne-bot layout check " + _argument(name)
    for missing in found.missing:
        yield f"# Aucune colonne ne semble donner : {missing}. Sans elle, le fichier attend."
    if found.headerless:
        yield from _headerless(found, layouts)
    else:
        yield from _columns(found, own)
    yield from _stated(found, layouts, own)
    yield from _words(found, own)


def _columns(found: Suggestion, own: Mapping[str, Any]) -> Iterator[str]:
    if not found.guesses:
        return
    yield from _title("columns", own)
    told = own.get("columns", {})
    for guess in found.guesses:
        samples = _samples(found.samples[guess.place])
        if guess.field and guess.alias:
            words = [*told.get(guess.field, []), guess.alias]
            also = "" if guess.field not in told else f" ; remplace la ligne {guess.field} déjà écrite"
            mark = "" if guess.sure else "# "
            doubt = "" if guess.sure else _others(guess.others) + " ?"
            yield f"{mark}{guess.field} = {listed(words)}   # {FRENCH[guess.field]}{doubt}{also}{samples}"
        else:
            yield f"# Rien de sûr pour {quoted(guess.header)}{_others(guess.others)}{samples}"
    if any(not guess.field for guess in found.guesses):
        names = ", ".join(sorted(USED[found.table]))
        yield f'# Une colonne sans intérêt peut rester inconnue. Sinon, écrire un de ces noms = ["En-tête"] : {names}'


def _others(others: Sequence[str]) -> str:
    return f" (ou {', '.join(others)})" if others else ""


def _samples(samples: Sequence[str]) -> str:
    return f" · ex. {' | '.join(samples)}" if samples else " · toujours vide dans ce fichier"


def _title(name: str, own: Mapping[str, Any]) -> Iterator[str]:
    """A table stands once in a file: where the user has it, the lines go under the one that is there."""
    yield ""
    section: Any = own
    for part in name.split("."):
        section = section.get(part) if isinstance(section, Mapping) else None
    if section is None:
        yield f"[{name}]"
    else:
        yield f"# À mettre sous [{name}], qui est déjà dans {USER_FILE} :"


def _headerless(found: Suggestion, layouts: Layouts) -> Iterator[str]:
    yield ""
    yield "# Ce fichier n'a pas d'en-tête : nommer ses colonnes dans leur ordre, \"\" pour une colonne à ignorer."
    yield "[[headerless]]"
    either = "   # ou BilledCDRs : le dossier où ces fichiers arrivent" if found.table == "rated_cdrs" else ""
    yield f"folder = {quoted(FOLDERS[found.table])}{either}"
    yield "columns = ["
    for guess in found.guesses:
        name = quoted(_usual_name(guess.field, layouts)) if guess.sure else '""'
        others = [field for field in (guess.field, *guess.others) if field]
        words = ", ".join(quoted(_usual_name(field, layouts)) for field in others[guess.sure :])
        known = FRENCH[guess.field] if guess.sure else ""
        said = " ou ".join(filter(None, (known, f"peut-être {words}" if words else ""))) or "?"
        yield f"  {name},   # colonne {guess.place + 1} : {said}{_samples(found.samples[guess.place])}"
    yield "]"


def _usual_name(field: str, layouts: Layouts) -> str:
    return str(layouts.raw["columns"][field][0]) if field else ""


def _stated(found: Suggestion, layouts: Layouts, own: Mapping[str, Any]) -> Iterator[str]:
    if not found.units:
        return
    yield from _title("stated", own)
    asked: set[str] = set()
    for question in found.units:
        name = question.name or _usual_name(question.quantity, layouts)
        if fold(name) in asked:
            continue
        asked.add(fold(name))
        usual, choices = _CHOICES[question.quantity]
        yield (
            f"# {quoted(name)} = {quoted(usual)}   # {choices} ? à confirmer auprès de l'opérateur"
            f"{_samples(question.samples)}"
        )


def _words(found: Suggestion, own: Mapping[str, Any]) -> Iterator[str]:
    if found.types:
        yield from _title("kinds", own)
        words = own.get("kinds", {}).get("voice", [])
        yield f"# voice = {listed([*words, *found.types])}   # voice, sms, mms, data ou premium ?"
    if found.status:
        yield from _title("status", own)
        words = own.get("status", {}).get("active", [])
        yield (
            f"# active = {listed([*words, *found.status])}   "
            "# stock, reserved, active, suspended, suspended_by_operator ou terminated ?"
        )
    for quantity, whole in (("duration", "de secondes"), ("volume", "d'octets"), ("", "d'octets")):
        if words := [word for word, of in found.unit_words if of == quantity]:
            yield from _title(f"units.{quantity or 'volume'}", own)
            either = "" if quantity else ", ou, sous [units.duration], de secondes"
            yield f"# Remplacer 1 par ce qu'une unité fait {whole}{either}."
            yield from (f"# {quoted(word)} = 1" for word in words)
