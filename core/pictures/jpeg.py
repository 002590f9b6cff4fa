"""A JPEG as segments (ITU T.81, JFIF 1.02): what they note beside the pixels, and other notes put there."""

import re
import struct
from dataclasses import dataclass

from core.pictures import exif
from core.pictures.rules import DPI

Density = tuple[float, float]

#: A real progressive picture has a dozen; thousands would keep a decoder busy for minutes.
MOST_SCANS = 200
_MOST_SEGMENTS = 5000

_APP0, _APP1, _APP13, _APP14, _SOS, _EOI = 0xE0, 0xE1, 0xED, 0xEE, 0xDA, 0xD9
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
#: The next marker but those that stand alone amid the pixels (restarts, stuffed bytes).
_MARKER = re.compile(rb"\xff+([\x02-\xcf\xd9-\xfe])")
_JFIF, _EXIF, _PHOTOSHOP = b"JFIF\0", b"Exif\0\0", b"Photoshop 3.0\0"
_RESOLUTION = 0x03ED  # among Photoshop's own notes
_PER_INCH, _PER_CENTIMETRE = 1, 2
_JFIF_LENGTH = 12  # to its densities; a thumbnail may follow


@dataclass(frozen=True)
class Segment:
    marker: int
    start: int
    end: int


@dataclass(frozen=True)
class Jpeg:
    """`whole`: the end marker is reached. Densities, in dots per inch, by who notes them; what notes none is absent."""

    whole: bool
    scans: int
    densities: dict[str, Density]
    exif: exif.Exif


def read_jpeg(content: bytes) -> Jpeg:
    head, scans, whole = _segments(content)
    found: dict[str, Density | None] = {}
    noted = exif.Exif()
    if segment := _first(content, head, _APP0, _JFIF):
        found["JFIF"] = _jfif_density(_body(content, segment))
    if segment := _first(content, head, _APP1, _EXIF):
        noted = exif.read_exif(_body(content, segment)[len(_EXIF) :])
        found["EXIF"] = noted.density
    if place := _photoshop_place(content, head):
        across, _, down = struct.unpack_from(">III", content, place)
        found["Photoshop"] = (across / 65536, down / 65536) if across and down else None
    return Jpeg(whole, scans, {who: density for who, density in found.items() if density}, noted)


def with_density(content: bytes, *, upright: bool) -> bytes:
    """The same picture data, byte for byte, at 300 dpi. `upright`: and no rotation noted."""
    head, _, _ = _segments(content)
    made = bytearray(content)
    if segment := _first(content, head, _APP1, _EXIF):
        start = segment.start + 4 + len(_EXIF)
        made[start : segment.end] = exif.rewritten(content[start : segment.end], upright=upright)
    if place := _photoshop_place(content, head):
        struct.pack_into(">I", made, place, DPI << 16)
        struct.pack_into(">I", made, place + 8, DPI << 16)
    segment = _first(content, head, _APP0, _JFIF)
    if segment and len(_body(content, segment)) >= _JFIF_LENGTH:
        struct.pack_into(">BHH", made, segment.start + 11, _PER_INCH, DPI, DPI)
    elif "EXIF" not in read_jpeg(content).densities:
        made[2:2] = _new_jfif() if _jfif_fits(content, head) else _new_exif()
    return bytes(made)


def _segments(content: bytes) -> tuple[list[Segment], int, bool]:
    """Those before the first scan, how many scans there are, and whether the end is reached.

    What follows the end is not looked at: other pictures of an MPO, or nothing of use.
    """
    head: list[Segment] = []
    scans = seen = 0
    place = 2
    while (found := _MARKER.search(content, place)) and seen < _MOST_SEGMENTS:
        marker, start = found[1][0], found.end() - 2
        if marker == _EOI:
            return head, scans, scans > 0
        if start + 4 > len(content):
            break
        (length,) = struct.unpack_from(">H", content, start + 2)
        place = start + 2 + length
        if length < 2 or place > len(content):
            break
        seen += 1
        if marker == _SOS:
            scans += 1
        elif not scans:
            head.append(Segment(marker, start, place))
    return head, scans, False


def _first(content: bytes, head: list[Segment], marker: int, prefix: bytes) -> Segment | None:
    fitting = (segment for segment in head if segment.marker == marker)
    return next((segment for segment in fitting if _body(content, segment).startswith(prefix)), None)


def _body(content: bytes, segment: Segment) -> bytes:
    return content[segment.start + 4 : segment.end]


def _jfif_density(body: bytes) -> Density | None:
    if len(body) < _JFIF_LENGTH:
        return None
    unit, across, down = struct.unpack_from(">BHH", body, 7)
    factor = {_PER_INCH: 1.0, _PER_CENTIMETRE: 2.54}.get(unit)
    return (across * factor, down * factor) if factor and across and down else None


def _photoshop_place(content: bytes, head: list[Segment]) -> int | None:
    """Where Photoshop's resolution stands: 16.16 per inch across, two units, 16.16 per inch down."""
    segment = _first(content, head, _APP13, _PHOTOSHOP)
    if not segment:
        return None
    place = segment.start + 4 + len(_PHOTOSHOP)
    while place + 12 <= segment.end and content[place : place + 4] == b"8BIM":
        (kind,) = struct.unpack_from(">H", content, place + 4)
        name = content[place + 6] + 1  # its length comes first; both fill an even number of bytes
        place += 6 + name + name % 2
        if place + 4 > segment.end:
            return None
        (length,) = struct.unpack_from(">I", content, place)
        if kind == _RESOLUTION:
            return place + 4 if length >= 12 and place + 16 <= segment.end else None
        place += 4 + length + length % 2
    return None


def _jfif_fits(content: bytes, head: list[Segment]) -> bool:
    """Whether a JFIF header changes no colour: it tells decoders that three components are YCbCr."""
    adobe = _first(content, head, _APP14, b"Adobe")
    frame = next((segment for segment in head if segment.marker in _FRAMES), None)
    if frame is None or frame.end - frame.start < 10:
        return False
    components = content[frame.start + 9]
    if components != 3:
        return components == 1
    if adobe and adobe.end - adobe.start >= 16:
        return content[adobe.start + 15] == 1
    return content[frame.start + 10 : frame.end : 3] == b"\x01\x02\x03"


def _new_jfif() -> bytes:
    return b"\xff\xe0" + struct.pack(">H5sHBHHBB", 16, _JFIF, 0x0102, _PER_INCH, DPI, DPI, 0, 0)


def _new_exif() -> bytes:
    entries = ((0x011A, 5, 50), (0x011B, 5, 58), (0x0128, 3, 2 << 16))
    tiff = b"MM\0*" + struct.pack(">IH", 8, len(entries))
    tiff += b"".join(struct.pack(">HHII", tag, kind, 1, value) for tag, kind, value in entries)
    tiff += struct.pack(">I", 0) + struct.pack(">IIII", DPI, 1, DPI, 1)
    return b"\xff\xe1" + struct.pack(">H", 2 + len(_EXIF) + len(tiff)) + _EXIF + tiff
