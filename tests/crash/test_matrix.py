"""A part of the crash matrix; `make crash` runs it whole."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.flows import FLOWS
from tests.crash.matrix import Run, Undisturbed, disturbed, undisturbed
from tests.crash.outcome import Outcome, compare
from tests.crash.stage import Kill, prepare

#: Where each flow is cut in any case: what was wrong there once, or would be worst.
CUTS = {
    "file in": r"worker: telecom.db: before the commit of .*INSERT cdrs",
    "event to notice": r"service: desk.db: after the commit of .*INSERT outbox, INSERT progress",
    "mail out": r"service: answered smtp content",
    "chat out": r"service: answered telegram sendMessage",
    "mail in": r"service: desk.db: after the commit of INSERT inbox",
    "chat in": r"service: desk.db: before the commit of .*UPDATE inbox done",
    "dialog": r"service: desk.db: before the commit of .*INSERT awaited_words.*UPDATE inbox done",
    "upload to FTP": r"service: answered ftp RNTO: 250",
    "bridge": r"service: desk.db: before the commit of .*UPDATE inbox done",
}
#: And these once more, while they recover: what none comes to its end without.
AGAIN = {
    "file in": r"worker: answered ftp MLSD",
    "mail out": r"service: before smtp content",
    "mail in": r"service: answered imap SELECT",
    "chat in": r"service: before telegram deleteWebhook",
    "dialog": r"service: before telegram getUpdates",
}


@pytest.mark.timeout(600)
async def test_a_service_that_is_killed_anywhere_loses_nothing_and_doubles_nothing_unmarked(tmp_path: Path) -> None:
    prepared = await prepare(tmp_path / "prepared")
    room = asyncio.Semaphore(2)

    async def model_of(number: int) -> Undisturbed:
        async with room:
            return await undisturbed(prepared, FLOWS[number], tmp_path / f"undisturbed-{number}")

    async def cut(model: Undisturbed, kills: list[Kill]) -> Run:
        async with room:
            return await disturbed(prepared, model, kills, tmp_path / f"cut-{model.flow.name}")

    models = await asyncio.gather(*map(model_of, range(len(FLOWS))))
    kills = [
        [Kill(f"{cuts[model.flow.name]}.*", like=True) for cuts in (CUTS, AGAIN) if model.flow.name in cuts]
        for model in models
    ]
    runs = await asyncio.gather(*map(cut, models, kills))

    assert "\n".join(str(run) for run in runs if run.is_wrong) == ""
    assert "\n".join(str(run) for run in runs if len(run.killed) < len(run.planned)) == ""


# -- the judgement itself

_CHAT, _MAILBOX = ("chat 1", "Bonjour"), ("mailbox compta INBOX", "Facture")
_TRUE = Outcome(Counter([_CHAT, _MAILBOX]), {"chat 1": ["Bonjour"]})


def test_what_is_not_there_is_lost() -> None:
    found = compare(_TRUE, Outcome(Counter([_CHAT]), {"chat 1": ["Bonjour"]}))
    assert (found.lost, found.doubled) == ((_MAILBOX,), ())
    assert found.is_wrong


def test_what_is_there_twice_is_doubled_unless_it_is_marked() -> None:
    twice = Counter([_CHAT, _CHAT, _MAILBOX])
    found = compare(_TRUE, Outcome(twice, {"chat 1": ["Bonjour"] * 2}))
    assert found.doubled == (_CHAT,)
    assert found.is_wrong
    found = compare(_TRUE, Outcome(twice, {"chat 1": ["Bonjour"] * 2}, marked=Counter([_CHAT])))
    assert (found.doubled, found.marked) == ((), (_CHAT,))
    assert not found.is_wrong


def test_one_mark_does_not_excuse_a_third_copy() -> None:
    thrice = Outcome(Counter([_CHAT] * 3 + [_MAILBOX]), {"chat 1": ["Bonjour"] * 3}, marked=Counter([_CHAT]))
    assert compare(_TRUE, thrice).doubled == (_CHAT,)


def test_words_in_another_order_are_a_fault() -> None:
    def said(*words: str) -> Outcome:
        return Outcome(Counter(("chat 1", it) for it in words), {"chat 1": list(words)})

    assert compare(said("un", "deux"), said("deux", "un")).is_wrong
