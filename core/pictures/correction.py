"""The nearest right picture, with every change told.

What is only noted wrong beside the pixels is rewritten there, and the pixels stay as they are. Any other picture is
drawn anew: never cropped or distorted, and never filled up without a word of it.
"""

import io
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image, ImageCms, PngImagePlugin

from core.pictures import jpeg, png
from core.pictures.judgement import EXTENSIONS, TURNS, check, has_right_density, is_noted_aside, judge, shown_density
from core.pictures.reading import NotAPicture, Reading, plain, read, unpacked
from core.pictures.rules import DPI, Rule

#: Larger than that, an enlarged picture shows nothing but its blur.
MOST_ENLARGED = 4

#: Of the frame, what a picture of other proportions must fill to be worth its margins.
LEAST_FILLED = 0.5

#: Colours of a border as near as that are one, with what JPEG adds to them.
_SAME_COLOUR = 12
#: From there on, a margin is called white; as near to nothing, black.
_WHITE = 247

_QUALITY = 95

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_Colour = tuple[int, ...]


@dataclass(frozen=True)
class Correction:
    """A right picture in place of a wrong one. `extension`: "png" or "jpg". `changes`: each one, in French.

    `lossless`: every pixel is what it was; only the format or what is noted beside the pixels changes.
    """

    content: bytes
    extension: str
    changes: tuple[str, ...]
    lossless: bool


def correct(content: bytes, rule: Rule) -> Correction | None:
    """What can be made of a picture so that `check` has nothing more to say of it.

    None when it is right already, when it cannot be read to its end, and when it is too small or of too other
    proportions to give anything good.
    """
    try:
        reading = read(content, rule)
    except NotAPicture:
        return None
    verdict = judge(reading, rule)
    if not (verdict.faults or verdict.warnings) or not reading.whole or reading.single:
        return None
    made = _noted_anew(content, reading) if _is_only_noted_wrong(reading, rule) else _redrawn(content, reading, rule)
    if made is None:
        return None
    again = check(made.content, rule)
    return None if again.faults or again.warnings else made


def _is_only_noted_wrong(reading: Reading, rule: Rule) -> bool:
    """A rotation that spoils the size of pixels that have it is a note left behind by a program that turned them."""
    return (
        reading.kind in EXTENSIONS
        and (reading.width, reading.height) == (rule.width, rule.height)
        and (reading.orientation == 1 or reading.shown != (rule.width, rule.height))
        and not (reading.several or reading.cmyk or reading.bits > 8)
    )


def _noted_anew(content: bytes, reading: Reading) -> Correction:
    upright = reading.orientation != 1
    form = png if reading.kind == "PNG" else jpeg
    changes = []
    if upright:
        size = f"{reading.width} × {reading.height}"
        changes.append(f"note « {TURNS[reading.orientation]} » (EXIF) retirée : l'image s'affichera partout en {size}")
    changes += _density_change(reading)
    changes[-1] += " ; l'image elle-même ne change pas"
    rewritten = form.with_density(content, upright=upright)
    return Correction(rewritten, EXTENSIONS[reading.kind], tuple(changes), lossless=True)


def _density_change(reading: Reading) -> list[str]:
    if has_right_density(reading):
        return []
    said = {who: shown_density(density) for who, density in reading.densities.items()}
    if not said:
        return [f"densité notée : {DPI} dpi (elle manquait)"]
    if is_noted_aside(reading):
        return [f"densité notée dans l'en-tête : {DPI} dpi"]
    if len(set(said.values())) == 1:
        return [f"densité notée : {DPI} dpi au lieu de {next(iter(said.values()))}"]
    noted = " et ".join(f"{dpi} ({who})" for who, dpi in said.items())
    return [f"densité notée : {DPI} dpi partout au lieu de {noted}"]


def _redrawn(content: bytes, reading: Reading, rule: Rule) -> Correction | None:
    try:
        with unpacked(content) as image:
            picture = plain(image)
            profile = image.info.get("icc_profile")
    except Exception:  # `reading.read` says why anything may come
        return None
    if picture is None:
        return None
    first = picture
    changes = []
    extension = EXTENSIONS.get(reading.kind, "png")
    if reading.several:
        what = "page" if reading.kind == "TIFF" else "image de l'animation"
        changes.append(f"seule la première {what} est gardée")
    if reading.kind not in EXTENSIONS:
        changes.append(f"convertie de {reading.kind} en PNG")
    if reading.orientation != 1:
        picture = picture.transpose(_TRANSPOSE[reading.orientation])
        changes.append(f"{TURNS[reading.orientation]} dans ses pixels, et non plus par une note (EXIF)")
    if reading.bits > 8:
        changes.append(f"{reading.bits} bits par couleur ramenés à 8")
    former, size = picture.size, _placing(picture.size, rule)
    if size is None:
        return None
    if size != former:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    # A large photo's colours are converted once it is small.
    picture, coloured = _on_screen(picture, profile)
    changes += coloured
    scaled = _scaling_change(former, size)
    if size != (rule.width, rule.height):
        picture, added = _framed(picture, rule)
        scaled = [", puis ".join([*scaled, added])]
    changes += scaled
    changes += _density_change(reading)
    lossless = picture is first and extension == "png" and reading.bits <= 8 and not reading.several
    colours = png.colour_notes(content) if reading.kind == "PNG" and not coloured and not profile else []
    return Correction(_file(picture, extension, colours), extension, tuple(changes), lossless)


def _placing(size: tuple[int, int], rule: Rule) -> tuple[int, int] | None:
    """The size that the picture takes within the frame; None when nothing good comes of it."""
    width, height = size
    scale = min(rule.width / width, rule.height / height)
    # What rounding alone adds is no distortion; a whole pixel would be one.
    if (round(width * scale), round(height * scale)) == (rule.width, rule.height):
        return (rule.width, rule.height) if scale <= MOST_ENLARGED else None
    frame = rule.width * rule.height
    if scale > 1 and width * height >= LEAST_FILLED * frame:
        return size  # margins alone keep it sharp
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    return (across, down) if scale <= MOST_ENLARGED and across * down >= LEAST_FILLED * frame else None


def _scaling_change(former: tuple[int, int], new: tuple[int, int]) -> list[str]:
    sizes = f"de {former[0]} × {former[1]} à {new[0]} × {new[1]}"
    if new == former:
        return []
    return [f"agrandie {sizes} : elle sera floue" if max(new) > max(former) else f"réduite {sizes}"]


def _framed(picture: Image.Image, rule: Rule) -> tuple[Image.Image, str]:
    """In the middle of the frame, with what was added in words."""
    across, down = rule.width - picture.width, rule.height - picture.height
    left, top = across // 2, down // 2
    if picture.mode == "RGBA":
        filling: _Colour = (0, 0, 0, 0)
        words = ("transparent", "transparents")
    else:
        filling = _border(picture, across > 0, down > 0) or (255,) * len(picture.getbands())
        words = (_called(filling),) * 2
    frame = Image.new(picture.mode, (rule.width, rule.height), filling)
    frame.paste(picture, (left, top))
    sides = [
        *_sides(left, across - left, ("à gauche", "à droite")),
        *_sides(top, down - top, ("en haut", "en bas")),
    ]
    return frame, _added(sides, words)


def _called(colour: _Colour) -> str:
    if min(colour) >= _WHITE:
        return "de blanc"
    if max(colour) <= 255 - _WHITE:
        return "de noir"
    red, green, blue = colour * 3 if len(colour) == 1 else colour
    return f"de la couleur du bord (#{red:02x}{green:02x}{blue:02x})"


def _border(picture: Image.Image, sides: bool, ends: bool) -> _Colour | None:
    """The one colour of the edges along which there will be margins, None when they have several."""
    width, height = picture.size
    boxes = [(0, 0, 1, height), (width - 1, 0, width, height)] if sides else []
    boxes += [(0, 0, width, 1), (0, height - 1, width, height)] if ends else []
    edges = [picture.crop(box) for box in boxes]
    colour = []
    for band in range(len(picture.getbands())):
        values = sorted(value for edge in edges for value in edge.getchannel(band).tobytes())
        middle = values[len(values) // 2]
        if max(middle - values[0], values[-1] - middle) > _SAME_COLOUR:
            return None
        colour.append(middle)
    return tuple(colour)


def _sides(first: int, second: int, names: tuple[str, str]) -> list[tuple[int, str]]:
    if first == second:
        return [(first, f"{names[0]} et {names[1]}")] if first else []
    return [(pixels, name) for pixels, name in zip((first, second), names, strict=True) if pixels]


def _added(sides: list[tuple[int, str]], words: tuple[str, str]) -> str:
    """`16 pixels de blanc ajoutés en haut et en bas`, `1 pixel de blanc ajouté en bas`."""
    pixels, where = sides[0]
    many = pixels > 1
    said = f"{pixels} pixel{'s' * many} {words[many]} ajouté{'s' * many} {where}"
    *others, last = [said, *(f"{pixels} {where}" for pixels, where in sides[1:])]
    return " et ".join([", ".join(others), last]) if others else last


def _on_screen(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, list[str]]:
    """In the colours of a screen (sRGB), without a profile, and what that changed."""
    if source := _profile(profile, picture.mode) if profile else None:
        colours, name = source
        alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
        opaque = picture.convert("RGB") if alpha else picture
        with suppress(ImageCms.PyCMSError):
            shown = ImageCms.profileToProfile(
                opaque,
                colours,
                ImageCms.createProfile("sRGB"),
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                "RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
            if shown is not None:
                if alpha:
                    shown.putalpha(alpha)
                what = "couleurs CMJN converties en RVB" if picture.mode == "CMYK" else "couleurs converties en sRGB"
                return shown, [f"{what} d'après le profil « {name} »"]
    if picture.mode == "CMYK":
        change = "couleurs CMJN converties en RVB, sans profil : les teintes peuvent changer un peu"
        return picture.convert("RGB"), [change]
    return picture, []


def _profile(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsProfile, str] | None:
    """The profile with its name; None when it is not readable, for another kind of colours, or sRGB already."""
    try:
        read_profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(read_profile)
        space = read_profile.profile.xcolor_space.strip()
    except (OSError, ImageCms.PyCMSError):
        return None
    if "srgb" in name.lower() or space != {"CMYK": "CMYK", "L": "GRAY"}.get(mode, "RGB"):
        return None
    return read_profile, "".join(sign for sign in name if sign.isprintable()).strip()[:60] or "sans nom"


def _file(picture: Image.Image, extension: str, colours: list[tuple[bytes, bytes]]) -> bytes:
    """Without what else the first file noted: a photo's place, its author."""
    content = io.BytesIO()
    if extension == "jpg":
        picture.save(content, "JPEG", quality=_QUALITY, subsampling=0, dpi=(DPI, DPI))
    else:
        notes = PngImagePlugin.PngInfo()
        for name, body in colours:
            notes.add(name, body)
        clean = Image.frombytes(picture.mode, picture.size, picture.tobytes())
        clean.save(content, "PNG", dpi=(DPI, DPI), pnginfo=notes, optimize=True)
    return content.getvalue()
