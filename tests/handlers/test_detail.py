"""/cdr … complet: who sees whole called numbers, where, after which words; and that nobody else does."""

import io
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import get_args

import openpyxl
import pytest

from handlers import detail, registry
from handlers.answer import Answer
from handlers.ask import Ask, Door, Person, Role
from handlers.command import Context
from tests.bot.talking import body
from tests.core.test_locked import opened
from tests.handlers.conftest import TECHNICIAN, Filled, Say, words

NUMBER = "0639980001"
WHY = "litige sur la facture"
ASKED = f"/cdr {NUMBER} octobre complet motif {WHY}"
ADMIN = Person("technique", "Camille Martin", frozenset({"admin", "technique"}))
LOST = Person("nobody", "Personne", frozenset({"admin"}))


def whole(filled: Filled, month: int = 10) -> set[str]:
    """The numbers that the line called, as the operator wrote them."""
    return {
        cdr.called
        for cdr in filled.operator.cdrs
        if cdr.caller == NUMBER and cdr.start.month == month and len(cdr.called) == 10
    }


def cells(content: bytes) -> set[str]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {re.sub(r"\s", "", str(cell.value)) for sheet in book for row in sheet for cell in row}


def mailed(context: Context) -> list[str]:
    """The words of the mails that wait."""
    rows = context.desk._desk.execute("SELECT payload FROM outbox WHERE channel = 'mail'")  # type: ignore[attr-defined]
    mails = [message_from_bytes(payload, policy=default) for (payload,) in rows]
    return [body(mail) for mail in mails if isinstance(mail, EmailMessage)]


async def ask(context: Context, person: Person, door: Door, *, private: bool = True, confirmed: bool = True) -> Answer:
    arguments = f"{NUMBER} octobre complet motif {WHY}"
    return await registry.answer(Ask("cdr", arguments, person, door, private, confirmed=confirmed), context)


@pytest.mark.parametrize("role", get_args(Role))
@pytest.mark.parametrize(
    ("door", "private"), [("chat", True), ("chat", False), ("mail", True), ("mail", False), ("terminal", True)]
)
async def test_only_an_administrator_sees_it_and_only_where_nobody_else_reads(
    context: Context, role: Role, door: Door, private: bool
) -> None:
    person = Person("technique", "Camille Martin", frozenset({role}))
    answer = await ask(context, person, door, private=private)
    if role == "admin" and private and door != "mail":
        assert not answer.refused
        assert answer.shows == detail.SHOWN
        assert len(answer.files) == 1
    else:
        assert (answer.refused, answer.denied, answer.files, answer.shows) == (True, True, (), "")
        assert not mailed(context)


async def test_who_has_another_role_is_told_which_one_it_takes_and_whom_to_ask(say: Say) -> None:
    told = words(await say(ASKED, person=Person("sacha", "Sacha Dubois", frozenset({"technique"}))))
    assert "Il faut le rôle administrateur." in told
    assert "s'adresser à Camille Martin" in told


async def test_nobody_is_sent_to_himself_for_a_right(say: Say) -> None:
    told = words(await say(ASKED, person=TECHNICIAN))  # the technical contact, where there is no administrator
    assert "s'adresser à" not in told
    assert "origyne-bot people roles" in told


async def test_what_is_refused_tells_nothing_of_the_line(say: Say) -> None:
    assert await say(f"/cdr {NUMBER} octobre complet") == await say("/cdr 0639989999 octobre complet")


async def test_a_reason_is_asked_for_first(say: Say) -> None:
    answer = await say(f"/cdr {NUMBER} octobre complet", person=ADMIN, confirmed=True)
    assert "pour quel motif" in answer.title
    assert answer.awaits_words == f"cdr {NUMBER} 2026-10 complet motif"
    assert "reste au journal" in words(answer)
    assert (answer.files, answer.buttons, answer.shows) == ((), (), "motif demandé")


@pytest.mark.parametrize("why", ["litige", "  ok  ", "12345678901234", "- - - - - - - -", "a  b  c  d"])
async def test_a_reason_that_says_nothing_is_refused_and_asked_for_again(say: Say, why: str) -> None:
    answer = await say(f"/cdr {NUMBER} octobre complet motif {why}", person=ADMIN, confirmed=True)
    assert answer.refused
    assert "trop court" in answer.title
    assert answer.awaits_words == f"cdr {NUMBER} 2026-10 complet motif"
    assert not answer.files


async def test_a_reason_as_long_as_a_letter_is_refused(say: Say) -> None:
    answer = await say(f"{ASKED} {'mot ' * 100}", person=ADMIN, confirmed=True)
    assert "trop long" in answer.title
    assert not answer.files


@pytest.mark.parametrize("word", ["annuler", "non", "STOP"])
async def test_a_word_gives_it_up(say: Say, word: str) -> None:
    answer = await say(f"/cdr {NUMBER} octobre complet motif {word}", person=ADMIN, confirmed=True)
    assert answer.title == "Rien n'est préparé."
    assert (answer.awaits_words, answer.files) == ("", ())


@pytest.mark.parametrize(
    "asked",
    [
        f"/cdr {NUMBER} octobre complet motif {WHY}",
        f"cdr {NUMBER} octobre détail complet motif : {WHY}",
        f"/cdr {NUMBER} octobre non masqué motif {WHY}",
        f"/cdr complet {NUMBER} octobre motif {WHY}",
        f"/cdr {NUMBER} octobre numéros entiers motif {WHY}",
        f"/cdr {NUMBER} OCTOBRE COMPLET\nMotif : {WHY}",
    ],
)
async def test_it_is_confirmed_before_anything_is_made(say: Say, context: Context, asked: str) -> None:
    answer = await say(asked, person=ADMIN)
    (button,) = answer.buttons
    assert (button.label, button.confirms) == ("Préparer le fichier", True)
    assert button.command == f"cdr {NUMBER} 2026-10 complet motif {WHY}"
    told = words(answer)
    assert WHY in told
    assert "technique@telecom.example" in told
    assert not answer.files
    assert not mailed(context)
    assert (answer.about, answer.why) == (NUMBER, WHY)


async def test_the_button_asks_what_it_confirms(say: Say) -> None:
    (button,) = (await say(ASKED, person=ADMIN)).buttons
    again = await say(button.command, person=ADMIN)
    assert again.buttons == (button,)
    assert (await say(button.command, person=ADMIN, confirmed=True)).files


async def test_the_file_is_closed_and_its_password_goes_by_mail_alone(
    say: Say, context: Context, filled: Filled
) -> None:
    answer = await say(ASKED, person=ADMIN, confirmed=True)
    (file,), (mail,) = answer.files, mailed(context)
    found = re.search(r"Mot de passe : (\S+)", mail)
    assert found
    password = found[1]
    assert whole(filled)
    assert whole(filled) <= cells(opened(file.content, password))
    assert all(number.encode() not in file.content for number in whole(filled))
    assert password not in f"{words(answer)} {answer!r}"
    assert "technique@telecom.example" in words(answer)
    assert answer.fleeting
    assert (answer.about, answer.shows, answer.why) == (NUMBER, "détail complet", WHY)
    assert "s'efface dans 5" in words(answer)


async def test_the_password_s_mail_has_a_subject_that_tells_nothing(say: Say, context: Context) -> None:
    await say(ASKED, person=ADMIN, confirmed=True)
    rows = context.desk._desk.execute("SELECT recipient, subject, secret FROM outbox").fetchall()  # type: ignore[attr-defined]
    assert rows == [("technique@telecom.example", "Télécom Exemple : mot de passe d'un fichier", 1)]


async def test_each_file_has_its_own_password(say: Say, context: Context) -> None:
    for _ in range(2):
        await say(ASKED, person=ADMIN, confirmed=True)
    assert len({re.search(r"Mot de passe : (\S+)", mail)[1] for mail in mailed(context)}) == 2  # type: ignore[index]


async def test_without_an_address_nothing_is_made(say: Say, context: Context) -> None:
    answer = await say(ASKED, person=LOST, confirmed=True)
    assert answer.refused
    assert "n'a pas où aller" in answer.title
    assert not answer.files
    assert not mailed(context)


async def test_the_terminal_has_it_open_after_the_same_words(say: Say, context: Context, filled: Filled) -> None:
    assert (await say(f"/cdr {NUMBER} octobre complet", person=ADMIN, door="terminal")).refused
    question = await say(ASKED, person=ADMIN, door="terminal")
    assert [button.confirms for button in question.buttons] == [True]
    assert "sans mot de passe" in words(question)
    answer = await say(ASKED, person=ADMIN, door="terminal", confirmed=True)
    (file,) = answer.files
    assert whole(filled) <= cells(file.content)
    assert (answer.shows, answer.why, answer.fleeting) == ("détail complet", WHY, False)
    assert not mailed(context)


async def test_the_usual_detail_is_masked_for_an_administrator_too(say: Say, filled: Filled) -> None:
    for person in (ADMIN, TECHNICIAN):
        answer = await say(f"/cdr {NUMBER} octobre", person=person, confirmed=True)
        (file,) = answer.files
        assert not whole(filled) & cells(file.content)
        assert any(re.fullmatch(r"0\d{5}XXXX", cell) for cell in cells(file.content))
        assert (answer.shows, answer.why, answer.about) == ("", "", NUMBER)


@pytest.mark.parametrize(
    "said",
    [
        "octobre complet",
        "complet octobre",
        "octobre détail complet",
        "octobre detail complet",
        "octobre version complète",
        "octobre non masqué",
        "octobre non masqués",
        "octobre démasqué",
        "octobre sans masque",
        "octobre en clair",
        "octobre avec les numéros entiers",
        "octobre numeros complets",
    ],
)
def test_many_words_ask_for_whole_numbers(said: str) -> None:
    rest, why = detail.taken(f"{NUMBER} {said}")
    assert why == ""
    assert rest.removesuffix(" version").startswith(f"{NUMBER} octobre")


@pytest.mark.parametrize("said", ["octobre", "octobre entier", "mois complet", "octobre motif complet", "complément"])
def test_other_words_do_not(said: str) -> None:
    assert detail.taken(f"{NUMBER} {said}") == (f"{NUMBER} {said}", None)


async def test_a_reason_alone_opens_nothing(say: Say, context: Context, filled: Filled) -> None:
    answer = await say(f"/cdr {NUMBER} octobre motif {WHY}", person=ADMIN, confirmed=True)
    assert not any(whole(filled) & cells(file.content) for file in answer.files)
    assert answer.shows == ""
    assert not mailed(context)


async def test_the_reason_that_is_kept_holds_neither_a_code_nor_a_whole_number(say: Say) -> None:
    said = f"/cdr {NUMBER} octobre complet motif appels vers le 06 39 98 77 66, PUK 12345678 perdu"
    answer = await say(said, person=ADMIN)
    assert answer.why == "appels vers le 06 39 98 XX XX, PUK ••• perdu"
    assert "7766" not in re.sub(r"\s", "", repr(answer))
    assert "12345678" not in repr(answer)


async def test_a_month_without_communications_makes_no_file(say: Say) -> None:
    answer = await say(f"/cdr {NUMBER} janvier 2026 complet motif {WHY}", person=ADMIN, confirmed=True)
    assert "aucune communication" in answer.title
    assert not answer.files


async def test_where_several_lines_are_meant_each_is_asked_for_the_same_thing(say: Say) -> None:
    answer = await say(f"/cdr 5555 octobre complet motif {WHY}", person=ADMIN, confirmed=True)
    assert answer.buttons
    for button in answer.buttons:
        assert re.fullmatch(rf"cdr \d{{10}} 2026-10 complet motif {WHY}", button.command)
        assert not button.confirms
    assert not answer.files


async def test_a_workshop_that_fails_mails_no_password(
    say: Say, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> bytes:
        raise detail.books.WorkshopError("le programme s'est arrêté")

    monkeypatch.setattr(context.workshop, "make", fails)
    answer = await say(ASKED, person=ADMIN, confirmed=True)
    assert answer.refused
    assert not mailed(context)
    assert answer.shows == ""
