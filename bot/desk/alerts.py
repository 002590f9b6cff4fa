"""What each person wants to hear of in his chats, and when without sound."""

import json
from datetime import datetime

from sqlite_utils import Database

from core.folders import PARIS
from core.hours import within
from core.quiet import Quiet
from handlers.desk import Alerts


def alerts_of(db: Database, person_id: str) -> Alerts:
    row = db.execute("SELECT muted, quiet_from, quiet_to FROM alerts WHERE person_id = ?", (person_id,)).fetchone()
    if row is None:
        return Alerts()
    return Alerts(frozenset(json.loads(row[0])), None if row[1] is None else (row[1], row[2]))


def set_alerts(db: Database, person_id: str, alerts: Alerts) -> None:
    quiet = alerts.quiet or (None, None)
    with db.atomic():
        db.execute(
            "INSERT OR REPLACE INTO alerts (person_id, muted, quiet_from, quiet_to) VALUES (?, ?, ?, ?)",
            (person_id, json.dumps(sorted(alerts.muted)), *quiet),
        )


def is_quiet(alerts: Alerts, settings: Quiet, now: int, *, urgent: bool = False) -> bool:
    """Whether a message that nobody asked for makes no sound at this time (UTC seconds): a person's own hours win over
    those of the settings, in which what is urgent sounds all the same."""
    if alerts.quiet is None:
        return not urgent and settings.covers(now)
    begin, end = alerts.quiet
    return within((begin * 60, end * 60), datetime.fromtimestamp(now, PARIS).hour * 60)
