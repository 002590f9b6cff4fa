"""Raw mails (tests/corpus/mails/*.eml), each with the reading that is right for it (*.toml beside it)."""

import contextlib
import tomllib
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mail.contents import cleaned
from bot.mail.letter import Letter, compose
from bot.mail.markup import Line, lines_of
from bot.mail.quoting import split
from bot.mail.reading import Mail, MailUnreadable, message_id_of, read
from handlers.answer import Answer
from handlers.understand import understand

CORPUS = Path(__file__).parents[1] / "corpus" / "mails"
TRUSTED = "mx.telecom.example"
KNOWN = "technique@telecom.example"
MAILS = sorted(CORPUS.glob("*.eml"))
GOLDEN = {path.stem: tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8")) for path in MAILS}

#: What a golden says beside the reading: of the mail, not of the reader.
ABOUT = {"client", "language", "quoted_questions", "spoof", "unreadable"}


def reading(mail: Mail) -> dict[str, object]:
    found: dict[str, object] = {
        "sender": mail.sender,
        "author": mail.author,
        "recipients": list(mail.recipients),
        "own_words": list(mail.own_words),
        "own_text": mail.own_text,
        "cut": squeezed(mail.cut),
        "questions": [" ".join(understood) for words in mail.own_words if (understood := understand(words))],
        "automatic": mail.automatic,
        "verdict": mail.verdict,
        "files": [file.name for file in mail.files],
    }
    if mail.bounce:
        reached = [[it.address, it.status, it.action, it.diagnostic] for it in mail.bounce.recipients]
        found["bounce"] = {"message_id": mail.bounce.message_id, "envid": mail.bounce.envid, "recipients": reached}
    return found


def squeezed(text: str) -> list[str]:
    """The lines that say something."""
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


def read_mail(name: str) -> Mail:
    return read((CORPUS / f"{name}.eml").read_bytes(), TRUSTED)


READABLE = [name for name, golden in GOLDEN.items() if not golden.get("unreadable")]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_mail_is_read_as_expected(name: str) -> None:
    golden = GOLDEN[name]
    if golden.get("unreadable"):
        with pytest.raises(MailUnreadable):
            read_mail(name)
        return
    found = reading(read_mail(name))
    expected: dict[str, Any] = {key: value for key, value in golden.items() if key not in ABOUT}
    expected["cut"] = [" ".join(line.split()) for line in expected["cut"]]
    assert {key: found[key] for key in expected} == expected
    assert ("bounce" in found) == ("bounce" in golden)


def test_the_corpus_is_what_it_is_said_to_be() -> None:
    assert {path.stem for path in CORPUS.glob("*.toml")} == set(GOLDEN)
    assert len(GOLDEN) >= 200
    assert sum(golden.get("language") == "fr" for golden in GOLDEN.values()) >= 150
    assert len({golden["client"] for golden in GOLDEN.values() if "client" in golden}) >= 20


@pytest.mark.parametrize("name", READABLE)
def test_no_quoted_question_is_ever_among_the_senders_words(name: str) -> None:
    asked = {understood for words in read_mail(name).own_words if (understood := understand(words))}
    quoted = {understand(line) for line in GOLDEN[name].get("quoted_questions", [])}
    assert not asked & quoted
    # In this corpus, what is quoted or forwarded asks for these lines, which no sender asks for himself.
    assert not asked & {("status", "0639980002"), ("status", "0639980003")}


@pytest.mark.parametrize("name", [name for name in READABLE if GOLDEN[name].get("spoof")])
def test_a_spoof_is_not_vouched_for_as_one_of_ours(name: str) -> None:
    mail = read_mail(name)
    assert mail.sender.lower() != KNOWN or mail.verdict != "pass"


@pytest.mark.parametrize("name", READABLE)
def test_each_line_of_the_body_is_the_senders_or_cut(name: str) -> None:
    mail = read_mail(name)
    golden = GOLDEN[name]
    assert sorted(squeezed(mail.own_text) + squeezed(mail.cut)) == sorted(
        squeezed(golden["own_text"]) + [" ".join(line.split()) for line in golden["cut"]]
    )


def test_without_a_trusted_server_no_verdict_counts() -> None:
    assert read((CORPUS / "verdict_dmarc_pass.eml").read_bytes(), "").verdict == "none"


def test_the_message_id_is_read_without_reading_the_mail() -> None:
    raw = (CORPUS / "gmail_reply.eml").read_bytes()
    assert message_id_of(raw) == read(raw, TRUSTED).message_id


def test_a_mail_without_message_id_has_none() -> None:
    assert message_id_of(b"From: a@x.test\r\n\r\nMessage-ID: <x@y>\r\n") == ""


def test_the_thread_is_read() -> None:
    mail = read_mail("gmail_reply")
    assert mail.in_reply_to == "<0123456789abcdef0123456789abcdef@telecom.example>"
    assert mail.references == (mail.in_reply_to,)


def test_a_file_that_came_along_keeps_its_bytes() -> None:
    (file,) = read_mail("logo_attached").files
    assert file.content == b"\x89PNG\r\n\x1a\n"


def own_words(body: str) -> list[str]:
    own, _ = split([Line(line) for line in cleaned(body).split("\n")])
    return [line.strip() for line in own.split("\n") if line.strip()]


def test_our_own_mail_quoted_by_a_program_that_wraps_lines_asks_nothing() -> None:
    ours = compose(Letter("a@x.example", "x", (Answer("T", ("ligne",)),)), "R", "robot@telecom.example")
    part = ours.get_body(preferencelist=("plain",))
    assert isinstance(part, EmailMessage)
    quoted = ["> " + line for line in str(part.get_content()).splitlines()]
    wrapped = "\n".join(line.replace("exemple : ", "exemple :\n") for line in quoted)
    assert own_words(f"Merci\n\nLe 24/11/2026 à 10:05, Robot a écrit :\n{wrapped}") == ["Merci"]


def test_what_follows_a_postscript_is_the_senders_again() -> None:
    assert own_words("Cordialement,\nCamille\nP.S. : et la facture ?") == ["Cordialement,", "P.S. : et la facture ?"]


def test_numbers_that_a_line_announces_are_no_signature() -> None:
    asked = ["L'état de ces lignes, svp :", "Dupont", "06 39 98 00 01"]
    assert own_words("\n".join(asked)) == asked


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000,
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(100)),
        b"Content-Type: message/rfc822\r\n\r\n" * 100,
        b"X-Long: " + b"x" * 1_000_000 + b"\r\n\r\nBonjour",
        b"Content-Type: text/plain; " + b"(" * 15_000 + b"\r\n\r\nBonjour",
    ],
    ids=["5000 parts", "100 levels", "mails within mails", "endless header", "endless comment"],
)
def test_a_mail_out_of_bounds_is_refused_with_a_reason_in_french(body: bytes) -> None:
    with pytest.raises(MailUnreadable, match=r"parties|imbriqués|en-têtes|illisible"):
        read(b"From: a@b.test\r\n" + body, TRUSTED)


@pytest.mark.parametrize(
    "text", ["<!--" * 250_000, "<a b='" * 200_000, "<div>" * 200_000 + "</x>" * 200_000, "le 12:00 <\n" * 100_000]
)
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_body_made_to_hang_the_reader_is_read(text: str, kind: str) -> None:
    raw = f"From: a@b.test\r\nContent-Type: text/{kind}\r\n\r\n{text}".encode()
    assert read(raw, TRUSTED).sender == "a@b.test"


@given(st.binary(max_size=400))
def test_any_bytes_are_a_mail_or_not_but_never_a_fault(raw: bytes) -> None:
    with contextlib.suppress(MailUnreadable):
        read(raw, TRUSTED)


@given(st.sampled_from(MAILS), st.integers(0, 2000), st.binary(max_size=20))
def test_a_damaged_mail_is_read_or_refused_but_never_a_fault(path: Path, place: int, damage: bytes) -> None:
    raw = path.read_bytes()
    with contextlib.suppress(MailUnreadable):
        read(raw[:place] + damage + raw[place + len(damage) :], TRUSTED)


MARKS = [
    *("status 0639980001", "", "> status 0639980002", "Le 24/11/2026 à 10:05, Robot a écrit :", "Cordialement,"),
    *("De : a@b.test", "Objet : x", "-- ", "Camille Martin", "06 39 98 12 34", "Envoyé de mon iPhone", "-----"),
]


@given(st.lists(st.one_of(st.text(max_size=40), st.sampled_from(MARKS)), max_size=14))
def test_own_and_cut_text_hold_every_line_once(lines: list[str]) -> None:
    body = cleaned("\n".join(lines))
    own, cut = split([Line(line) for line in body.split("\n")])
    assert sorted(squeezed(own) + squeezed(cut)) == sorted(squeezed(body))


@given(st.lists(st.sampled_from(["status 0639980001", "", "texte", "> status 0639980002", "a écrit :"]), max_size=12))
def test_a_marked_line_never_is_the_senders(lines: list[str]) -> None:
    assert "> status 0639980002" not in own_words("\n".join(lines))
    assert "status 0639980002" not in own_words("\n".join(lines))


MARKUP = st.sampled_from(
    ["<p>", "</p>", "<div>", "</div>", "<blockquote>", "</blockquote>", "<br>", "un", "deux", "<", "&"]
)


@given(st.lists(MARKUP, max_size=20))
def test_no_word_of_an_html_body_is_lost(pieces: list[str]) -> None:
    html = "".join(pieces)
    own, cut = split(lines_of(html))
    assert (own + cut).count("un") == html.count("un")
    assert (own + cut).count("deux") == html.count("deux")
