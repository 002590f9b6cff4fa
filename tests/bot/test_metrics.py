"""What Prometheus is told, in its own format; the running service's answer is in `test_status_command.py`."""

import time
from dataclasses import replace
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bot import doctor
from bot.desk import open_desk
from bot.desk.inbox import Inbox
from bot.desk.outbox import Outbox
from bot.health import Health, Stores
from bot.metrics import exposed
from bot.queues import look
from bot.supervision import LoopState
from core.freshness import LastPass
from core.settings import Settings
from handlers.desk import Standing
from tests.core.test_settings import GOOD

NOW = int(time.time())
TAKEN = Health("1", 4242, NOW - 60, NOW)


def told(taken: Health) -> dict[str, float]:
    """Each sample by its name and labels, as Prometheus itself reads them."""
    families = text_string_to_metric_families(exposed(taken, {"account_status": NOW - 600}).decode())
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_loops_faults_signs_and_passes_are_told() -> None:
    taken = replace(
        TAKEN,
        loops={"clerk": LoopState(running_since=NOW - 50, restarts=2), "chat": LoopState(restarts=3)},
        signs={"chat sent": NOW - 5},
        faults=(Standing("Les courriels ne partent plus", NOW - 40, "smtp"),),
        stores=Stores(last_pass=LastPass(NOW - 30, NOW - 20, 4, "refusé"), backup_at=NOW - 9, disk_free=7, disk_size=9),
    )
    measures = told(taken)
    expected = {
        "origyne_start_time_seconds": NOW - 60,
        "origyne_loop_up/clerk": 1,
        "origyne_loop_up/chat": 0,
        "origyne_loop_restarts_total/chat": 3,
        "origyne_success_timestamp_seconds/chat_sent": NOW - 5,
        "origyne_fault_start_timestamp_seconds/smtp": NOW - 40,
        "origyne_file_timestamp_seconds/account_status": NOW - 600,
        "origyne_pass_duration_seconds": 10,
        "origyne_pass_files": 4,
        "origyne_pass_failed": 1,
        "origyne_backup_timestamp_seconds": NOW - 9,
        "origyne_disk_free_bytes": 7,
    }
    assert expected.items() <= measures.items()


def test_the_queues_are_told_with_their_ages(tmp_path: Path) -> None:
    now, db = int(time.time()), open_desk(tmp_path)
    inbox, outbox = Inbox(db), Outbox(db)
    inbox.add("chat", "1", "chat:1", b"{}")
    for recipient in ("compta@telecom.example", "technique@telecom.example"):
        outbox.add("mail", recipient, b"")
    outbox.failed(outbox.due("mail", now + 9)[0], "550 5.1.1")
    measures = told(replace(TAKEN, written_at=now + 90, stores=Stores(look(db, None, now))))
    assert measures["origyne_inbox_waiting"] == 1
    assert 80 <= measures["origyne_inbox_oldest_seconds"] <= 90
    assert measures["origyne_outbox_waiting/mail"] == 1
    assert measures["origyne_outbox_failed/mail"] == 1
    assert measures["origyne_outbox_waiting/chat"] == 0
    assert measures["origyne_outbox_oldest_seconds/chat"] == 0


def test_without_stores_that_can_be_read_there_are_no_queues_and_no_zeros_for_them() -> None:
    assert not [name for name in told(TAKEN) if name.startswith("origyne_outbox")]


def test_every_measure_has_a_unit_or_counts_and_says_what_it_is() -> None:
    for family in text_string_to_metric_families(exposed(TAKEN, {}).decode()):
        assert family.name.startswith("origyne_")
        assert family.documentation


async def test_measures_that_others_can_read_are_warned_of() -> None:
    def warned(listen: str) -> bool:
        given = Settings.load({**GOOD, "ORIGYNE_METRICS_LISTEN": listen}, Path("/nonexistent"))
        return any("ORIGYNE_METRICS_LISTEN" in finding.text for finding in doctor._cautions(given))

    assert warned("0.0.0.0:9464")
    assert not warned("127.0.0.1:9464")
    assert not warned("[::1]:9464")
    assert not warned("")
