"""Files that a visitor of the page can send without having any at hand."""

from collections.abc import Callable

from bot.sandbox import pictures
from core import rio
from core.numbers import show


def _portings() -> bytes:
    """A list of RIOs as a spreadsheet saves it, one of them misread."""
    rows = ["Nom;RIO;Numéro"]
    for place, (name, nine, msisdn) in enumerate(
        [
            ("Accueil", "01EB0R1SO", "0639980001"),
            ("Atelier", "01EB0R2SO", "0639980002"),
            ("Dépôt", "01EZ7K3TU", "0639980003"),
        ]
    ):
        code = nine + rio.key(nine, msisdn)
        rows.append(f"{name};{code[:4] + 'O' + code[5:] if place == 1 else code};{show(msisdn)}")
    return "\r\n".join([*rows, ""]).encode("cp1252")


#: By the name that the page asks for: the file's name, and what makes its bytes.
SAMPLES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "logo-juste": ("logo.png", pictures.logo),
    "logo-faux": ("logo-site.png", lambda: pictures.logo(190, 190, dpi=72)),
    "bandeau": ("bandeau.png", pictures.banner),
    "portabilites": ("portabilités.csv", _portings),
}
