"""Raw mails (tests/corpus/mails/*.eml), each with the reading that is expected of it (*.toml beside it)."""

import contextlib
import tomllib
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mail.letter import Letter, compose
from bot.mail.reading import Mail, MailUnreadable, message_id_of, own_words, read
from handlers.answer import Answer
from handlers.understand import understand

CORPUS = Path(__file__).parents[1] / "corpus" / "mails"
TRUSTED = "mx.telecom.example"
MAILS = sorted(CORPUS.glob("*.eml"))


def reading(mail: Mail) -> dict[str, object]:
    questions = [" ".join(understood) for words in mail.own_words if (understood := understand(words))]
    return {
        "sender": mail.sender,
        "own_words": list(mail.own_words),
        "questions": questions,
        "automatic": mail.automatic,
        "verdict": mail.verdict,
        "files": [file.name for file in mail.files],
    }


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_mail_is_read_as_expected(path: Path) -> None:
    expected = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
    if expected.get("unreadable"):
        with pytest.raises(MailUnreadable):
            read(path.read_bytes(), TRUSTED)
        return
    found = reading(read(path.read_bytes(), TRUSTED))
    assert {name: found[name] for name in expected} == expected


def test_every_mail_of_the_corpus_has_its_reading() -> None:
    assert {path.stem for path in CORPUS.glob("*.toml")} == {path.stem for path in MAILS}
    assert len(MAILS) >= 25


def test_without_a_trusted_server_no_verdict_counts() -> None:
    assert read((CORPUS / "verdict_dmarc_pass.eml").read_bytes(), "").verdict == "none"


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_no_quoted_question_is_ever_among_the_senders_words(path: Path) -> None:
    # In this corpus, what is quoted or forwarded asks for these lines, which no sender asks for himself.
    try:
        mail = read(path.read_bytes(), TRUSTED)
    except MailUnreadable:
        return
    asked = {understood for words in mail.own_words if (understood := understand(words))}
    assert not asked & {("status", "0639980002"), ("status", "0639980003")}


def test_the_message_id_is_read_without_reading_the_mail() -> None:
    raw = (CORPUS / "gmail_reply.eml").read_bytes()
    assert message_id_of(raw) == read(raw, TRUSTED).message_id


def test_a_mail_without_message_id_has_none() -> None:
    assert message_id_of(b"From: a@x.test\r\n\r\nMessage-ID <x>\r\n") == ""


def test_the_thread_is_read() -> None:
    mail = read((CORPUS / "gmail_reply.eml").read_bytes(), TRUSTED)
    assert mail.in_reply_to == "<0123456789abcdef0123456789abcdef@telecom.example>"
    assert mail.references == (mail.in_reply_to,)


def test_a_file_that_came_along_keeps_its_bytes() -> None:
    (file,) = read((CORPUS / "logo_attached.eml").read_bytes(), TRUSTED).files
    assert file.content == b"\x89PNG\r\n\x1a\n"


def test_our_own_mail_quoted_by_a_program_that_wraps_lines_asks_nothing() -> None:
    ours = compose(Letter("a@x.example", "x", (Answer("T", ("ligne",)),)), "R", "robot@telecom.example")
    part = ours.get_body(preferencelist=("plain",))
    assert isinstance(part, EmailMessage)
    quoted = ["> " + line for line in str(part.get_content()).splitlines()]
    wrapped = "\n".join(line.replace("exemple : ", "exemple :\n") for line in quoted)
    assert own_words(f"Merci\n\nLe 24/11/2026 à 10:05, Robot a écrit :\n{wrapped}") == ["Merci"]


@given(st.binary(max_size=400))
def test_any_bytes_are_a_mail_or_not_but_never_a_fault(raw: bytes) -> None:
    with contextlib.suppress(MailUnreadable):
        read(raw, TRUSTED)


@given(st.sampled_from(MAILS), st.integers(0, 2000), st.binary(max_size=20))
def test_a_damaged_mail_is_read_or_refused_but_never_a_fault(path: Path, place: int, damage: bytes) -> None:
    raw = path.read_bytes()
    with contextlib.suppress(MailUnreadable):
        read(raw[:place] + damage + raw[place + len(damage) :], TRUSTED)


@given(st.text(max_size=300))
def test_own_words_are_lines_of_the_body(body: str) -> None:
    lines = [line.strip() for line in body.replace("\r", "").split("\n")]
    assert all(words in lines and words for words in own_words(body))


@given(st.lists(st.sampled_from(["status 0639980001", "", "texte", "> status 0639980002", "a écrit :"]), max_size=12))
def test_a_marked_line_never_is_the_senders(lines: list[str]) -> None:
    assert "> status 0639980002" not in own_words("\n".join(lines))
    assert "status 0639980002" not in own_words("\n".join(lines))
