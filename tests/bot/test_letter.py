"""Mails as they leave: their headers, their two bodies, their files, read back by the library that others use."""

import re
import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.mail.letter import FOOT, MOST_ROWS, Letter, compose
from bot.mail.smtp import WIRE
from handlers.answer import Answer, OutFile, Table

ROBOT = "robot@telecom.example"
TABLE = Table(
    ("Type", "Montant HT"), (("Voix", "1\u202f234,56\u00a0€"), ("SMS & <MMS>", "0,10\u00a0€")), frozenset({1})
)
LETTER = Letter(
    "technique@telecom.example",
    "Télécom Exemple : 2 changements de lignes",
    (Answer("Consommation d'octobre", ("Hors forfait : 3,00\u00a0€ HT",), TABLE, freshness="état au 24/11"),),
    greeting="Bonjour Camille Martin,",
)
# What no header can hold: surrogates stand for bytes that nobody could decode.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
HOSTILE = st.lists(
    st.sampled_from(
        ["\r\n", "\n", "\r", "\x00", "Bcc: evil@evil.test", "é", "x", " ", "\u2028", "\x85", "\x0b", "\x0c"]
    ),
    max_size=8,
).map("".join)


def read(message: EmailMessage) -> EmailMessage:
    """What a receiver has of it."""
    received = message_from_bytes(message.as_bytes(), policy=default)
    assert isinstance(received, EmailMessage)
    assert not received.defects
    return received


def sent(letter: Letter = LETTER, name: str = "Télécom Exemple · assistant Origyne") -> EmailMessage:
    return read(compose(letter, name, ROBOT))


def bodies(message: EmailMessage) -> tuple[str, str]:
    plain, html = (message.get_body(preferencelist=(kind,)) for kind in ("plain", "html"))
    assert plain
    assert html
    return plain.get_content(), html.get_content()


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_is_from_the_robot_under_the_integrators_name() -> None:
    (sender,) = sent()["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Télécom Exemple · assistant Origyne", ROBOT)


def test_two_mails_never_have_the_same_message_id() -> None:
    assert len({sent()["Message-ID"] for _ in range(20)}) == 20


def test_a_message_id_holds_too_much_chance_to_be_guessed() -> None:
    found = re.fullmatch(r"<([0-9a-f]{32})@telecom\.example>", sent()["Message-ID"])
    assert found


def test_it_bears_its_date() -> None:
    moment = parsedate_to_datetime(sent()["Date"])
    assert abs(moment.timestamp() - time.time()) < 5


def test_a_notice_says_that_a_robot_wrote_it() -> None:
    assert sent()["Auto-Submitted"] == "auto-generated"


def test_an_answer_says_that_a_robot_replied() -> None:
    letter = Letter("a@x.example", "Re: status", LETTER.parts, in_reply_to="<q@x.example>")
    assert sent(letter)["Auto-Submitted"] == "auto-replied"


def test_an_answer_stands_in_its_thread() -> None:
    letter = Letter(
        "a@x.example", "Re: x", LETTER.parts, in_reply_to="<2@x.example>", references=("<1@x.example>", "<2@x.example>")
    )
    message = sent(letter)
    assert message["In-Reply-To"] == "<2@x.example>"
    assert message["References"].split() == ["<1@x.example>", "<2@x.example>"]


def test_a_message_id_longer_than_a_line_is_named_as_it_is() -> None:
    long = "<AM0PR07MB5234A1B2C3D4E5F6A7B8C9D0E1F2A3B4@AM0PR07MB5234.prod.exchange.example>"
    raw = compose(Letter("a@x.example", "Re: x", LETTER.parts, in_reply_to=long, references=(long,)), "R", ROBOT)
    assert f"In-Reply-To: {long}\r\n".encode() in raw.as_bytes()
    assert f"References: {long}\r\n".encode() in raw.as_bytes()


def test_a_thread_without_end_names_its_last_twenty_mails() -> None:
    references = tuple(f"<{number}@x.example>" for number in range(300))
    message = sent(Letter("a@x.example", "Re: x", LETTER.parts, in_reply_to="<300@x.example>", references=references))
    assert message["References"].split() == [f"<{number}@x.example>" for number in range(280, 301)]


def test_a_notice_stands_in_no_thread() -> None:
    assert sent()["In-Reply-To"] is None
    assert sent()["References"] is None


def test_the_subject_keeps_its_accents() -> None:
    assert sent()["Subject"] == LETTER.subject


@pytest.mark.parametrize("length", range(1, 120, 7))
def test_a_long_subject_is_read_back_whole(length: int) -> None:
    subject = ("Été à Orléans : relevé n° " * 6)[:length].strip()
    assert sent(Letter("a@x.example", subject, LETTER.parts))["Subject"] == subject


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
@settings(deadline=None)
def test_no_text_begins_a_header_of_its_own(subject: str, name: str, file_name: str, message_id: str) -> None:
    letter = Letter(
        "a@x.example",
        f"x{subject}",
        (Answer("T", files=(OutFile(f"x{file_name}", b"x"),)),),
        in_reply_to=f"<x{message_id}>",
        references=(f"<y{message_id}>",),
    )
    message = sent(letter, f"x{name}")
    assert message["Bcc"] is None
    assert len(message["From"].addresses) == 1
    assert message["To"] == "a@x.example"
    assert [part["Bcc"] for part in message.walk()] == [None] * len(list(message.walk()))


@given(TEXT, TEXT, TEXT)
@settings(deadline=None)
def test_any_text_is_shown_and_never_a_tag(title: str, line: str, cell: str) -> None:
    plain_tags = _Seen()
    plain_tags.feed(bodies(sent(Letter("a@x.example", "x", (Answer("x", ("x",), Table(("A",), (("x",),))),))))[1])
    html = bodies(sent(Letter("a@x.example", "x", (Answer(title, (line,), Table(("A",), ((cell,),))),))))[1]
    shown = _Seen()
    shown.feed(html)
    assert shown.tags == plain_tags.tags
    for text in (title, line, cell):
        assert "".join(text.split()) in "".join(shown.text.split())


def test_html_in_a_text_is_escaped() -> None:
    html = bodies(sent())[1]
    assert "SMS &amp; &lt;MMS&gt;" in html


def test_both_bodies_hold_the_same_figures_and_words() -> None:
    for body in bodies(sent()):
        told = body.replace("&#39;", "'")
        for words in ("Bonjour Camille Martin,", "Consommation d'octobre", "1\u202f234,56\u00a0€", "0,10\u00a0€"):
            assert words in told
        assert "Hors forfait : 3,00\u00a0€ HT" in told
        assert "état au 24/11" in told
        assert FOOT in told


def test_figures_are_aligned_in_the_text() -> None:
    lines = bodies(sent())[0].splitlines()
    first, second = (line for line in lines if line.endswith("€"))
    assert len(first) == len(second)


def test_a_long_table_is_counted_in_both_bodies() -> None:
    rows = tuple((str(number), "x") for number in range(MOST_ROWS + 5))
    letter = Letter("a@x.example", "x", (Answer("T", table=Table(("A", "B"), rows)),))
    assert all("… et 5 autres" in body for body in bodies(sent(letter)))


def test_the_foot_is_a_signature_that_programs_leave_out() -> None:
    assert f"\n-- \n{FOOT}" in bodies(sent())[0].replace("\r\n", "\n")


@pytest.mark.parametrize("name", ["facture.pdf", "Relevé d'été n° 3.pdf", "é" * 90 + ".csv", "données.xlsx", "sans"])
def test_an_attachment_keeps_its_name_and_its_bytes(name: str) -> None:
    content = bytes(range(256)) * 20
    letter = Letter("a@x.example", "x", (Answer("T", files=(OutFile(name, content),)),))
    (part,) = sent(letter).iter_attachments()
    assert part.get_filename() == name
    assert part.get_payload(decode=True) == content


@pytest.mark.parametrize(
    ("name", "kind"), [("a.pdf", "application/pdf"), ("a.csv", "text/csv"), ("a.zzz", "application/octet-stream")]
)
def test_an_attachment_has_the_type_of_its_name(name: str, kind: str) -> None:
    (part,) = sent(Letter("a@x.example", "x", (Answer("T", files=(OutFile(name, b"x"),)),))).iter_attachments()
    assert part.get_content_type() == kind


def test_all_that_leaves_is_within_the_limit_of_a_line() -> None:
    letter = Letter("a@x.example", "x", (Answer("T", ("mot " * 2000, "x" * 3000)),))
    assert max(map(len, compose(letter, "R", ROBOT).as_bytes().split(b"\r\n"))) <= 998


def test_a_cell_of_spaces_is_no_fault() -> None:
    letter = Letter("a@x.example", "x", (Answer("T", table=Table(("A",), ((" " * 20,), ("",)))),))
    assert "<td" in bodies(sent(letter))[1]


def test_a_message_id_stays_as_it_is_on_the_wire() -> None:
    long = "<AM0PR07MB5234A1B2C3D4E5F6A7B8C9D0E1F2A3B4@AM0PR07MB5234.prod.exchange.example>"
    kept = compose(Letter("a@x.example", "Re: x", LETTER.parts, in_reply_to=long), "R", ROBOT).as_bytes()
    assert f"In-Reply-To: {long}\r\n".encode() in message_from_bytes(kept, policy=SMTP).as_bytes(policy=WIRE)
