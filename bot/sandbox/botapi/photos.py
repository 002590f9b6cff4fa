"""What Telegram makes of a picture sent as a photo: several smaller JPEGs, their density lost."""

from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image, ImageOps

_LONGEST_SIDES = (90, 320, 800, 1280)
_MOST_BYTES = 10 * 1024 * 1024
_MOST_PIXELS_ROUND = 10_000
_STEEPEST_RATIO = 20


@dataclass(frozen=True)
class PhotoSize:
    width: int
    height: int
    content: bytes = field(repr=False)


class BadPhoto(ValueError):
    """Telegram takes no such picture as a photo; the message is Telegram's wording."""


def recompress(content: bytes) -> tuple[PhotoSize, ...]:
    """The sizes of a photo, smallest first. A picture is never enlarged.

    Raises:
        BadPhoto: no picture, more than 10 MB, or too long and thin.
    """
    if len(content) > _MOST_BYTES:
        raise BadPhoto(
            f"file of size {len(content)} bytes is too big for a photo; the maximum size is {_MOST_BYTES} bytes"
        )
    try:
        with Image.open(BytesIO(content)) as opened:
            if sum(opened.size) > _MOST_PIXELS_ROUND or max(opened.size) > _STEEPEST_RATIO * min(opened.size):
                raise BadPhoto("PHOTO_INVALID_DIMENSIONS")
            picture = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError):
        raise BadPhoto("IMAGE_PROCESS_FAILED") from None
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture, mask=picture.getchannel("A"))
    longest = max(flat.size)
    sides = [side for side in _LONGEST_SIDES if side < longest] + [min(longest, _LONGEST_SIDES[-1])]
    return tuple(_at_most(flat, side) for side in dict.fromkeys(sides))


def _at_most(picture: Image.Image, side: int) -> PhotoSize:
    smaller = picture.copy()
    smaller.thumbnail((side, side))
    written = BytesIO()
    smaller.save(written, "JPEG", quality=87)
    return PhotoSize(smaller.width, smaller.height, written.getvalue())
