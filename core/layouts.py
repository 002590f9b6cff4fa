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
_PARENTHESES = re.compile(r"^(.*?)\s*[(\[]\s*(?:en\s+)?([^)\]]*?)\s*[)\]]\s*$")

USER_FILE = "layouts.toml"


class LayoutError(Exception):
    """The user's layouts.toml cannot be used; the message says where, in French."""


def fold(text: str) -> str:
    """A text reduced to what is compared: no case, accents, spaces, `_ - . °`, quotes or BOM."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return _IGNORED.sub("", "".join(c for c in decomposed if not unicodedata.combining(c)))


@dataclass(frozen=True)
class Layouts:
    """The merged tables. `raw` is the TOML's content."""

    raw: dict[str, Any]

    @classmethod
    def load(cls, data: Path | None = None) -> "Layouts":
        """The packaged table, and that of the data folder over it.

        :raises LayoutError: the user's file is no TOML, or has a section that means nothing.
        """
        raw = tomllib.loads(_PACKAGED.read_text("utf-8"))
        path = data / USER_FILE if data else None
        if path and path.is_file():
            try:
                own = tomllib.loads(path.read_text("utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise LayoutError(f"{path} ne se lit pas : {error}") from error
            _merge(raw, own, str(path))
        return cls(raw)

    @cached_property
    def _columns(self) -> dict[str, str]:
        return {fold(alias): name for name, aliases in self.raw["columns"].items() for alias in aliases}

    def column(self, header: str) -> tuple[str, str] | None:
        """The field that a header names and the unit it states ("" when it states none), or None."""
        unit = ""
        if parts := _PARENTHESES.match(header.strip().strip('"')):
            header, unit = parts[1], fold(parts[2])
        folded = fold(header)
        if not unit and folded.endswith(("utc", "gmt")) and folded[:-3] in self._columns:
            return self._columns[folded[:-3]], "utc"
        if name := self._columns.get(folded):
            return name, unit or str(self.raw["stated"].get(folded, ""))
        for name, word in self._units:
            if folded.endswith(word) and self._columns.get(folded[: -len(word)]) == name:
                return name, word
        return None

    @cached_property
    def _units(self) -> list[tuple[str, str]]:
        """(duration or volume, folded unit), the longest words first: "ms" before "s"."""
        units = [(name, fold(word)) for name in ("duration", "volume") for word in self.raw["units"][name]]
        return sorted(units, key=lambda unit: -len(unit[1]))

    def factor(self, quantity: str, unit: str) -> float | None:
        """How many seconds (`quantity` "duration") or bytes ("volume") one `unit` is; None when unknown."""
        units = {fold(word): float(value) for word, value in self.raw["units"][quantity].items()}
        return units.get(fold(unit))

    @cached_property
    def _status(self) -> dict[str, str]:
        return {fold(word): status for status, words in self.raw["status"].items() for word in words}

    def status(self, word: str) -> str:
        """The status that the operator's word means; "unknown" when no list has it."""
        return self._status.get(fold(word), "unknown")

    def kind(self, word: str) -> str:
        """The kind of traffic that a type means; "other" when no list has any of its words."""
        decomposed = unicodedata.normalize("NFKD", word.casefold())
        plain = "".join(c for c in decomposed if not unicodedata.combining(c))
        words = set(re.split(r"[^a-z0-9]+", plain))
        return next((kind for kind, known in self.raw["kinds"].items() if words & set(known)), "other")

    def yes(self, word: str) -> bool | None:
        """Whether a cell says yes; None when it says neither yes nor no."""
        folded = fold(word)
        if folded in map(fold, self.raw["yes"]["words"]):
            return True
        return False if folded in map(fold, self.raw["no"]["words"]) else None


def _merge(base: dict[str, Any], own: dict[str, Any], where: str) -> None:
    for name, value in own.items():
        known = base.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            # Words of units and of [stated] may be new; sections and field names may not.
            if all(isinstance(v, dict | list) for v in known.values()):
                unknown = sorted(value.keys() - known.keys())
                if unknown:
                    raise LayoutError(f"{where} : « {unknown[0]} » n'existe pas dans [{name}]")
                _merge(known, value, where)
            else:
                known.update(value)
        elif isinstance(known, list) and isinstance(value, list) and all(isinstance(v, str) for v in value):
            base[name] = known + value
        else:
            raise LayoutError(f"{where} : « {name} » n'existe pas ou n'a pas la bonne forme")
