"""The judgement: every fault and every warning of a picture, in French."""

from dataclasses import dataclass

from core.pictures.reading import Density, NotAPicture, Reading, read
from core.pictures.rules import DPI, Rule

EXTENSIONS = {"PNG": "png", "JPEG": "jpg"}

#: Where programs look for a density; noted elsewhere alone, it is as good as absent.
_LOOKED_AT = {"PNG": {"PNG"}, "JPEG": {"JFIF", "EXIF"}}

#: What EXIF's orientations make of the stored pixels on show.
TURNS = {
    2: "mise en miroir",
    3: "tournée de 180°",
    4: "tournée de 180° et mise en miroir",
    5: "tournée de 90° et mise en miroir",
    6: "tournée de 90° vers la droite",
    7: "tournée de 90° et mise en miroir",
    8: "tournée de 90° vers la gauche",
}


@dataclass(frozen=True)
class Verdict:
    """`faults`: every one, in French, with what was found and what is wanted; empty when the picture is right.

    `extension`: "png" or "jpg" by content, "" for anything else. `width`, `height`: of the stored pixels. `dpi`:
    horizontal and vertical, None when absent. `warnings`: what the card does not forbid and yet shows wrong somewhere.
    """

    faults: tuple[str, ...]
    extension: str = ""
    width: int = 0
    height: int = 0
    dpi: tuple[float, float] | None = None
    warnings: tuple[str, ...] = ()


def check(content: bytes, rule: Rule) -> Verdict:
    """Judge a picture, whatever the bytes. The file's name plays no part: a JPEG named .png is a JPEG."""
    try:
        reading = read(content, rule)
    except NotAPicture as fault:
        return Verdict((str(fault),))
    return judge(reading, rule)


def judge(reading: Reading, rule: Rule) -> Verdict:
    faults = []
    if reading.kind not in EXTENSIONS:
        faults.append(f"format {reading.kind}, il faut JPG ou PNG")
    faults += _size_faults(reading, rule)
    faults += _density_faults(reading)
    if reading.several:
        wrong = "plusieurs pages" if reading.kind == "TIFF" else "image animée"
        faults.append(f"{wrong}, il faut une image fixe")
    if reading.whole is False:
        faults.append("fichier tronqué ou abîmé : l'image ne se lit pas jusqu'au bout")
    dpi = next(iter(reading.densities.values()), None)
    extension = EXTENSIONS.get(reading.kind, "")
    return Verdict(tuple(faults), extension, reading.width, reading.height, dpi, _warnings(reading))


def has_right_density(reading: Reading) -> bool:
    return not _density_faults(reading)


def is_noted_aside(reading: Reading) -> bool:
    """The density is noted, but not where programs look for it."""
    said = reading.densities.keys()
    return bool(said) and not said & _LOOKED_AT.get(reading.kind, said)


def shown_density(density: Density) -> str:
    """Without the unit; both directions where they differ."""
    return " × ".join(dict.fromkeys(f"{round(value)}" for value in density))


def _size_faults(reading: Reading, rule: Rule) -> list[str]:
    wanted = (rule.width, rule.height)
    fault = f"{reading.width} × {reading.height} pixels, il en faut exactement {rule.width} × {rule.height}"
    if reading.shown == wanted != (reading.width, reading.height):
        return [f"{fault} (l'image n'est {TURNS[reading.orientation]} que par une note du fichier, EXIF)"]
    if (reading.width, reading.height) != wanted:
        return [fault]
    if reading.shown != wanted:
        shown = f"{reading.shown[0]} × {reading.shown[1]}"
        return [
            f"{shown} pixels à l'affichage, où l'image est {TURNS[reading.orientation]} d'après une note du fichier "
            f"(EXIF) ; il en faut exactement {rule.width} × {rule.height}"
        ]
    return []


def _density_faults(reading: Reading) -> list[str]:
    """Each program reads the note that it prefers: they must agree."""
    said = {who: shown_density(density) for who, density in reading.densities.items()}
    if not said:
        return [f"densité absente du fichier, il faut {DPI} dpi"]
    if is_noted_aside(reading):
        ((who, dpi),) = said.items()
        return [
            f"densité notée dans un bloc {who} seulement ({dpi} dpi), où peu de programmes la cherchent ; "
            f"il faut {DPI} dpi dans l'en-tête"
        ]
    if len(set(said.values())) > 1:
        noted = " et ".join(f"{dpi} dpi ({who})" for who, dpi in said.items())
        return [f"densités contradictoires dans le fichier : {noted}, il faut {DPI} dpi partout"]
    (dpi,) = set(said.values())
    return [] if dpi == f"{DPI}" else [f"densité de {dpi} dpi, il faut {DPI} dpi"]


def _warnings(reading: Reading) -> tuple[str, ...]:
    warnings = []
    if reading.cmyk:
        warnings.append(
            "couleurs CMJN, faites pour l'imprimerie : certains programmes les montrent fausses, le RVB est plus sûr"
        )
    if reading.bits > 8:
        warnings.append(f"{reading.bits} bits par couleur : beaucoup de programmes n'en attendent que 8")
    if reading.orientation != 1 and reading.shown == (reading.width, reading.height):
        warnings.append(
            f"image {TURNS[reading.orientation]} à l'affichage par une note du fichier (EXIF) : "
            "les programmes qui l'ignorent la montrent autrement"
        )
    if reading.single == "white":
        warnings.append("sur du papier blanc, rien ne se voit : l'image est toute blanche ou transparente")
    elif reading.single:
        warnings.append("image d'une seule couleur : est-ce bien le bon fichier ?")
    return tuple(warnings)
