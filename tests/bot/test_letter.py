"""Mails as they leave: their headers, their two bodies, their files, read back by the library that others use."""

import random
import re
import time
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP, compat32, default
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.mail.attachments import LeftOut, as_it_travels, room_for_files, within_budget
from bot.mail.letter import FOOT, MOST_HTML, MOST_ROWS, Letter, Letterhead, compose, foot_for
from bot.mail.parts import MOST_REPLIES
from bot.mail.plain import WIDTH
from bot.mail.smtp import WIRE
from bot.sandbox import pictures
from handlers.answer import Answer, Button, Code, OutFile, Table
from handlers.ask import Role
from tests.handlers.filled import NOW

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
PLAIN = Letterhead()
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


def sent(
    letter: Letter = LETTER,
    name: str = "Télécom Exemple · assistant Origyne",
    head: Letterhead = PLAIN,
    touch: str = "",
) -> EmailMessage:
    return read(compose(letter, name, ROBOT, head, touch=touch))


def of(*parts: Answer, subject: str = "Télécom Exemple : un avis", **others: Any) -> Letter:
    return Letter("a@x.example", subject, parts, **others)


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
        self.links: dict[str, str] = {}
        self.sources: list[str] = []
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self._link = found.get("href") or "" if tag == "a" else self._link
        self.sources += [found["src"] or ""] if "src" in found else []

    def handle_endtag(self, tag: str) -> None:
        self._link = "" if tag == "a" else self._link

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._link:
            self.links[data] = self._link


def seen(message: EmailMessage) -> _Seen:
    found = _Seen()
    found.feed(bodies(message)[1])
    return found


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


def test_a_thread_without_end_names_its_first_mail_and_the_last_twenty() -> None:
    references = tuple(f"<{number}@x.example>" for number in range(300))
    message = sent(Letter("a@x.example", "Re: x", LETTER.parts, in_reply_to="<300@x.example>", references=references))
    assert message["References"].split() == [f"<{number}@x.example>" for number in (0, *range(281, 301))]


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
    assert set(shown.tags) <= {*plain_tags.tags, "wbr"}
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
        assert FOOT in " ".join(told.split())


def test_figures_are_aligned_in_the_text() -> None:
    lines = bodies(sent())[0].splitlines()
    first, second = (line for line in lines if line.endswith("€"))
    assert len(first) == len(second)


def test_a_long_table_is_counted_in_both_bodies() -> None:
    rows = tuple((str(number), "x") for number in range(MOST_ROWS + 5))
    letter = Letter("a@x.example", "x", (Answer("T", table=Table(("A", "B"), rows)),))
    assert all("… et 5 autres" in body for body in bodies(sent(letter)))


def test_the_foot_is_a_signature_that_programs_leave_out() -> None:
    signature = bodies(sent())[0].replace("\r\n", "\n").partition("\n-- \n")[2]
    assert " ".join(signature.split()) == FOOT


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


# Headers


def test_robots_of_mailboxes_are_asked_not_to_answer_but_to_say_what_did_not_arrive() -> None:
    kinds = sent()["X-Auto-Response-Suppress"].split(", ")
    assert {"OOF", "AutoReply"} <= set(kinds)
    assert not {"All", "NDR"} & set(kinds)


def test_it_says_that_it_is_french() -> None:
    assert sent()["Content-Language"] == "fr"


def test_what_continues_a_thread_without_answering_is_no_reply() -> None:
    message = sent(of(Answer("T"), references=("<1@x.example>", "<2@x.example>")))
    assert message["In-Reply-To"] == "<2@x.example>"
    assert message["References"].split() == ["<1@x.example>", "<2@x.example>"]
    assert message["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("Re: puk 12345678", "12345678"),
        ("PUK : 1234 5678", "1234 5678"),
        ("Votre code PIN est 0000, puis", "0000"),
        ("Votre code : 909 963", "909 963"),
        ("Re: 01E4K7P2QEM3 du 06 39 98 00 01", "01E4K7P2QEM3"),
        ("rio 01 E 4K7P2Q EM3", "4K7P2Q"),
        ("rio 01pabcdefghi", "abcdefghi"),
    ],
)
def test_a_subject_holds_no_code(subject: str, code: str) -> None:
    assert code not in sent(of(Answer("T"), subject=subject))["Subject"]


def test_a_code_of_an_answer_stands_nowhere_in_a_mail() -> None:
    message = sent(of(Answer("Le code", codes=(Code("Code PUK", "87654321"),)), subject="Voici : 87654321"))
    assert not any("87654321" in text for text in (message["Subject"], *bodies(message)))


@pytest.mark.parametrize(
    "subject",
    [
        "Télécom Exemple : 12 erreurs par jour, 30 paquets abc",
        "06 39 98 00 01 suspendue le 24/11/2026, AccountStatus_20261124_080000.csv",
        "Télécom Exemple : facture Origyne d'octobre 2026, 1 234,56 €",
    ],
)
def test_a_subject_without_codes_stays_as_it_is(subject: str) -> None:
    assert sent(of(Answer("T"), subject=subject))["Subject"] == subject


def test_a_subject_without_end_is_cut() -> None:
    subject = sent(of(Answer("T"), subject="mot " * 500))["Subject"]
    assert len(subject) < 160
    assert subject.endswith("…")


# The logo


LOGO = Letterhead(pictures.logo())


def test_the_logo_comes_with_the_mail_and_from_nowhere_else() -> None:
    message = sent(of(Answer("T", files=(OutFile("a.pdf", b"x"),))), head=LOGO)
    (source,) = seen(message).sources
    inline = {part["Content-ID"]: part for part in message.walk() if part["Content-ID"]}
    assert inline[f"<{source.removeprefix('cid:')}>"].get_payload(decode=True) == LOGO.logo
    assert "http" not in bodies(message)[1]


def test_the_logo_belongs_to_the_html_and_is_no_attachment() -> None:
    message = sent(of(Answer("T", files=(OutFile("a.pdf", b"x"),))), head=LOGO)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    assert [part.get_filename() for part in message.iter_attachments()] == ["a.pdf"]


@pytest.mark.parametrize("content", [b"", b"not a picture at all", b"<svg/>", b"\x89PNG\r\n\x1a\n" + bytes(200_000)])
def test_what_is_no_light_picture_is_no_logo(content: bytes) -> None:
    message = sent(head=Letterhead(content))
    assert seen(message).sources == []
    assert message.get_content_type() == "multipart/alternative"


# What chat shows as buttons


STATUS = Answer(
    "06 39 98 00 01",
    buttons=(
        Button("Conso", "conso 0639980001"),
        Button("Été & <Fils>", "conso Été & Fils + 100 % octobre"),
        Button("PUK", "puk 0639980001"),
        Button("Modèle", "rio modele"),
    ),
)
SECRET = "robot+0a1b2c@telecom.example"


@pytest.mark.parametrize(("label", "command"), [(it.label, it.command) for it in STATUS.buttons if it.label != "PUK"])
def test_a_button_prepares_the_reply_that_asks_it(label: str, command: str) -> None:
    link = urlsplit("".join(link for text, link in seen(sent(of(STATUS), touch=SECRET)).links.items() if text == label))
    fields = dict(field.split("=") for field in link.query.split("&"))
    assert (link.scheme, unquote(link.path)) == ("mailto", SECRET)
    assert unquote(fields["body"]) == command
    assert unquote(fields["subject"]) == "Re: Télécom Exemple : un avis"
    assert not set("+ ") & set(link.path + link.query)


def test_a_prepared_reply_to_a_reply_says_re_once() -> None:
    links = seen(sent(of(STATUS, subject="Re: ma question"), touch=SECRET)).links
    assert "?subject=Re%3A%20ma%20question&" in links["Conso"]


def test_without_an_address_that_is_believed_the_command_is_to_be_written() -> None:
    found = seen(sent(of(STATUS)))
    assert found.links == {}
    assert "Conso\xa0: répondre «\xa0conso 0639980001\xa0»" in found.text


def test_the_text_names_what_each_reply_asks() -> None:
    assert "  Conso : répondre « conso 0639980001 »" in bodies(sent(of(STATUS), touch=SECRET))[0].splitlines()


def test_a_code_is_not_to_be_asked_by_mail() -> None:
    for body in bodies(sent(of(STATUS), touch=SECRET)):
        assert "dans le chat, jamais par courriel : PUK." in body.replace("&#39;", "'")
        assert "puk" not in body


def test_more_buttons_than_a_mail_shows_are_left() -> None:
    many = Answer("T", buttons=tuple(Button(f"Ligne {number}", f"status {number}") for number in range(40)))
    assert len(seen(sent(of(many), touch=SECRET)).links) == MOST_REPLIES


@pytest.mark.parametrize(
    ("role", "example"), [("comptabilité", "factures octobre"), ("technique", "status"), ("équipe", "status")]
)
def test_the_foot_has_an_example_that_fits_the_reader(role: Role, example: str) -> None:
    assert example in foot_for({role}, NOW)


# What is read first


def test_the_preview_says_what_the_subject_does_not() -> None:
    part = Answer("Facture Origyne d'octobre 2026", ("Total : 12,00 € TTC.",), files=(OutFile("FO-1.pdf", b"x"),))
    html = bodies(sent(of(part, subject="T : facture Origyne d'octobre 2026", greeting="Bonjour,")))[1]
    shown = _Seen()
    shown.feed(html.partition("<body")[2].partition(">")[2])
    assert shown.text.strip().startswith("Ci-joint : FO-1.pdf · Total : 12,00\u00a0€ TTC.")


def test_a_code_is_not_previewed() -> None:
    html = bodies(sent(of(Answer("Votre code : 909 963", ("Camille donne cette adresse.",)))))[1]
    assert html.count("909 963") == 1


# Tables and long texts


WIDE = Table(
    ("Ligne", "Client", "Changement", "Vu le"),
    tuple((f"06 39 98 00 {n:02}", "Transports Rapides du Sud-Ouest", "suspendue", "24/11 à 08:00") for n in range(9)),
)


def test_on_a_telephone_a_wide_table_names_each_cell() -> None:
    assert ">Client&nbsp;: </span>Transports" in bodies(sent(of(Answer("T", table=WIDE))))[1]


def test_on_a_telephone_a_narrow_table_stays_one() -> None:
    assert "<span" not in bodies(sent())[1]


def test_the_name_of_a_file_breaks_at_its_signs_and_is_read_whole() -> None:
    name = "Transports_Rapides_du_Sud-Ouest_202610.pdf"
    message = sent(of(Answer("T", table=Table(("Fichier",), ((name,),)))))
    assert "Sud-<wbr>Ouest_<wbr>202610.pdf" in bodies(message)[1]
    assert name in seen(message).text


def test_figures_are_aligned_where_styles_are_dropped() -> None:
    assert 'align="right"' in re.sub(r'(style|class)="[^"]*"', "", bodies(sent())[1]).partition("Voix")[2]


def test_prose_is_in_short_lines_and_keeps_its_links_whole() -> None:
    link = f"https://exemple.fr/{'x' * 90}"
    text = bodies(sent(of(Answer("T", (f"{'des mots ' * 40}{link} puis {'la suite ' * 20}",)))))[0]
    assert link in text.splitlines()
    assert all(len(line) <= WIDTH for line in text.splitlines() if line != link)


def test_a_command_in_prose_is_not_broken_before_its_code() -> None:
    for padding in range(40, 76):
        text = bodies(sent(of(Answer("T", (f"{'x' * padding} /start wOhYAda-Wf3K5VQc3Ii5qIw puis la suite",)))))[0]
        assert "/start wOhYAda-Wf3K5VQc3Ii5qIw" in text


def test_no_line_of_prose_begins_or_ends_with_a_sign_that_belongs_to_a_word() -> None:
    for padding in range(40, 76):
        text = bodies(sent(of(Answer("T", (f"{'x' * padding} envoyer : « le mot » ; puis la suite",)))))[0]
        assert not [line for line in text.splitlines() if line.startswith((":", ";", "»")) or line.endswith("«")]


def test_a_table_too_wide_for_a_text_is_a_list() -> None:
    table = Table(("Client", "Détail", "Fichier"), (("Dupont BTP", "d" * 60, "f" * 60),))
    lines = bodies(sent(of(Answer("T", table=table))))[0].splitlines()
    assert lines[2:5] == ["Dupont BTP", f"  Détail : {'d' * 60}", f"  Fichier : {'f' * 60}"]


def test_an_empty_table_says_so() -> None:
    for body in bodies(sent(of(Answer("T", table=Table(("A", "B"), ()))))):
        assert "Rien à montrer." in body


def test_a_line_break_within_a_cell_makes_no_row() -> None:
    table = Table(("Client", "Montant"), (("Dupont\r\n-- \r\nBTP", "1"),))
    assert "Dupont --  BTP" in bodies(sent(of(Answer("T", table=table))))[0]


def test_a_long_table_with_its_spreadsheet_says_where_the_rest_is() -> None:
    rows = tuple((str(number), "x") for number in range(200))
    part = Answer("T", table=Table(("A", "B"), rows), files=(OutFile("tout.xlsx", b"x"),))
    assert all("… et 175 autres : voir tout.xlsx, ci-joint." in body for body in bodies(sent(of(part))))


def test_papers_that_go_along_do_not_stand_for_the_table() -> None:
    rows = tuple((f"{number}.pdf", "x") for number in range(40))
    part = Answer("T", table=Table(("Fichier", "Client"), rows), files=(OutFile("0.pdf", b"x"),))
    assert all("39.pdf" in body for body in bodies(sent(of(part))))


@pytest.mark.parametrize("count", [1, 12])
def test_however_much_there_is_no_mail_is_cut_by_a_mailbox(count: int) -> None:
    rows = tuple(tuple(f"cellule {n} {'é' * 20}" for n in range(6)) for _ in range(300))
    part = Answer("T", ("une ligne " * 8,) * 500, Table(tuple("ABCDEF"), rows))
    message = sent(of(*[part] * count))
    assert len(bodies(message)[1].encode()) <= MOST_HTML
    assert "autres lignes." in bodies(message)[0]


# Files


def rigid(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 100_000, 1_234_567])
def test_what_a_file_weighs_is_not_underrated(size: int) -> None:
    without = len(compose(of(Answer("T", files=(OutFile("b", b""),))), "R", ROBOT).as_bytes())
    with_it = compose(of(Answer("T", files=(OutFile("b", b""), OutFile("a.pdf", rigid(size))))), "R", ROBOT)
    assert len(with_it.as_bytes()) - without <= as_it_travels(size) + 150  # the mail's own words name it


def test_the_first_files_go_along_and_a_lighter_one_where_a_heavier_one_did_not() -> None:
    assert within_budget([3000, 9000, 2000, 4000], 8000, lambda size: size) == ([3000, 2000], [9000, 4000])


FILES = tuple(OutFile(f"{n}.pdf", rigid(300_000 + n), f"factures {n}.pdf") for n in range(20))


def test_a_mail_never_weighs_more_than_allowed() -> None:
    message = compose(of(Answer("T", files=FILES)), "R", ROBOT, Letterhead(pictures.logo(), most_megabytes=2))
    assert 1_200_000 < len(message.as_bytes()) <= 2_000_000


def test_what_does_not_go_along_is_named_with_how_to_have_it() -> None:
    message = sent(of(Answer("T", files=FILES)), head=Letterhead(most_megabytes=2), touch=SECRET)
    attached = [part.get_filename() for part in message.iter_attachments()]
    assert attached == ["0.pdf", "1.pdf", "2.pdf"]
    for body in bodies(message):
        assert "17 fichiers non joints" in body
        assert all(f"{n}.pdf (293 Ko)" in body for n in range(3, 20))
    assert unquote(seen(message).links["📄 3.pdf (293 Ko)"]).endswith("&body=factures 3.pdf")


def test_a_file_that_no_mail_takes_is_on_the_ftp() -> None:
    part = Answer("T", files=(OutFile("gros.pdf", rigid(1_000_000), "factures gros.pdf"),))
    message = sent(of(part), head=Letterhead(most_megabytes=1), touch=SECRET)
    assert list(message.iter_attachments()) == []
    assert seen(message).links == {}
    assert all("À prendre sur le FTP : gros.pdf (977 Ko)." in body for body in bodies(message))


def test_files_that_a_notice_leaves_are_named_too() -> None:
    letter = of(Answer("T"), left=(LeftOut("reste.pdf", 12_000, "factures reste.pdf"),))
    assert "📄 reste.pdf (11,7 Ko) : répondre « factures reste.pdf »" in bodies(sent(letter))[0]


def test_a_thousand_files_left_are_counted() -> None:
    left = tuple(LeftOut(f"{n}.pdf", 1000, f"factures {n}.pdf") for n in range(1000))
    message = sent(of(Answer("T"), left=left))
    assert len(bodies(message)[1].encode()) <= MOST_HTML
    for body in bodies(message):
        told = " ".join(body.split())
        assert "1 000 fichiers non joints" in told
        assert "et 888 autres" in told


def test_a_file_that_two_answers_bring_goes_once() -> None:
    file = OutFile("a.pdf", b"x")
    message = sent(of(Answer("T", files=(file,)), Answer("U", files=(file, OutFile("a.pdf", b"other")))))
    assert [part.get_payload(decode=True) for part in message.iter_attachments()] == [b"x", b"other"]


def test_there_is_room_for_the_words_beside_the_files() -> None:
    assert room_for_files(10) == 9_500_000


@pytest.mark.parametrize("name", ["Relevé d'été n° 3.pdf", "é" * 90 + ".csv"])
def test_an_old_outlook_finds_the_name_of_a_file_too(name: str) -> None:
    message = compose(of(Answer("T", files=(OutFile(name, b"x"),))), "R", ROBOT)
    (part,) = message_from_bytes(message.as_bytes(), policy=compat32).get_payload()[1:]  # type: ignore[index]
    assert str(make_header(decode_header(part.get_param("name")))) == name
    assert part.get_filename() is not None
