"""In which rows two AccountStatus files differ, found from their bytes, so that only those are ever read.

Whatever is odd about one of the two gives None, and the caller reads the new file whole: this way is quicker, and must
never say anything else than that one, which a test compares.
"""

import gzip
import io
import re
import sys
import zlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

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
#: How many rows are looked at to see where two files meet again, first and then; how many times they may part.
_SEEN, _MOST_EDITS = (3, 64), 10_000


@dataclass(frozen=True)
class Delta:
    """`added`: the rows of the new file that the former lacks; its rejects are all of the new file's.
    `removed`: the rows of the former file that the new one lacks; its rejects mean nothing."""

    added: AccountStatus
    removed: AccountStatus


def delta(former: bytes, content: bytes, rejected: Iterable[int], layouts: Layouts) -> Delta | None:
    """Compare two files as `plain_text` gives them; None: the new one is to be read whole.

    :param former: a file that `is_regular`, and names no line or card twice.
    :param rejected: the lines of the former file that were rejected. Those that come again are read again, so that
        their reasons and lines are the new file's.
    """
    try:
        old, new = _table(former, layouts), _table(content, layouts)
    except Waiting:
        return None
    if old is None or new is None or _form(old.sheet) != _form(new.sheet):
        return None
    faulty = {line - old.first_line for line in rejected}
    pair = _Pair(old, new, _dated_as(old, new))
    found = _in_order(pair, faulty) or _in_any_order(pair, faulty)
    if found is None:
        return None
    came, went = _read(new, found[0], new.first_line, layouts), _read(new, found[1], old.first_line, layouts)
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


def _form(sheet: Sheet) -> tuple[object, ...]:
    return sheet.encoding, sheet.separator, sheet.header, sheet.columns, sheet.width


#: Rows without line end, and the place of each in its file (0 is the first).
_Rows = list[tuple[int, bytes]]


def _read(table: _Table, rows: _Rows, first_line: int, layouts: Layouts) -> AccountStatus | None:
    """Read rows of either file below the header of `table`; None when they might be read otherwise in their file.

    :param first_line: of the rows' file.
    """
    if not rows:
        return AccountStatus([], [], [])
    body = b"\n".join([row for _, row in rows]) + b"\n"
    if b"\x00" in body or any(len(row) > _LONGEST_LINE for _, row in rows):
        return None
    if not is_regular(body, 0, table.sheet.separator):
        return None
    content = table.content[: table.start] + body
    try:
        sheet = read_sheet(content, layouts)
        # Among a few rows none may show the encoding of the whole file; those are the same in any.
        encoding = table.sheet.encoding if content.isascii() else sheet.encoding
        if (encoding, *_form(sheet)[1:]) != _form(table.sheet):
            return None
        status = read_account_status(content, layouts)
    except Waiting:
        return None
    places = [reject.line - table.first_line for reject in status.rejects]
    if any(b'"' in rows[place][1] for place in places):
        return None  # whether a rejected row is kept with its quotes depends on the other rows of the file
    status.rejects = [
        Reject(first_line + rows[place][0], reject.reason, reject.content)
        for place, reject in zip(places, status.rejects, strict=True)
    ]
    return status


# -- Which rows


@dataclass(frozen=True)
class _Pair:
    """Two files. `dated`: the new one's bytes, with the former's date in each row, see `_dated_as`."""

    old: _Table
    new: _Table
    dated: bytes


@dataclass(frozen=True)
class _Edit:
    """From these bytes on to those (before `…_end`), in both files, all rows differ. `…_place`: of the first."""

    old_start: int
    old_end: int
    old_place: int
    new_start: int
    new_end: int
    new_place: int


def _in_order(pair: _Pair, faulty: set[int]) -> tuple[_Rows, _Rows] | None:
    """The rows that came, and those that went, when the others stand in the same order: the usual hour, quickly read.
    None when they do not.

    :param faulty: places in the former file of rows that count as come where they stayed.
    """
    old, new = pair.old.content, pair.new.content
    if len(pair.dated) != len(new):
        return None
    edits = _edits(old, pair.old.start, pair.dated, pair.new.start)
    if edits is None:
        return None
    added: _Rows = []
    removed: _Rows = []
    # From this place of the former file on, a row stands that much further in the new one.
    shifts = [(0, 0)]
    for edit in edits:
        went = list(enumerate(_split(old, edit.old_start, edit.old_end), edit.old_place))
        came = list(enumerate(_split(new, edit.new_start, edit.new_end), edit.new_place))
        removed += went
        added += came
        end = edit.old_place + len(went)
        shifts.append((end, edit.new_place + len(came) - end))
    if stayed := faulty.difference(place for place, _ in removed):
        rows = _split(new, pair.new.start)
        places = [place + shifts[bisect_right(shifts, (place, sys.maxsize)) - 1][1] for place in stayed]
        added = sorted([*added, *((place, rows[place]) for place in places if place < len(rows))])
    return added, removed


def _edits(old: bytes, old_at: int, new: bytes, new_at: int) -> list[_Edit] | None:
    """Walk through both files from one difference to the next. None: where they meet again is too far to be seen."""
    edits: list[_Edit] = []
    old_place = new_place = 0
    while old_at < len(old) or new_at < len(new):
        same = _same_bytes(old, old_at, new, new_at)
        if old_at + same == len(old) and new_at + same == len(new):
            break
        # Back to where the row begins that the difference stands in.
        row = old.rfind(b"\n", old_at, old_at + same) + 1 or old_at
        passed = old.count(b"\n", old_at, row)
        old_place, new_place = old_place + passed, new_place + passed
        old_at, new_at = row, new_at + row - old_at
        rows = _where_they_meet(old, old_at, new, new_at)
        if rows is None or len(edits) == _MOST_EDITS:
            return None
        old_end, new_end = _after_rows(old, old_at, rows[0]), _after_rows(new, new_at, rows[1])
        edits.append(_Edit(old_at, old_end, old_place, new_at, new_end, new_place))
        old_at, new_at, old_place, new_place = old_end, new_end, old_place + rows[0], new_place + rows[1]
    return edits


def _same_bytes(old: bytes, old_at: int, new: bytes, new_at: int) -> int:
    """How many bytes are the same from there on."""
    same, size = 0, 1 << 12
    most = min(len(old) - old_at, len(new) - new_at)
    while same < most:
        size = min(size, most - same)
        one, other = old_at + same, new_at + same
        if old[one : one + size] == new[other : other + size]:
            same, size = same + size, min(2 * size, 1 << 18)
        else:
            return same + _same_part(old[one : one + size], new[other : other + size])
    return same


def _same_part(one: bytes, other: bytes) -> int:
    """How many bytes two texts of one length begin with, that are not the same."""
    same, size = 0, len(one)
    while size > 1:
        half = size // 2
        if one[same : same + half] == other[same : same + half]:
            same, size = same + half, size - half
        else:
            size = half
    return same


def _where_they_meet(old: bytes, old_at: int, new: bytes, new_at: int) -> tuple[int, int] | None:
    """How many rows to pass in each to come to one that both have; all that are left, when those are few."""
    if old_at == len(old) or new_at == len(new):
        return len(_split(old, old_at)), len(_split(new, new_at))
    for seen in _SEEN:
        olds, news = _next_rows(old, old_at, seen), _next_rows(new, new_at, seen)
        places = {row: place for place, row in reversed(list(enumerate(olds)))}
        if meetings := [(places[row], place) for place, row in enumerate(news) if row in places]:
            return min(meetings, key=sum)
        if len(olds) < seen and len(news) < seen:
            return len(olds), len(news)
    return None


def _next_rows(body: bytes, at: int, most: int) -> list[bytes]:
    rows: list[bytes] = []
    while at < len(body) and len(rows) < most:
        end = body.find(b"\n", at) + 1 or len(body)
        rows.append(body[at:end])
        at = end
    return rows


def _after_rows(body: bytes, at: int, rows: int) -> int:
    for _ in range(rows):
        at = body.find(b"\n", at) + 1 or len(body)
    return at


def _in_any_order(pair: _Pair, faulty: set[int]) -> tuple[_Rows, _Rows] | None:
    """The same as `_in_order`, wherever the rows stand."""
    old_rows = _split(pair.old.content, pair.old.start)
    new_rows = _split(pair.new.content, pair.new.start)
    dated = _split(pair.dated, pair.new.start)
    olds, news = set(old_rows), set(dated)
    if len(olds) < len(old_rows) or len(news) < len(dated):
        return None  # the same row twice: which one is it that went or came?
    came, went = news - olds, olds - news
    if len(came) + len(went) > max(_MANY, len(dated) // _SHARE):
        return None
    came |= {old_rows[place] for place in faulty if place < len(old_rows)}
    return (
        [(place, new_rows[place]) for place, row in enumerate(dated) if row in came],
        [(place, row) for place, row in enumerate(old_rows) if row in went],
    )


def _split(content: bytes, start: int, end: int | None = None) -> list[bytes]:
    """The rows from one place to another, without line feed."""
    rows = content[start:end].split(b"\n")
    return rows if rows[-1] else rows[:-1]


# -- Columns that change every hour


def _dated_as(old: _Table, new: _Table) -> bytes:
    """The new file, with the cells of the former where a column dates the file in each row: as they are, each hour
    would make every row another one.

    Such a column is not read, and its cell is another one in the two first rows. Two rows that are equal with the
    former's cell are equal in all columns that are read.
    """
    used = {old.sheet.columns[name][0] for name in FIELDS if name in old.sheet.columns}
    was, now = _first_row(old), _first_row(new)
    if not len(was) == len(now) == new.sheet.width:
        return new.content
    content = new.content
    for place, (former, cell) in enumerate(zip(was, now, strict=True)):
        if place not in used and former != cell and _is_plain(former) and _is_plain(cell):
            # From the header's line end on: a first cell is told by the one before it.
            rows = _with_cell(content[new.start - 1 :], cell, former, new.sheet, place)
            content = content[: new.start - 1] + rows
    return content


def _first_row(table: _Table) -> list[bytes]:
    end = table.content.find(b"\n", table.start)
    row = table.content[table.start : end if end >= 0 else len(table.content)]
    return row.rstrip(b"\r").split(table.sheet.separator.encode())


def _is_plain(cell: bytes) -> bool:
    """Whether a cell is quoted or not, and no part of one: a separator may stand in a quoted cell."""
    return re.fullmatch(rb'"[^"]+"|[^"]+', cell) is not None


def _with_cell(body: bytes, cell: bytes, other: bytes, sheet: Sheet, place: int) -> bytes:
    """Put another cell in the place of this one, in its column; nowhere, if its bytes also stand in another."""
    mark = sheet.separator.encode()
    if place == 0:
        return body.replace(b"\n" + cell + mark, b"\n" + other + mark)
    if place == sheet.width - 1:
        end = b"\r\n" if b"\r\n" in body else b"\n"
        return body.replace(mark + cell + end, mark + other + end)
    if b'"' in body or b"\x01" in body:
        return body
    found = body.replace(mark + cell + mark, mark + b"\x01" + mark)
    return found.replace(b"\x01", other) if _stands_only_in(found, sheet.separator, place) else body


def _stands_only_in(body: bytes, separator: str, place: int) -> bool:
    """Whether each sign 1 stands in that column."""
    import numpy as np

    signs = np.frombuffer(body, np.uint8)
    taken = np.flatnonzero(signs == 1)
    ends = np.flatnonzero(signs == ord("\n"))
    marks = np.flatnonzero(signs == ord(separator))
    starts = ends[np.searchsorted(ends, taken) - 1]
    return bool((np.searchsorted(marks, taken) - np.searchsorted(marks, starts) == place).all())
