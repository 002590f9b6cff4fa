"""All that is held about a line or a client, as files for whom it is: no code, called numbers masked."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TextIO

from sqlite_utils import Database

from core import documents
from core.export.appearing import appearing_folder
from core.folders import FRENCH, PARIS, Folder
from core.kinds import KINDS
from core.numbers import mask
from core.privacy.subject import OF_LINES, PrivacyError, Subject, aside_rows, cards_of, rejects_of
from core.reasons import without_values
from core.vault import Vault
from core.words import CHANGE, KIND, STATUS

Form = Literal["text", "moment", "day", "euros", "whole"]


@dataclass(frozen=True)
class Table:
    """One file of what is handed over. `what`, `source`, `kept`: what it is, where it comes from, how long it is kept
    and why (French)."""

    name: str
    what: str
    source: str
    kept: str
    columns: tuple[tuple[str, Form], ...]
    rows: Callable[[], Iterable[Sequence[Any]]]


def export(
    db: Database, who: Subject, to: Path, vault: Vault, others: Sequence[Table], terms: "Terms", now: int
) -> dict[str, int]:
    """Write all that is held into a new folder, readable by its owner only: a CSV each, the same as JSON, and a
    LISEZ-MOI. Returns how many rows each file has.

    :param others: what the caller holds besides.
    :raises PrivacyError: the folder exists.
    :raises OSError: it cannot be written; nothing is left of it.
    """

    def is_free() -> None:
        if to.exists():
            raise PrivacyError(f"{to} existe déjà : donner un autre nom à --to.")

    counts = {}
    tables = [*_tables(db, who, vault, terms), *others]
    with appearing_folder(to, is_free) as folder, (folder / "donnees.json").open("w", encoding="utf-8") as file:
        file.write("{")
        for number, table in enumerate(tables):
            file.write(f"{',' if number else ''}\n{json.dumps(table.name)}: [")
            with (folder / f"{table.name}.csv").open("w", encoding="utf-8-sig", newline="") as sheet:
                counts[table.name] = _write(table, sheet, file)
            file.write("]")
        file.write("\n}\n")
        (folder / "LISEZ-MOI.txt").write_text(_readme(who, tables, counts, now), "utf-8")
        for path in folder.iterdir():
            path.chmod(0o600)
    return counts


@dataclass(frozen=True)
class Terms:
    """How long things are kept, in months."""

    cdrs: int
    audit: int


def _write(table: Table, sheet: TextIO, file: TextIO) -> int:
    """Returns how many rows there are."""
    writer = csv.writer(sheet, delimiter=";", lineterminator="\r\n")
    writer.writerow([name for name, _ in table.columns])
    count = 0
    for row in table.rows():
        cells = [_shown(value, form) for value, (_, form) in zip(row, table.columns, strict=True)]
        writer.writerow([harmless(cell) for cell in cells])
        named = {name: _plain(value, form) for value, (name, form) in zip(row, table.columns, strict=True)}
        file.write(f"{',' if count else ''}\n{json.dumps(named, ensure_ascii=False)}")
        count += 1
    return count


def harmless(cell: str) -> str:
    """A cell of a CSV that no spreadsheet takes for a formula."""
    return f"'{cell}" if re.match(r"[=@\t\r\n]|[+\-](?![0-9][0-9X ().,]*$)", cell) else cell


def _shown(value: Any, form: Form) -> str:
    """As French spreadsheets read it."""
    if value is None or value == "":
        return ""
    if form == "moment":
        return datetime.fromtimestamp(value, PARIS).strftime("%d/%m/%Y %H:%M:%S")
    if form == "day":
        return _date(value).strftime("%d/%m/%Y")
    if form == "euros":
        return _decimal(value).replace(".", ",")
    return str(value)


def _plain(value: Any, form: Form) -> Any:
    """As programs read it; an amount is a text, so that none rounds it."""
    if value is None:
        return None
    if form == "moment":
        return datetime.fromtimestamp(value, PARIS).isoformat()
    if form == "day":
        return _date(value).isoformat()
    return _decimal(value) if form == "euros" else value


def _decimal(millionths: int) -> str:
    whole, part = divmod(abs(millionths), 1_000_000)
    return f"{'-' if millionths < 0 else ''}{whole}.{part:06}"


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)


#: Rows of a client: those that name it, and those that name none and are of its lines.
_OF_ROWS = (
    "iif(:client < 0, line IN (SELECT value FROM json_each(:lines)), "
    "client_id = :client OR client_id = 0 AND line IN (SELECT value FROM json_each(:lines)))"
)
_CONTRACT = "tant que la ligne existe, pour la gérer ; une fois résiliée, s'efface sur demande"
_ACCOUNTS = "dix ans : pièce comptable (Code de commerce, art. L123-22)"


def _tables(db: Database, who: Subject, vault: Vault, terms: Terms) -> list[Table]:
    def asked(query: str) -> Callable[[], Iterable[Sequence[Any]]]:
        return lambda: db.execute(query, who.values)

    traffic = (
        f"{terms.cdrs} mois au plus, par mois entiers : la facturation en a besoin (CPCE, art. L34-1, L34-2 et R10-14)"
    )
    state, listing = "fichiers AccountStatus de l'opérateur", "fichiers « Cartes SIM » de l'opérateur"
    return [
        Table(
            "lignes",
            "l'état présent de chaque ligne ; le RIO lui-même n'est pas donné ici (3179, depuis la ligne)",
            state,
            _CONTRACT,
            (
                ("numero", "text"),
                ("client", "text"),
                ("statut", "text"),
                ("statut_operateur", "text"),
                ("forfait", "text"),
                ("options", "text"),
                ("mise_en_service", "text"),
                ("iccid", "text"),
                ("imsi", "text"),
                ("rio_detenu", "text"),
                ("statut_depuis", "moment"),
                ("plus_citee_depuis", "moment"),
                ("fichier", "text"),
            ),
            lambda: _lines(db, who),
        ),
        Table(
            "historique",
            "ce qui a changé sur chaque ligne ; pour un client, depuis qu'elle est la sienne",
            state,
            _CONTRACT,
            (
                ("numero", "text"),
                ("vu_dans_l_etat_du", "moment"),
                ("changement", "text"),
                ("avant", "text"),
                ("apres", "text"),
                ("fichier", "text"),
            ),
            lambda: _history(db, who),
        ),
        Table(
            "cartes",
            "les cartes SIM ; leurs codes PIN et PUK ne sont jamais dans ces fichiers",
            f"{listing}, {state}",
            _CONTRACT,
            (
                ("iccid", "text"),
                ("imsi", "text"),
                ("livree_pour", "text"),
                ("codes_detenus", "text"),
                ("citee_le", "moment"),
                ("fichier", "text"),
            ),
            lambda: _cards(db, who),
        ),
        Table(
            "communications",
            "le détail des communications ; les quatre derniers chiffres des numéros appelés sont cachés "
            "(arrêté du 31/12/2013)",
            "fichiers RatedCDRs (quotidiens) et BilledCDRs (facturation) de l'opérateur",
            traffic,
            (
                ("fichiers", "text"),
                ("numero", "text"),
                ("debut", "moment"),
                ("genre", "text"),
                ("type", "text"),
                ("appele", "text"),
                ("duree_s", "whole"),
                ("volume_octets", "whole"),
                ("montant_ht_eur", "euros"),
                ("hors_forfait", "text"),
                ("destination", "text"),
                ("fichier", "text"),
            ),
            lambda: _cdrs(db, who),
        ),
        Table(
            "totaux",
            "les totaux par ligne et par mois",
            "calculés des communications",
            _ACCOUNTS,
            (
                ("mois", "text"),
                ("fichiers", "text"),
                ("numero", "text"),
                ("genre", "text"),
                ("hors_forfait", "text"),
                ("nombre", "whole"),
                ("duree_s", "whole"),
                ("volume_octets", "whole"),
                ("montant_ht_eur", "euros"),
            ),
            lambda: (
                (f"{month // 100}-{month % 100:02}", _source(source), _number(line), _kind(kind), _out(out), *sums)
                for month, source, line, kind, out, *sums in db.execute(
                    "SELECT month, source, line, kind, out_of_bundle, count, seconds, bytes, amount "
                    f"FROM usage_by_line WHERE {_OF_ROWS} ORDER BY month, source, line, kind, out_of_bundle",
                    who.values,
                )
            ),
        ),
        Table(
            "factures",
            "les copies des factures du client, d'après leur nom ; la facture légale est ailleurs",
            "dossier Factures de l'opérateur",
            _ACCOUNTS,
            (("mois", "text"), ("client", "text"), ("chemin", "text")),
            lambda: _invoices(db, who),
        ),
        Table(
            "rangees_de_cote",
            "les rangées illisibles des fichiers qui nomment une de ces lignes, sans ce qu'elles contiennent : "
            "d'autres personnes peuvent s'y trouver",
            "tous les fichiers de l'opérateur",
            "comme leur fichier",
            (("fichier", "text"), ("rangee", "whole"), ("raison", "text")),
            lambda: (
                (it.path, it.line, without_values(it.reason)) for it in rejects_of(db, who, aside_rows(db, vault))
            ),
        ),
        Table(
            "fichiers",
            "les fichiers de l'opérateur dont vient ce qui précède ; un AccountStatus, qui cite chaque heure toutes "
            "les lignes, n'y est que s'il a changé quelque chose",
            "FTP de l'opérateur",
            f"ceux des communications : {terms.cdrs} mois au plus ; les autres : pour refaire la base",
            (("chemin", "text"), ("dossier", "text"), ("date", "moment"), ("copie", "text")),
            lambda: _files(db, who, vault),
        ),
    ]


def _lines(db: Database, who: Subject) -> Iterator[Sequence[Any]]:
    for number, client, status, *rest in db.execute(
        "SELECT msisdn, coalesce(clients.name, ''), status, word, plan, options, activated_on, iccid, imsi, "
        "iif(rio = '', 'non', 'oui'), since, gone_at, path FROM lines CROSS JOIN files ON files.id = file_id "
        f"LEFT JOIN clients ON clients.id = client_id WHERE {OF_LINES} ORDER BY msisdn",
        who.values,
    ):
        yield (number, client, STATUS.get(status, status), *rest)


def _history(db: Database, who: Subject) -> Iterator[Sequence[Any]]:
    """Of a client's lines, nothing from before they were his: that is of another one."""
    theirs = "SELECT msisdn, max(at) FROM line_changes WHERE change = 'client' AND before != ''"
    since = {} if who.client_id is None else dict(db.execute(f"{theirs} AND {OF_LINES} GROUP BY msisdn", who.values))
    for number, at, change, before, after, path in db.execute(
        "SELECT msisdn, at, change, iif(change = 'rio', '', before), iif(change = 'rio', '', after), path "
        f"FROM line_changes CROSS JOIN files ON files.id = file_id WHERE {OF_LINES} ORDER BY at, line_changes.id",
        who.values,
    ):
        if at >= since.get(number, at):
            yield number, at, CHANGE.get(change, change), "" if at == since.get(number) else before, after, path


def _cards(db: Database, who: Subject) -> Iterator[Sequence[Any]]:
    for iccid in cards_of(db, who.msisdns):
        yield db.execute(
            "SELECT iccid, imsi, msisdn, iif((pin, puk, pin2, puk2) = ('', '', '', ''), 'non', 'oui'), seen_at, path "
            "FROM sims CROSS JOIN files ON files.id = file_id WHERE iccid = ?",
            (iccid,),
        ).fetchone()


def _cdrs(db: Database, who: Subject) -> Iterator[Sequence[Any]]:
    for source, line, start, kind, type_, called, seconds, octets, amount, out, zone, path in db.execute(
        "SELECT source, line, start, kind, type, called, seconds, bytes, amount, out_of_bundle, zone, path FROM cdrs "
        "CROSS JOIN natures ON natures.id = nature_id CROSS JOIN files ON files.id = cdrs.file_id "
        f"WHERE {_OF_ROWS} ORDER BY source, day, line, start, cdrs.id",
        who.values,
    ):
        number = f"0{called}" if isinstance(called, int) else called or ""
        yield (
            *(_source(source), _number(line), start, _kind(kind), type_, mask(number), seconds, octets, amount),
            *(_out(out), zone, path),
        )


def _invoices(db: Database, who: Subject) -> Iterator[Sequence[Any]]:
    names = db.execute(
        f"SELECT DISTINCT name FROM clients WHERE id = :client OR :client < 0 "
        f"AND id IN (SELECT client_id FROM lines WHERE {OF_LINES}) ORDER BY name",
        who.values,
    )
    for (name,) in names.fetchall():
        found, _ = documents.invoices(db, "client", name, limit=-1)
        for it in found:
            yield (f"{it.month // 100}-{it.month % 100:02}" if it.month else "", it.client, it.path)


def _files(db: Database, who: Subject, vault: Vault) -> Iterator[Sequence[Any]]:
    ids = {it.file_id for it in rejects_of(db, who, aside_rows(db, vault))}
    for query in (
        f"SELECT DISTINCT file_id FROM cdrs WHERE {_OF_ROWS}",
        f"SELECT DISTINCT file_id FROM line_changes WHERE {OF_LINES}",
        f"SELECT file_id FROM lines WHERE {OF_LINES}",
    ):
        ids |= {number for (number,) in db.execute(query, who.values)}
    for iccid in cards_of(db, who.msisdns):
        ids |= {number for (number,) in db.execute("SELECT file_id FROM sims WHERE iccid = ?", (iccid,))}
    folder: Folder
    for path, folder, at, state in db.execute(
        "SELECT path, folder, coalesce(as_of, modified_at, fetched_clock), state FROM files "
        "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY path",
        (json.dumps(sorted(ids)),),
    ):
        yield path, FRENCH[folder], at, "effacée à son terme" if state == "purged" else "gardée"


def _number(line: int) -> str:
    return f"0{line}" if line else ""


def _kind(kind: int) -> str:
    return KIND[KINDS[kind]]


def _out(value: int) -> str:
    return {1: "oui", 0: "non"}.get(value, "")


def _source(value: int) -> str:
    return "facturation" if value else "quotidiens"


def _readme(who: Subject, tables: Sequence[Table], counts: dict[str, int], now: int) -> str:
    day = datetime.fromtimestamp(now, PARIS).strftime("%d/%m/%Y à %H:%M")
    parts = [
        f"Données gardées par ce robot au sujet de : {who.name}",
        f"État du {day} (heure de Paris).",
        "",
        "Chaque fichier CSV (UTF-8, séparateur « ; ») s'ouvre dans un tableur ; donnees.json contient les mêmes "
        "données pour un programme. Les heures sont celles de Paris, les montants en euros hors taxes.",
        "Ces fichiers sont confidentiels : ne les remettre qu'à la personne concernée, par un moyen sûr.",
    ]
    for table in tables:
        parts += [
            "",
            f"{table.name}.csv ({counts[table.name]} rangée{'s' if counts[table.name] > 1 else ''})",
            f"  Ce que c'est : {table.what}.",
            f"  D'où cela vient : {table.source}.",
            f"  Gardé : {table.kept}.",
        ]
    parts += [
        "",
        "N'y sont pas : les codes PIN, PUK et RIO, qui permettraient de prendre une ligne ; les messages échangés avec "
        "le robot, gardés un an au plus.",
        "",
    ]
    return "\n".join(parts)
