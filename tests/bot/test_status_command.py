"""`origyne-bot status`: what it says beside the running service, beside one that hangs, and after its end."""

import asyncio
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot import health
from bot.health import Health, Stores
from bot.house import House
from bot.pulse import Pulse
from bot.running import is_running
from bot.sandbox.botapi import BotApi, Phone
from bot.supervision import Loops, LoopState
from bot.verdict import STALE, judge
from handlers.desk import Standing
from tests.bot.test_troubles import house as _house
from tests.handlers.filled import small_operator
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.programs import free_port
from tests.peers.service import TOKEN, Service, env_of

house = _house

PATIENCE = 60.0
NOW = 1_764_000_000
WELL = Health("1", 4242, NOW - 3 * 86400, NOW)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(true):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def enrolled(api: BotApi, mail: MailPeer) -> Phone:
    def code() -> str:
        for raw in mail.messages("technique"):
            part = message_from_bytes(raw, policy=default).get_body(("plain",))  # type: ignore[attr-defined]
            if found := re.search(r"/start (\S+)", str(part.get_content())):
                return found[1]
        return ""

    await until(lambda: bool(code()))
    phone = api.phone(7001, "Camille")
    await phone.ask(f"/start {code()}", timeout=PATIENCE)
    return phone


def signs(service: Service) -> set[str]:
    now = health.read(service.data)
    return {sign for sign, at in now.signs.items() if at} if now else set()


def is_well(service: Service) -> bool:
    verdict = judge(health.read(service.data), running=is_running(service.data), now=int(time.time()))
    return verdict.level == "well"


def named(log: str, words: str) -> str:
    """The name (q123) that the last line with these words bears."""
    *_, line = [line for line in log.splitlines() if words in line]
    found = re.search(r"\[(\w+)\]", line)
    assert found, line
    return found[1]


async def test_the_running_service_is_told_by_its_status_its_measures_and_its_log(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    small_operator(embedded_ftp.root)
    listen = f"127.0.0.1:{free_port()}"
    async with BotApi(TOKEN) as api:
        env = env_of(embedded_ftp, embedded_mail, api) | {"ORIGYNE_METRICS_LISTEN": listen}
        service = Service(tmp_path, env)
        before = await asyncio.to_thread(service.run, "status", "--check")
        assert (before.returncode, before.stdout) == (
            2,
            "❌ Le service n'a pas encore tourné ici (origyne-bot serve)\n",
        )
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await until(lambda: "pass: " in service.words)
            # The notices of the pass come before its answer, or after.
            asked = phone.send("/status 0639980001").message_id
            answer = await phone.wait(lambda message: message.reply_to == asked, timeout=PATIENCE)
            assert "06 39 98 00 01" in answer.text
            await until(lambda: is_well(service))

            # One name leads from the question to its answer, and to the notices of a pass.
            question = named(service.words, "taken: chat, /status")
            await until(lambda: f"[{question}] sent:" in service.words)
            story = [line for line in service.words.splitlines() if f"[{question}]" in line]
            assert question.startswith("q")
            assert [re.sub(r".*\] ", "", line).split()[0] for line in story] == ["taken:", "sent:"]
            assert re.search(r"sent: chat parcel \d+ in \d+\.\d+ s, \d+\.\d+ s after it was taken$", story[-1])
            assert "0639980001" not in "".join(story)
            await until(lambda: "] notices: " in service.words)
            notices = named(service.words, "notices: ")
            await until(lambda: f"[{notices}] sent: mail parcel" in service.words)
            passes = {line.split("[")[1].split("]")[0] for line in service.words.splitlines() if "] pass: " in line}
            assert passes
            assert all(re.fullmatch(r"p\d+", name) for name in passes)

            # It is written down every few seconds.
            await until(lambda: {"poll", "imap"} <= signs(service))
            status = await asyncio.to_thread(service.run, "status")
            assert status.returncode == 0, status.stdout + status.stderr
            assert status.stdout.startswith("✅ Le service va bien, depuis ")
            assert re.search(
                r"^Telegram +relevé il y a .* · reçu il y a .* · envoyé il y a ", status.stdout, re.MULTILINE
            )
            assert re.search(r"^Courriel +relevé .* · envoyé il y a ", status.stdout, re.MULTILINE)
            assert re.search(r"^FTP +dernière passe il y a ", status.stdout, re.MULTILINE)
            assert re.search(r"^AccountStatus +\S+\.csv +il y a ", status.stdout, re.MULTILINE)
            told = json.loads((await asyncio.to_thread(service.run, "status", "--json")).stdout)
            assert told["verdict"]["level"] == "well"
            assert told["queues"]["outgoing"]["chat"]["failed"] == 0
            assert (service.data / health.FILE_NAME).stat().st_mode & 0o777 == 0o600

            async with ClientSession() as web:
                async with web.get(f"http://{listen}/metrics") as shown:
                    measures = await shown.text()
                async with web.get(f"http://{listen}/healthz") as shown:
                    assert shown.status == 200
            assert 'origyne_loop_up{loop="clerk"} 1.0' in measures
            assert 'origyne_loop_restarts_total{loop="clerk"} 0.0' in measures
            assert 'origyne_outbox_failed{channel="mail"} 0.0' in measures
            assert 'origyne_file_timestamp_seconds{folder="account_status"}' in measures
            # Any five figures may stand in a measure itself, which is a time or a size.
            names = re.sub(r"^([^#].*) \S+$", r"\1", measures, flags=re.MULTILINE)
            assert "origyne_loop_up" in names
            for personal in ("06399", "Camille", "@", ".csv", "Dupont"):
                assert personal not in names

            # One that hangs says nothing of itself any more.
            pid = told["health"]["pid"]
            os.kill(pid, signal.SIGSTOP)
            try:
                old = health.read(service.data)
                assert old
                health.write(service.data, replace(old, written_at=int(time.time()) - STALE - 10))
                hanging = await asyncio.to_thread(service.run, "status")
                assert hanging.returncode == 2
                assert re.search(rf"ne donne plus signe de vie depuis \d+ s \(processus {pid}\)", hanging.stdout)
                assert "AccountStatus" in hanging.stdout
            finally:
                os.kill(pid, signal.SIGCONT)
            assert await asyncio.to_thread(service.stop) == 0
            stopped = await asyncio.to_thread(service.run, "status", "--check")
            assert stopped.returncode == 2
            assert stopped.stdout.startswith("❌ Le service ne tourne pas : arrêté proprement le ")

            service.start()
            await until(lambda: is_well(service))
            await asyncio.to_thread(service.kill)
            killed = await asyncio.to_thread(service.run, "status", "--check")
            assert killed.stdout.startswith("❌ Le service ne tourne pas : tué, ou machine coupée, vers le ")
        finally:
            await asyncio.to_thread(service.stop)


async def test_in_json_each_line_of_the_service_is_an_object_and_bears_the_same_name(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    small_operator(embedded_ftp.root)
    async with BotApi(TOKEN) as api:
        # The worker says something too: nothing answers where its FTP is to be.
        env = env_of(embedded_ftp, embedded_mail, api) | {
            "ORIGYNE_LOG_FORMAT": "json",
            "ORIGYNE_FTP_PORT": str(free_port()),
        }
        service = Service(tmp_path, env)
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await phone.ask("/etat", timeout=PATIENCE)
            await until(lambda: '"worker"' in service.words and service.words.count("sent: chat") == 2)
        finally:
            await asyncio.to_thread(service.stop)
    said = [json.loads(line) for line in service.words.splitlines()]
    assert all(set(line) == {"time", "level", "logger", "message", "about", "process"} for line in said)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in said)
    (question,) = {line["about"] for line in said if line["message"] == "taken: chat, /etat"}
    story = [line["message"].split()[0] for line in said if line["about"] == question]
    assert story == ["taken:", "sent:"]
    assert {line["about"][:1] for line in said if line["process"] == "worker"} == {"p"}


# -- the verdict


def test_a_fault_that_just_began_is_shown_and_alarms_nobody() -> None:
    begun = Standing("Les courriels ne partent plus : le serveur ne répond pas.", NOW - 20, "smtp", "doctor le dit.")
    verdict = judge(replace(WELL, faults=(begun,)), running=True, now=NOW)
    assert (verdict.level, verdict.words) == ("well", "✅ Le service va bien, depuis 3\u00a0jours")
    assert verdict.findings[0].to_do == "doctor le dit."
    lasting = judge(replace(WELL, faults=(replace(begun, since=NOW - 400),)), running=True, now=NOW)
    assert (lasting.level, lasting.words) == ("unwell", "⚠️ 1 chose à voir")


def test_a_loop_that_starts_again_and_again_is_told_once() -> None:
    state = LoopState(restarts=9, in_a_row=9, fault="OSError", fault_at=NOW - 3)
    loops = {"mail": state, "clerk": LoopState(running_since=NOW - 60, restarts=1)}
    (finding,) = judge(replace(WELL, loops=loops), running=True, now=NOW).findings
    assert finding.words == (
        "« courriel, réception » redémarre sans cesse : 9 fois de suite, la dernière il y a 3\u00a0s"
    )
    told = Standing("La boîte aux lettres du robot ne se lit plus : refusé", NOW - 400, "imap")
    (finding,) = judge(replace(WELL, loops=loops, faults=(told,)), running=True, now=NOW).findings
    assert finding.words.startswith("La boîte aux lettres")


@pytest.mark.parametrize(
    ("wrote", "running", "words"),
    [
        (None, True, "❌ Le service démarre"),
        (replace(WELL, stopped_at=NOW - 5), True, "❌ Le service démarre ou s'arrête"),
        (
            replace(WELL, written_at=NOW + 3600),
            True,
            "✅ Le service va bien, depuis 3\u00a0jours",
        ),  # the clock went back
    ],
)
def test_what_is_said_of_a_service_at_its_edges(wrote: Health | None, running: bool, words: str) -> None:
    assert judge(wrote, running=running, now=NOW).words == words


def test_a_full_disk_leaves_the_former_file(tmp_path: Path) -> None:
    health.write(tmp_path, WELL)
    (tmp_path / f".{health.FILE_NAME}.part").mkdir()  # nothing can be written there, as root too
    health.write(tmp_path, replace(WELL, written_at=NOW + 5, stores=Stores(disk_free=0)))
    assert health.read(tmp_path) == WELL


async def test_the_end_of_the_service_is_what_is_written_last(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told to stop while a thread still writes how it was."""
    begun, go_on, written = threading.Event(), threading.Event(), threading.Event()
    write = health.write

    def slowly(data: Path, told: Health) -> None:
        if not told.stopped_at:
            begun.set()
            assert go_on.wait(PATIENCE)
        write(data, told)
        if not told.stopped_at:
            written.set()

    monkeypatch.setattr(health, "write", slowly)
    keeping = asyncio.create_task(health.keep(house, Pulse(), Loops(lambda name, error: 0.0)))
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    keeping.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert await asyncio.to_thread(written.wait, PATIENCE)
    told = health.read(house.data)
    assert told
    assert told.stopped_at


def test_a_file_that_is_none_of_ours_is_none(tmp_path: Path) -> None:
    (tmp_path / health.FILE_NAME).write_text('{"pid": "x"}', "utf-8")
    assert health.read(tmp_path) is None
