"""Deliveries that are late: who is told, once, and once more when the file comes.

What was told is kept in `desk.db` and written with the mails and messages that tell it, so that no restart and no crash
makes a second alert or swallows an all-clear.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.house import House
from bot.notices.digest import announce
from bot.notices.news import News
from core import deliveries
from core.deliveries import KINDS, Deliveries, Delivery, Kind, Late, Rules
from core.folders import FRENCH, folder_of
from handlers import french
from handlers.answer import Answer

_TO_DO = (
    "Que faire : demander à l'opérateur quand le fichier viendra. "
    "La commande « origyne-bot doctor » dit si le FTP se lit bien."
)


@dataclass(frozen=True)
class _Open:
    """An alert that waits for its all-clear; see `bot.desk.schema`."""

    kind: Kind
    since: int
    month: int
    last_at: int


def judge(house: House, now: int, refused: Iterable[str] = ()) -> bool:
    """Tell what has become late, and what came after all; to be called after a pass that read the whole FTP.

    :param now: UTC seconds.
    :param refused: paths that lie on the FTP and could not be fetched: their kind is not late, and that fault is told
        otherwise.

    Returns whether somebody is told.
    """
    settings = house.settings
    rules = Rules(settings.late_status, settings.late_rated, settings.late_billed)
    came = deliveries.read(house.context.telecom)
    late = {found.kind: found for found in deliveries.late(now, came, rules)}
    unknown = {folder_of(path) for path in refused}
    told = False
    with house.desk.atomic():
        for alert in _opened(house):
            if not rules.watches(alert.kind):
                _close(house, alert.kind)  # switched off since: nobody wants to hear of it any more
            elif arrived := _after(alert, came, late.get(alert.kind)):
                _close(house, alert.kind)
                _tell(house, alert.kind, alert.since, _all_clear(alert, arrived, now))
                told = True
        still = {alert.kind for alert in _opened(house)}
        for kind in KINDS:
            if kind in late and kind not in still and kind not in unknown:
                _open(house, late[kind], now)
                _tell(house, kind, late[kind].since, _alert(late[kind], now))
                told = True
    return told


def _after(alert: _Open, came: Deliveries, late: Late | None) -> Delivery | None:
    """The file that ends the alert."""
    if alert.kind == "billed_cdrs":
        return came.billing(alert.month)
    newest = came.newest(alert.kind)
    # A late copy of an older file is news of nothing.
    return newest if newest and newest.at > alert.last_at and not late else None


def _opened(house: House) -> list[_Open]:
    rows = house.desk.execute("SELECT kind, since, month, last_at FROM lateness")
    return [_Open(*row) for row in rows.fetchall()]


def _open(house: House, late: Late, now: int) -> None:
    house.desk.execute(
        "INSERT INTO lateness (kind, since, month, last_at, told_at) VALUES (?, ?, ?, ?, ?)",
        (late.kind, late.since, late.month, late.last.at if late.last else 0, now),
    )


def _close(house: House, kind: Kind) -> None:
    house.desk.execute("DELETE FROM lateness WHERE kind = ?", (kind,))


# -- what is said, and to whom


def _alert(late: Late, now: int) -> Answer:
    since = french.moment(late.since, now)
    missing = {
        "account_status": f"Aucun état des lignes depuis le {since} ; il en vient un par heure, du lundi au samedi, "
        f"de {deliveries.OPENS} h à {deliveries.CLOSES} h.",
        "rated_cdrs": f"Aucun fichier de communications ce jour ; le premier était attendu avant le {since}.",
        "billed_cdrs": f"Le relevé de facturation {french.of_month(late.month)} manque ; "
        f"il était attendu avant le {since}.",
    }[late.kind]
    last = f"Dernier reçu : {_named(late.last, now)}." if late.last else "Aucun n'est encore venu sur ce compte."
    return Answer(f"⚠️ {FRENCH[late.kind]} en retard", (missing, last, _TO_DO))


def _all_clear(alert: _Open, arrived: Delivery, now: int) -> Answer:
    title = f"{FRENCH[alert.kind]} : les fichiers arrivent de nouveau"
    if alert.kind == "billed_cdrs":
        title = f"{FRENCH[alert.kind]} : le relevé {french.of_month(alert.month)} est arrivé"
    return Answer(
        title,
        (f"Reçu : {_named(arrived, now)}.", f"Le retard durait depuis le {french.moment(alert.since, now)}."),
    )


def _named(delivery: Delivery, now: int) -> str:
    return f"{delivery.path.rsplit('/', 1)[-1]}, le {french.moment(delivery.at, now)}"


def _tell(house: House, kind: Kind, since: int, answer: Answer) -> None:
    """An alert and its all-clear are one thread, wherever the routes send them."""
    thread = f"late:{kind}:{since}"
    data = {"title": answer.title, "lines": list(answer.lines), "thread": thread}
    announce(house, News(f"late.{kind}", "", data))
