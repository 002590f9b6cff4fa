"""What the operator's files call things: the packaged table, and the user's own beside the data.

Source of the aliases: layouts of public resellers' files of the same kind (the operator publishes none).
"""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_PACKAGED = Path(__file__).with_name("layouts.toml")
_IGNORED = re.compile(r"[\s_\-.°'\"«»’\ufeff\u00a0\u202f]+")
_IGNORED_ASCII = str.maketrans("", "", " \t\n\r\v\f\x1c\x1d\x1e\x1f_-.'\"")
_PARENTHESES = re.compile(r"^(.*?)\s*[(\[]\s*(?:en\s+)?([^)\]]*?)\s*[)\]]\s*$")

_NUMERO = re.compile(r"^\W*n\s*[°º]\s*", re.IGNORECASE)
_ARTICLES = re.compile(r"\b(?:de|du|des|la|le|les|of|the|[dl]['’])\b\s*|(?<=\s)[dl]['’]", re.IGNORECASE)

USER_FILE = "layouts.toml"

#: No column is named at such length; a cell of data can be.
_LONGEST_HEADER = 100


class LayoutError(Exception):
    """The user's layouts.toml cannot be used; the message says where, in French."""


def fold(text: str) -> str:
    """A text reduced to what is compared: no case, accents, spaces, `_ - . °`, quotes or BOM."""
    if text.isascii():  # most texts, several times faster
        return text.lower().translate(_IGNORED_ASCII)
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return _IGNORED.sub("", "".join(c for c in decomposed if not unicodedata.combining(c)))


@dataclass(frozen=True)
class Layouts:
    """The merged tables. `raw` is the TOML's content."""

    raw: dict[str, Any]

    @classmethod
    def load(cls, data: Path | None = None) -> "Layouts":
        """The packaged table, and that of the data folder over it.

        :raises LayoutError: the user's file is no TOML, or has something that means nothing.
        """
        raw = tomllib.loads(_PACKAGED.read_text("utf-8")) | {"headerless": []}
        path = data / USER_FILE if data else None
        if path and path.is_file():
            try:
                own = tomllib.loads(path.read_text("utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise LayoutError(f"{path} ne se lit pas : {error}") from error
            raw["headerless"] = _headerless(own.pop("headerless", []), str(path))
            _merge(raw, own, str(path))
        return cls(raw)

    @cached_property
    def _columns(self) -> dict[str, str]:
        return {fold(alias): name for name, aliases in self.raw["columns"].items() for alias in aliases}

    def column(self, header: str) -> tuple[str, str] | None:
        """The field that a header names and the unit it states ("" when it states none), or None."""
        if len(header) > _LONGEST_HEADER:
            return None
        if header not in self._read_headers:
            self._read_headers[header] = self._column(header)
        return self._read_headers[header]

    @cached_property
    def _read_headers(self) -> dict[str, tuple[str, str] | None]:
        return {}

    def _column(self, header: str) -> tuple[str, str] | None:
        unit = ""
        if header.rstrip(' "').endswith((")", "]")) and (parts := _PARENTHESES.match(header.strip().strip('"'))):
            # "Montant (TTC)" is a name of its own, "Durée (s)" a name and a unit.
            if name := self._columns.get(whole := fold(parts[1] + parts[2])):
                return name, self._stated.get(whole, "")
            header, unit = parts[1], fold(parts[2])
        folded = fold(header)
        if folded not in self._columns:
            header = _NUMERO.sub("numero ", header)
            folded = fold(header)
        if folded not in self._columns:
            folded = fold(_ARTICLES.sub(" ", header)) or folded
        if name := self._columns.get(folded):
            return name, "utc" if unit == "gmt" else unit or self._stated.get(folded, "")
        return self._columns_with_unit.get(folded)

    @cached_property
    def _stated(self) -> dict[str, str]:
        return {fold(header): unit for header, unit in self.raw["stated"].items()}

    @cached_property
    def _columns_with_unit(self) -> dict[str, tuple[str, str]]:
        """`volumeko` -> (volume, ko). Of two readings, the longer unit: "ms" before "s"."""
        units = [
            (name, between + fold(word), fold(word))
            for name in ("duration", "volume")
            for word in self.raw["units"][name]
            for between in ("", "en")
        ]
        units += [("start", word, "utc") for word in ("utc", "gmt")]
        units.sort(key=lambda unit: len(unit[1]))
        return {
            alias + word: (name, unit)
            for name, word, unit in units
            for alias, named in self._columns.items()
            if named == name
        }

    def headerless(self, folder: str) -> list[list[str]]:
        """The names of the columns, in the user's words, of the files of a folder that have no header."""
        return [block["columns"] for block in self.raw["headerless"] if fold(block["folder"]) == fold(folder)]

    def factor(self, quantity: str, unit: str) -> float | None:
        """How many seconds (`quantity` "duration") or bytes ("volume") one `unit` is; None when unknown."""
        return self._factors[quantity].get(fold(unit))

    @cached_property
    def _factors(self) -> dict[str, dict[str, float]]:
        return {
            quantity: {fold(word): float(value) for word, value in self.raw["units"][quantity].items()}
            for quantity in ("duration", "volume")
        }

    def counts(self, unit: str) -> bool:
        """Whether a unit counts events, and is neither a duration nor a volume."""
        return fold(unit) in map(fold, self.raw["units"]["count"])

    @cached_property
    def _status(self) -> dict[str, str]:
        return {fold(word): status for status, words in self.raw["status"].items() for word in words}

    def status(self, word: str) -> str:
        """The status that the operator's word means; "unknown" when no list has it."""
        return self._status.get(fold(word), "unknown")

    def kind(self, word: str) -> str:
        """The kind of traffic that a type means; "other" when no list has any of its words."""
        words = _words(word)
        return next((kind for kind, known in self._kinds if any(each <= words for each in known)), "other")

    @cached_property
    def _kinds(self) -> list[tuple[str, list[set[str]]]]:
        return [(kind, [_words(word) for word in known]) for kind, known in self.raw["kinds"].items()]

    def yes(self, word: str) -> bool | None:
        """Whether a cell says yes; None when it says neither yes nor no."""
        return self._whether(word, "yes", "no")

    def out_of_bundle(self, word: str) -> bool | None:
        """Whether a cell says by itself "out of bundle" (True) or "in" (False), whatever its column asks."""
        return self._whether(word, "out_of_bundle", "in_bundle")

    def _whether(self, word: str, true: str, false: str) -> bool | None:
        folded = fold(word)
        if folded in map(fold, self.raw["words"][true]):
            return True
        return False if folded in map(fold, self.raw["words"][false]) else None


def _words(text: str) -> set[str]:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return set(re.findall(r"[a-z0-9]+", plain)) or {""}


def _headerless(blocks: Any, where: str) -> list[dict[str, Any]]:
    sound = isinstance(blocks, list) and all(
        isinstance(block, dict)
        and block.keys() == {"folder", "columns"}
        and isinstance(block["folder"], str)
        and isinstance(block["columns"], list)
        and all(isinstance(name, str) for name in block["columns"])
        for block in blocks
    )
    if not sound:
        raise LayoutError(f'{where} : un bloc [[headerless]] a deux lignes, folder = "RatedCDRs" et columns = ["…"]')
    return list(blocks)


def _merge(base: dict[str, Any], own: dict[str, Any], where: str) -> None:
    """Add the user's tables to the packaged ones. Words of units and of [stated] may be new; names of lists may not."""
    for name, value in own.items():
        known = base.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            if all(isinstance(v, dict | list) for v in known.values()):
                unknown = sorted(value.keys() - known.keys())
                if unknown:
                    raise LayoutError(f"{where} : « {unknown[0]} » n'existe pas dans [{name}]")
                _merge(known, value, where)
            else:
                kind = (int, float) if all(isinstance(v, int | float) for v in known.values()) else (str,)
                for word, meaning in value.items():
                    if type(meaning) not in kind:
                        raise LayoutError(f"{where} : « {word} » n'a pas la bonne forme")
                known.update(value)
        elif isinstance(known, list) and isinstance(value, list) and all(isinstance(v, str) for v in value):
            # A word has one meaning in a table: the user's, when it stood elsewhere.
            taken = {fold(word) for word in value}
            for other, words in base.items():
                if isinstance(words, list):
                    base[other] = [word for word in words if fold(word) not in taken]
            base[name] = [*base[name], *value]
        else:
            raise LayoutError(f"{where} : « {name} » n'existe pas ou n'a pas la bonne forme")
