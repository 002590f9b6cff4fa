"""What is answered about months whose detail is past its term: the totals are there, and it is said why no more is."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from core import retention, store
from core.folders import PARIS
from handlers.command import Context
from tests.handlers.conftest import Filled, Say, words

LATER = int(datetime(2026, 12, 15, 9, tzinfo=PARIS).timestamp())


@pytest.fixture
def purged(context: Context, filled: Filled, tmp_path: Path) -> Iterator[Context]:
    """The same store, of which October was purged, a term of one month being over."""
    data = tmp_path / "purged"
    data.mkdir()
    for path in filled.data.glob(f"{store.FILE_NAME}*"):
        shutil.copy(path, data)
    with closing(store.open_to_write(data)) as db:
        retention.purge(db, data, LATER - 30 * 86400, 0)
    db = store.open_to_read(data)
    yield replace(context, telecom=db)
    db.close()


async def test_the_detail_of_a_purged_month_is_said_to_be_erased_and_its_totals_are_a_touch_away(
    say: Say, purged: Context
) -> None:
    answer = await say("/cdr 0639980001 octobre", context=purged)
    assert answer.title == "06 39 98 00 01 : le détail d'octobre 2026 est effacé"
    assert "décembre 2026 est le mois le plus ancien qui reste" in words(answer)
    assert not answer.files
    (button,) = answer.buttons
    totals, before = await say(f"/{button.command}", context=purged), await say(f"/{button.command}")
    assert (totals.title, totals.lines[0], totals.freshness) == (before.title, before.lines[0], before.freshness)


async def test_without_a_purge_it_is_there(say: Say) -> None:
    assert (await say("/cdr 0639980001 octobre")).files
