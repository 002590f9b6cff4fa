"""How the bot is, for `/etat` and `origyne-bot status`."""

from collections.abc import Iterable, Mapping

from bot.desk.faulty import Faulty
from bot.queues import Queues
from bot.supervision import NAMES, LoopState
from handlers.desk import FaultyAddress, Standing, State, Stumbling

#: Stumbles in a row after which a loop is worth a look.
MANY = 3

#: The fault by which some loops' stumbling is told.
_TOLD_BY = {"chat": "telegram", "sync": "ftp", "mail": "imap"}


def state_of(
    queues: Queues,
    faults: tuple[Standing, ...],
    loops: Mapping[str, LoopState],
    faulty: Iterable[Faulty],
    backup_at: int | None,
) -> State:
    """:param backup_at: UTC seconds, 0 for none yet, None where none is to be made."""
    return State(
        faults,
        waiting={channel: it.waiting for channel, it in queues.outgoing.items()},
        failed={channel: it.failed for channel, it in queues.outgoing.items()},
        faulty=tuple(FaultyAddress(it.address, it.since, it.reason) for it in faulty),
        aside=queues.aside,
        oldest={channel: it.oldest for channel, it in queues.outgoing.items() if it.waiting},
        sent={channel: it.sent_at for channel, it in queues.outgoing.items()},
        received=queues.received,
        stumbling=stumbling(faults, loops),
        backup_at=backup_at,
    )


def stumbling(faults: Iterable[Standing], loops: Mapping[str, LoopState]) -> tuple[Stumbling, ...]:
    """The loops that start again and again, where no fault says so."""
    told = {it.subject for it in faults}
    return tuple(
        Stumbling(NAMES.get(name, name), state.in_a_row, state.fault_at)
        for name, state in loops.items()
        if state.in_a_row >= MANY and not told & {"loops", _TOLD_BY.get(name, "")}
    )
