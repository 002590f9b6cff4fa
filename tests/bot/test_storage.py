"""What happens when the disk or a store does not take what must be written."""

import multiprocessing
import sqlite3
import time
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path

from bot.desk import FILE_NAME, open_desk, progress
from core import store

# -- others who write


def _write_for_ever(path: Path, begun: Event, enough: Event) -> None:
    with closing(store.connect(path)) as db:
        while not enough.is_set():
            with db.atomic():
                progress.put(db, "guesses_told", progress.get(db, "guesses_told") + 1)
            begun.set()


def test_who_reads_and_then_writes_waits_for_another_process_that_writes_all_the_time(tmp_path: Path) -> None:
    system = multiprocessing.get_context("fork")
    begun, enough = system.Event(), system.Event()
    with closing(open_desk(tmp_path)) as desk:
        other = system.Process(target=_write_for_ever, args=(tmp_path / FILE_NAME, begun, enough))
        other.start()
        try:
            assert begun.wait(60)
            for _ in range(30):
                with desk.atomic():
                    told = progress.get(desk, "guesses_told")
                    time.sleep(0.005)  # the other would write meanwhile
                    progress.put(desk, "event_cursor", progress.get(desk, "event_cursor") + 1)
                    assert progress.get(desk, "guesses_told") == told
        finally:
            enough.set()
            other.join()
        assert progress.get(desk, "event_cursor") == 30


def test_a_transaction_that_fails_leaves_nothing_and_lets_the_next_one_begin(tmp_path: Path) -> None:
    with closing(open_desk(tmp_path)) as desk:
        try:
            with desk.atomic():
                progress.put(desk, "event_cursor", 7)
                with desk.atomic():
                    desk.execute("INSERT INTO progress (name) VALUES (NULL)")
        except sqlite3.IntegrityError:
            pass
        assert progress.get(desk, "event_cursor") == 0
        with desk.atomic():
            progress.put(desk, "event_cursor", 8)
        assert progress.get(desk, "event_cursor") == 8
