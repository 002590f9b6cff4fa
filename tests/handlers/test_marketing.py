"""/marketing: which models come, for whom, and what is said of what they lack."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import docx
import pytest

from bot.sandbox import pictures
from core import marketing
from core.profile import Profile
from core.workshop import Workshop
from handlers import registry
from handlers.answer import Answer, OutFile
from handlers.ask import Ask, Door, Person, Role
from handlers.command import Context
from handlers.desk import Desk
from handlers.understand import understand
from tests.handlers.conftest import ACCOUNTANT, TECHNICIAN, QuietDesk, Say, words

FULL = Profile(
    operator_name="Télécom Exemple",
    address="12 rue de l'Exemple, 00000 Ville-Fictive",
    siret="12345678200010",
    vat="FR11123456782",
    phone="0639980000",
    phone_cost="0,15 €/min",
    service_email="clients@telecom.example",
)
LOGO, BANNER = pictures.logo(), pictures.banner()
NBSP = "\N{NO-BREAK SPACE}"

Known = Callable[..., Context]


class KnownDesk(QuietDesk):
    """The bot's own desk, with a profile and pictures of the test's."""

    known: Profile
    pictures: dict[str, bytes]

    def profile(self) -> Profile:
        return self.known

    def placed(self, name: str) -> bytes | None:
        return self.pictures.get(name)


@pytest.fixture
def known(context: Context) -> Known:
    """The context, once the desk knows a profile and pictures."""

    def known(profile: Profile = FULL, **pictures: bytes) -> Context:
        former = context.desk
        assert isinstance(former, QuietDesk)
        desk = KnownDesk(former._settings, former._desk, former._outbox)
        desk.known, desk.pictures = profile, pictures
        given: Desk = desk
        return replace(context, desk=given)

    return known


def names(answer: Answer) -> list[str]:
    return [file.name for file in answer.files]


def text(file: OutFile) -> str:
    document = docx.Document(io.BytesIO(file.content))
    cells = (cell.text for table in document.tables for row in table.rows for cell in row.cells)
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


async def test_both_models_come_as_word_documents(say: Say, known: Known) -> None:
    answer = await say("marketing", context=known(logo=LOGO, bandeau=BANNER))
    assert answer.title == "Modèles : CGV et contrat d'abonnement"
    assert names(answer) == ["CGV Télécom Exemple (modèle).docx", "Contrat Télécom Exemple (modèle).docx"]
    assert [file.content for file in answer.files] == [
        marketing.make("cgv", FULL, LOGO, BANNER),
        marketing.make("contrat", FULL, LOGO, BANNER),
    ]


async def test_it_is_said_that_they_are_models(say: Say, known: Known) -> None:
    assert "À faire relire par un avocat avant tout usage." in (await say("marketing", context=known())).lines


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("marketing cgv", ["CGV"]),
        ("marketing CGV", ["CGV"]),
        ("marketing conditions générales", ["CGV"]),
        ("marketing contrat", ["Contrat"]),
        ("marketing contrats", ["Contrat"]),
        ("marketing cgv et contrat", ["CGV", "Contrat"]),
        ("marketing contrat et les cgv", ["CGV", "Contrat"]),
        ("/cgv", ["CGV", "Contrat"]),
    ],
)
async def test_one_of_them_can_be_asked_for(say: Say, known: Known, asked: str, wanted: list[str]) -> None:
    answer = await say(asked, context=known())
    assert [name.split()[0] for name in names(answer)] == wanted


@pytest.mark.parametrize(
    "asked",
    [
        "marketing client Dupont BTP",
        "marketing client DUPONT BTP",
        "marketing client : Dupont BTP",
        "marketing pour le client Dupont BTP",
        "marketing pour Dupont BTP",
        "marketing Dupont BTP",
    ],
)
async def test_a_known_client_is_written_as_the_operator_writes_it(say: Say, known: Known, asked: str) -> None:
    answer = await say(asked, context=known())
    assert answer.title == "Modèles : CGV et contrat d'abonnement, pour Dupont BTP"
    assert "Client : Dupont BTP, écrit comme dans les fichiers de l'opérateur." in answer.lines
    assert names(answer)[1] == "Contrat Télécom Exemple - Dupont BTP (modèle).docx"
    general, contract = answer.files
    assert "Dupont BTP" in text(contract)
    assert "Dupont BTP" not in text(general)


@pytest.mark.parametrize("typed", ["dupont", "duont btp"])
async def test_a_client_that_was_guessed_is_said_and_can_be_undone(say: Say, known: Known, typed: str) -> None:
    answer = await say(f"marketing contrat client {typed}", context=known())
    assert f"«{NBSP}{typed}{NBSP}» lu comme Dupont BTP, client connu." in answer.lines
    undone = await say(answer.buttons[0].command, context=known())
    assert undone.title.endswith(f"pour {typed}")
    assert typed in text(undone.files[1]).splitlines()


async def test_a_new_client_is_written_as_typed(say: Say, known: Known) -> None:
    answer = await say("marketing contrat client Zinguerie Imaginaire", context=known())
    assert answer.title == "Modèle : contrat d'abonnement, pour Zinguerie Imaginaire"
    assert (
        "Client : Zinguerie Imaginaire, écrit comme tapé : il n'est pas encore dans les fichiers de l'opérateur."
        in answer.lines
    )
    assert "Zinguerie Imaginaire" in text(answer.files[0])


async def test_clients_near_a_new_ones_name_are_offered(say: Say, known: Known) -> None:
    answer = await say("marketing contrat client Menuiserie Imaginaire", context=known())
    assert answer.title.endswith("pour Menuiserie Imaginaire")
    (button,) = answer.buttons
    assert f"• {button.label}" in answer.lines
    assert (await say(button.command, context=known())).title.endswith(f"pour {button.label}")


async def test_a_word_that_is_no_known_client_is_not_taken_for_one(say: Say, known: Known) -> None:
    answer = await say("marketing contart", context=known())
    assert answer.refused
    assert answer.title == f"«{NBSP}contart{NBSP}» n'est pas un client connu."
    assert answer.files == ()
    assert (await say(answer.buttons[-1].command, context=known())).title.endswith("pour contart")


async def test_a_client_whose_name_is_that_of_a_model(say: Say, known: Known) -> None:
    answer = await say("marketing client CGV Conseil", context=known())
    assert answer.title.endswith("pour CGV Conseil")


async def test_the_general_terms_name_no_client_and_it_is_said(say: Say, known: Known) -> None:
    answer = await say("marketing cgv client Dupont BTP", context=known())
    assert answer.title == "Modèle : CGV"
    assert "Les CGV sont les mêmes pour tous les clients." in answer.lines


@pytest.mark.parametrize(
    "asked", ["marketing client", "marketing client  ", "marketing client «  »", "marketing client \x07"]
)
async def test_a_client_without_a_name_is_asked_for(say: Say, known: Known, asked: str) -> None:
    answer = await say(asked, context=known())
    assert (answer.title, answer.refused) == ("Quel client ?", True)


async def test_a_name_that_is_no_name_is_refused(say: Say, known: Known) -> None:
    answer = await say(f"marketing client {'x' * 121}", context=known())
    assert answer.title == "Ce nom de client a 121 signes, il en faut 120 au plus."
    assert answer.refused
    assert (await say(f"marketing client {'x' * 120}", context=known())).files


async def test_a_name_cannot_lead_a_file_elsewhere(say: Say, known: Known) -> None:
    profile = replace(FULL, operator_name="../../Télécom: Exemple")
    answer = await say('marketing client "..\\A/B*?"', context=known(profile))
    assert not any(sign in name for name in names(answer) for sign in '/\\:*?"')
    assert all(name.endswith(" (modèle).docx") for name in names(answer))


async def test_only_the_first_line_counts(say: Say, known: Known) -> None:
    answer = await say("marketing client Dupont BTP\n\nBonne journée", context=known())
    assert answer.title.endswith("pour Dupont BTP")


async def test_what_the_profile_lacks_is_told_with_the_command_for_it(say: Say, known: Known) -> None:
    answer = await say("marketing", context=known(Profile(operator_name="Télécom Exemple", siret="12345678200010")))
    lines = answer.lines[answer.lines.index("Il manque au profil, en jaune dans le document :") + 1 :]
    assert lines[:5] == (
        "• l'adresse : /profil adresse",
        "• le numéro de TVA : /profil tva",
        "• le téléphone du service client : /profil téléphone",
        "• le coût de l'appel : /profil coût",
        "• l'adresse du service client : /profil email",
    )
    assert not lines[5].startswith("•")


async def test_who_cannot_mend_it_is_told_no_command(say: Say, known: Known) -> None:
    told = words(await say("marketing", person=ACCOUNTANT, context=known(Profile(operator_name="Télécom Exemple"))))
    assert "• l'adresse\n" in told
    assert "/profil" not in told
    assert "/upload" not in told


async def test_a_full_profile_lacks_nothing(say: Say, known: Known) -> None:
    assert "/profil" not in words(await say("marketing", context=known()))


async def test_without_an_operators_name_the_files_have_one_all_the_same(say: Say, known: Known) -> None:
    answer = await say("marketing", context=known(Profile()))
    assert names(answer) == ["CGV (modèle).docx", "Contrat (modèle).docx"]


async def test_numbers_that_contradict_each_other_are_told(say: Say, known: Known) -> None:
    answer = await say("marketing", context=known(replace(FULL, vat="FR11987654321")))
    assert any("le numéro de TVA ne va pas avec le SIRET" in line for line in answer.lines)


@pytest.mark.parametrize(
    ("placed", "lacking"),
    [
        ({}, ["logo", "bandeau"]),
        ({"logo": LOGO}, ["bandeau"]),
        ({"bandeau": BANNER}, ["logo"]),
        ({"logo": LOGO, "bandeau": BANNER}, []),
        ({"logo": b"not a picture", "bandeau": BANNER}, ["logo"]),
    ],
)
async def test_a_picture_that_lacks_is_told(
    say: Say, known: Known, placed: dict[str, bytes], lacking: list[str]
) -> None:
    answer = await say("marketing contrat", context=known(**placed))
    told = [line for line in answer.lines if "/upload" in line]
    assert told == [f"Sans {name}, car aucun n'est en place : /upload {name}" for name in lacking]


@pytest.mark.parametrize("role", get_args(Role))
@pytest.mark.parametrize("door", get_args(Door))
async def test_everyone_may_ask_by_every_door(known: Known, role: Role, door: Door) -> None:
    understood = understand("marketing contrat")
    assert understood
    ask = Ask(*understood, Person("x", "X", frozenset({role})), door, private=door == "chat")
    assert (await registry.answer(ask, known())).files


async def test_cgv_is_a_word_like_others_in_a_mail() -> None:
    assert understand("CGV à revoir avant lundi") is None


async def test_a_workshop_that_dies_is_told(say: Say, known: Known) -> None:
    context = known()
    dead = Workshop()
    dead.close()
    answer = await say("marketing", context=replace(context, workshop=dead), person=ACCOUNTANT)
    assert answer.refused
    assert answer.title == "Le document n'a pas pu être fait."
    assert answer.files == ()


async def test_the_desk_as_it_is_answers_too(say: Say) -> None:
    assert len((await say("marketing", person=TECHNICIAN)).files) == 2
