"""Invoices and documents that the operator left, and how a person's words find them; `core.copies` has their bytes."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from rapidfuzz import fuzz
from sqlite_utils import Database

from core.folders import Folder
from core.layouts import fold

Side = Literal["operator", "client"]

#: Folders whose files are handed over as they are. Tables are not: they hold codes and called numbers.
FETCHED: tuple[Folder, ...] = (
    "documents",
    "client_invoices",
    "operator_invoices",
    "tariffs",
    "other",
    "personalisation",
)
_DOCUMENTS: tuple[Folder, ...] = ("documents", "tariffs", "other")

#: What is alike enough to be one client's name, of 100; and what is too short to say anything within another name.
_ALIKE, _SHORTEST = 90, 3

_AT = "coalesce(as_of, modified_at, fetched_clock)"


@dataclass(frozen=True)
class Invoice:
    """`side`: whose it is, the operator's to the integrator, or the integrator's to a client. `month`: YYYYMM, 0 when
    its path does not tell; `client`: as its path has it; `as_of`: UTC seconds."""

    path: str
    side: Side
    month: int
    client: str
    as_of: int


@dataclass(frozen=True)
class Document:
    """`as_of`: UTC seconds."""

    path: str
    folder: Folder
    as_of: int


def invoices(
    db: Database, side: Side | None = None, client: str = "", month: int = 0, offset: int = 0, limit: int = 20
) -> tuple[list[Invoice], int]:
    """A page of invoices, newest month first, and how many there are in all.

    :param side: None for both.
    :param client: a client's name, or words of it, in any writing; "" for all.
    :param month: YYYYMM, 0 for all.
    """
    tests, values = ["(:side = '' OR side = :side)", "(:month = 0 OR month = :month)"], {}
    if client:
        writings = _writings_of(db, client)
        values = {f"client{place}": writing for place, writing in enumerate(writings)}
        tests.append(f"side = 'client' AND client IN ({', '.join(f':{name}' for name in values)})")
    where = f"FROM invoices JOIN files ON files.id = file_id WHERE {' AND '.join(tests)}"
    named = {"side": side or "", "month": month, "limit": limit, "offset": offset, **values}
    (total,) = db.execute(f"SELECT count(*) {where}", named).fetchone()
    rows = db.execute(
        f"SELECT path, side, month, client, {_AT} AS at {where} "
        "ORDER BY month DESC, side DESC, client, at DESC, path LIMIT :limit OFFSET :offset",
        named,
    )
    return [Invoice(*row) for row in rows], int(total)


def documents(db: Database, offset: int = 0, limit: int = 20) -> tuple[list[Document], int]:
    """A page of contracts, tariffs and all that lies in no folder of its own, newest first, and how many there are."""
    where = f"FROM files WHERE folder IN ({_listed(_DOCUMENTS)})"
    (total,) = db.execute(f"SELECT count(*) {where}").fetchone()
    rows = db.execute(
        f"SELECT path, folder, {_AT} AS at {where} ORDER BY at DESC, path LIMIT ? OFFSET ?", (limit, offset)
    )
    return [Document(*row) for row in rows], int(total)


_PICTURES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Placed:
    """A file of Personnalisation, and when it was fetched (UTC seconds)."""

    path: str
    fetched: int


def picture(db: Database, name: str) -> Placed | None:
    """The newest picture that is called so ("logo", "bandeau") and lies right in Personnalisation."""
    rows = db.execute(
        "SELECT path, fetched_clock FROM files WHERE folder = 'personalisation' ORDER BY fetched_clock DESC, path"
    )
    return next(
        (
            Placed(*row)
            for row in rows
            if row[0].count("/") == 1 and fold(_stem(row[0])) == name and row[0].lower().endswith(_PICTURES)
        ),
        None,
    )


def path_named(db: Database, name: str) -> list[str]:
    """The paths that a person's word may mean: a path, else a file's name, else that without its ending.

    Case and accents are no matter. Newest first; only files of `FETCHED`.
    """
    where = f"folder IN ({_listed(FETCHED)})"
    if db.execute(f"SELECT 1 FROM files WHERE path = ? AND {where}", (name,)).fetchone():
        return [name]
    wanted = fold(name)
    paths = [path for (path,) in db.execute(f"SELECT path FROM files WHERE {where} ORDER BY {_AT} DESC, path")]
    if not wanted:
        return []
    for reading in (str, _name, _stem):
        if found := [path for path in paths if fold(reading(path)) == wanted]:
            return found
    return []


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _stem(path: str) -> str:
    return _name(path).rsplit(".", 1)[0]


def _listed(folders: tuple[Folder, ...]) -> str:
    return ", ".join(f"'{folder}'" for folder in folders)


# -- Whose an invoice is


def _writings_of(db: Database, client: str) -> list[str]:
    """How the paths of invoices write this client's name."""
    wanted = fold(client)
    if not wanted:
        return []
    names = {folded for (folded,) in db.execute("SELECT folded FROM clients")}
    # One client's whole name does not mean another whose name begins with it.
    others = names - {wanted} if wanted in names else set()
    writings = db.execute("SELECT DISTINCT client FROM invoices WHERE side = 'client' AND client != '' ORDER BY client")
    return [text for (text,) in writings.fetchall() if fold(text) not in others and _is_alike(client, text)]


def _is_alike(client: str, text: str) -> bool:
    one, other = fold(client), fold(text)
    if one == other:
        return True
    if min(len(one), len(other)) < _SHORTEST:
        return False
    return one in other or other in one or fuzz.token_set_ratio(_words(client), _words(text)) >= _ALIKE


def _words(name: str) -> str:
    """Its words without accents, case and punctuation."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return " ".join(re.findall(r"[a-z0-9]+", "".join(sign for sign in plain if not unicodedata.combining(sign))))
