"""From bytes to a sheet of texts: encoding, separator, header, rows, whatever the operator's system wrote."""

import csv
import gzip
import io
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.layouts import Layouts
from core.readers import Reject, Waiting

if TYPE_CHECKING:  # what answers people imports this room too, and must not wait for pandas
    import pandas as pd

SEPARATORS = ";\t|,"

#: A CSV is never that large; what unpacks to more is refused before it fills the memory.
MAX_BYTES = 2 * 1024**3


@dataclass
class Sheet:
    """A file as read. `columns`: field -> (place, stated unit). `cells`: texts, one frame column a place;
    its index is the line in the file. Lists of cells, or of what was made of them, go row by row."""

    encoding: str
    separator: str
    header: list[str]
    columns: dict[str, tuple[int, str]]
    cells: "pd.DataFrame"
    rejects: list[Reject] = field(default_factory=list)

    def texts(self, name: str) -> list[str]:
        """The cells of a field, stripped; empty where the file has no such column."""
        if name not in self.columns:
            return [""] * len(self.cells)
        return [cell.strip() for cell in self.cells[self.columns[name][0]].tolist()]

    def unit(self, name: str) -> str:
        return self.columns[name][1] if name in self.columns else ""

    def set_aside(self, faults: Sequence[str]) -> list[bool]:
        """Reject the rows that have a fault; says of each row whether it has none."""
        for place, reason in enumerate(faults):
            if reason:
                content = self.separator.join(self.cells.iloc[place].tolist())
                self.rejects.append(Reject(int(self.cells.index[place]), reason, content))
        return [not reason for reason in faults]

    def require(self, *names: str) -> None:
        """:raises Waiting: a column that this kind of file cannot do without is not recognised."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            wanted = ", ".join(_FRENCH.get(name, name) for name in missing)
            raise Waiting(
                f"colonne introuvable : {wanted}. En-tête lu : {' | '.join(self.header)}. "
                "Ajouter le nom de la colonne dans layouts.toml, section [columns]."
            )


_FRENCH = {
    "msisdn": "numéro de ligne",
    "iccid": "ICCID (NSCE)",
    "status": "statut",
    "start": "date",
    "type": "type de communication",
    "puk": "code PUK",
    "duration": "durée",
    "volume": "volume",
}


def read_sheet(content: bytes, layouts: Layouts) -> Sheet:
    """Read a CSV of unknown habits.

    :raises Waiting: empty, without a header that the layouts know, or not text.
    """
    content = _unpacked(content)
    text, encoding = _decoded(content)
    lines = text.split("\n", 50)
    first, separator, columns, header = _find_header(lines[:50], layouts)
    body = text.split("\n", first + 1)[first + 1] if text.count("\n") > first else ""
    # A separator at the end of the rows, of the header or of the data alone, makes one more, nameless column.
    sample = next((_cut(line, separator) for line in lines[first + 1 :] if line.strip()), header)
    width = len(header)
    if len(sample) == width + 1 and not sample[-1]:
        width += 1
    elif len(sample) == width - 1 and not header[-1]:
        width -= 1
    cells, rejects = _rows(body, separator, width, first + 2) if body.strip() else (_nothing(width), [])
    if len(cells):
        cells = cells[(cells != "").any(axis=1)]
    return Sheet(encoding, separator, header, columns, cells, rejects)


def _unpacked(content: bytes) -> bytes:
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            unpacked = packed.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Waiting(f"l'archive gzip est abîmée ({error})") from error
    if len(unpacked) > MAX_BYTES:
        raise Waiting("l'archive gzip contient plus de 2 Gio")
    return unpacked


def _decoded(content: bytes) -> tuple[str, str]:
    if not content.strip(b"\xef\xbb\xbf\r\n \t"):
        raise Waiting("le fichier est vide")
    if b"\x00" in content[:4096]:
        raise Waiting("le fichier n'est pas un texte CSV")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n"), encoding
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n"), "latin-1"


def _find_header(lines: list[str], layouts: Layouts) -> tuple[int, str, dict[str, tuple[int, str]], list[str]]:
    """The line, among the first, in which the layouts know most columns (two at least)."""
    best: tuple[int, str, dict[str, tuple[int, str]], list[str]] | None = None
    for number, line in enumerate(lines):
        for separator in SEPARATORS:
            if separator not in line:
                continue
            header = _cut(line, separator)
            if best and len(header) <= len(best[2]):
                continue
            columns: dict[str, tuple[int, str]] = {}
            for place, name in enumerate(header):
                if (known := layouts.column(name)) and known[0] not in columns:
                    columns[known[0]] = (place, known[1])
            if len(columns) >= 2 and (best is None or len(columns) > len(best[2])):
                best = (number, separator, columns, header)
    if best is None:
        start = next((line for line in lines if line.strip()), "")[:120]
        raise Waiting(f"aucune ligne d'en-tête n'est reconnue ; le fichier commence par « {start} »")
    return best


def _cut(line: str, separator: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    except csv.Error:  # a cell longer than any header
        return []


def _rows(text: str, separator: str, width: int, first_line: int) -> "tuple[pd.DataFrame, list[Reject]]":
    """Cut the body into records, set aside those with another number of cells, parse the others at once."""
    import numpy as np
    import pandas as pd

    raw = text.encode()
    signs = np.frombuffer(raw, np.uint8)
    newlines = signs == ord("\n")
    separators = signs == ord(separator)
    if b'"' in raw:
        quotes = signs == ord('"')
        inside = (np.cumsum(quotes, dtype=np.uint8) & 1).astype(bool)
        # A quote opens at the beginning of a cell, or reopens what the one before it closed.
        before = np.concatenate([[ord("\n")], signs[:-1]])
        if (
            inside[-1]
            or not np.isin(before[quotes & inside], np.frombuffer(f'{separator}\n "'.encode(), np.uint8)).all()
        ):
            return _row_by_row(text, separator, width, first_line)
        separators &= ~inside
        physical = np.flatnonzero(newlines)
        newlines &= ~inside
    else:
        physical = np.flatnonzero(newlines)
    ends = np.flatnonzero(newlines)
    if not len(ends) or ends[-1] != len(raw) - 1:
        ends = np.append(ends, len(raw))
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.flatnonzero(separators)
    counts = np.searchsorted(places, ends) - np.searchsorted(places, starts)
    lines = first_line + np.searchsorted(physical, starts)
    good = counts == width - 1
    rejects = []
    for record in np.flatnonzero(~good):
        content = raw[starts[record] : ends[record]].decode().strip()
        if content.strip(separator + " "):
            reason = f"{counts[record] + 1} colonnes au lieu de {width}"
            rejects.append(Reject(int(lines[record]), reason, content))
    if not good.any():
        return _nothing(width), rejects
    kept = zip(starts[good], ends[good], strict=True)
    body = text if good.all() else b"\n".join(raw[start:end] for start, end in kept).decode()
    cells = _parse(body, separator, width)
    if cells is None or len(cells) != int(good.sum()):
        # A stray quote made the parser see other cells or records than were cut here.
        return _row_by_row(text, separator, width, first_line)
    cells.index = pd.Index(lines[good])
    return cells, rejects


def _nothing(width: int) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame({place: pd.Series(dtype="object") for place in range(width)})


def _parse(body: str, separator: str, width: int) -> "pd.DataFrame | None":
    """All rows at once; None when one of them has more cells than `width`."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(body),
                sep=separator,
                header=None,
                names=list(range(width)),
                index_col=False,
                dtype="object",
                na_filter=False,
                skip_blank_lines=False,
                skipinitialspace=True,
                engine="c",
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError):
        return None


def _row_by_row(body: str, separator: str, width: int, first_line: int) -> "tuple[pd.DataFrame, list[Reject]]":
    """The slow way, for a body whose quotes are not in order."""
    import pandas as pd

    rows: list[list[str]] = []
    places: list[int] = []
    rejects: list[Reject] = []
    reader = csv.reader(io.StringIO(body), delimiter=separator, skipinitialspace=True)
    while True:
        line = first_line + reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            content = "\n".join(body.split("\n")[line - first_line : first_line + reader.line_num - line])
            rejects.append(Reject(line, f"ligne illisible ({error})", content))
            continue
        if len(row) == width:
            rows.append(row)
            places.append(line)
        elif any(cell.strip() for cell in row):
            reason = f"{len(row)} colonnes au lieu de {width}"
            rejects.append(Reject(line, reason, separator.join(row)))
    cells = pd.DataFrame(rows, index=places, columns=range(width), dtype="object")
    return (cells if rows else _nothing(width)), rejects
