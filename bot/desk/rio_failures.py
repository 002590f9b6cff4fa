"""RIOs that did not go with a number: who tries one after the other for the same number is slowed down."""

from sqlite_utils import Database

#: Seconds in which failures are counted.
DAY = 24 * 3600

#: Failures of one number, by anybody, before the next check has to wait; then twice as long each time (seconds).
FREE, FIRST_WAIT, LONGEST_WAIT = 5, 60, 3600


def wait_of(db: Database, msisdn: str, now: int) -> int:
    """Seconds before a RIO of this number is checked again, 0 for at once."""
    count, last = db.execute(
        "SELECT count(*), max(at) FROM rio_failures WHERE msisdn = ? AND at > ?", (msisdn, now - DAY)
    ).fetchone()
    if count < FREE:
        return 0
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(count - FREE, 10))
    return int(max(0, last + wait - now))


def add(db: Database, msisdn: str, person_id: str, now: int, times: int = 1) -> bool:
    """Count failures; whether there are enough of them now, and were not before, to tell people. In the caller's
    transaction."""
    db.execute("DELETE FROM rio_failures WHERE at <= ?", (now - DAY,))
    (before,) = db.execute("SELECT count(*) FROM rio_failures WHERE msisdn = ?", (msisdn,)).fetchone()
    for _ in range(min(times, 2 * FREE)):
        db.execute("INSERT INTO rio_failures (msisdn, person_id, at) VALUES (?, ?, ?)", (msisdn, person_id, now))
    return bool(before < FREE <= before + times)


def who_failed(db: Database, msisdn: str) -> list[str]:
    """The ids of the persons whose RIOs of this number did not go with it lately."""
    rows = db.execute("SELECT DISTINCT person_id FROM rio_failures WHERE msisdn = ? ORDER BY 1", (msisdn,))
    return [person_id for (person_id,) in rows]


def held(db: Database, now: int) -> frozenset[str]:
    """The numbers whose RIOs are not checked now."""
    rows = db.execute("SELECT DISTINCT msisdn FROM rio_failures WHERE at > ?", (now - DAY,)).fetchall()
    return frozenset(msisdn for (msisdn,) in rows if wait_of(db, msisdn, now))
