"""Finding a client by what a person types: pieces, words in any order, typing errors."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from core import clients, store
from core.clients import Found, client_id
from core.layouts import fold
from tests.corpus.clients import names, one_error

NAMES = names()
#: Words that a name does without.
OPTIONAL = {"sarl", "sas", "sasu", "sa", "eurl", "et", "de", "du", "des", "la", "le", "les", "l", "d"}


def filled(path: Path, *companies: str) -> Database:
    """A store with these clients, open as the service has it."""
    with closing(store.open_to_write(path)) as db, db.atomic():
        for company in companies:
            client_id(db, company)
    return store.open_to_read(path)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with closing(filled(tmp_path_factory.mktemp("many"), *NAMES)) as db:
        yield db


@pytest.fixture
def known(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    with closing(filled(tmp_path, *request.param)) as db:
        yield db


def among(*companies: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("known", [companies], indirect=True)


def told(found: Found) -> list[str]:
    return [client.name for client in found.clients]


def words_of(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name.casefold().replace("s.a.r.l.", "sarl").replace("œ", "oe"))
    return "".join(sign if sign.isalnum() else " " for sign in plain if not unicodedata.combining(sign)).split()


# -- The contract, over three hundred names


def test_the_names_are_three_hundred_and_share_each_word_among_a_handful() -> None:
    shared = Counter(word for name in NAMES for word in set(words_of(name)) - OPTIONAL)
    assert len(NAMES) == len({fold(name) for name in NAMES}) == 300
    assert max(shared.values()) == 5


def test_each_name_is_found_by_itself_whatever_its_case_and_punctuation(many: Database) -> None:
    for name in NAMES:
        for typed in (name, name.upper(), name.lower(), f"  {name} ", name.replace(" ", ""), name.replace(" ", "-")):
            found = clients.find(many, typed)
            assert (told(found), found.sure, found.corrected, found.others) == ([name], True, False, 0), typed


def test_a_name_with_any_one_typing_error_is_found_or_offered_and_no_other_is_picked(many: Database) -> None:
    """Exhaustive: every deletion and exchange, several wrong and additional signs at each position of each name."""
    typed_names = picked = 0
    failed = []
    for name in NAMES:
        for typed in one_error(name):
            found = clients.find(many, typed)
            typed_names += 1
            picked += found.sure
            # `sure` leaves one client: were it another one, the name would not be there.
            if name not in told(found) or len(found.clients) > 5:
                failed.append((name, typed, told(found)))
    assert failed == []
    assert typed_names > 100_000
    assert picked / typed_names > 0.98


def test_a_name_without_one_of_its_accents_is_found(many: Database) -> None:
    for name in NAMES:
        for place, sign in enumerate(name):
            plain = unicodedata.normalize("NFKD", sign)[0]
            if plain != sign:
                typed = name[:place] + plain + name[place + 1 :]
                assert (told(clients.find(many, typed)), clients.find(many, typed).sure) == ([name], True), typed


def test_a_name_without_one_of_its_words_is_found_or_offered(many: Database) -> None:
    tried = 0
    for name in NAMES:
        words = name.split()
        for place in range(len(words)):
            typed = " ".join(words[:place] + words[place + 1 :])
            # A name without its only word is nothing, and a legal form alone is anybody's.
            if set(words_of(typed)) - OPTIONAL:
                tried += 1
                assert name in told(clients.find(many, typed)), typed
    assert tried > 600


def test_the_words_of_a_name_may_come_in_any_order(many: Database) -> None:
    for name in NAMES:
        words = name.split()
        for turned in (words[::-1], words[1:] + words[:1]):
            assert name in told(clients.find(many, " ".join(turned))), turned


@given(st.text(max_size=40))
def test_any_text_may_be_asked(many: Database, text: str) -> None:
    found = clients.find(many, text)
    assert len(found.clients) <= 5
    assert len(set(found.clients)) == len(found.clients)
    assert not found.sure or (len(found.clients) == 1 and not found.others)


# -- Which of several


@among("Dupont", "Dupond")
@pytest.mark.parametrize("name", ["Dupont", "dupond", "DUPOND"])
def test_of_two_near_names_the_one_that_was_typed_wins(known: Database, name: str) -> None:
    found = clients.find(known, name)
    assert (fold(told(found)[0]), len(found.clients), found.sure, found.corrected) == (fold(name), 1, True, False)


@among("Dupont", "Dupond", "Garage Martin")
@pytest.mark.parametrize("typed", ["duponr", "dupon", "dupons", "duponh", "dupontd"])
def test_a_typing_error_at_equal_distance_of_two_offers_both(known: Database, typed: str) -> None:
    found = clients.find(known, typed)
    assert (sorted(told(found)), found.sure) == (["Dupond", "Dupont"], False)


@among("Dupont BTP", "Dupont Énergie", "Martin BTP")
def test_a_word_of_several_names_offers_them(known: Database) -> None:
    found = clients.find(known, "dupont")
    assert (told(found), found.sure, found.corrected) == (["Dupont BTP", "Dupont Énergie"], False, False)


@among("Dupont", "Dupont BTP")
def test_a_whole_name_is_meant_even_when_another_name_holds_it(known: Database) -> None:
    assert (told(clients.find(known, "dupont")), clients.find(known, "dupont").sure) == (["Dupont"], True)


@among("Garage de l'Étoile", "Garage de l'Étoile du Nord")
def test_without_the_small_words_another_name_may_be_meant(known: Database) -> None:
    found = clients.find(known, "garage etoile")
    assert (told(found), found.sure) == (["Garage de l'Étoile", "Garage de l'Étoile du Nord"], False)


@among("Dupont Énergie", "Dupond")
def test_a_word_that_is_also_nearly_a_whole_name_offers_both(known: Database) -> None:
    found = clients.find(known, "dupont")
    assert (told(found), found.sure) == (["Dupont Énergie", "Dupond"], False)


@among("Garage Martin", "Martinez Bâtiment")
def test_a_whole_word_comes_before_a_piece_of_one(known: Database) -> None:
    found = clients.find(known, "martin")
    assert (told(found), found.sure) == (["Garage Martin", "Martinez Bâtiment"], False)


@among(*(f"Agence {place}" for place in ("Angers", "Brest", "Caen", "Dijon", "Évry", "Foix", "Gap", "Huez")))
def test_five_are_offered_and_the_others_counted(known: Database) -> None:
    found = clients.find(known, "agence")
    assert (len(found.clients), found.others, found.sure) == (5, 3, False)


@among("Dupont SARL", "Dupont SAS")
def test_a_legal_form_tells_two_namesakes_apart(known: Database) -> None:
    assert sorted(told(clients.find(known, "dupont"))) == ["Dupont SARL", "Dupont SAS"]
    assert not clients.find(known, "dupont").sure
    assert told(clients.find(known, "sas dupont")) == ["Dupont SAS"]


@among("Dupont BTP", "Boulangerie Pâquerette & Fils", "S.A.R.L. Transports St-Denis", "Établissements Cœur de Lion SAS")
@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("dupontbtp", "Dupont BTP"),
        ("du pont", "Dupont BTP"),
        ("du pont btp", "Dupont BTP"),
        ("dup", "Dupont BTP"),
        ("SARL Dupont BTP", "Dupont BTP"),
        ("DUPONT BTP EURL", "Dupont BTP"),
        ("erie", "Boulangerie Pâquerette & Fils"),
        ("paquerette fils", "Boulangerie Pâquerette & Fils"),
        ("pâquerette et fils", "Boulangerie Pâquerette & Fils"),
        ("boulangeriepaquerette", "Boulangerie Pâquerette & Fils"),
        ("st denis", "S.A.R.L. Transports St-Denis"),
        ("Transports Saint Denis", "S.A.R.L. Transports St-Denis"),
        ("sarl transports st denis", "S.A.R.L. Transports St-Denis"),
        ("coeur de lion", "Établissements Cœur de Lion SAS"),
        ("ETS COEUR DE LION", "Établissements Cœur de Lion SAS"),
    ],
)
def test_a_name_is_found_without_correction(known: Database, typed: str, name: str) -> None:
    found = clients.find(known, typed)
    assert (told(found), found.sure, found.corrected) == ([name], True, False)


@among("Dupont BTP", "Boulangerie Pâquerette & Fils", "Garage de l'Étoile", "Durand SAS")
@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("dupond btp", "Dupont BTP"),
        ("dupond", "Dupont BTP"),
        ("dupnt", "Dupont BTP"),
        ("du pnt", "Dupont BTP"),
        ("boulagnerie", "Boulangerie Pâquerette & Fils"),
        ("pakerette", "Boulangerie Pâquerette & Fils"),
        ("boulangeri paquerete", "Boulangerie Pâquerette & Fils"),
        ("garrage etoille", "Garage de l'Étoile"),
        ("Durand SARL", "Durand SAS"),
    ],
)
def test_a_corrected_name_is_said_to_be(known: Database, typed: str, name: str) -> None:
    found = clients.find(known, typed)
    assert (told(found), found.sure, found.corrected) == ([name], True, True)


@among("Dupont BTP", "Garage de l'Étoile")
@pytest.mark.parametrize("typed", ["dupont plomberie marseille", "garage du centre", "dpt btp"])
def test_what_is_only_like_a_name_is_offered_but_never_sure(known: Database, typed: str) -> None:
    found = clients.find(known, typed)
    assert (len(found.clients), found.sure, found.corrected) == (1, False, True)


@among("Dupont BTP", "Garage de l'Étoile", "Axo")
@pytest.mark.parametrize("typed", ["", "  ", "?!", "zzzzzz", "martin", "boulangerie"])
def test_what_is_like_no_name_finds_none(known: Database, typed: str) -> None:
    assert clients.find(known, typed) == Found()


@among("Dumas Énergie", "Transports Axel")
def test_a_letter_or_two_within_a_word_is_never_sure(known: Database) -> None:
    assert told(clients.find(known, "ma")) == ["Dumas Énergie"]
    assert not clients.find(known, "ma").sure


# -- The store changes


def test_a_client_that_came_meanwhile_is_found(tmp_path: Path) -> None:
    with closing(filled(tmp_path, "Dupont BTP")) as db, closing(store.open_to_write(tmp_path)) as writer:
        assert told(clients.find(db, "martin")) == []
        with writer.atomic():
            client_id(writer, "Garage Martin")
            assert told(clients.find(db, "martin")) == []
        assert told(clients.find(db, "martin")) == ["Garage Martin"]
        with writer.atomic():
            client_id(writer, "garage martin")
            client_id(writer, "dupont btp")
        assert told(clients.find(db, "dupont btp")) == ["dupont btp"]


def test_what_is_taken_back_is_forgotten(tmp_path: Path) -> None:
    filled(tmp_path, "Dupont BTP").close()
    with closing(store.open_to_write(tmp_path)) as db:
        assert told(clients.find(db, "dupont")) == ["Dupont BTP"]
        db.execute("BEGIN")
        client_id(db, "Garage Martin")
        assert told(clients.find(db, "martin")) == ["Garage Martin"]
        db.execute("ROLLBACK")
        assert told(clients.find(db, "martin")) == []


def test_names_are_read_once_as_long_as_the_store_stays_as_it_is(tmp_path: Path) -> None:
    """What that is worth: `python -m tests.bench.names`."""
    with closing(filled(tmp_path, *NAMES)) as db, closing(store.open_to_write(tmp_path)) as writer:
        asked: list[str] = []
        db.conn.set_trace_callback(asked.append)
        for typed in (NAMES[100], "dupont", NAMES[100][:-3] + "w", "zzzzzz yyyyy xxxxx"):
            clients.find(db, typed)
        assert sum("FROM clients" in statement for statement in asked) == 1
        asked.clear()
        with writer.atomic():
            client_id(writer, "Garage Martin")
        for _ in range(3):
            assert told(clients.find(db, "garage martin")) == ["Garage Martin"]
        assert sum("FROM clients" in statement for statement in asked) == 1
