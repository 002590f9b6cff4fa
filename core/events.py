"""What happened to the files and lines, as people may be told of it. Written with what happened, read by notices."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlite_utils import Database

Kind = Literal[
    "lines.loaded",  # the first AccountStatus: lines, clients
    "line.new",
    "line.activated",
    "line.suspended",
    "line.resumed",
    "line.terminated",
    "line.sim",
    "line.client",
    "line.plan",
    "line.status",  # any other change of status
    "line.vanished",  # the AccountStatus no longer lists it, which does not say that it is terminated
    "line.returned",
    "rated.arrived",
    "billed.arrived",
    "sims.arrived",
    "invoice.operator",
    "invoice.client",
    "document.arrived",
    "tariffs.arrived",
    "other.arrived",
    "file.waiting",
    "file.rejects",
    "file.mended",  # rows set aside before that went in, or all of them: entered, left
    "cdrs.purged",  # past retention, see core.retention; of no file
]


@dataclass(frozen=True)
class Event:
    """`path`: the file it came from, "" for none; `data`: see where each kind is written, in `core.intake`."""

    id: int
    kind: Kind
    path: str
    data: dict[str, Any]


def write(db: Database, kind: Kind, file_id: int | None, **data: Any) -> None:
    """Record an event, in the transaction of what happened."""
    assert kind in get_args(Kind)
    db.execute(
        "INSERT INTO events (kind, file_id, data) VALUES (?, ?, ?)",
        (kind, file_id, json.dumps(data, ensure_ascii=False, sort_keys=True)),
    )


def write_all(db: Database, file_id: int, found: Iterable[tuple[Kind, dict[str, Any]]]) -> None:
    """The same for many events of one file, quicker."""
    db.conn.executemany(
        "INSERT INTO events (kind, file_id, data) VALUES (?, ?, ?)",
        [(kind, file_id, json.dumps(data, ensure_ascii=False, sort_keys=True)) for kind, data in found],
    )


def since(db: Database, cursor: int) -> list[Event]:
    """The events after `cursor` that belong to a pass that came to its end, oldest first."""
    rows = db.execute(
        "SELECT events.id, events.kind, coalesce(files.path, ''), events.data FROM events "
        "LEFT JOIN files ON files.id = events.file_id WHERE events.id > ? "
        "AND events.id <= (SELECT coalesce(max(last_event), 0) FROM passes) ORDER BY events.id",
        (cursor,),
    )
    return [Event(number, kind, path, json.loads(data)) for number, kind, path, data in rows]
