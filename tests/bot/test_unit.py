"""The systemd unit of an installation, and what a running service tells systemd."""

import asyncio
import configparser
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot import stopping, supervision, unit_command, watchdog
from bot.systemd import Notifier
from bot.unit_command import unit
from tests.bot.test_stop import Mute, mute_env, stopped, until
from tests.peers.service import Service


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_the_command_prints_a_unit_that_names_this_installation(tmp_path: Path) -> None:
    service = Service(tmp_path, mute_env(1, BACKUP_FOLDER=tmp_path / "elsewhere"))
    printed = service.run("unit", "--user", "assistant")
    assert printed.returncode == 0, printed.stderr
    found = parsed(printed.stdout)["Service"]
    python, *arguments = found["ExecStart"].split()
    assert Path(python).samefile(sys.executable)
    assert arguments == ["-m", "bot", "serve"]
    assert found["WorkingDirectory"] == str(tmp_path)
    assert found["User"] == found["Group"] == "assistant"
    assert found["ReadWritePaths"].split() == [str(tmp_path / "data"), str(tmp_path / "elsewhere")]
    assert found["Type"] == "notify"


def test_what_the_unit_promises_the_service_keeps() -> None:
    found = parsed(unit(Path("/opt/o/bin/python"), Path("/opt/o"), [Path("/var/lib/origyne-bot")], "origyne"))
    assert int(found["Service"]["TimeoutStopSec"]) > stopping.LIMIT > supervision.LONGEST_LEAVE + 1
    assert all(seconds <= supervision.LONGEST_LEAVE for seconds in supervision.LEAVING.values())
    assert int(found["Service"]["WatchdogSec"]) > 2 * stopping.HELD_UP > watchdog.LOOK


def test_data_where_systemd_keeps_them_is_made_by_systemd() -> None:
    text = unit(Path("/opt/o/bin/python"), Path("/opt/o"), [Path("/var/lib/origyne-bot")], "origyne")
    found = parsed(text)["Service"]
    assert found["StateDirectory"] == "origyne-bot"
    assert "ReadWritePaths" not in found


def test_an_installation_in_a_home_stays_readable() -> None:
    text = unit(Path("/home/camille/o/bin/python"), Path("/home/camille/o"), [Path("/srv/data")], "origyne")
    assert parsed(text)["Service"]["ProtectHome"] == "read-only"


def test_an_interpreter_that_is_a_link_into_a_home_stays_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_command, "_HOMES", (tmp_path / "home",))
    real = tmp_path / "home" / "camille" / "python3"
    real.parent.mkdir(parents=True)
    real.touch()
    link = tmp_path / "python"
    link.symlink_to(real)
    assert parsed(unit(link, Path("/opt/o"), [Path("/srv/data")], "origyne"))["Service"]["ProtectHome"] == "read-only"
    real.unlink()
    link.unlink()
    assert parsed(unit(link, Path("/opt/o"), [Path("/srv/data")], "origyne"))["Service"]["ProtectHome"] == "yes"


def test_odd_paths_stay_one_word() -> None:
    text = unit(Path('/opt/l\'été "100%"/python'), Path("/opt/l'été 100%"), [Path("/srv/mes données")], "origyne")
    found = parsed(text)["Service"]
    assert found["ExecStart"] == '"/opt/l\'été \\"100%%\\"/python" -m bot serve'
    assert found["WorkingDirectory"] == "/opt/l'été 100%%"
    assert found["ReadWritePaths"] == '"/srv/mes données"'
    assert "install -d -o origyne -g origyne -m 0700 '/srv/mes données'" in text


def test_a_name_that_is_no_account_is_refused(tmp_path: Path) -> None:
    refused = Service(tmp_path, mute_env(1)).run("unit", "--user", "x\nExecStartPre=/bin/sh")
    assert refused.returncode == 2
    assert refused.stdout == ""


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed here")
def test_systemd_finds_nothing_to_say_against_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "origyne-bot.service"
    path.write_text(unit(Path(sys.executable), tmp_path, [tmp_path / "data"], "www-data"), "utf-8")
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )
    assert not [line for line in said.stderr.splitlines() if "origyne-bot.service" in line], said.stderr


# -- what systemd is told


class Listener:
    """systemd's side of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        self.heard: list[str] = []

    def lines(self) -> list[str]:
        while True:
            try:
                self.heard += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.heard

    def close(self) -> None:
        self._socket.close()


async def test_a_service_says_that_it_starts_is_ready_lives_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    mute = Mute()
    async with mute.running() as port:
        service = Service(tmp_path, mute_env(port))
        service.start()
        try:
            await until(lambda: listener.lines().count("WATCHDOG=1") >= 3)
            assert await stopped(service) == 0
        finally:
            await asyncio.to_thread(service.stop)
    heard = listener.lines()
    listener.close()
    assert heard.index("EXTEND_TIMEOUT_USEC=60000000") < heard.index("READY=1") < heard.index("WATCHDOG=1")
    assert "STATUS=En service." in heard
    assert heard.index("STOPPING=1") > heard.index("READY=1")
    assert "WATCHDOG=1" not in heard[heard.index("STOPPING=1") :]


async def test_while_the_service_is_not_well_no_sign_of_life_is_given(tmp_path: Path) -> None:
    listener = Listener(str(tmp_path / "notify"))
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "20000"})
    keeping = asyncio.create_task(notifier.keep(lambda: False, lambda: "En service."))
    async with asyncio.timeout(30):
        while listener.lines().count("STATUS=En service.") < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    keeping.cancel()
    assert "WATCHDOG=1" not in listener.lines()
    listener.close()


def test_an_abstract_socket_is_one_too() -> None:
    name = f"origyne-{os.getpid()}-{id(object())}"
    listener = Listener(f"\0{name}")
    Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready()
    assert listener.lines() == ["READY=1"]
    listener.close()


def test_where_nobody_listens_nothing_fails_and_nothing_is_waited_for(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "nobody")}):
        notifier = Notifier(environment)
        with notifier.patience("Les bases sont vérifiées."):
            notifier.ready()
        notifier.stopping()


def test_processes_that_are_started_later_do_not_speak_for_the_service() -> None:
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}
    Notifier(environment)
    assert environment == {"HOME": "/"}


# -- the container


def test_the_containerfile_runs_as_somebody_and_holds_no_secret() -> None:
    text = (Path(__file__).parents[2] / "bot" / "deploy" / "Containerfile").read_text("utf-8")
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users
    assert users[-1] not in ("root", "0")
    assert re.search(r'^HEALTHCHECK .*\n?.*CMD \["origyne-bot", "status", "--check"\]$', text, re.MULTILINE)
    assert re.search(r"^VOLUME /data$", text, re.MULTILINE)
    assert re.search(r"^STOPSIGNAL SIGTERM$", text, re.MULTILINE)
    assert not re.search(r"(TOKEN|PASSWORD|SECRET)\w*=", text)
    assert ".env" not in re.findall(r"^COPY (.*)$", text, re.MULTILINE)
