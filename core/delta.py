"""In which rows two AccountStatus files differ, found from their bytes, so that only those are ever read.

Whatever is odd about one of the two gives None, and the caller reads the new file whole: this way is quicker, and must
never say anything else than that one, which a test compares.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.layouts import Layouts
from core.readers import Reject, Waiting
from core.readers.account_status import FIELDS, AccountStatus, read_account_status
from core.readers.sheet import MAX_BYTES, Sheet, read_sheet

#: The header stands among the first lines, see `core.readers.sheet`.
_HEADER_LINES = 50
#: With that many changed rows, and this share of all rows, a whole reading is as quick.
_MANY, _SHARE = 2000, 4
#: A longer line may hold a cell that Python's csv refuses, and pyarrow does not.
_LONGEST_LINE = 100_000
#: Stands where a cell was taken out; no text holds it, and if one did, only in a column that is not read.
_TAKEN_OUT = b"\x01"


@dataclass(frozen=True)
class Delta:
    """`added`: the rows of the new file that the former lacks; its rejects are all of the new file's.
    `removed`: the rows of the former file that the new one lacks; its rejects mean nothing."""

    added: AccountStatus
    removed: AccountStatus


def delta(former: bytes, content: bytes, rejected: Iterable[int], layouts: Layouts) -> Delta | None:
    """Compare two files as `plain_text` gives them; None: the new one is to be read whole.

    :param rejected: the lines of the former file that were rejected. Those that come again are read again, so that
        their reasons and lines are the new file's.
    """
    try:
        old, new = _table(former, layouts), _table(content, layouts)
    except Waiting:
        return None
    if old is None or new is None or not _same_form(old.sheet, new.sheet):
        return None
    rejected = list(rejected)
    if (places := _places_in_place(old, new, rejected)) is not None:
        came, went = _read(new, new, places, layouts), _read(new, old, places, layouts)
        return Delta(came, went) if came and went else None
    if not all(is_regular(table.content, table.start, table.sheet.separator) for table in (old, new)):
        return None
    old_lines, new_lines = _without_hourly_columns(old, new)
    olds, news = set(old_lines), set(new_lines)
    if len(olds) < len(old_lines) or len(news) < len(new_lines):
        return None  # the same row twice: which one is it that went or came?
    if max(map(len, news | {b""})) > _LONGEST_LINE or max(map(len, olds | {b""})) > _LONGEST_LINE:
        return None
    faulty = {old_lines[place] for line in rejected if 0 <= (place := line - old.first_line) < len(old_lines)}
    added = [place for place, line in enumerate(new_lines) if line not in olds or line in faulty]
    removed = [place for place, line in enumerate(old_lines) if line not in news]
    if len(added) + len(removed) > max(_MANY, len(new_lines) // _SHARE):
        return None
    came = _read(new, new, added, layouts)
    went = _read(new, old, removed, layouts)
    return Delta(came, went) if came and went else None


def plain_text(content: bytes) -> bytes:
    """The file's text as bytes that end their lines with a line feed: unpacked, and UTF-8 where it was UTF-16.

    What is damaged comes back as it is, for the reader to say why.
    """
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
                unpacked = packed.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            return content
        if len(unpacked) > MAX_BYTES:
            return content
        content = unpacked
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeDecodeError:
            return content
    if b"\n" not in content and b"\r" in content:
        content = content.replace(b"\r", b"\n")
    return content


# -- Files as tables of raw lines


@dataclass(frozen=True)
class _Table:
    """`start`: where the rows begin in `content`; `first_line`: the line of the first (1 is the file's first)."""

    content: bytes
    sheet: Sheet
    start: int
    first_line: int

    @cached_property
    def lines(self) -> list[bytes]:
        return _without_last_end(self.content[self.start :].split(b"\n"))


def _places_in_place(old: _Table, new: _Table, rejected: list[int]) -> list[int] | None:
    """The places of the few rows that changed, when the others stand where they stood: the usual hour, quickly read.

    Rows that were rejected are among them. None: another way must be taken.
    """
    if len(old.lines) != len(new.lines) or b'"' in old.content or b'"' in new.content:
        return None
    places = [place for place, (was, now) in enumerate(zip(old.lines, new.lines, strict=True)) if was != now]
    places = sorted({*places, *(line - old.first_line for line in rejected)})
    if len(places) > max(_MANY, len(new.lines) // _SHARE) or any(not 0 <= it < len(new.lines) for it in places):
        return None
    for table in (old, new):
        lines = [table.lines[place] for place in places]
        # A row twice, one that is cut by a line end of its own, one too long for a row.
        if len(set(lines)) < len(lines) or any(b"\r" in line[:-1] or len(line) > _LONGEST_LINE for line in lines):
            return None
    return places


def _table(content: bytes, layouts: Layouts) -> _Table | None:
    sheet = read_sheet(content, layouts)
    start = rows_begin(content, sheet, layouts)
    if start is None:
        return None
    return _Table(content, sheet, start, content.count(b"\n", 0, start) + 1)


def rows_begin(content: bytes, sheet: Sheet, layouts: Layouts) -> int | None:
    """The place in the file after its header; None when there is nothing after it."""
    start = 0
    for _ in range(_HEADER_LINES):
        end = content.find(b"\n", start) + 1
        if not end:
            return None
        try:
            if read_sheet(content[start:end], layouts).header == sheet.header:
                return end
        except Waiting:
            pass  # a title, an empty line
        start = end
    return None


def is_regular(content: bytes, start: int, separator: str) -> bool:
    """Whether each line is a row by itself: no cell holds a line end, and no quote stands where it may mean one."""
    if b"\r" in content and content.count(b"\r", start) != content.count(b"\r\n", start):
        return False
    return content.find(b'"', start) < 0 or _quotes_are_usual(content[start:], separator)


def _quotes_are_usual(body: bytes, separator: str) -> bool:
    import numpy as np

    signs = np.frombuffer(b"\n" + body + b"\n", np.uint8)
    quotes = np.flatnonzero(signs == ord('"'))
    # An even number by each line end: none of them is inside a quoted cell.
    if (np.searchsorted(quotes, np.flatnonzero(signs == ord("\n"))) % 2).any():
        return False
    before, after = signs[quotes[0::2] - 1], signs[quotes[1::2] + 1]
    mark = separator.encode()
    return bool(
        np.isin(before, np.frombuffer(b'\n"' + mark, np.uint8)).all()
        and np.isin(after, np.frombuffer(b'\r\n"' + mark, np.uint8)).all()
    )


def _same_form(one: Sheet, other: Sheet) -> bool:
    return _form(one) == _form(other)


def _form(sheet: Sheet) -> tuple[object, ...]:
    return sheet.encoding, sheet.separator, sheet.header, sheet.columns, sheet.width


def _read(table: _Table, source: _Table, places: Sequence[int], layouts: Layouts) -> AccountStatus | None:
    """Some rows of `source`, below the header of `table`; None when they are not recognised as the whole file is."""
    if not places:
        return AccountStatus([], [], [])
    rows = b"\n".join([source.lines[place] for place in places]) + b"\n"
    content = table.content[: table.start] + rows
    if b"\x00" in content:
        return None
    try:
        sheet = read_sheet(content, layouts)
        # Among a few rows none may show the encoding of the whole file; those are the same in any.
        encoding = table.sheet.encoding if content.isascii() else sheet.encoding
        if (encoding, *_form(sheet)[1:]) != _form(table.sheet):
            return None
        status = read_account_status(content, layouts)
    except Waiting:
        return None
    status.rejects = [
        Reject(source.first_line + places[reject.line - table.first_line], reject.reason, reject.content)
        for reject in status.rejects
    ]
    return status


# -- Columns that change every hour


def _without_hourly_columns(old: _Table, new: _Table) -> tuple[list[bytes], list[bytes]]:
    """The lines of both, without the cells that date the file in each row: they would make every row another one.

    Such a cell stands in a column that is not read, is another in the two first rows, and is taken out wherever its
    column holds the same. Two lines that are equal without it are equal in all columns that are read.
    """
    bodies = [table.content[table.start - 1 :] for table in (old, new)]  # from the header's line end on
    firsts = [_first_row(body, old.sheet.separator) for body in bodies]
    used = {old.sheet.columns[name][0] for name in FIELDS if name in old.sheet.columns}
    if len(firsts[0]) == len(firsts[1]) == old.sheet.width:
        places: list[int] = []
        for place, cells in enumerate(zip(*firsts, strict=True)):
            if place in used or cells[0] == cells[1] or not all(_is_plain(cell) for cell in cells):
                continue
            shorter = [
                _without_cell(body, cell, old.sheet, place, places) for body, cell in zip(bodies, cells, strict=True)
            ]
            if shorter[0] is not None and shorter[1] is not None:
                bodies = [shorter[0], shorter[1]]
                places.append(place)
    lines = [body[1:].split(b"\n") for body in bodies]
    return _without_last_end(lines[0]), _without_last_end(lines[1])


def _without_last_end(lines: list[bytes]) -> list[bytes]:
    return lines[:-1] if not lines[-1] else lines


def _first_row(body: bytes, separator: str) -> list[bytes]:
    end = body.find(b"\n", 1)
    return (body[1:end] if end > 0 else body[1:]).rstrip(b"\r").split(separator.encode())


def _is_plain(cell: bytes) -> bool:
    return re.fullmatch(rb'"[^"\x01]+"|[^"\x01]+', cell) is not None


def _without_cell(body: bytes, cell: bytes, sheet: Sheet, place: int, places: list[int]) -> bytes | None:
    """Take the cell out of its column; None when its bytes also stand elsewhere, so that they cannot be told apart."""
    mark = sheet.separator.encode()
    if place == 0:
        return body.replace(b"\n" + cell + mark, b"\n" + _TAKEN_OUT + mark)
    if place == sheet.width - 1:
        end = b"\r\n" if b"\r\n" in body else b"\n"
        return body.replace(mark + cell + end, mark + _TAKEN_OUT + end)
    if b'"' in body:
        return None  # a separator may stand in a quoted cell
    shorter = body.replace(mark + cell + mark, mark + _TAKEN_OUT + mark)
    return shorter if _stands_only_in(shorter, sheet.separator, {*places, place}) else None


def _stands_only_in(body: bytes, separator: str, places: set[int]) -> bool:
    import numpy as np

    signs = np.frombuffer(body, np.uint8)
    taken = np.flatnonzero(signs == _TAKEN_OUT[0])
    ends = np.flatnonzero(signs == ord("\n"))
    marks = np.flatnonzero(signs == ord(separator))
    row_starts = ends[np.searchsorted(ends, taken) - 1]
    columns = np.searchsorted(marks, taken) - np.searchsorted(marks, row_starts)
    return bool(np.isin(columns, list(places)).all())
