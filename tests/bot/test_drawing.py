"""Answers as Telegram messages, judged by a parser of Telegram's own rules."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.botapi.entities import parse_html
from bot.telegram.drawing import MOST_ROWS, MOST_SIGNS, Message, draw
from handlers.answer import Answer, Button, OutFile, Table

#: What texts are made of that could go wrong: signs of HTML, of entities, outside the first plane, and spaces.
TEXT = st.text(
    alphabet=st.one_of(st.sampled_from("<>&;\"'/ab#1 \n\u00a0\u202f😀é"), st.characters(exclude_categories=["Cs"])),
    max_size=200,
)


def seen(message: Message) -> str:
    """The characters that a person sees."""
    return parse_html(message.html)[0]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@given(TEXT, st.lists(TEXT, max_size=5), TEXT)
def test_any_text_is_shown_as_it_is(title: str, lines: list[str], freshness: str) -> None:
    drawn = "\n".join(map(seen, draw([Answer(title, tuple(lines), freshness=freshness)])))
    assert squeezed(drawn) == squeezed(title + "".join(lines) + freshness)


@given(st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=4))
def test_any_cell_is_shown_as_it_is(cells: list[list[str]]) -> None:
    table = Table(("A", "B"), tuple((row[0], row[1]) for row in cells))
    drawn = squeezed("".join(map(seen, draw([Answer("Titre", table=table)]))))
    assert all(squeezed(cell) in drawn for row in cells for cell in row)


@given(
    st.lists(
        st.tuples(TEXT.filter(bool), st.integers(1, 400)).map(lambda pair: pair[0] * pair[1]), min_size=1, max_size=4
    )
)
def test_a_long_answer_is_split_and_nothing_of_it_is_lost(lines: list[str]) -> None:
    messages = draw([Answer("Titre", tuple(lines), freshness="état au 24/11")])
    assert all(1 <= len(message.html) <= MOST_SIGNS for message in messages)
    assert all(seen(message).strip() for message in messages)
    assert squeezed("".join(map(seen, messages))) == squeezed("Titre" + "".join(lines) + "étatau24/11")


def test_an_entity_is_never_cut_in_two() -> None:
    for shift in range(6):
        messages = draw([Answer("T", ("x" * shift + "&" * 4000,))])
        assert "".join(map(seen, messages)).count("&") == 4000
        assert "amp" not in "".join(map(seen, messages))


def test_a_long_line_is_cut_between_words() -> None:
    messages = draw([Answer("T", (("mot " * 3000).strip(),))])
    assert len(messages) > 1
    assert all(set(seen(message).split()) <= {"mot", "T"} for message in messages)


def test_a_title_that_is_too_long_loses_its_bold_and_no_word() -> None:
    messages = draw([Answer("titre " * 1000)])
    assert " ".join(map(seen, messages)).split() == ["titre"] * 1000


def test_many_short_lines_are_split_between_lines() -> None:
    lines = tuple(f"ligne {number:04}" for number in range(1000))
    messages = draw([Answer("T", lines)])
    assert [line for message in messages for line in seen(message).split("\n")][1:] == list(lines)


def test_a_message_that_would_show_nothing_is_not_made() -> None:
    assert draw([Answer("", (" " * 5000,))]) == []


def test_the_title_is_bold_and_the_freshness_in_italics() -> None:
    (message,) = draw([Answer("Titre", ("texte",), freshness="état au 24/11")])
    assert message.html == "<b>Titre</b>\ntexte\n<i>état au 24/11</i>"


def test_a_table_is_a_line_a_row_without_empty_cells() -> None:
    table = Table(("Type", "Nombre", "Quantité"), (("Voix", "12", "3 min"), ("SMS", "4", "")))
    (message,) = draw([Answer("T", table=table)])
    assert seen(message) == "T\nVoix · 12 · 3 min\nSMS · 4"


def test_a_table_of_one_column_has_no_bold() -> None:
    (message,) = draw([Answer("T", table=Table(("A",), (("un",),)))])
    assert message.html == "<b>T</b>\nun"


def test_a_long_table_is_counted_instead() -> None:
    rows = tuple((str(number), "x") for number in range(MOST_ROWS + 7))
    (message,) = draw([Answer("T", table=Table(("A", "B"), rows))])
    assert seen(message).split("\n")[-1] == "… et 7 autres"
    assert len(seen(message).split("\n")) == 1 + MOST_ROWS + 1


def test_the_buttons_stand_under_the_last_text() -> None:
    messages = draw([Answer("T", ("x" * 5000,), buttons=(Button("Oui", "aide"),))])
    assert [bool(message.buttons) for message in messages] == [False] * (len(messages) - 1) + [True]


@pytest.mark.parametrize(
    ("command", "kept"), [("c" * 64, True), ("c" * 65, False), ("é" * 32, True), ("é" * 33, False)]
)
def test_a_button_that_telegram_would_refuse_is_left_out(command: str, kept: bool) -> None:
    (message,) = draw([Answer("T", buttons=(Button("Long", command), Button("Court", "aide")))])
    assert [button.label for button in message.buttons] == (["Long", "Court"] if kept else ["Court"])


def test_only_the_first_message_answers_the_question() -> None:
    messages = draw([Answer("T", ("x" * 5000,))], reply_to=7)
    assert [message.reply_to for message in messages] == [7] + [0] * (len(messages) - 1)


def test_a_file_is_a_message_of_its_own_after_the_texts() -> None:
    text, file = draw([Answer("T", files=(OutFile("état.csv", b"a;b"),))])
    assert seen(text) == "T"
    assert (file.file_name, file.attachment, file.html) == ("état.csv", b"a;b", "")


def test_several_answers_are_one_message_with_a_line_between() -> None:
    (message,) = draw([Answer("Un"), Answer("Deux")])
    assert seen(message) == "Un\n\nDeux"


@given(TEXT, TEXT, st.binary(max_size=20) | st.none())
def test_what_the_outbox_keeps_is_the_message(text: str, name: str, attachment: bytes | None) -> None:
    message = Message(text, (Button("Oui", "aide"),), 7, name, attachment)
    assert Message.restored(message.payload(), attachment) == message
