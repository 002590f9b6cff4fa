"""Answers as Telegram messages, judged by a parser of Telegram's own rules."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.botapi.entities import parse_html
from bot.telegram.drawing import MOST_ROWS, MOST_SIGNS, Message, draw
from core.daily_chart import DailyChart
from handlers.answer import Answer, Button, Code, OutFile, Table

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


def test_short_labels_share_a_row_and_those_that_turn_pages_have_their_own() -> None:
    labels = ["06 39 98 00 01", "06 39 98 00 02", "06 39 98 00 03", "Un nom de client assez long", "Oui", "Non"]
    pages = (Button("◀ 1/3", "lignes page 1", in_place=True), Button("3/3 ▶", "lignes page 3", in_place=True))
    (message,) = draw([Answer("T", buttons=(*(Button(label, "aide") for label in labels), *pages))])
    assert [[label for label, _ in row] for row in message.buttons] == [
        ["06 39 98 00 01", "06 39 98 00 02"],
        ["06 39 98 00 03"],
        ["Un nom de client assez long", "Oui"],
        ["Non"],
        ["◀ 1/3", "3/3 ▶"],
    ]


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        ("06 39 98 00 01", ["06 39 98 00 01"]),
        ("SIM : 8933019900000000012", ["8933019900000000012"]),
        ("RIO 01PABC123+BX va", ["01PABC123+BX"]),
        ("du 06 39 98 00 01 au 06 39 98 00 02", ["06 39 98 00 01", "06 39 98 00 02"]),
        ("06 12 34 XX XX", []),
        ("12 345,67 €", []),
        ("fichier 20261123", []),
    ],
)
def test_numbers_cards_and_rios_are_copied_by_a_touch(text: str, copied: list[str]) -> None:
    for answer in (Answer("T", (text,)), Answer(text), Answer("T", table=Table(("A", "B"), ((text, "x"),)))):
        (message,) = draw([answer])
        plain, entities = parse_html(message.html)
        units = plain.encode("utf-16-le")
        found = [
            units[2 * it.offset : 2 * (it.offset + it.length)].decode("utf-16-le")
            for it in entities
            if it.type == "code"
        ]
        assert found == copied
        assert text in plain


def test_a_code_is_hidden_until_touched_and_stays_where_it_is() -> None:
    (message,) = draw([Answer("T", codes=(Code("Code PUK", "00012345"),))])
    assert "Code PUK : <tg-spoiler>00012345</tg-spoiler>" in message.html
    assert message.protected
    assert "00012345" not in repr(Code("Code PUK", "00012345"))


def test_a_picture_comes_after_the_text() -> None:
    chart = DailyChart("T", "dupontbtp", "", 20727, 20757, (202610,))
    text, picture = draw([Answer("T", picture=chart)])
    assert (seen(text), picture.picture, picture.attachment) == ("T", chart, None)


def test_the_parts_of_an_answer_know_their_place() -> None:
    messages = draw([Answer("T", ("x" * 5000,), files=(OutFile("a.csv", b"a"),))], question=7, again=True)
    assert [(it.question, it.part, it.parts, it.again) for it in messages] == [
        (7, number, len(messages), True) for number in range(len(messages))
    ]


def test_an_answer_in_place_is_no_reply_to_anything() -> None:
    first, *others = draw([Answer("T", ("x" * 5000,))], edits=9)
    assert (first.edits, first.reply_to) == (9, 0)
    assert {message.edits for message in others} == {0}


def test_only_the_first_message_answers_the_question() -> None:
    messages = draw([Answer("T", ("x" * 5000,))], question=7)
    assert [message.reply_to for message in messages] == [7] + [0] * (len(messages) - 1)


def test_a_file_bears_its_few_words() -> None:
    (message,) = draw([Answer("T", ("x" * 1000,), files=(OutFile("état.csv", b"a;b"),))])
    assert seen(message) == "T\n" + "x" * 1000
    assert (message.file_name, message.attachment) == ("état.csv", b"a;b")


@pytest.mark.parametrize(
    "answer",
    [
        Answer("T", ("x" * 1030,), files=(OutFile("état.csv", b"a;b"),)),
        Answer("T", files=(OutFile("état.csv", b"a;b"), OutFile("état.csv", b"a;b"))),
    ],
)
def test_other_files_are_messages_of_their_own_after_the_texts(answer: Answer) -> None:
    text, *files = draw([answer])
    assert seen(text)[0] == "T"
    assert [(file.file_name, file.attachment, file.html) for file in files] == [
        ("état.csv", b"a;b", "") for _ in answer.files
    ]


def test_several_answers_are_one_message_with_a_line_between() -> None:
    (message,) = draw([Answer("Un"), Answer("Deux")])
    assert seen(message) == "Un\n\nDeux"


@given(TEXT, TEXT, st.binary(max_size=20) | st.none())
def test_what_the_outbox_keeps_is_the_message(text: str, name: str, attachment: bytes | None) -> None:
    chart = DailyChart(text, "dupontbtp", "", 20727, 20757, (202609, 202610))
    rows = ((("Oui", "aide"), (text, "~aide")), (("Non", "aide"),))
    message = Message(text, rows, 7, name, attachment, chart, silent=True, edits=3, question=7, part=1, parts=2)
    assert Message.restored(message.payload(), attachment) == message


def test_what_an_older_version_left_in_the_outbox_is_still_sent() -> None:
    kept = b'{"html": "<b>T</b>", "buttons": [["Conso", "conso 0639980001"]], "reply_to": 7, "file_name": ""}'
    message = Message.restored(kept, None)
    assert message == Message("<b>T</b>", ((("Conso", "conso 0639980001"),),), 7)
