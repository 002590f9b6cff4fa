"""From bytes to a sheet of cells: encoding, separator, header, rows, whatever the operator's system wrote.

A file is read by portions, so that its size does not matter. Cells stay bytes: only distinct ones are ever decoded.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from core.layouts import Layouts
from core.readers import Reject, Waiting

if TYPE_CHECKING:  # what answers people imports this room too, and must not wait for pyarrow
    import numpy as np

SEPARATORS = ";\t|,"

#: A CSV is never that large; what unpacks to more is refused before it fills the disk or the memory.
MAX_BYTES = 8 * 1024**3

#: Signs that are kept of a row that was set aside; no row is that long.
MOST_KEPT = 20_000

#: A file in UTF-16 is read whole.
MAX_UTF16 = 128 * 1024**2

#: Bytes read at once. Smaller portions cost more calls, larger ones more memory.
PORTION = 8 * 1024 * 1024

#: The header, and what precedes it, stand within the first bytes and lines.
_HEAD = 256 * 1024
_HEADER_LINES = 50


@dataclass
class Cells:
    """One column of a portion, as bytes. `array`: pyarrow binary, without nulls."""

    array: Any
    codecs: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.array)

    @cached_property
    def distinct(self) -> "tuple[list[str], np.ndarray[Any, Any]]":
        """The distinct texts, stripped, and for each row the place of its own among them."""
        encoded = self.array.dictionary_encode()
        return [self._text(raw) for raw in encoded.dictionary.to_pylist()], encoded.indices.to_numpy()

    @property
    def texts(self) -> list[str]:
        values, codes = self.distinct
        return [values[code] for code in codes.tolist()]

    def take(self, rows: "np.ndarray[Any, Any]") -> "Cells":
        """The cells of some rows (their places, or a mask)."""
        import pyarrow as pa

        chosen = pa.array(rows)
        return Cells(self.array.filter(chosen) if rows.dtype == bool else self.array.take(chosen), self.codecs)

    def beside(self, other: "Cells") -> "Cells":
        """Each cell, a space and the other's."""
        import pyarrow.compute as pc

        return Cells(pc.binary_join_element_wise(self.array, other.array, b" "), self.codecs)

    def _text(self, raw: bytes) -> str:
        text = _decoded(raw, self.codecs).strip()
        # How spreadsheets are made to keep a leading zero: ="0042".
        return text[2:-1].strip() if text.startswith('="') and text.endswith('"') else text


@dataclass
class Portion:
    """Consecutive rows of a sheet. `lines`: the line of each row in the file (1 is the first)."""

    sheet: "Sheet"
    lines: "np.ndarray[Any, Any]"
    is_last: bool
    _columns: dict[int, Any]
    _block: bytes
    _records: "list[list[str]] | None" = None

    def __len__(self) -> int:
        return len(self.lines)

    def cells(self, name: str) -> Cells:
        """The cells of a field; empty ones where the file has no such column."""
        import pyarrow as pa

        if name in self.sheet.columns:
            return Cells(self._columns[self.sheet.columns[name][0]], self.sheet.codecs)
        return Cells(pa.repeat(pa.scalar(b"", pa.binary()), len(self)), self.sheet.codecs)

    def texts(self, name: str) -> list[str]:
        return self.cells(name).texts if name in self.sheet.columns else [""] * len(self)

    def content(self, row: int) -> str:
        """The row as the file has it."""
        if self._records is not None:
            return self.sheet.separator.join(self._records[row])
        start, end = self._places
        place = int(self.lines[row] - self._first_line)
        return _decoded(self._block[start[place] : end[place]], self.sheet.codecs).rstrip("\r\n")

    def record(self, row: int) -> list[str]:
        """The cells of a row, those of unknown columns too, stripped."""
        if self._records is not None:
            return [cell.strip() for cell in self._records[row]]
        return _cut(self.content(row), self.sheet.separator)

    def set_aside(self, faults: Mapping[int, str]) -> "np.ndarray[Any, Any]":
        """Reject the rows that have a fault (row -> reason); says of each row whether it has none."""
        import numpy as np

        good = np.ones(len(self), bool)
        for row, reason in sorted(faults.items()):
            good[row] = False
            self.sheet.rejects.append(Reject(int(self.lines[row]), reason, _kept(self.content(row))))
        return good

    _first_line: int = 0

    @cached_property
    def _places(self) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
        import numpy as np

        ends = np.flatnonzero(np.frombuffer(self._block, np.uint8) == ord("\n"))
        if not self._block.endswith(b"\n"):
            ends = np.append(ends, len(self._block))
        return np.concatenate([[0], ends[:-1] + 1]), ends


@dataclass
class Sheet:
    """A file as recognised. `columns`: field -> (place, stated unit). `rejects` grows as the portions are read."""

    encoding: str
    separator: str
    header: list[str]
    columns: dict[str, tuple[int, str]]
    width: int
    codecs: tuple[str, ...]
    rejects: list[Reject] = field(default_factory=list)
    _blocks: Iterator[tuple[bytes, bool]] = field(default_factory=lambda: iter(()))
    _line: int = 1

    def require(self, *names: str) -> None:
        """:raises Waiting: a column that this kind of file cannot do without is not recognised."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            wanted = ", ".join(FRENCH.get(name, name) for name in missing)
            raise Waiting(
                f"colonne introuvable : {wanted}. En-tête lu : {' | '.join(self.header)}. "
                "Ajouter le nom de la colonne dans layouts.toml, section [columns]."
            )

    def unit(self, name: str) -> str:
        return self.columns[name][1] if name in self.columns else ""

    def portions(self) -> Iterator[Portion]:
        """The rows, in order, once.

        :raises Waiting: the file turns out not to be text, or its archive is damaged.
        """
        line = self._line
        for block, is_last in self._blocks:
            count = block.count(b"\n")
            yield self._portion(block, line, is_last, count)
            line += count

    def whole(self) -> Portion:
        """All rows at once, for the files that are never large."""
        blocks = list(self._blocks)
        block = b"".join(block for block, _ in blocks)
        return self._portion(block, self._line, True, block.count(b"\n"))

    def _portion(self, block: bytes, line: int, is_last: bool, line_ends: int) -> Portion:
        quick = _quick(block, self.separator, self.width, {place for place, _ in self.columns.values()}, line_ends)
        if quick is None:
            return self._carefully(block, line, is_last)
        lines, columns = quick
        portion = Portion(self, lines + line, is_last, columns, block)
        portion._first_line = line
        return portion

    def _carefully(self, block: bytes, line: int, is_last: bool) -> Portion:
        """Row by row, for a block with rows of another width, or whose quotes are not in order."""
        import numpy as np
        import pyarrow as pa

        text = _decoded(block, self.codecs).replace("\r\n", "\n").replace("\r", "\n")
        records: list[list[str]] = []
        lines: list[int] = []
        for place, record in _records(text, self.separator, line, self.rejects):
            if len(record) == self.width:
                records.append(record)
                lines.append(place)
            elif any(cell.strip() for cell in record):
                reason = f"{len(record)} colonnes au lieu de {self.width}"
                self.rejects.append(Reject(place, reason, _kept(self.separator.join(record))))
        columns = {
            place: pa.array([_encoded(record[place], self.codecs) for record in records], pa.binary())
            for place, _ in self.columns.values()
        }
        return Portion(self, np.array(lines, np.int64), is_last, columns, b"", records)


FRENCH = {
    "msisdn": "numéro de ligne",
    "caller": "numéro appelant",
    "iccid": "ICCID (NSCE)",
    "imsi": "IMSI",
    "imei": "IMEI",
    "status": "statut",
    "client": "client",
    "plan": "forfait",
    "options": "options",
    "pin": "code PIN",
    "puk": "code PUK",
    "pin2": "code PIN2",
    "puk2": "code PUK2",
    "rio": "RIO",
    "activation": "date d'activation",
    "termination": "date de résiliation",
    "start": "date",
    "time": "heure",
    "called": "numéro appelé",
    "type": "type de communication",
    "duration": "durée",
    "volume": "volume",
    "quantity": "quantité",
    "unit": "unité",
    "zone": "destination",
    "amount": "montant HT",
    "amount_with_tax": "montant TTC",
    "out_of_bundle": "hors forfait",
    "in_bundle": "inclus au forfait",
}


def read_sheet(source: bytes | BinaryIO, layouts: Layouts, folder: str = "", portion: int = PORTION) -> Sheet:
    """Recognise a CSV of unknown habits; its rows are read later, by portions.

    :param folder: where on the FTP the file lies ("RatedCDRs"), for the layouts of files without header.
    :raises Waiting: empty, without a header that the layouts know, or not text.
    """
    stream = _unpacked(io.BytesIO(source) if isinstance(source, bytes) else source)
    try:
        head = stream.read(_HEAD)
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            content = head + stream.read(MAX_UTF16)
            if len(content) >= MAX_UTF16:
                raise Waiting(f"le fichier en UTF-16 dépasse {MAX_UTF16 // 1024**2} Mio")
            return _read_utf16(content, layouts, folder, portion)
        if not head.strip(b"\xef\xbb\xbf\r\n \t") and not stream.read(1):
            raise Waiting("le fichier est vide")
        if b"\x00" in head:
            raise Waiting("le fichier n'est pas un texte CSV")
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(error) from error
    encoding, codecs = _encoding(head)
    return _recognised(head, stream, encoding, codecs, layouts, folder, portion)


def _recognised(
    head: bytes,
    stream: BinaryIO,
    encoding: str,
    codecs: tuple[str, ...],
    layouts: Layouts,
    folder: str,
    portion: int,
) -> Sheet:
    head = head.removeprefix(b"\xef\xbb\xbf")
    old_mac = b"\n" not in head and b"\r" in head
    if old_mac:
        head = head.replace(b"\r", b"\n")
    lines = head.split(b"\n", _HEADER_LINES)[:_HEADER_LINES]
    texts = [_decoded(line, codecs).rstrip("\r") for line in lines]
    found = _find_header(texts, layouts)
    if found is None:
        found = _headerless(texts, layouts, folder)
    number, separator, columns, header = found
    # A separator at the end of the rows, of the header or of the data alone, makes one more, nameless column.
    sample = next((_cut(line, separator) for line in texts[number + 1 :] if line.strip()), header)
    width = len(header)
    if len(sample) == width + 1 and not sample[-1]:
        width += 1
    elif len(sample) == width - 1 and not header[-1]:
        width -= 1
        columns = {name: (place, unit) for name, (place, unit) in columns.items() if place < width}
    rest = b"".join(head.split(b"\n", number + 1)[number + 1 :])
    blocks = _blocks(rest, stream, portion, old_mac)
    return Sheet(encoding, separator, header, columns, width, codecs, _blocks=blocks, _line=number + 2)


def _unpacked(stream: BinaryIO) -> BinaryIO:
    magic = stream.read(2)
    stream.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if magic == b"\x1f\x8b" else stream


def _damaged(error: Exception) -> Waiting:
    return Waiting(f"l'archive gzip est abîmée ({error})")


def _read_utf16(content: bytes, layouts: Layouts, folder: str, portion: int) -> Sheet:
    try:
        text = content.decode("utf-16")
    except UnicodeDecodeError as error:
        raise Waiting(f"le fichier se dit en UTF-16 et ne l'est pas ({error.reason})") from error
    if not text.strip():
        raise Waiting("le fichier est vide")
    stream = io.BytesIO(text.encode())
    return _recognised(stream.read(_HEAD), stream, "utf-16", ("utf-8",), layouts, folder, portion)


def _encoding(head: bytes) -> tuple[str, tuple[str, ...]]:
    """What the head is written in, and the codecs to try on a cell, the last of which knows every byte."""
    whole = head[: head.rfind(b"\n") + 1] or head  # a sign may be cut at the end
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig", ("utf-8", "cp1252", "latin-1")
    for encoding in ("utf-8", "cp1252"):
        try:
            whole.decode(encoding)
        except UnicodeDecodeError:
            continue
        codecs = ("utf-8", "cp1252", "latin-1")
        return encoding, codecs if encoding == "utf-8" else codecs[1:]
    return "latin-1", ("latin-1",)


def _decoded(raw: bytes, codecs: tuple[str, ...]) -> str:
    for codec in codecs[:-1]:
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return raw.decode(codecs[-1], "replace")


def _encoded(text: str, codecs: tuple[str, ...]) -> bytes:
    """So that `_decoded` gives the same text back."""
    for codec in codecs:
        try:
            raw = text.encode(codec)
        except UnicodeEncodeError:
            continue
        if _decoded(raw, codecs) == text:
            return raw
    return text.encode(codecs[0], "replace")


_Found = tuple[int, str, dict[str, tuple[int, str]], list[str]]


def _find_header(lines: Sequence[str], layouts: Layouts) -> _Found | None:
    """The line, among the first, in which the layouts know most columns (two at least)."""
    best: _Found | None = None
    for number, line in enumerate(lines):
        for separator in SEPARATORS:
            if separator not in line:
                continue
            header = _cut(line, separator)
            if best and len(header) <= len(best[2]):
                continue
            columns = _known_columns(header, layouts)
            if len(columns) >= 2 and (best is None or len(columns) > len(best[2])):
                best = (number, separator, columns, header)
    return best


def _known_columns(header: Sequence[str], layouts: Layouts) -> dict[str, tuple[int, str]]:
    columns: dict[str, tuple[int, str]] = {}
    for place, name in enumerate(header):
        if (known := layouts.column(name)) and known[0] not in columns:
            columns[known[0]] = (place, known[1])
    return columns


def _headerless(lines: Sequence[str], layouts: Layouts, folder: str) -> _Found:
    """The columns that the user's layouts give for files of this folder and of this width.

    :raises Waiting: none fits.
    """
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    for header in layouts.headerless(folder):
        for separator in SEPARATORS:
            width = len(_cut(lines[first], separator))
            if width in (len(header), len(header) + 1) and width > 1:
                return first - 1, separator, _known_columns(header, layouts), list(header)
    separator = max(SEPARATORS, key=lines[first].count)
    cells = _cut(lines[first], separator)
    # Names of columns are shown; cells of data, which may be codes or called numbers, are not.
    names = " | ".join(cell for cell in cells if cell and not any(sign.isdigit() for sign in cell))[:200]
    shown = f" : {names}" if names else ""
    raise Waiting(f"aucune ligne d'en-tête n'est reconnue (première ligne, {len(cells)} colonnes{shown})")


def _cut(line: str, separator: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]
    except csv.Error:  # a cell longer than any header
        return []


def _blocks(first: bytes, stream: BinaryIO, size: int, old_mac: bool) -> Iterator[tuple[bytes, bool]]:
    """Whole rows, about `size` bytes at once, and whether they are the last."""
    carry, total = first, len(first)
    while True:
        try:
            data = stream.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise _damaged(error) from error
        total += len(data)
        if total > MAX_BYTES:
            raise Waiting(f"le fichier contient plus de {MAX_BYTES // 1024**3} Gio")
        if not data:
            yield carry, True
            return
        carry += data.replace(b"\r", b"\n") if old_mac else data
        cut = _row_end(carry)
        # A quoted cell can hold line ends; a quote that is never closed must not fill the memory.
        if cut == 0 and len(carry) >= 4 * size:
            cut = carry.rfind(b"\n") + 1 or len(carry)
        if cut:
            yield carry[:cut], False
            carry = carry[cut:]


def _row_end(block: bytes) -> int:
    """Where the last whole row of a block ends; 0 when none does."""
    end = block.rfind(b"\n") + 1
    if end == 0 or b'"' not in block or (quotes := block.count(b'"', 0, end)) % 2 == 0:
        return end
    while quotes % 2 and end:
        before = block.rfind(b"\n", 0, end - 1) + 1
        quotes -= block.count(b'"', before, end)
        end = before
    return end


def _quick(
    block: bytes, separator: str, width: int, wanted: set[int], line_ends: int
) -> "tuple[np.ndarray[Any, Any], dict[int, Any]] | None":
    """All rows at once: their lines (0 is the block's first) and wanted columns. None: a row is not as the others."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    quoted = b'"' in block
    if not block[:100].strip(b"\r\n ") and not block.strip(b"\r\n "):
        return np.zeros(0, np.int64), {place: pa.array([], pa.binary()) for place in wanted}
    if quoted and _has_odd_quotes(block, separator):
        return None
    names = [str(place) for place in range(width)]
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(block),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, column_names=names, block_size=max(len(block) // 4, 1 << 20)
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, quote_char='"' if quoted else False),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                include_columns=[str(place) for place in sorted(wanted)],
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    lines = np.arange(table.num_rows)
    count = line_ends + (not block.endswith(b"\n"))
    if table.num_rows != count:
        # Blank lines are no rows; anything else that makes the counts differ is an odd end of line.
        full = np.array([bool(line.strip(b"\r")) for line in block.split(b"\n")], bool)
        lines = np.flatnonzero(full)
        if len(lines) != table.num_rows:
            return None
    return lines, {place: _one(table.column(str(place))) for place in wanted}


def _one(column: Any) -> Any:
    """The column's chunks in one piece."""
    import pyarrow as pa

    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return whole.chunk(0) if whole.num_chunks else pa.array([], pa.binary())
    return whole


def _has_odd_quotes(block: bytes, separator: str) -> bool:
    """Whether a quote stands elsewhere than around a cell or doubled in one, or a quoted cell holds a line end."""
    mark = re.escape(separator.encode())
    usual = re.compile(rb"(?:^|(?<=[\n" + mark + rb']))"(?:[^"\n\r]|"")*"(?=[\r\n' + mark + rb"]|$)")
    return usual.sub(b"", block).find(b'"') >= 0


def _kept(content: str) -> str:
    return content if len(content) <= MOST_KEPT else f"{content[:MOST_KEPT]}… ({len(content)} signes)"


def _records(text: str, separator: str, first_line: int, rejects: list[Reject]) -> Iterator[tuple[int, list[str]]]:
    """The records of a text, and the line at which each begins."""
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    while True:
        line = first_line + reader.line_num
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            content = "\n".join(text.split("\n")[line - first_line : first_line + reader.line_num - line])
            rejects.append(Reject(line, f"ligne illisible ({error})", _kept(content)))
