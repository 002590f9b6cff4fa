"""A mail server whose mailbox fills at a word: `python -m tests.bench.flooded_mailbox FOLDER MAILS`.

Writes its ports as a line of JSON into FOLDER/ports.json; the file FOLDER/go begins the flood, FOLDER/gone ends it.
"""

import asyncio
import json
import sys
from pathlib import Path

from bot.sandbox.mailserver import SandboxMail, vouched

BOT, PASSWORD = "robot@telecom.example", "bench"

#: One mail in so many is huge (bytes).
HUGE_EVERY, HUGE = 50, 12_000_000


def stranger_mail(number: int) -> bytes:
    head = (
        f"From: Inconnu {number} <inconnu{number}@ailleurs.example>\r\nTo: {BOT}\r\nSubject: Bonjour {number}\r\n"
        f"Message-ID: <{number}@ailleurs.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    )
    body = b"0639000001\r\n" * (HUGE // 12 if number % HUGE_EVERY == 0 else 200)
    return vouched(head.encode() + b"\r\n" + body, None)


async def serve(folder: Path, mails: int) -> None:
    async with SandboxMail({BOT: PASSWORD}, folder) as mail:
        (folder / "ports.tmp").write_text(json.dumps({"smtp": mail.smtp_port, "imap": mail.imap_port}))
        (folder / "ports.tmp").rename(folder / "ports.json")
        while not (folder / "go").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for number in range(mails):
            await mail.deliver(stranger_mail(number), {BOT})
            await asyncio.sleep(0)
        (folder / "gone").touch()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
