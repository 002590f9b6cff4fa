"""Banners as integrators make them, each with the mentions that stand on it: several fonts, sizes, layouts and colours.

Companies, towns and numbers are invented. To look at them all: `python -m tests.corpus.banners FOLDER`.
"""

import io
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont
from stdnum import luhn

from core.profile import Profile, show, vat_of

WIDTH, HEIGHT = 760, 95
MARGIN = 12

_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@dataclass(frozen=True)
class Company:
    """`siret`, `vat` and `phone` are canonical."""

    name: str
    street: str
    postal_code: str
    town: str
    siret: str
    phone: str
    email: str

    @property
    def address(self) -> str:
        return f"{self.street}, {self.postal_code} {self.town}"

    @property
    def vat(self) -> str:
        return vat_of(self.siret)

    @property
    def profile(self) -> Profile:
        return Profile(
            operator_name=self.name,
            address=self.address,
            siret=self.siret,
            vat=self.vat,
            phone=self.phone,
            service_email=self.email,
        )


@dataclass(frozen=True)
class Look:
    """`font`: a file of matplotlib's, "" for Pillow's own, which has no accent and no €.

    `paper` and `ink`: colours; `to`: where a gradient ends. `quality`: JPEG's, 0 for a PNG. `transparent`: no paper at
    all. `columns`: where they begin, in pixels.
    """

    font: str = "DejaVuSans"
    size: int = 13
    paper: str = "white"
    ink: str = "black"
    to: str = ""
    quality: int = 0
    centred: bool = False
    logo: bool = False
    transparent: bool = False
    columns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Banner:
    """`cost`: as it is to be read, in canonical form, "" where none stands there. `lines`: the text, as drawn."""

    title: str
    company: Company
    cost: str
    lines: tuple[str, ...]
    look: Look

    @property
    def extension(self) -> str:
        return "jpg" if self.look.quality else "png"

    def draw(self) -> bytes:
        """The file: 760 x 95 pixels, 300 dpi.

        :raises ValueError: a line does not fit.
        """
        return _draw(self.lines, self.look)

    def saying(self, title: str, *changes: tuple[str, str]) -> "Banner":
        """The same with some of its text changed."""
        lines = self.lines
        for old, new in changes:
            assert any(old in line for line in lines), old
            lines = tuple(line.replace(old, new) for line in lines)
        return replace(self, title=title, lines=tuple(line for line in lines if line.strip()))


def _siret(first: str, establishment: str = "0001") -> str:
    """A SIRET with its two keys, from the first eight digits of a SIREN."""
    siren = first + luhn.calc_check_digit(first)
    return siren + establishment + luhn.calc_check_digit(siren + establishment)


# SIRENs of series in which there is no company: 000… and 123 4….
EXEMPLE = Company(
    "Télécom Exemple",
    "12 rue de l'Exemple",
    "00000",
    "Ville-Fictive",
    "12345678200010",
    "0639980000",
    "clients@exemple.fr",
)
MOBILIA = Company(
    "Mobilia Pro SAS",
    "8 bis avenue des Modèles",
    "00420",
    "Bourg-Imaginaire",
    _siret("12348905"),
    "0639981234",
    "service.client@mobilia.example",
)
OCEANE = Company(
    "Océane Mobiles",
    "145 boulevard de la Fable",
    "00750",
    "Port-Exemple",
    _siret("12346170", "0002"),
    "0639987856",
    "sav@oceane-mobiles.example",
)
BOREAL = Company(
    "BORÉAL TÉLÉCOMS",
    "3 place du Conte",
    "00310",
    "Saint-Modèle-sur-Fiction",
    _siret("00078493"),
    "0639986677",
    "contact@boreal.exemple.fr",
)
LIGNES = Company(
    "Lignes & Cie",
    "27 impasse du Brouillon",
    "00890",
    "Mont-Factice",
    _siret("00069358", "0013"),
    "0639980808",
    "aide@lignesetcie.example.com",
)
KAPPA = Company(
    "Kappa Réseaux SARL",
    "1 chemin de l'Essai",
    "00160",
    "Épreuve-les-Bains",
    _siret("12340018"),
    "0639981801",
    "bonjour@kappa-reseaux.example.org",
)

COMPANIES = (EXEMPLE, MOBILIA, OCEANE, BOREAL, LIGNES, KAPPA)

_THREE = (
    "{name}{s}{address}",
    "SIRET {siret}{s}TVA {vat}",
    "Service client : {phone} ({cost}){s}{email}",
)
_THREE_LABELLED = (
    "{name}, {address}",
    "N° SIRET : {siret}{s}N° TVA intracommunautaire : {vat}",
    "Tél. : {phone}, {cost}{s}E-mail : {email}",
)
_FOUR = (
    "{name}",
    "{address}",
    "SIRET : {siret}{s}TVA intracom. : {vat}",
    "Service clients {phone} ({cost}){s}{email}",
)
_TWO = (
    "{name}{s}{address}{s}SIRET {siret}",
    "TVA {vat}{s}Tél. {phone} ({cost}){s}{email}",
)
_ONE = ("{name}{s}{address}{s}SIRET {siret}{s}TVA {vat}{s}{phone} ({cost}){s}{email}",)
_LEGAL = (
    "{name} au capital de 10 000 €{s}{address}",
    "RCS {town} {siren}{s}SIRET {siret}{s}APE 6120Z{s}TVA {vat}",
    "Service client {phone} ({cost}){s}{email}{s}www.exemple.fr",
)
# Columns: "|" parts them.
_TWO_COLUMNS = (
    "{name}|SIRET {siret}",
    "{street}|TVA {vat}",
    "{postal_code} {town}|Tél. {phone} ({cost})",
    "|{email}",
)
_TWO_COLUMNS_STACKED = (
    "{name}|Service client",
    "{address}|{phone}",
    "SIRET {siret}|{cost}",
    "TVA {vat}|{email}",
)
_THREE_COLUMNS = (
    "{name}|SIRET|Service client",
    "{street}|{siret}|{phone}",
    "{postal_code} {town}|N° TVA|{cost}",
    "|{vat}|{email}",
)


def _banner(
    title: str,
    company: Company,
    layout: tuple[str, ...],
    look: Look,
    cost: tuple[str, str] = ("0,15 €/min", "0,15 €/min"),
    s: str = " - ",
    siret: str = "",
    vat: str = "",
    phone: str = "",
) -> Banner:
    """`cost`: as written, and as it is to be read. `siret`, `vat`, `phone`: as written, when not in the usual way."""
    values = {
        "name": company.name,
        "address": company.address,
        "street": company.street,
        "postal_code": company.postal_code,
        "town": company.town,
        "siren": show("siret", company.siret)[:11],
        "siret": siret or show("siret", company.siret),
        "vat": vat or show("vat", company.vat),
        "phone": phone or show("phone", company.phone),
        "cost": cost[0],
        "email": company.email,
        "s": s,
    }
    return Banner(title, company, cost[1], tuple(line.format_map(values) for line in layout), look)


_CENTS = ("15 cts/min", "0,15 €/min")
_PLUS = ("0,15 €/min + prix appel", "0,15 €/min + prix appel")
_NORMAL = ("appel non surtaxé", "appel non surtaxé")
_LOCAL = ("prix d'un appel local", "prix d'un appel local")
_FREE = ("appel gratuit", "appel gratuit")
_BARE_FREE = ("gratuit", "appel gratuit")
_SERVICE = ("service gratuit + prix appel", "service gratuit + prix appel")
_EUR = ("0,15 EUR/mn", "0,15 €/min")
_TTC = ("0.15€ TTC/min", "0,15 €/min")
_LONG = ("0,06 € la minute", "0,06 €/min")
_DEAR = ("0,80 € / min", "0,80 €/min")

BANNERS: tuple[Banner, ...] = (
    _banner("plain", EXEMPLE, _THREE, Look()),
    _banner("bold", MOBILIA, _THREE, Look("DejaVuSans-Bold", 12), _NORMAL, s=" | "),
    _banner("serif", OCEANE, _THREE_LABELLED, Look("DejaVuSerif", 13), _EUR),
    _banner("mono", BOREAL, _FOUR, Look("DejaVuSansMono", 12), _TTC, s="  "),
    _banner("italic", LIGNES, _THREE_LABELLED, Look("DejaVuSans-Oblique", 12), _LOCAL, s=" – "),
    _banner("times", KAPPA, _THREE, Look("STIXGeneral", 15), _PLUS, s=" · "),
    _banner("times, bold", EXEMPLE, _THREE_LABELLED, Look("STIXGeneralBol", 15), _FREE, s=" • "),
    _banner("times, italic", MOBILIA, _FOUR, Look("STIXGeneralItalic", 16, centred=True), _CENTS, s=" - "),
    _banner("pillow's own", LIGNES, _THREE, Look("", 13), _SERVICE, s=" - "),
    _banner("small", BOREAL, _THREE, Look("DejaVuSans", 11), _BARE_FREE, s=" - "),
    _banner("two lines, small", LIGNES, _TWO, Look("DejaVuSans", 10), _LONG, s=" - "),
    _banner("one line", EXEMPLE, _ONE, Look("STIXGeneral", 11), s=" - "),
    _banner("large", EXEMPLE, _FOUR, Look("STIXGeneral", 18), _DEAR, s=" - "),
    _banner("white on night blue", KAPPA, _THREE, Look("DejaVuSans", 13, "#182d54", "white"), s=" · "),
    _banner("white on red", MOBILIA, _FOUR, Look("DejaVuSans-Bold", 12, "#b3261e", "white"), _NORMAL, s=" - "),
    _banner("yellow on black", OCEANE, _THREE, Look("DejaVuSans", 12, "#101010", "#ffd54a"), _TTC, s=" | "),
    _banner("grey on white", BOREAL, _THREE_LABELLED, Look("DejaVuSans", 11, "white", "#7a7a7a"), _LOCAL),
    _banner("blue on cream", LIGNES, _THREE, Look("DejaVuSerif-Italic", 12, "#fff6e0", "#1f3f8a"), s=" - "),
    _banner("gradient", KAPPA, _THREE, Look("DejaVuSans", 13, "#117a72", "white", to="#182d54"), _EUR, s=" - "),
    _banner("pale gradient", EXEMPLE, _FOUR, Look("STIXGeneralBol", 16, "#ffffff", "#222222", to="#9fc5e8"), _PLUS),
    _banner("jpeg, fine", MOBILIA, _THREE, Look("DejaVuSans", 12, quality=92), _CENTS),
    _banner("jpeg, coarse", OCEANE, _FOUR, Look("DejaVuSans", 13, quality=60), _NORMAL),
    _banner("jpeg, white on green", BOREAL, _THREE, Look("DejaVuSans-Bold", 11, "#2a7a3b", "white", quality=75), _FREE),
    _banner("logo at left", LIGNES, _FOUR, Look("DejaVuSans", 12, logo=True), _NORMAL),
    _banner(
        "logo, jpeg, dark",
        KAPPA,
        _THREE,
        Look("STIXGeneral", 15, "#2b2b2b", "#f2f2f2", logo=True, quality=85),
        _LONG,
        s=" · ",
    ),
    _banner("two columns", EXEMPLE, _TWO_COLUMNS, Look("DejaVuSans", 13, columns=(12, 390)), _LOCAL),
    _banner(
        "two columns, stacked",
        LIGNES,
        _TWO_COLUMNS_STACKED,
        Look("", 14, "#5b3a8c", "white", columns=(12, 500)),
        _CENTS,
    ),
    _banner("three columns", OCEANE, _THREE_COLUMNS, Look("DejaVuSans", 12, columns=(12, 270, 500)), _NORMAL),
    _banner(
        "three columns, serif",
        LIGNES,
        _THREE_COLUMNS,
        Look("DejaVuSerif", 12, "#f3f3f3", "#333333", quality=80, columns=(12, 290, 520)),
        _SERVICE,
    ),
    _banner("transparent", BOREAL, _THREE, Look("DejaVuSans", 12, transparent=True), _SERVICE),
    _banner(
        "nothing grouped",
        KAPPA,
        _THREE,
        Look("DejaVuSans", 13),
        ("0,15€/min", "0,15 €/min"),
        siret=KAPPA.siret,
        vat=KAPPA.vat,
        phone=KAPPA.phone,
    ),
    _banner(
        "dots",
        OCEANE,
        _THREE_LABELLED,
        Look("DejaVuSans", 12),
        ("0,15 € par minute", "0,15 €/min"),
        siret=show("siret", OCEANE.siret).replace(" ", "."),
        vat=f"FR {OCEANE.vat[2:]}",
        phone=show("phone", OCEANE.phone).replace(" ", "."),
    ),
    _banner(
        "international",
        LIGNES,
        _THREE,
        Look("STIXGeneral", 14, centred=True),
        phone=f"+33 {show('phone', LIGNES.phone)[1:]}",
        s=" — ",
    ),
    _banner(
        "international, both",
        MOBILIA,
        _FOUR,
        Look("DejaVuSansMono", 11, "#004d40", "#e0f2f1"),
        _EUR,
        phone=f"+33 (0){show('phone', MOBILIA.phone)[1:]}",
        s=" / ",
    ),
    _banner("all the law asks for", EXEMPLE, _LEGAL, Look("STIXGeneral", 14), _PLUS, s=" - "),
    _banner("all of it, small, dark", BOREAL, _LEGAL, Look("DejaVuSans", 10, "#182d54", "white"), _NORMAL, s=" - "),
)

#: Misread at its own size, and read at twice that.
FINE_PRINT = _banner(
    "fine print", MOBILIA, _TWO, Look("DejaVuSerif", 8, "#dddddd", "#555555", quality=90), _DEAR, s=" • "
)

_PLAIN = BANNERS[0]
_PHONE_LINE = "Service client : 06 39 98 00 00 (0,15 €/min)"


@dataclass(frozen=True)
class Faulty:
    """A banner with one fault. `mention`: which of `Mentions`' six it concerns; `read`: what is read of it, "" when it
    is absent; `words`: what the remark says."""

    banner: Banner
    mention: str
    read: str
    words: str


FAULTY: tuple[Faulty, ...] = (
    Faulty(_PLAIN.saying("no name", ("Télécom Exemple - ", "")), "name", "", "ne se lit pas"),
    Faulty(
        _PLAIN.saying("no address", (" - 12 rue de l'Exemple, 00000 Ville-Fictive", "")), "address", "", "ne se lit pas"
    ),
    Faulty(_PLAIN.saying("no SIRET", ("SIRET 123 456 782 00010 - ", "")), "siret", "", "ne se lit pas"),
    Faulty(
        _PLAIN.saying("no VAT number", (" - TVA FR 11 123 456 782", "")),
        "vat",
        "",
        "ne se lit pas ; FR 11 123 456 782 irait avec le SIRET",
    ),
    Faulty(_PLAIN.saying("no phone", (f"{_PHONE_LINE} - ", "")), "phone", "", "ne se lit pas"),
    Faulty(_PLAIN.saying("no email", (" - clients@exemple.fr", "")), "email", "", "ne se lit pas"),
    Faulty(
        _PLAIN.saying("no cost", (" (0,15 €/min)", "")),
        "phone",
        "06 39 98 00 00",
        "le téléphone 06 39 98 00 00 est là, mais pas son coût par minute",
    ),
    Faulty(
        _PLAIN.saying("a SIREN for the SIRET", ("SIRET 123 456 782 00010", "RCS Ville-Fictive 123 456 782")),
        "siret",
        "",
        "123 456 782 est un SIREN",
    ),
    Faulty(
        _PLAIN.saying("wrong SIRET key", ("00010", "00011")),
        "siret",
        "123 456 782 00011",
        "la clé du SIRET lu, 123 456",
    ),
    Faulty(
        _PLAIN.saying("wrong VAT key", ("FR 11", "FR 12")),
        "vat",
        "FR 12 123 456 782",
        "est fausse : un chiffre est mal écrit, ou mal lu ; FR 11 123 456 782 irait avec le SIRET",
    ),
    Faulty(
        _PLAIN.saying("another company's VAT number", ("FR 11 123 456 782", show("vat", MOBILIA.vat))),
        "vat",
        show("vat", MOBILIA.vat),
        "n'est pas de la même société que le SIRET",
    ),
    Faulty(
        _PLAIN.saying("another SIRET than the profile's", ("123 456 782 00010", "123 456 782 00028")),
        "siret",
        "123 456 782 00028",
        "le SIRET lu, 123 456 782 00028, n'est pas celui du profil, 123 456 782 00010",
    ),
    Faulty(
        _PLAIN.saying("another phone", ("06 39 98 00 00", "06 39 98 00 99")),
        "phone",
        "06 39 98 00 99",
        "le téléphone lu, 06 39 98 00 99, n'est pas celui du profil, 06 39 98 00 00",
    ),
    Faulty(
        _PLAIN.saying("another email", ("clients@", "commandes@")),
        "email",
        "commandes@exemple.fr",
        "n'est pas celle du profil, clients@exemple.fr",
    ),
    Faulty(
        _PLAIN.saying(
            "another address", ("12 rue de l'Exemple, 00000 Ville-Fictive", "9 quai du Port, 00750 Ailleurs")
        ),
        "address",
        "9 quai du Port, 00750 Ailleurs",
        "n'est pas celle du profil",
    ),
)


def _draw(lines: tuple[str, ...], look: Look) -> bytes:
    picture = Image.new("RGBA", (WIDTH, HEIGHT), (255, 255, 255, 0) if look.transparent else look.paper)
    if look.to:
        start, end = Image.new("RGBA", picture.size, look.paper), Image.new("RGBA", picture.size, look.to)
        slope = Image.linear_gradient("L").rotate(90).resize(picture.size)
        picture = Image.composite(end, start, slope)
    pen = ImageDraw.Draw(picture)
    left = MARGIN
    if look.logo:
        pen.rounded_rectangle((10, 15, 75, 80), 14, fill="#b85a00")
        pen.polygon([(42, 28), (62, 66), (22, 66)], fill="white")
        left = 92
    font = (
        ImageFont.truetype(_FONTS / f"{look.font}.ttf", look.size) if look.font else ImageFont.load_default(look.size)
    )
    step = min(HEIGHT / len(lines), look.size * 1.9)
    top = (HEIGHT - step * len(lines)) / 2 + (step - look.size * 1.2) / 2
    for row, line in enumerate(lines):
        starts = look.columns or (left,)
        ends = (*(start - 6 for start in starts[1:]), WIDTH - 4)
        parts = line.split("|") if look.columns else [line]
        for text, start, end in zip(parts, starts, ends, strict=False):
            wide = pen.textlength(text, font)
            at = start + (WIDTH - MARGIN - start - wide) / 2 if look.centred else start
            if at + wide > end:
                raise ValueError(f"too long by {at + wide - end:.0f} pixels: {text}")
            pen.text((at, top + row * step), text, font=font, fill=look.ink)
    file = io.BytesIO()
    if look.quality:
        picture.convert("RGB").save(file, "JPEG", quality=look.quality, dpi=(300, 300))
    else:
        (picture if look.transparent else picture.convert("RGB")).save(file, "PNG", dpi=(300, 300))
    return file.getvalue()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, banner in enumerate((*BANNERS, FINE_PRINT, *(faulty.banner for faulty in FAULTY)), 1):
        (folder / f"{number:02} {banner.title}.{banner.extension}").write_bytes(banner.draw())
