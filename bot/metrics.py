"""Measures for Prometheus, on a local port, where the settings want them: collected when they are asked for, from the
same place as `health.json`. No label names a person, a number or a file."""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot import health
from bot.health import Health
from bot.house import House
from bot.pulse import Pulse
from bot.supervision import Loops
from bot.verdict import judge
from core import freshness

log = logging.getLogger(__name__)


async def serve(house: House, pulse: Pulse, loops: Loops) -> None:
    """For ever; does nothing without `ORIGYNE_METRICS_LISTEN`.

    :raises OSError: the port is taken.
    """
    if not house.settings.metrics_listen:
        await asyncio.Event().wait()
    host, _, port = house.settings.metrics_listen.rpartition(":")

    async def show(_: web.Request) -> web.Response:
        # Of the files the event loop's own connection tells, in some milliseconds and as /etat does.
        folders: dict[str, int] = {
            it.folder: it.at for it in freshness.folders(house.context.telecom, int(time.time())) if it.files
        }
        taken = await health.take(house, pulse, loops)
        return web.Response(body=exposed(taken, folders), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def well(_: web.Request) -> web.Response:
        verdict = judge(await health.take(house, pulse, loops), running=True, now=int(time.time()))
        return web.Response(text=f"{verdict.words}\n", status=200 if verdict.level == "well" else 503)

    app = web.Application()
    app.add_routes([web.get("/metrics", show), web.get("/healthz", well)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        log.info("metrics on http://%s/metrics", house.settings.metrics_listen)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def exposed(taken: Health, folders: Mapping[str, int]) -> bytes:
    """In Prometheus's text format.

    :param folders: when the newest file of each came (UTC seconds).
    """
    registry = CollectorRegistry()
    registry.register(_Taken(taken, folders))
    return generate_latest(registry)


class _Taken(Collector):
    def __init__(self, taken: Health, folders: Mapping[str, int]) -> None:
        self._taken = taken
        self._folders = folders

    def collect(self) -> Iterator[Metric]:
        taken, stores = self._taken, self._taken.stores
        yield _labelled("origyne_info", "Version of the service.", "version", {taken.version: 1})
        yield _one("origyne_start_time_seconds", "When the service started.", taken.started_at)
        yield _one("origyne_memory_bytes", "Resident memory of the service's own process.", stores.memory)
        yield _one("origyne_disk_free_bytes", "Free on the disk of the data folder.", stores.disk_free)
        yield _one("origyne_disk_size_bytes", "Size of the disk of the data folder.", stores.disk_size)
        yield _one("origyne_backup_timestamp_seconds", "When the newest backup was made, 0 for none.", stores.backup_at)
        up = {name: int(state.running_since > 0) for name, state in taken.loops.items()}
        yield _labelled("origyne_loop_up", "Whether a loop runs, 0 while it waits to be started again.", "loop", up)
        restarts = CounterMetricFamily("origyne_loop_restarts", "Restarts of a loop since the start.", labels=["loop"])
        for name, state in taken.loops.items():
            restarts.add_metric([name], state.restarts)
        yield restarts
        signs = {name.replace(" ", "_"): at for name, at in taken.signs.items()}
        yield _labelled(
            "origyne_success_timestamp_seconds", "When a part last did what it is there for.", "part", signs
        )
        faults = {it.subject: it.since for it in taken.faults}
        yield _labelled("origyne_fault_start_timestamp_seconds", "Since when a fault stands.", "subject", faults)
        yield _labelled("origyne_file_timestamp_seconds", "When a folder's newest file came.", "folder", self._folders)
        if last := stores.last_pass:
            yield _one("origyne_pass_timestamp_seconds", "When the last pass over the FTP ended.", last.ended)
            yield _one("origyne_pass_duration_seconds", "How long the last pass took.", last.ended - last.started)
            yield _one("origyne_pass_files", "Files that the last pass received.", last.fetched)
            yield _one("origyne_pass_failed", "Whether the last pass could not follow the FTP.", int(bool(last.error)))
        if queues := stores.queues:
            yield _one("origyne_inbox_waiting", "Questions that wait for an answer.", queues.incoming)
            yield _one("origyne_inbox_aside", "Mails that could not be dealt with.", queues.aside)
            yield _one("origyne_inbox_oldest_seconds", "Age of the oldest question.", self._age(queues.oldest))
            yield _one("origyne_outbox_uncertain", "Messages of a week that may have come twice.", queues.uncertain)
            yield _one("origyne_events_waiting", "Events of files that nobody was told yet.", queues.events)
            out = queues.outgoing
            waiting = {channel: it.waiting for channel, it in out.items()}
            yield _labelled("origyne_outbox_waiting", "Messages to be sent.", "channel", waiting)
            oldest = {channel: self._age(it.oldest) for channel, it in out.items()}
            yield _labelled("origyne_outbox_oldest_seconds", "Age of the oldest message to be sent.", "channel", oldest)
            failed = {channel: it.failed for channel, it in out.items()}
            yield _labelled("origyne_outbox_failed", "Messages that could not be delivered.", "channel", failed)
            sent = {channel: it.sent_at for channel, it in out.items() if it.sent_at}
            yield _labelled("origyne_sent_timestamp_seconds", "When a server last took a message.", "channel", sent)
            got = {channel: at for channel, at in queues.received.items() if at}
            yield _labelled("origyne_received_timestamp_seconds", "When something last came.", "channel", got)

    def _age(self, at: int) -> int:
        return max(0, self._taken.written_at - at) if at else 0


def _one(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, value)


def _labelled(name: str, told: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
