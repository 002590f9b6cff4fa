"""A store filled as the service fills its own: the synthetic operator's files, over FTP, through mirror and intake."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.sandbox.ftpserver import SandboxFtp
from bot.sandbox.operator import Operator
from core.settings import FtpAccess, Settings
from core.sync import Pass, Syncer
from tests.peers.service import KEY

PARIS = ZoneInfo("Europe/Paris")
TODAY = date(2026, 11, 24)  # a Tuesday
NOW = int(datetime(2026, 11, 24, 9, 0, tzinfo=PARIS).timestamp())
PASSWORD = "an invented password"


def settings(data: Path, ftp: FtpAccess | None = None, **others: object) -> Settings:
    """Settings as a `.env` gives them; without an FTP access, nothing answers at its address."""
    given: dict[str, object] = {
        "operator_name": "Télécom Exemple",
        "accounting_email": "compta@telecom.example",
        "technical_email": "technique@telecom.example",
        "technical_contact": "Camille Martin",
        "staff_emails": "equipe@telecom.example",
        "bot_email": "robot@telecom.example",
        "data": data,
        "secret_key": KEY,
        "telegram_token": "123456789:an-invented_token",
        "ftp_host": ftp.host if ftp else "127.0.0.1",
        "ftp_port": ftp.port if ftp else 9,
        "ftp_login": ftp.login if ftp else "demo",
        "ftp_password": ftp.password if ftp else PASSWORD,
        "ftp_tls": "none",
        "ftp_settle": 0.05,
        "smtp_host": "localhost",
        "imap_host": "localhost",
        "imap_login": "robot",
        "imap_password": PASSWORD,
    }
    return Settings.model_validate(given | others)


def small_operator(root: Path) -> Operator:
    """Four clients, twenty-four lines; October is billed, November is not."""
    root.mkdir(parents=True, exist_ok=True)
    operator = Operator(root, TODAY, lines=24, clients=4, months=2)
    operator.fill()
    return operator


async def make_pass(root: Path, data: Path) -> Pass:
    """One pass of the sync worker over the operator's tree."""
    async with SandboxFtp(root, "demo", PASSWORD) as ftp:
        access = FtpAccess(ftp.host, ftp.port, "demo", PASSWORD)
        return await Syncer(settings(data, access), clock=lambda: NOW).run()


STATUS_HEADER = "Date de l'état;Client;Numéro de ligne;NSCE;IMSI;Statut;Date activation;Forfait;RIO;Options"


def write_status(root: Path, hour_and_minute: str, rows: list[tuple[str, str, str, str]]) -> Path:
    """An AccountStatus of today: the hour before, but for these rows (client, number, ICCID, status)."""
    numbers = {number for _, number, _, _ in rows}
    former = sorted((root / "AccountStatus").iterdir())[-1:]
    others = former[0].read_text("cp1252").splitlines()[1:] if former else []
    lines = [line for line in others if line.split(";")[2].strip('"') not in numbers]
    lines += [
        f"24/11/2026 {hour_and_minute[:2]}:{hour_and_minute[2:]}:00;{client};{number};{iccid};;{status};01/10/2026;;;"
        for client, number, iccid, status in rows
    ]
    path = root / "AccountStatus" / f"AccountStatus_20261124_{hour_and_minute}00.csv"
    path.write_bytes("\r\n".join([STATUS_HEADER, *lines, ""]).encode("cp1252"))
    return path
