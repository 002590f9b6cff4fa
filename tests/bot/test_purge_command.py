"""`origyne-bot purge`, as who types it sees it."""

import io
import time
from argparse import Namespace
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from bot import purge_command
from bot.desk import open_desk
from core import retention, store
from core.folders import PARIS
from handlers import french
from tests.core.test_intake import Telecom, cdr_file
from tests.core.test_settings import GOOD


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two months of CDRs: the fourteenth before this one, and this one."""
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("ORIGYNE_DATA", str(data))
    monkeypatch.chdir(tmp_path)
    telecom = Telecom(data)
    for month in (old(), french_month(0)):
        year, number = divmod(month, 100)
        rows = [f"0639980001;{day:02}/{number:02}/{year} 10:00:00;Voix;60;;0,10;Dupont BTP;Oui" for day in (1, 2)]
        telecom.put(f"RatedCDRs/R_{month}01_1000.csv", cdr_file(*rows))
    telecom.read()
    telecom.db.close()
    return data


def french_month(ago: int) -> int:
    here = datetime.fromtimestamp(time.time(), PARIS)
    count = here.year * 12 + here.month - 1 - ago
    return count // 12 * 100 + count % 12 + 1


def old() -> int:
    return french_month(14)


def said(*, dry: bool) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    consoles = [Console(file=it, highlight=False, soft_wrap=True, width=200) for it in (out, err)]
    status = purge_command.run(Namespace(dry_run=dry), *consoles)
    return status, out.getvalue() + err.getvalue()


def cdrs(data: Path) -> int:
    with closing(store.open_to_read(data)) as db:
        return int(db.execute("SELECT count(*) FROM cdrs").fetchone()[0])


def test_the_dry_run_says_what_goes_and_what_stays_and_why(data: Path) -> None:
    status, text = said(dry=True)
    assert status == 0
    assert french.month(old()) in text
    assert "À effacer : 2 communications" in text
    assert f"RatedCDRs/R_{old()}01_1000.csv" in text
    assert "L123-22" in text
    assert "L34-2" in text
    assert "Rien n'a été effacé." in text
    assert cdrs(data) == 4


def test_the_purge_does_what_the_dry_run_said(data: Path) -> None:
    _, planned = said(dry=True)
    status, text = said(dry=False)
    assert status == 0
    assert text == planned.replace("À effacer", "Effacé").replace("Rien n'a été effacé.\n", "")
    assert cdrs(data) == 2
    assert "Aucune communication n'a passé ce terme." in said(dry=False)[1]


def test_both_are_in_the_audit(data: Path) -> None:
    said(dry=True)
    said(dry=False)
    with closing(open_desk(data)) as desk:
        rows = desk.execute("SELECT door, command, outcome, shown FROM audit ORDER BY id").fetchall()
        (person,) = set(desk.execute("SELECT person FROM audit").fetchall())
    assert rows == [("terminal", "purge", "done", "simulation"), ("terminal", "purge", "done", "2 CDR, 1 fichier")]
    assert person[0].startswith("terminal:")


def test_it_waits_for_no_pass_that_does_not_end(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_command, "_PATIENCE", 0.1)
    with FileLock(data / "sync.lock"):
        status, text = said(dry=False)
    assert status == 1
    assert "Une passe est en cours" in text
    with closing(store.open_to_read(data)) as db:
        assert retention.plan(db, int(time.time()), 12).rows == 2
