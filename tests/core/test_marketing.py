"""The models of general terms and contract: their texts, and the Word documents as other programs read them."""

import base64
import io
import re
import zipfile
from collections.abc import Iterator
from importlib import resources
from itertools import pairwise
from pathlib import Path

import docx
import pypdf
import pytest
from docx.document import Document
from docx.enum.text import WD_COLOR_INDEX
from docx.text.paragraph import Paragraph
from docx.text.run import Run
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox import pictures
from core import marketing
from core.marketing import KINDS, Kind, markup
from core.marketing.markup import Grid, Span, Text, text_of
from core.profile import Profile
from core.workshop import Workshop
from tests.peers.office import convert

CLIENT = "Café de l'Été & Fils"
FULL = Profile(
    operator_name="Télécom Exemple",
    address="12 rue de l'Exemple, 00000 Ville-Fictive",
    siret="12345678200010",
    vat="FR11123456782",
    phone="0639980000",
    phone_cost="0,15 €/min",
    service_email="clients@telecom.example",
    accounting_email="compta@telecom.example",
    technical_email="technique@telecom.example",
    technical_contact="Camille Martin",
    colour="#182d54",
)
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
LOGO, BANNER = pictures.logo(), pictures.banner(kind="JPEG")
NBSP = "\N{NO-BREAK SPACE}"

both = pytest.mark.parametrize("kind", KINDS)


def made(
    kind: Kind,
    profile: Profile = FULL,
    client: str = CLIENT,
    logo: bytes | None = LOGO,
    banner: bytes | None = BANNER,
) -> Document:
    return docx.Document(io.BytesIO(marketing.make(kind, profile, logo, banner, client)))


def paragraphs(document: Document) -> Iterator[Paragraph]:
    """All of them: of the page, its tables, its header and its footer."""
    yield from document.paragraphs
    for table in document.tables:
        for row in table.rows:
            for cell in row.cells:
                yield from cell.paragraphs
    for section in document.sections:
        yield from (*section.header.paragraphs, *section.footer.paragraphs)


def whole(document: Document) -> str:
    return "\n".join(paragraph.text for paragraph in paragraphs(document))


def plain(text: str) -> str:
    """What a reader finds, whatever kind of space stands there."""
    return " ".join(text.split())


def runs(document: Document, style: str) -> list[Run]:
    return [
        run
        for paragraph in document.paragraphs
        if paragraph.style and paragraph.style.name == style
        for run in paragraph.runs
    ]


def marked(document: Document) -> list[str]:
    """What is highlighted."""
    return [
        run.text
        for paragraph in paragraphs(document)
        for run in paragraph.runs
        if run.font.highlight_color == WD_COLOR_INDEX.YELLOW
    ]


def titles(kind: Kind, of: str = "article") -> list[str]:
    return [
        text_of(block.line) for block in marketing.blocks_of(kind, FULL) if isinstance(block, Text) and block.kind == of
    ]


def sentences(kind: Kind) -> list[Text]:
    blocks = marketing.blocks_of(kind, FULL, CLIENT)
    kept = ("clause", "plain", "item", "warning")
    return [block for block in blocks if isinstance(block, Text) and block.kind in kept]


# -- The texts


@both
def test_every_sentence_ends(kind: Kind) -> None:
    wrong = [
        text_of(block.line)
        for block in sentences(kind)
        if not text_of(block.line).endswith((".", " :", ";", f"{NBSP}:", ".]"))
    ]
    assert wrong == []


@both
def test_a_list_ends_with_a_full_stop_and_its_other_items_with_a_semicolon(kind: Kind) -> None:
    blocks = [*sentences(kind), Text("plain", ())]
    items = [(text_of(block.line), after.kind != "item") for block, after in pairwise(blocks) if block.kind == "item"]
    assert items
    assert [text for text, last in items if not text.endswith("." if last else f"{NBSP};")] == []


@both
def test_what_ends_with_a_colon_is_followed_by_a_list_or_a_table(kind: Kind) -> None:
    blocks = marketing.blocks_of(kind, FULL)
    following = [
        after for block, after in pairwise(blocks) if isinstance(block, Text) and text_of(block.line).endswith(":")
    ]
    assert following
    assert all(isinstance(after, Grid) or after.kind == "item" for after in following)


@both
def test_typography_is_french(kind: Kind) -> None:
    nobody = Profile()  # a profile's own words are nobody's typography
    text = "\n".join(
        text_of(line)
        for block in marketing.blocks_of(kind, nobody)
        for line in (
            [block.line]
            if isinstance(block, Text)
            else [line for row in (block.header, *block.rows) for cell in row for line in cell]
        )
    )
    assert "«" in text
    for wrong in (
        r'["\u201c\u201d]',  # no quotes but « »
        r"'",  # no straight apostrophe
        r" [:;!?»%€]",  # a space that breaks before these
        rf"[^{NBSP}][:;!?»]",  # nor none at all
        r"«[^\u00a0]",
        r"  |\t|\.\.",
        r"\d (?:mois|jours|ans|heures|€)",
        r"article \d|[LRD]\. \d|n° \d",
    ):
        assert [text[max(0, it.start() - 20) : it.end() + 20] for it in re.finditer(wrong, text)] == [], wrong


def test_an_article_that_is_referred_to_exists() -> None:
    known = {*titles("cgv"), *titles("contrat")}
    named = {
        name
        for kind in KINDS
        for block in sentences(kind)
        for name in re.findall(rf"article[ {NBSP}]«{NBSP}(.+?){NBSP}»", text_of(block.line))
    }
    assert len(named) > 3
    assert named <= known


def test_the_general_terms_speak_of_all_that_such_terms_must() -> None:
    wanted = (
        "Objet", "Documents contractuels", "Souscription", "Conservation du numéro (portabilité)",
        "Cartes SIM et codes", "Services et couverture", "Obligations du Client", "Usage raisonnable", "Prix",
        "Facturation et paiement", "Durée et engagement", "Modification du Contrat", "Suspension", "Résiliation",
        "Vol, perte et usage frauduleux", "Responsabilité", "Force majeure", "Données à caractère personnel",
        "Confidentialité", "Numéros d’urgence", "Service client et réclamations", "Médiation et règlement amiable",
        "Cession", "Droit applicable et juridiction",
    )  # fmt: skip
    assert [title for title in titles("cgv") if title in wanted] == list(wanted)


@pytest.mark.parametrize(
    "said",
    [
        "le 3179",
        "ne résilie pas lui-même",
        "indemnité forfaitaire pour frais de recouvrement de 40 €",
        "un an au plus",
        "plateforme agréée",
    ],
)
def test_the_general_terms_say_what_the_law_fixes(said: str) -> None:
    assert said in plain(whole(made("cgv")))


def test_the_contract_has_its_mandate_and_its_withdrawal_form_on_pages_of_their_own() -> None:
    assert [plain(title) for title in titles("contrat", "annex")] == [
        "Annexe 1 : mandat de portabilité",
        "Annexe 2 : formulaire de rétractation",
    ]


def test_the_files_that_the_models_need_stand_in_the_package() -> None:
    # Beside the modules, where hatchling takes whatever a package's folder holds.
    folder = resources.files(marketing)
    assert {"cgv.md", "contrat.md", "styles.xml", "numbering.xml"} <= {entry.name for entry in folder.iterdir()}


# -- The markup


def test_values_are_data_and_not_markup() -> None:
    (text,) = markup.parse("= Nom : {nom}", {"nom": Span("**gras** [[x]] {siret} | # // '")})
    assert isinstance(text, Text)
    assert text_of(text.line) == f"Nom{NBSP}: **gras** [[x]] {{siret}} | # // '"


def test_a_value_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        markup.parse("{inconnu}", {})


def test_what_follows_an_article_is_numbered_and_what_precedes_it_is_not() -> None:
    parsed = markup.parse("# T\nun\n## A\ndeux\n= trois\n### H\nquatre\n# Annexe\ncinq", {})
    assert [block.kind for block in parsed if isinstance(block, Text)] == [
        "title", "plain", "article", "clause", "plain", "heading", "plain", "annex", "plain",
    ]  # fmt: skip


# -- The documents


@both
def test_nothing_is_left_of_the_markup(kind: Kind) -> None:
    for profile in (FULL, Profile()):
        assert re.findall(r"[{}]|\*\*|\[\[|\]\]|//|^[#>|=]", whole(made(kind, profile)), re.MULTILINE) == []


@both
def test_what_the_profile_says_stands_in_the_document(kind: Kind) -> None:
    text = plain(whole(made(kind)))
    for said in (
        "Télécom Exemple",
        "12 rue de l'Exemple, 00000 Ville-Fictive",
        "123 456 782 00010",
        "n° 123 456 782",
        "FR 11 123 456 782",
        "06 39 98 00 00 (0,15 €/min)",
        "clients@telecom.example",
    ):
        assert said in text


@both
def test_what_the_profile_does_not_say_is_marked_with_the_command_for_it(kind: Kind) -> None:
    found = {plain(text) for text in marked(made(kind, Profile()))}
    for command in ("nom", "adresse", "siret", "tva", "téléphone", "coût", "email"):
        assert any(text.endswith(f"/profil {command}]") for text in found)
    assert not any("/profil" in text for text in marked(made(kind)))


@both
def test_what_is_to_be_filled_in_by_hand_is_marked(kind: Kind) -> None:
    document = made(kind)
    # Everything between brackets, and nothing else.
    assert sorted(re.findall(r"\[.+?\]", whole(document))) == sorted(marked(document))
    assert "[ville]" in marked(document)


def test_missing_names_the_fields_that_the_models_need() -> None:
    assert marketing.missing(FULL) == []
    words = [field.word for field in marketing.missing(Profile(operator_name="Télécom Exemple"))]
    assert words == ["adresse", "siret", "tva", "téléphone", "coût", "email"]


def test_the_contract_names_the_client_wherever_it_stands() -> None:
    # In the parties, over its signatures, in both annexes.
    assert sum(paragraph.text == CLIENT for paragraph in paragraphs(made("contrat"))) == 5


def test_the_general_terms_are_the_same_for_every_client() -> None:
    assert marketing.make("cgv", FULL, LOGO, BANNER, CLIENT) == marketing.make("cgv", FULL, LOGO, BANNER)


def test_without_a_client_its_place_is_blank() -> None:
    (named,) = [row for table in made("contrat", client="").tables[2:3] for row in table.rows[:1]]
    assert [cell.text for cell in named.cells] == ["Dénomination sociale", ""]


def test_the_lines_and_the_numbers_to_port_have_tables_to_fill_in() -> None:
    tables = [table for table in made("contrat").tables if "RIO" in [cell.text for cell in table.rows[0].cells]]
    assert [len(table.rows) for table in tables] == [9, 9]
    assert [cell.text for cell in tables[0].rows[0].cells] == [
        "N°", "Numéro à porter", "RIO", "Forfait", "Options", "SIM ou eSIM", "Prix mensuel HT",
    ]  # fmt: skip


@both
def test_articles_are_headings_that_word_numbers(kind: Kind) -> None:
    document = made(kind)
    found = [
        paragraph.text for paragraph in document.paragraphs if paragraph.style and paragraph.style.name == "Heading 1"
    ]
    assert found == titles(kind)
    assert not any(re.match(r"(Article )?\d", title) for title in found)


@both
def test_the_warning_stands_first_and_on_every_page(kind: Kind) -> None:
    document = made(kind)
    styles = [paragraph.style.name for paragraph in document.paragraphs if paragraph.style]
    assert styles.index("Avertissement") < styles.index("Heading 1")
    assert "avocat" in runs(document, "Avertissement")[0].text
    (section,) = document.sections
    assert section.header.paragraphs[0].text.startswith("\tModèle · ")
    assert "Modèle à faire relire par un avocat" in section.footer.paragraphs[0].text


@both
def test_pages_are_a4_and_french(kind: Kind) -> None:
    document = made(kind)
    (section,) = document.sections
    assert section.page_width
    assert section.page_height
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    assert 'w:lang w:val="fr-FR"' in document.styles.element.xml
    assert "en-US" not in document.styles.element.xml + document.settings.element.xml


@both
def test_the_properties_are_those_of_the_operator(kind: Kind) -> None:
    properties = made(kind).core_properties
    assert properties.author == "Télécom Exemple"
    assert properties.title.endswith("abonnement (modèle)")
    assert properties.language == "fr-FR"
    assert properties.comments == ""


@both
@pytest.mark.parametrize(
    ("logo", "banner", "names"),
    [
        (LOGO, BANNER, {"logo.png": LOGO, "bandeau.jpg": BANNER}),
        (pictures.logo(kind="JPEG"), None, {"logo.jpg": pictures.logo(kind="JPEG")}),
        (None, pictures.banner(), {"bandeau.png": pictures.banner()}),
        (None, None, {}),
        (b"GIF89a", b"", {}),
        (GIF, None, {}),
        (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", {}),
    ],
    ids=["both", "logo", "banner", "none", "no pictures", "gif", "cut pictures"],
)
def test_pictures_are_put_in_byte_for_byte(
    kind: Kind, logo: bytes | None, banner: bytes | None, names: dict[str, bytes]
) -> None:
    content = marketing.make(kind, FULL, logo, banner)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        media = {Path(name).name: archive.read(name) for name in archive.namelist() if "/media/" in name}
    assert media == names


def test_a_jpeg_without_jfif_is_put_in_too() -> None:
    # python-docx itself knows no JPEG that begins with another marker; Pillow and Word do.
    bare = BANNER[:2] + BANNER[4 + int.from_bytes(BANNER[4:6], "big") :]
    assert BANNER[2:4] == b"\xff\xe0"
    with zipfile.ZipFile(io.BytesIO(marketing.make("cgv", FULL, None, bare))) as archive:
        assert archive.read("word/media/bandeau.jpg") == bare


def test_pictures_keep_their_shape() -> None:
    (section,) = made("cgv").sections
    extents = [
        (int(extent.get("cx")), int(extent.get("cy")))
        for part in (section.header, section.footer)
        for extent in part._element.xpath(".//wp:extent")
    ]
    assert [round(cx / cy, 2) for cx, cy in extents] == [1.0, 8.0]


@both
def test_the_same_arguments_give_the_same_bytes(kind: Kind) -> None:
    assert marketing.make(kind, FULL, LOGO, BANNER, CLIENT) == marketing.make(kind, FULL, LOGO, BANNER, CLIENT)


@pytest.mark.parametrize(
    ("colour", "heading"), [("#182d54", "182D54"), ("", "1F2A44"), ("#ffff00", "1F2A44"), ("#b85a00", "B85A00")]
)
def test_headings_take_the_profiles_colour_where_it_is_readable(colour: str, heading: str) -> None:
    style = made("cgv", Profile(colour=colour)).styles["Heading 1"]
    assert f'w:color w:val="{heading}"' in style.element.xml


HOSTILE = (
    "<w:t>&amp;</w:t> ]]> <!-- \"'",
    "a\x00b\x08c\x1bd\ufffe\uffff\ud800e",
    "nom\nsur\r\nplusieurs\tlignes\u2028et\u2029plus",
    "{nom} **gras** [[x]] | // # > =",
    "\u202egauche\u202c \u200b",
    "W" * 2000,
    "\u0645\u0624\u0633\u0633\u0629 株式会社 Ελλάς 📱",
)


@both
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_any_name_and_address_stand_there_as_text(kind: Kind, value: str) -> None:
    profile = Profile(operator_name=value, address=value, phone_cost=value, service_email=value)
    document = made(kind, profile, value)
    shown = marketing.clean(value)
    assert "\x00" not in shown
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    assert shown in cells
    assert document.core_properties.author == shown[:255]


@settings(max_examples=25)
@given(st.text(max_size=60))
def test_no_name_breaks_the_document(value: str) -> None:
    document = made("contrat", Profile(operator_name=value, address=value), value, None, None)
    assert len(document.tables) > 5


async def test_it_is_made_in_the_workshop() -> None:
    workshop = Workshop()
    try:
        content = await workshop.make(marketing.make, "contrat", FULL, LOGO, BANNER, CLIENT)
    finally:
        workshop.close()
    assert content == marketing.make("contrat", FULL, LOGO, BANNER, CLIENT)


# -- As LibreOffice shows them


@pytest.mark.parametrize(
    ("kind", "profile", "client"),
    [
        ("cgv", FULL, ""),
        ("contrat", FULL, CLIENT),
        (
            "contrat",
            Profile(operator_name="Société Fictive de Télécommunications Mobiles d'Entreprise"),
            "Établissements " * 8,
        ),
    ],
    ids=["cgv", "contrat", "long"],
)
def test_libreoffice_shows_it_whole(tmp_path: Path, kind: Kind, profile: Profile, client: str) -> None:
    path = tmp_path / "modele.docx"
    path.write_bytes(marketing.make(kind, profile, LOGO, BANNER, client))
    pages = [plain(page.extract_text()) for page in pypdf.PdfReader(convert(path, "pdf")).pages]
    assert profile.operator_name in pages[0]
    assert plain(client) in pages[0]
    assert "Modèle à faire relire par un avocat avant tout usage" in pages[0]
    for number, page in enumerate(pages, 1):
        assert "Modèle" in page
        assert f"page {number} / {len(pages)}" in page
    text = plain(" ".join(pages))
    for number, title in enumerate(titles(kind), 1):
        assert f"Article {number} – {plain(title)}" in text
    assert "Error" not in text
