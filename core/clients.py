"""Clients, known by their folded names: "DUPONT BTP" and "Dupont BTP" are one. People find them by what they type.

A name is compared in three forms, from the strictest: *full* (all its words), *bare* (without legal form), *core*
(without small words such as "de la" either), each without accents, case, punctuation and spaces. A typing error is one
edit: a sign too many, too few or wrong, or two neighbours exchanged (optimal string alignment).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from weakref import WeakKeyDictionary

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA
from sqlite_utils import Database

from core.layouts import fold


@dataclass(frozen=True)
class Client:
    id: int
    name: str


@dataclass(frozen=True)
class Found:
    """Which clients the words may mean, the most likely first.

    `clients`: five at most; `others`: how many more hold the words.
    `sure`: the first is meant and no other: its name exactly, or the only one that holds all the words, or the only
    one near. `corrected`: what was typed is in no name, the clients are those near: an answer has to say whose it is.
    """

    clients: tuple[Client, ...] = ()
    others: int = 0
    sure: bool = False
    corrected: bool = False


#: As many as a person can choose from at a glance.
MOST = 5


def client_id(db: Database, name: str) -> int | None:
    """The client of that name, created if need be; None for no name."""
    folded = fold(name)
    if not folded:
        return None
    found = db.execute("SELECT id, name FROM clients WHERE folded = ?", (folded,)).fetchone()
    if found:
        if name > found[1]:
            # Of several writings the one in small letters reads best; which file came first must not matter.
            db.execute("UPDATE clients SET name = ? WHERE id = ?", (name, found[0]))
        return int(found[0])
    return db.execute("INSERT INTO clients (name, folded) VALUES (?, ?)", (name, folded)).lastrowid


def is_name(db: Database, words: str) -> bool:
    """Whether the words as they stand are a client's whole name."""
    return db.execute("SELECT 1 FROM clients WHERE folded = ?", (fold(words),)).fetchone() is not None


def find(db: Database, words: str) -> Found:
    """The clients whose name a person means by some words of it, in any order, whole or not, mistyped or not.

    Of two clients at the same distance of what was typed none is picked: both are offered.
    """
    names = _names(db)
    typed = _Name(words)
    if not typed.full:
        return Found()
    return names.exactly(words, typed) or names.holding(typed) or names.near(typed) or names.like(typed) or Found()


# -- A name, as it is compared

_LEGAL = frozenset({
    "sarl", "sas", "sasu", "sa", "eurl", "snc", "sci", "scop", "scp", "scs", "sca", "scm", "sc", "selarl", "selas",
    "ei", "eirl", "earl", "gie", "gaec", "saem",
})  # fmt: skip
_SMALL = frozenset({
    "et", "de", "du", "des", "d", "la", "le", "les", "l", "a", "au", "aux", "en", "sur", "pour", "ste", "societe",
    "ets", "etablissements", "etablissement", "cie", "compagnie", "client", "entreprise",
})  # fmt: skip
_LONG = {"st": "saint", "ste": "sainte", "sts": "saints"}
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "&": " et "})
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}(?:[^\W\d_]\b)?")  # S.A.R.L.
_WORD = re.compile(r"[^\W_]+")


@lru_cache(8192)
def _known(text: str) -> "_Name":
    """A client's name, which stays when others come."""
    return _Name(text)


class _Name:
    """`words` are all its words, abbreviations written out (St: saint), `forms` the three forms that are compared."""

    def __init__(self, text: str) -> None:
        plain = text.casefold().replace("sté", "societe").translate(_LETTERS)
        if not plain.isascii():
            decomposed = unicodedata.normalize("NFKD", plain)
            plain = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
        plain = _INITIALS.sub(lambda initials: initials[0].replace(".", ""), plain)
        written: list[str] = _WORD.findall(plain)
        self.words = [_LONG.get(word, word) for word in written]
        self.legal = {word for word in self.words if word in _LEGAL}
        self.without_legal = [word for word in self.words if word not in _LEGAL] or self.words
        self.weighty = [word for word in self.without_legal if word not in _SMALL] or self.without_legal
        self.full = "".join(written)
        self.bare = "".join(self.without_legal)
        self.core = "".join(self.weighty)
        self.forms = (self.full, self.bare, self.core)

    @cached_property
    def spaced(self) -> str:
        return " ".join(self.words)

    @cached_property
    def word_set(self) -> frozenset[str]:
        return frozenset(self.words)

    @cached_property
    def starts(self) -> frozenset[str]:
        """The name without its spaces, from each of its words on."""
        return frozenset("".join(words[place:]) for words in (self.words, self.weighty) for place in range(len(words)))

    @cached_property
    def joined(self) -> str:
        return " ".join(self.starts)


# -- All names

_Row = tuple[int, str, str]


class _Names:
    """An index of all clients; a place is that of a client in `rows`."""

    def __init__(self, rows: list[_Row]) -> None:
        self.rows = rows
        self._clients = [Client(number, name) for number, name, _ in rows]
        self._names = [_known(name) for _, name, _ in rows]
        self._spaced = [name.spaced for name in self._names]
        self._word_sets = [name.word_set for name in self._names]
        self._starts = [name.starts for name in self._names]
        self._joined = [name.joined for name in self._names]
        self._all = "\n".join(self._spaced + self._joined)
        self._folded = {folded: place for place, (_, _, folded) in enumerate(rows)}
        self._forms = [[name.forms[form] for name in self._names] for form in range(3)]
        self._by_form: list[dict[str, list[int]]] = [{}, {}, {}]
        self._by_word: dict[str, list[int]] = {}
        for place, name in enumerate(self._names):
            for known, form in zip(self._by_form, name.forms, strict=True):
                known.setdefault(form, []).append(place)
            for word in name.word_set:
                self._by_word.setdefault(word, []).append(place)
        self._words = list(self._by_word)

    def exactly(self, words: str, typed: _Name) -> Found | None:
        """The name itself, legal form or not."""
        alone = self._folded.get(fold(words))
        if alone is not None:
            return Found((self._clients[alone],), sure=True)
        for known, form in zip(self._by_form, typed.forms, strict=True):
            places = known.get(form)
            if not places:
                continue
            if known is self._by_form[2]:
                # A small word more or less: another client that holds the words may be meant.
                places = [*places, *(place for place in self._holders(typed.weighty) if place not in places)]
            # Of namesakes the legal form tells which; another form than the only one's is an error that is said.
            places = [place for place in places if typed.legal & self._names[place].legal] or places
            legal = self._names[places[0]].legal
            other_legal = bool(typed.legal and legal) and not typed.legal & legal
            return self._found(places, sure=len(places) == 1, corrected=other_legal and len(places) == 1)
        return None

    def holding(self, typed: _Name) -> Found | None:
        """Those that hold all words, or pieces of words, and those that are as near by a typing error."""
        for words in (typed.words, typed.without_legal, typed.weighty):
            holders = self._holders(words)
            if not holders and len(words) > 1 and words is typed.words:
                holders = self._holders([typed.full])
            if not holders:
                continue
            distances = self._distances(typed)
            whole = {place: len(self._word_sets[place].intersection(words)) for place in holders}
            holders.sort(key=lambda place: (-whole[place], len(self._names[place].core), self._names[place].core))
            rivals = sorted((edits, place) for place, edits in distances.items() if place not in holders)
            sure = (
                len(holders) == 1
                and not any(edits <= distances.get(holders[0], 99) for edits, _ in rivals)
                and (words is typed.words or whole[holders[0]] == len(set(words)))
                and any(len(word) > 2 or word in self._word_sets[holders[0]] for word in words)
            )
            near = [place for _, place in rivals[:2]]
            if sure:
                return self._found(holders, sure=True)
            shown = holders[: MOST - len(near)]
            return self._found([*shown, *near, *holders[len(shown) :]])
        return None

    def near(self, typed: _Name) -> Found | None:
        """Those whose name, or words of it, are what was typed but for a typing error or two."""
        edits = self._distances(typed)
        for place, needed in self._corrected(typed.weighty).items():
            edits[place] = min(needed, edits.get(place, 99))
        if len(typed.words) > 1:  # "du pnt"
            for place, needed in self._corrected([typed.full]).items():
                edits[place] = min(needed, edits.get(place, 99))
        if not edits:
            return None
        length = len(typed.core)
        places = sorted(edits, key=lambda place: (edits[place], abs(len(self._names[place].core) - length), place))
        # A longer name may have two errors, and then another one that is two edits away is as likely.
        limit = 0 if len(typed.bare) < 4 else 1 if len(typed.bare) < 8 else 2
        sure = sum(needed <= limit for needed in edits.values()) == 1
        return self._found(places, sure=sure, corrected=True)

    def like(self, typed: _Name) -> Found | None:
        """Those that have a word of what was typed, or look like it: to choose from, never sure."""
        letters: dict[int, int] = {}
        for word in typed.weighty:
            if len(word) > 3:
                for place in self._corrected([word]):
                    letters[place] = letters.get(place, 0) + len(word)
        places = sorted(letters, key=lambda place: (-letters[place], len(self._names[place].core), place))
        alike = process.extract(typed.core, self._forms[2], scorer=fuzz.ratio, score_cutoff=65, limit=MOST)
        places += [place for _, _, place in alike if place not in places]
        return self._found(places[:MOST], corrected=True) if places else None

    def _found(self, places: list[int], *, sure: bool = False, corrected: bool = False) -> Found:
        chosen = places[:1] if sure else places[:MOST]
        return Found(
            tuple(self._clients[place] for place in chosen), 0 if sure else len(places) - len(chosen), sure, corrected
        )

    def _holders(self, words: list[str]) -> list[int]:
        """Where each word is: a piece of a word, or of several that were written as one."""
        places: Iterable[int] = range(len(self.rows))
        for word in words:
            if word not in self._all:  # most mistyped ones, at once
                return []
            if word in _LEGAL:
                found = [place for place in places if word in self._word_sets[place]]
            else:
                found = [
                    place
                    for place in places
                    if word in self._spaced[place]
                    or (word in self._joined[place] and any(start.startswith(word) for start in self._starts[place]))
                ]
            if not found:
                return []
            places = found
        return list(places)

    def _distances(self, typed: _Name) -> dict[int, int]:
        """How many edits lead from what was typed to whole names: one or two, fewer for short ones."""
        edits: dict[int, int] = {}
        for form, choices in zip(typed.forms, self._forms, strict=True):
            most = 1 + (len(form) > 5)
            for _, needed, place in process.extract(form, choices, scorer=OSA.distance, score_cutoff=most, limit=None):
                edits[place] = min(needed, edits.get(place, 99))
        return edits

    def _corrected(self, words: list[str]) -> dict[int, int]:
        """Where each word is, as a piece or by correcting it; and how many edits that makes in all."""
        total: dict[int, int] | None = None
        for word in words:
            most = 0 if len(word) < 3 else 1 if len(word) < 8 else 2
            found = dict.fromkeys(self._holders([word]), 0)
            for known, needed, _ in process.extract(
                word, self._words, scorer=OSA.distance, score_cutoff=most, limit=None
            ):
                for place in self._by_word[known]:
                    found[place] = min(needed, found.get(place, 99))
            if total is None:
                total = found
            else:
                total = {place: sofar + found[place] for place, sofar in total.items() if place in found}
            if not total:
                return {}
        return total or {}


# -- Kept while the store stays as it is

_kept: "WeakKeyDictionary[Database, tuple[tuple[int, int], _Names]]" = WeakKeyDictionary()


def _names(db: Database) -> _Names:
    """The index of the store's present clients.

    `data_version` tells what other connections committed, `total_changes` what this one changed; within a transaction,
    which may be taken back, nothing is kept.
    """
    state = (db.execute("PRAGMA data_version").fetchone()[0], db.conn.total_changes)
    kept = _kept.get(db)
    if kept and kept[0] == state and not db.conn.in_transaction:
        return kept[1]
    rows: list[_Row] = db.execute("SELECT id, name, folded FROM clients ORDER BY name").fetchall()
    names = kept[1] if kept and kept[1].rows == rows else _Names(rows)
    if not db.conn.in_transaction:
        _kept[db] = (state, names)
    return names
