"""`origyne-bot doctor`: each thing that the service needs, tried one by one, and what to do where it fails."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from telegram.error import Conflict, InvalidToken, NetworkError, TelegramError

from bot import key_command
from bot.desk import FILE_NAME as DESK_FILE
from bot.desk import faulty, open_desk
from bot.desk.inbox import Inbox
from bot.desk.outbox import Channel, Outbox
from bot.mail import connection, smtp
from bot.notices import routes
from bot.telegram.client import make_bot
from core import mentions
from core.folders import FRENCH, folder_of
from core.ftp import FtpError, connect
from core.layouts import LayoutError, Layouts
from core.setting_values import LOOPBACK
from core.settings import Settings, SettingsError
from core.store import FILE_NAME
from core.store import connect as connect_store
from core.system_words import in_french
from handlers.french import age, count, volume

#: Below that (bytes) the disk is called nearly full.
LOW_DISK = 500 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """`level`: ok, warning (works, but should be mended) or fault (does not work)."""

    subject: str
    level: str
    text: str


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Try everything in turn; each finding comes as soon as it is known."""
    yield Finding("Réglages", "ok", "lus et valables")
    yield _data(settings)
    yield _key(settings)
    yield _layouts(settings)
    yield _routes(settings)
    yield _ocr()
    yield await _ftp(settings)
    yield await _mail("Courriel sortant", smtp.check(settings.smtp))
    yield await _mail("Courriel entrant", asyncio.to_thread(connection.check, settings.imap, _filing(settings)))
    yield await _telegram(settings)
    for finding in [*_desk(settings), *_cautions(settings)]:
        yield finding


def _data(settings: Settings) -> Finding:
    try:
        data = settings.open_data_folder()
        free = shutil.disk_usage(data).free
        if (data / FILE_NAME).exists():
            db = connect_store(data / FILE_NAME)
            try:
                (state,) = db.execute("PRAGMA quick_check(1)").fetchone()
            finally:
                db.close()
            if state != "ok":
                return Finding("Dossier de données", "fault", f"la base {data / FILE_NAME} est abîmée : {state}")
    except SettingsError as error:
        return Finding("Dossier de données", "fault", str(error))
    except (OSError, sqlite3.DatabaseError) as error:
        return Finding("Dossier de données", "fault", f"{settings.data} : {in_french(error)}")
    if free < LOW_DISK:
        return Finding("Dossier de données", "warning", f"{data} : disque presque plein, faire de la place")
    return Finding("Dossier de données", "ok", f"{data}, {volume(free)} libres, lisible par son seul propriétaire")


def _key(settings: Settings) -> Finding:
    try:
        return Finding("Clé des codes", *key_command.state(settings))
    except sqlite3.DatabaseError as error:
        return Finding("Clé des codes", "fault", f"{settings.data / FILE_NAME} : {in_french(error)}")


def _layouts(settings: Settings) -> Finding:
    try:
        Layouts.load(settings.data)
    except LayoutError as error:
        return Finding("Formats de fichiers", "fault", str(error))
    return Finding("Formats de fichiers", "ok", "layouts.toml lisible")


def _routes(settings: Settings) -> Finding:
    table, fault = routes.in_force(settings.data)
    if fault:
        return Finding("Avis", "fault", f"{fault} Les avis suivent la règle d'origine en attendant.")
    return Finding("Avis", "ok", "routes.toml lisible" if table.own else "la règle d'origine (origyne-bot routes)")


def _ocr() -> Finding:
    if mentions.is_installed():
        return Finding("Lecture du bandeau", "ok", "le texte des bandeaux est lu (OCR)")
    return Finding(
        "Lecture du bandeau",
        "ok",
        "non installée : les mentions se vérifient à l'œil (pip install 'origyne-bot[ocr]' les fait lire)",
    )


async def _ftp(settings: Settings) -> Finding:
    access = settings.ftp
    try:
        async with connect(access, patience=20.0) as ftp:
            entries = await ftp.list_files()
    except FtpError as error:
        return Finding("FTP", "fault", str(error))
    seen = {folder_of(entry.path) for entry in entries}
    where = f"{access.host}:{access.port}, {len(entries)} fichiers"
    missing = [FRENCH[folder] for folder in ("account_status", "rated_cdrs") if folder not in seen]
    if missing:
        return Finding("FTP", "warning", f"{where} ; rien encore dans {' ni '.join(missing)}")
    return Finding("FTP", "ok", where)


async def _mail(subject: str, check: Awaitable[str]) -> Finding:
    try:
        return Finding(subject, "ok", await check)
    except smtp.MailError as error:
        return Finding(subject, "fault", str(error))


def _filing(settings: Settings) -> list[str]:
    return [folder for folder in (settings.handled_folder, settings.set_aside_folder) if folder]


async def _telegram(settings: Settings) -> Finding:
    bot = make_bot(settings.telegram)
    try:
        me = await bot.get_me()
        hook = await bot.get_webhook_info()
    except InvalidToken:
        return Finding("Telegram", "fault", "jeton refusé : le reprendre chez @BotFather (ORIGYNE_TELEGRAM_TOKEN)")
    except Conflict:
        return Finding("Telegram", "warning", "un autre programme relève déjà les messages de ce robot")
    except NetworkError:
        return Finding(
            "Telegram", "fault", f"{settings.telegram_api} n'est pas joignable : vérifier la connexion et l'adresse"
        )
    except TelegramError as error:
        return Finding("Telegram", "fault", f"erreur de l'API ({type(error).__name__})")
    finally:
        await bot.shutdown()
    if not hook.url:
        return Finding("Telegram", "ok", f"robot @{me.username}")
    if hook.url != settings.telegram_webhook:
        return Finding(
            "Telegram",
            "warning",
            f"@{me.username} : un autre programme a posé un webhook sur ce robot ; le service le retirera",
        )
    if hook.pending_update_count and hook.last_error_message:
        return Finding(
            "Telegram",
            "fault",
            f"@{me.username} : Telegram n'arrive pas à livrer sur {hook.url} ({hook.last_error_message}) : vérifier le "
            f"serveur web devant {settings.telegram_listen} et que le service tourne",
        )
    return Finding("Telegram", "ok", f"robot @{me.username}, webhook {hook.url}")


def _desk(settings: Settings) -> list[Finding]:
    """What stayed lying; a house that never ran has nothing."""
    if not (settings.data / DESK_FILE).exists():
        return []
    now = int(time.time())
    try:
        with closing(open_desk(settings.data)) as db:
            marked = faulty.marked(db, now)
            failed = sum(Outbox(db).failures(channel) for channel in get_args(Channel))
            aside = Inbox(db).count_aside("mail")
    except sqlite3.DatabaseError as error:
        return [Finding("Messages", "fault", f"{settings.data / DESK_FILE} : {in_french(error)}")]
    found = [
        Finding(
            "Adresse", "warning", f"les courriels n'arrivent pas à {it.address} ({age(it.since, now)}) : {it.reason}"
        )
        for it in marked
    ]
    if failed:
        words = count(failed, "message n'a pas pu être remis", "messages n'ont pas pu être remis")
        found.append(Finding("Messages", "warning", f"{words} : origyne-bot outbox les montre"))
    if aside:
        words = count(aside, "courriel reçu n'a pas pu être traité", "courriels reçus n'ont pas pu être traités")
        found.append(Finding("Messages", "warning", f"{words} : origyne-bot mail les montre"))
    return found or [Finding("Messages", "ok", "aucun n'est resté en route")]


def _cautions(settings: Settings) -> list[Finding]:
    found = []
    env_file = Path(".env")
    if env_file.is_file() and env_file.stat().st_mode & 0o077:
        found.append(
            Finding("Sécurité", "warning", "d'autres comptes de cette machine peuvent lire .env : chmod 600 .env")
        )
    for name, host, tls in (
        ("FTP", settings.ftp_host, settings.ftp_tls),
        ("SMTP", settings.smtp_host, settings.smtp_tls),
        ("IMAP", settings.imap_host, settings.imap_tls),
    ):
        if tls == "none" and host not in LOOPBACK:
            found.append(
                Finding("Sécurité", "warning", f"{name} sans TLS : le mot de passe et les données passent en clair")
            )
    if settings.metrics_listen and settings.metrics_listen.rpartition(":")[0].strip("[]") not in LOOPBACK:
        found.append(
            Finding(
                "Sécurité",
                "warning",
                f"ORIGYNE_METRICS_LISTEN : les mesures se lisent sans mot de passe sur {settings.metrics_listen} ; "
                "préférer 127.0.0.1 et un port",
            )
        )
    if not settings.mail_trusted_server:
        found.append(
            Finding(
                "Sécurité",
                "warning",
                "ORIGYNE_MAIL_TRUSTED_SERVER est vide : seules les réponses à un courriel du robot seront exécutées",
            )
        )
    return found
