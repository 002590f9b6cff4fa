"""A start that is killed while it makes a store anew: the next one finds that it did, and loses and repeats nothing."""

import os
import subprocess
import sys

import pytest

from bot import mending, restoring
from bot.desk import FILE_NAME as DESK
from bot.mending import MendingError
from core.settings import Settings
from core.store import FILE_NAME as TELECOM
from tests.bot.test_mending import close_logs, deliver, garbage, settings, tell_news, told, without_events

__all__ = ["settings", "told"]

#: Does what the command line says, and dies as soon as the store of that name has left its place ("without"), or has
#: one there again ("with"): what is renamed by then is so for good.
DYING = """
import os, signal, sys
from pathlib import Path
from bot import mending
from core.rebuild import rebuild
from core.settings import Settings

what, when, name = sys.argv[1:]
settings = Settings.load()
place = settings.data / name

def dying(rename):
    def renamed(self, target):
        done = rename(self, target)
        if self == place if when == "without" else Path(target) == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return renamed

Path.rename, Path.replace = dying(Path.rename), dying(Path.replace)
mending.mend(settings) if what == "mend" else rebuild(settings)
"""


def dies(what: str, when: str, name: str) -> None:
    ended = subprocess.run([sys.executable, "-c", DYING, what, when, name], env=os.environ, check=False)
    assert ended.returncode == -9


@pytest.mark.parametrize("when", ["without", "with"])
def test_a_new_desk_tells_nothing_old_though_a_start_died_over_it(settings: Settings, when: str) -> None:
    close_logs(settings)
    garbage(settings.data / DESK)
    dies("mend", when, DESK)
    words = mending.mend(settings)
    assert sum("desk.db était abîmée" in said for said in words) == 1
    assert tell_news(settings) == []
    deliver(settings)
    assert tell_news(settings) != []


@pytest.mark.parametrize("when", ["without", "with"])
def test_a_rebuild_that_dies_leaves_no_empty_store_behind(settings: Settings, when: str) -> None:
    close_logs(settings)
    before = without_events(settings.data)
    garbage(settings.data / TELECOM)
    dies("rebuild", when, TELECOM)
    mending.mend(settings)
    after = without_events(settings.data)
    assert {name: rows for name, rows in after.items() if name != "files"} == {
        name: rows for name, rows in before.items() if name != "files"
    }
    assert len(after["files"]) == len(before["files"])
    deliver(settings)
    assert tell_news(settings) != []


def test_a_plan_that_a_power_cut_emptied_says_what_to_do(settings: Settings) -> None:
    (settings.data / restoring.PENDING).write_text("", "utf-8")
    with pytest.raises(MendingError, match="origyne-bot restore"):
        mending.mend(settings)
