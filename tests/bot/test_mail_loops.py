"""Two bots that write to each other, each a known person of the other's: they stop after one answer each."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from telegram import Bot

from bot.house import House, open_house
from bot.sandbox.botapi import BotApi
from core.settings import Settings
from tests.bot.talking import TRUSTED, clerk_at_work, settle
from tests.handlers.filled import settings

ONE, OTHER = "robot@telecom.example", "robot@autre.example"


@pytest.fixture
def configured(tmp_path: Path, api: BotApi) -> Settings:
    return settings(tmp_path / "one", telegram_api=api.url, mail_trusted_server=TRUSTED, technical_email=OTHER)


@pytest.fixture
def other(tmp_path: Path, api: BotApi) -> Iterator[House]:
    shutil.rmtree(tmp_path / "other", ignore_errors=True)
    given = settings(
        tmp_path / "other", telegram_api=api.url, mail_trusted_server=TRUSTED, technical_email=ONE, bot_email=OTHER
    )
    with closing(open_house(given)) as house:
        yield house


@contextmanager
def closing(house: House) -> Iterator[House]:
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


def carried(house: House, to: House, *, stripped: bool) -> int:
    """What one wrote is delivered to the other, whose server vouches for it; `stripped`: a server on the way takes out
    whatever says that a robot wrote it."""
    rows = house.desk.execute("SELECT id, payload FROM outbox WHERE channel = 'mail' AND state = 'queued'").fetchall()
    for number, payload in rows:
        content = bytes(payload)
        if stripped:
            content = re.sub(
                rb"(?im)^(?:Auto-Submitted|X-Auto-Response-Suppress):.*\r?\n(?:[ \t].*\r?\n)*", b"", content
            )
        sender = str(message_from_bytes(content, policy=default)["From"].addresses[0].addr_spec)
        vouched = f"Authentication-Results: {TRUSTED}; dmarc=pass header.from={sender.partition('@')[2]}\r\n"
        message_id = str(message_from_bytes(content, policy=default)["Message-ID"])
        to.inbox.add("mail", f"INBOX/1/{number}", f"mail:{sender}", vouched.encode() + content, message_id)
        house.desk.execute("UPDATE outbox SET state = 'sent' WHERE id = ?", (number,))
    return len(rows)


@pytest.mark.parametrize("stripped", [False, True])
@pytest.mark.parametrize("text", ["status 0639980001", "Bonjour, votre demande est enregistrée.", "aide"])
async def test_two_bots_stop_after_one_answer_each(
    house: House, other: House, bot: Bot, text: str, *, stripped: bool
) -> None:
    first = (
        f"Authentication-Results: {TRUSTED}; dmarc=pass header.from=autre.example\r\nFrom: {OTHER}\r\nTo: {ONE}\r\n"
        f"Subject: Demande\r\nMessage-ID: <first@autre.example>\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )
    house.inbox.add("mail", "INBOX/1/0", f"mail:{OTHER}", first.encode(), "<first@autre.example>")
    answers = {"one": 0, "other": 0}
    for _ in range(6):
        for name, writer, reader in (("one", house, other), ("other", other, house)):
            async with clerk_at_work(writer, bot):
                await settle(writer, 20)
            answers[name] += carried(writer, reader, stripped=stripped)
    # Of a robot that hides what it is, one question is answered, and one mail called not understood.
    assert 1 <= answers["one"] <= (2 if stripped else 1)
    assert answers["other"] <= (2 if stripped else 0)
