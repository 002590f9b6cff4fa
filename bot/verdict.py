"""Whether the service is well, judged from outside by what it last wrote of itself."""

from dataclasses import dataclass
from typing import Literal

from bot.health import Health
from bot.state import stumbling
from bot.troubles import PATIENCE
from handlers import french

#: Seconds after which a running service that wrote nothing of itself hangs; it writes every few seconds.
STALE = 60

Level = Literal["well", "unwell", "down"]


@dataclass(frozen=True)
class Finding:
    """Something to look at (French), and what to do. `serious`: the service itself is not well for that; a delivery
    that is late, or a mail that came back, is no fault of its."""

    words: str
    to_do: str = ""
    serious: bool = False


@dataclass(frozen=True)
class Verdict:
    """`words`: French, a line."""

    level: Level
    words: str
    findings: tuple[Finding, ...] = ()


def judge(health: Health | None, *, running: bool, now: int, others: tuple[Finding, ...] = ()) -> Verdict:
    """:param running: whether a service holds the data folder.
    :param now: UTC seconds.
    :param others: what else there is to look at.
    """
    if down := _down(health, running, now):
        return Verdict("down", f"❌ {down}", others)
    assert health
    found = (*_faults(health, now), *_stumbling(health, now), *others)
    if any(it.serious for it in found):
        return Verdict("unwell", f"⚠️ {french.count(len(found), 'chose', 'choses')} à voir", found)
    return Verdict("well", f"✅ Le service va bien, depuis {lasting(now - health.started_at)}", found)


def lasting(seconds: int) -> str:
    """45 s, 12 min, 3 h, 5 jours."""
    for unit, name in ((2 * 86400, "jours"), (2 * 3600, "h"), (120, "min")):
        if seconds >= unit:
            return f"{seconds // {'jours': 86400, 'h': 3600, 'min': 60}[name]}{french.NBSP}{name}"
    return f"{max(0, seconds)}{french.NBSP}s"


def ago(at: int, now: int) -> str:
    """il y a 3 s, il y a 5 jours, jamais."""
    return f"il y a {lasting(now - at)}" if at else "jamais"


def _down(health: Health | None, running: bool, now: int) -> str:
    if health is None:
        return "Le service démarre" if running else "Le service n'a pas encore tourné ici (origyne-bot serve)"
    at = f"le {french.moment(health.stopped_at or health.written_at, now)}"
    if not running and health.stopped_at:
        return f"Le service ne tourne pas : arrêté proprement {at}"
    if not running:
        return f"Le service ne tourne pas : tué, ou machine coupée, vers {at} (origyne-bot serve reprend tout)"
    if health.stopped_at:
        return "Le service démarre ou s'arrête"
    if now - health.written_at > STALE:
        silent = lasting(now - health.written_at)
        return f"Le service ne donne plus signe de vie depuis {silent} (processus {health.pid}) : le redémarrer"
    return ""


def _faults(health: Health, now: int) -> list[Finding]:
    return [
        Finding(
            f"{it.words.rstrip('.')} (depuis le {french.moment(it.since, now)})",
            it.to_do,
            # What mends itself at once alarms nobody.
            serious=now - it.since >= PATIENCE,
        )
        for it in health.faults
    ]


def _stumbling(health: Health, now: int) -> list[Finding]:
    return [
        Finding(
            f"« {it.name} » redémarre sans cesse : {it.times} fois de suite, la dernière {ago(it.at, now)}",
            "Le journal du service dit pourquoi.",
            serious=True,
        )
        for it in stumbling(health.faults, health.loops)
    ]
