"""The journal of the sandbox's page: what the service's log tells, in French, with its delays."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.sandbox.page.journal import JournalPart
from bot.sandbox.page.servicelog import Happening, ServiceLog, Tail

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def service() -> ServiceLog:
    return ServiceLog()


def line(after: float, message: str, about: str = "", logger: str = "bot.service", level: str = "INFO") -> str:
    """A record of the service's log, `after` seconds after noon."""
    time = datetime.fromtimestamp(NOON + after, UTC).isoformat(timespec="milliseconds")
    record = {"time": time, "level": level, "logger": logger, "message": message, "about": about, "process": "service"}
    return json.dumps(record)


def told(service: ServiceLog, *lines: str) -> list[Happening]:
    return [happening for it in lines for happening in service.happenings(it)]


def texts(happenings: list[Happening]) -> list[str]:
    return [happening.text for happening in happenings]


def delays(happenings: list[Happening]) -> list[float | None]:
    return [None if it.delay is None else round(it.delay, 3) for it in happenings]


SEQUEL = (
    line(1.5, "pass: 2 fetched, 2 read", "p4"),
    line(1.6, "notices: 2 events, 2 readers", "n227"),
    line(1.7, "sent: chat parcel 8 in 0.004 s", "n227", "bot.telegram.sender"),
    line(1.9, "sent: mail parcel 7 in 0.033 s", "n227", "bot.mail.sending"),
)


def test_what_comes_of_a_deposit_is_one_chain_with_its_delays(service: ServiceLog) -> None:
    service.deposited(NOON, "d1", 2)
    happenings = told(service, *SEQUEL)
    assert [it.kind for it in happenings] == ["read", "event", "notice", "notice"]
    assert texts(happenings) == [
        "2 fichiers reçus et lus",
        "2 nouvelles, pour 2 personnes",
        "Avis dans le chat",
        "Avis par courriel",
    ]
    assert delays(happenings) == [1.5, 1.6, 1.7, 1.9]
    assert {it.chain for it in happenings} == {"d1"}


def test_files_that_nobody_here_deposited_have_no_delay(service: ServiceLog) -> None:
    service.deposited(NOON, "d1", 1)
    happenings = told(service, line(1, "pass: 245 fetched, 245 read", "p1"), line(1.1, "notices: 9 events, 3 readers"))
    assert delays(happenings) == [None, None]
    assert {it.chain for it in happenings} == {"p1"}


def test_a_deposit_amid_a_great_reading_is_read_by_the_next_pass(service: ServiceLog) -> None:
    service.deposited(NOON, "d1", 1)
    happenings = told(service, line(1, "pass: 245 fetched, 245 read", "p1"), line(2, "pass: 1 fetched, 1 read", "p2"))
    assert [(it.chain, it.delay) for it in happenings] == [("p1", None), ("d1", 2.0)]


def test_a_deposit_that_a_great_reading_may_have_brought_takes_nothing_from_the_next_one(service: ServiceLog) -> None:
    service.deposited(NOON, "d1", 1)
    told(service, line(1, "pass: 246 fetched, 246 read", "p1"))
    service.deposited(NOON + 5, "d2", 1)
    (read,) = told(service, line(6, "pass: 1 fetched, 1 read", "p6"))
    assert (read.chain, read.delay) == ("d2", 1.0)


def test_files_of_a_deposit_may_be_read_in_two_passes(service: ServiceLog) -> None:
    service.deposited(NOON, "d1", 3)
    happenings = told(service, line(1, "pass: 2 fetched, 2 read", "p1"), line(2, "pass: 1 fetched, 1 read", "p2"))
    assert [(it.chain, it.delay) for it in happenings] == [("d1", 1.0), ("d1", 2.0)]


def test_two_deposits_read_at_once_count_from_the_last(service: ServiceLog) -> None:
    service.deposited(NOON, "d1", 1)
    service.deposited(NOON + 0.5, "d2", 2)
    (read,) = told(service, line(1, "pass: 3 fetched, 3 read", "p1"))
    assert (read.chain, read.delay) == ("d2", 0.5)


def test_a_deposit_is_not_answered_twice(service: ServiceLog) -> None:
    service.deposited(NOON, "d1", 1)
    told(service, line(1, "pass: 1 fetched, 1 read", "p1"))
    (read,) = told(service, line(9, "pass: 1 fetched, 1 read", "p9"))
    assert (read.chain, read.delay) == ("p9", None)


def test_a_pass_that_brings_nothing_is_silent(service: ServiceLog) -> None:
    assert told(service, line(1, "pass: 0 fetched, 0 read", "p1")) == []


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("pass: 1 fetched, 1 read", "1 fichier reçu et lu"),
        ("pass: 3 fetched, 2 read", "3 fichiers reçus, 2 lus"),
        ("pass: 0 fetched, 1 read", "1 fichier lu"),
        ("pass: 2 fetched, 0 read", "2 fichiers reçus"),
        ("notices: 1 events, 1 readers", "1 nouvelle, pour 1 personne"),
        ("notices: 2 events, 0 readers", "2 nouvelles, mais pour personne"),
    ],
)
def test_numbers_are_told_in_plain_french(service: ServiceLog, message: str, text: str) -> None:
    assert texts(told(service, line(0, message))) == [text]


def test_a_question_and_its_answer_are_one_chain(service: ServiceLog) -> None:
    question, answer = told(
        service,
        line(0, "taken: chat, /status", "q2", "handlers.registry"),
        line(0, "sent: chat parcel 6 in 0.010 s, 0.013 s after it was taken", "q2", "bot.telegram.sender"),
    )
    assert (question.kind, question.text) == ("person", "Demande dans le chat : /status")
    assert (answer.kind, answer.text) == ("answer", "/status : répondu dans le chat")
    assert answer.delay == 0.013
    assert question.chain == answer.chain == "q2"


def test_a_question_by_mail_is_answered_by_mail(service: ServiceLog) -> None:
    happenings = told(
        service,
        line(0, "taken: mail, /conso", "q7", "handlers.registry"),
        line(2, "sent: mail parcel 9 in 0.033 s, 0.8 s after it was taken", "q7", "bot.mail.sending"),
    )
    assert texts(happenings) == ["Demande par courriel : /conso", "/conso : répondu par courriel"]


def test_what_follows_an_answer_is_its_sequel(service: ServiceLog) -> None:
    happenings = told(
        service,
        line(0, "taken: chat, /conso", "q3", "handlers.registry"),
        line(1, "sent: chat parcel 6 in 0.010 s, 1.0 s after it was taken", "q3", "bot.telegram.sender"),
        line(2, "sent: chat parcel 7 in 0.010 s, 2.0 s after it was taken", "q3", "bot.telegram.sender"),
    )
    assert texts(happenings)[1:] == ["/conso : répondu dans le chat", "/conso : suite dans le chat"]


def test_what_one_person_writes_to_another_is_a_message(service: ServiceLog) -> None:
    sent = line(1, "sent: chat parcel 6 in 0.010 s, 0.021 s after it was taken", "q9", "bot.telegram.sender")
    assert [(it.text, it.delay) for it in told(service, sent)] == [("Message dans le chat", 0.021)]


def test_an_answer_after_a_restart_is_counted_from_its_question(service: ServiceLog) -> None:
    happenings = told(
        service,
        line(0, "taken: chat, /status", "q5", "handlers.registry"),
        line(8, "service started, data in /data"),
        line(9, "sent: chat parcel 6 in 0.010 s", "q5", "bot.telegram.sender"),
    )
    assert texts(happenings)[-1] == "/status : répondu dans le chat"
    assert happenings[-1].delay == 9


def test_starts_and_stops_are_told(service: ServiceLog) -> None:
    happenings = told(service, line(0, "service started, data in /x"), line(1, "stopping"), line(2, "stopped"))
    assert [(it.kind, it.text) for it in happenings] == [
        ("recovery", "Le robot a démarré"),
        ("fault", "Le robot s'arrête"),
        ("fault", "Le robot est arrêté"),
    ]


CONNECTION = "Connexion au FTP : le serveur est injoignable (connexion refusée) (127.0.0.1:33781)."


def test_an_ftp_that_is_away_is_told_once_and_so_is_its_return(service: ServiceLog) -> None:
    away = [
        written
        for second in range(3)
        for written in (
            line(second, CONNECTION, f"p{second}", "core.sync", "WARNING"),
            line(second, f"pass: 0 fetched, 0 read, but: {CONNECTION}", f"p{second}"),
        )
    ]
    happenings = told(service, *away, line(4, "pass: 0 fetched, 0 read", "p4"), line(5, "pass: 0 fetched, 0 read"))
    assert [(it.kind, it.text, it.delay) for it in happenings] == [
        ("fault", "Le robot n'atteint plus le FTP : il réessaie à chaque passage", None),
        ("recovery", "Le robot lit de nouveau le FTP", 4.0),
    ]


def test_a_telegram_that_is_away_is_back_when_something_is_sent(service: ServiceLog) -> None:
    happenings = told(
        service,
        line(0, "polling: NetworkError", "", "bot.telegram.poller", "WARNING"),
        line(1, "polling: NetworkError", "", "bot.telegram.poller", "WARNING"),
        line(3, "sent: chat parcel 6 in 0.010 s", "n4", "bot.telegram.sender"),
    )
    assert texts(happenings) == [
        "Le robot n'atteint plus Telegram : il réessaie",
        "Telegram répond de nouveau",
        "Avis dans le chat",
    ]
    assert happenings[1].delay == 3


@pytest.mark.parametrize(
    ("logger", "level", "message", "text"),
    [
        (
            "bot.mail.imap",
            "WARNING",
            "IMAP: localhost:39737 : le serveur a coupé la connexion.",
            "Le robot n'atteint plus sa boîte aux lettres : il réessaie",
        ),
        (
            "bot.telegram.sender",
            "WARNING",
            "chat: 1 parcels were being sent at the last stop: sent again, marked uncertain",
            "Envois en cours au dernier arrêt : 1, refaits et marqués « incertains »",
        ),
        (
            "bot.mail.sending",
            "ERROR",
            "mail parcel 4 refused: 550 no such user",
            "Un courriel n'est pas parti : 550 no such user",
        ),
        ("bot.service", "ERROR", "_notices stumbled: ValueError at …", "Le robot a trébuché, et s'est repris"),
        ("bot.anything", "WARNING", "what nobody foresaw", "Un incident est noté dans le robot (bot.anything)"),
        ("core.disk", "ERROR", "what nobody foresaw", "Une erreur est survenue dans le robot (core.disk)"),
    ],
)
def test_a_fault_is_told_in_plain_french(service: ServiceLog, logger: str, level: str, message: str, text: str) -> None:
    (happening,) = told(service, line(0, message, "", logger, level))
    assert (happening.kind, happening.text) == ("fault", text)


@pytest.mark.parametrize(
    "written", ["", "Traceback (most recent call last):", "[1, 2]", '"stopped"', "{}", '{"time": "x", "level": "INFO"}']
)
def test_what_is_no_record_says_nothing(service: ServiceLog, written: str) -> None:
    assert told(service, written) == []


def test_the_tail_gives_whole_lines_only(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    tail = Tail(log)
    assert tail.lines() == []
    log.write_bytes(b"un\nde")
    assert tail.lines() == ["un"]
    with log.open("ab") as file:
        file.write("ux é\ntrois".encode())
    assert tail.lines() == ["deux é"]
    assert tail.lines() == []


def test_the_tail_of_a_log_that_begins_anew_begins_anew(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    tail = Tail(log)
    log.write_text("un\ndeux\n")
    tail.lines()
    log.write_text("neuf\n")
    assert tail.lines() == ["neuf"]


async def test_the_pane_is_told_of_deposits_and_of_what_the_log_says_then(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    journal = JournalPart(log)
    entries: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    following = asyncio.create_task(journal.follow(lambda _, entry: entries.put_nowait(dict(entry))))  # type: ignore[call-overload]
    try:
        journal.deposited("operator", "L'opérateur dépose un fichier", 2)
        first = await asyncio.wait_for(entries.get(), 10)
        assert (first["text"], first["chain"]) == ("L'opérateur dépose un fichier", "d1")
        now = datetime.now(UTC).timestamp() - NOON
        log.write_text(line(now, "pass: 2 fetched, 2 read", "p4") + "\n")
        second = await asyncio.wait_for(entries.get(), 10)
        assert (second["kind"], second["chain"]) == ("read", "d1")
        assert [entry["id"] for entry in (first, second)] == [1, 2]
        assert await journal.snapshot() == [first, second]
    finally:
        following.cancel()
