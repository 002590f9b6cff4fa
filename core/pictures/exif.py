"""What EXIF says of a picture's density and rotation, and the same bytes made to say otherwise.

Only the first directory of the TIFF structure is read (Exif 2.3, 4.6); what is not well formed there says nothing.
"""

import struct
from dataclasses import dataclass

from core.pictures.rules import DPI

_ORIENTATION, _ACROSS, _DOWN, _UNIT = 0x0112, 0x011A, 0x011B, 0x0128
_SHORT, _LONG, _RATIONAL = 3, 4, 5
_INCH, _CENTIMETRE = 2, 3
_NUMBER = {_SHORT: "H", _LONG: "I"}


@dataclass(frozen=True)
class Exif:
    """`orientation`: 1 to 8, 1 is upright. `density`: dots per inch, None where nothing is said."""

    orientation: int = 1
    density: tuple[float, float] | None = None


def read_exif(tiff: bytes) -> Exif:
    """Of the bytes that begin with II or MM."""
    order, entries = _entries(tiff)
    orientation = _number(tiff, order, entries, _ORIENTATION, 1)
    across, down = (_rational(tiff, order, entries, tag) for tag in (_ACROSS, _DOWN))
    unit = {_INCH: 1.0, _CENTIMETRE: 2.54}.get(_number(tiff, order, entries, _UNIT, _INCH))
    density = None
    if unit and (across or down):
        density = ((across or down) * unit, (down or across) * unit)
    return Exif(orientation if orientation in range(1, 9) else 1, density)


def rewritten(tiff: bytes, *, upright: bool) -> bytes:
    """The same bytes in the same places; the density they tell, if any, is 300 dpi. `upright`: no rotation either."""
    order, entries = _entries(tiff)
    made = bytearray(tiff)
    if read_exif(tiff).density:
        for tag in (_ACROSS, _DOWN):
            if _rational(tiff, order, entries, tag):
                (place,) = struct.unpack_from(f"{order}I", tiff, entries[tag][1])
                struct.pack_into(f"{order}II", made, place, DPI, 1)
        _put(made, order, entries, _UNIT, _INCH)
    if upright:
        _put(made, order, entries, _ORIENTATION, 1)
    return bytes(made)


_Entries = dict[int, tuple[int, int]]


def _entries(tiff: bytes) -> tuple[str, _Entries]:
    """The byte order, and for each tag that holds one value its type and where the value (or its place) stands."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "")
    found: _Entries = {}
    if not order or len(tiff) < 10:
        return "<", found
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return order, found
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for place in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, values = struct.unpack_from(f"{order}HHI", tiff, place)
        if values == 1:
            found.setdefault(tag, (kind, place + 8))
    return order, found


def _number(tiff: bytes, order: str, entries: _Entries, tag: int, default: int) -> int:
    kind, place = entries.get(tag, (0, 0))
    return int(struct.unpack_from(order + _NUMBER[kind], tiff, place)[0]) if kind in _NUMBER else default


def _put(made: bytearray, order: str, entries: _Entries, tag: int, value: int) -> None:
    kind, place = entries.get(tag, (0, 0))
    if kind in _NUMBER:
        struct.pack_into(order + _NUMBER[kind], made, place, value)


def _rational(tiff: bytes, order: str, entries: _Entries, tag: int) -> float:
    """0.0 where there is none."""
    kind, where = entries.get(tag, (0, 0))
    if kind != _RATIONAL:
        return 0.0
    (place,) = struct.unpack_from(f"{order}I", tiff, where)
    if place + 8 > len(tiff):
        return 0.0
    above, below = struct.unpack_from(f"{order}II", tiff, place)
    return above / below if below else 0.0
