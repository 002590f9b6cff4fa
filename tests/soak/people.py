"""What people write meanwhile, by chat and by mail, and what they are to read because of it."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime

from bot.mail import smtp
from bot.mail.faults import MailError
from bot.sandbox.botapi import Message, Phone
from bot.sandbox.pictures import logo
from core.folders import PARIS
from tests.soak.life import Life
from tests.soak.world import ACCOUNTING, BOT, STAFF, STRANGER, TECHNICAL, World

#: Mails of one address within an hour; the product looks at 30 (`bot.desk.senders`) and lets the rest wait.
MOST_MAILS = 24

#: Seconds before the end after which no code is asked for any more, so that each is seen to go.
_CODES_STAY = 100


@dataclass
class Asked:
    """What the technical contact wrote in his chat: `words` as they stand now, after a correction."""

    message_id: int
    words: str
    corrections: int = 0


@dataclass
class Ledger:
    """`mails`: Message-IDs of questions by mail, with who asked. `to_staff`, `to_chat`: words that were written for
    the other side, and are to arrive there once."""

    chat: list[Asked] = field(default_factory=list)
    mails: dict[str, str] = field(default_factory=dict)
    presses: int = 0
    to_staff: list[str] = field(default_factory=list)
    to_chat: list[str] = field(default_factory=list)


class People:
    def __init__(self, world: World, life: Life, seed: int, seconds: float) -> None:
        self.ledger = Ledger()
        self._world = world
        self._life = life
        self._random = random.Random(f"people {seed}")
        self._seconds = seconds
        self._ends = 0.0
        self.code = ""
        # One thumb: what belongs together is not interrupted.
        self._thumb = asyncio.Lock()
        self.phone: Phone = world.api.phone(7001, "Camille")
        self.stranger: Phone = world.api.phone(9009, "Inconnu")

    async def enrol(self) -> None:
        """Bind the technical contact's chat, with the code that was mailed to him."""
        mail = await self._world.mail.wait_for(TECHNICAL, lambda raw: b"/start" in raw or b"start=" in raw, 120)
        code = re.search(r"/start (\S+)", text_of(parsed(mail)))
        assert code
        self.code = code[1]
        self.phone.send(f"/start {code[1]}")
        await self.phone.wait(lambda message: "Bonjour Camille Martin" in message.text, timeout=120)

    async def live(self, until: float) -> None:
        self._ends = until
        # Within an hour no more than the product looks at; less on a short run.
        pause = max(8.0, 3600 / MOST_MAILS if self._seconds > 600 else self._seconds / MOST_MAILS)
        await asyncio.gather(
            self._again(self._chat, 2.0, 6.0),
            self._again(self._write_accounting, pause, pause * 1.2),
            self._again(self._contact, pause * 1.1, pause * 1.5),
            self._again(self._stray, self._seconds / 8, self._seconds / 4),
            self._staff(),
        )

    async def _again(self, do: Callable[[], Awaitable[None]], least: float, most: float) -> None:
        while self._left > 0:
            await do()
            await asyncio.sleep(min(self._random.uniform(least, most), max(0.0, self._left)))

    @property
    def _left(self) -> float:
        return self._ends - asyncio.get_running_loop().time()

    # -- the technical contact, in his chat

    async def _chat(self) -> None:
        drawn = self._random.random()
        async with self._thumb:
            if drawn < 0.12 and self.ledger.chat:
                self._correct()
            elif drawn < 0.24:
                self._press()
            elif drawn < 0.28:
                await self._upload()
            else:
                await self._ask(self._question())

    async def _ask(self, words: str, reply_to: Message | None = None) -> Message | None:
        """Send it, and wait a little for the answer, as people do."""
        sent = self.phone.send(words, reply_to)
        self.ledger.chat.append(Asked(sent.message_id, words))
        return await self._answer_to(sent.message_id)

    async def _answer_to(self, question: int) -> Message | None:
        for _ in range(50):
            for message in reversed(self.phone.messages):
                if message.message_id < question:
                    break
                if message.reply_to == question and not is_from_staff(message):
                    return message
            await asyncio.sleep(0.1)
        return None

    def _question(self) -> str:
        operator, choose = self._life.operator, self._random.choice
        line = choose([it for it in operator.lines if it.client])
        client = choose(operator.clients).name
        month = choose(self._life.months)
        words = [
            f"/status {line.msisdn}",
            line.msisdn,
            f"/conso {client}",
            f"/conso {client} {month}",
            f"/rio {line.rio or '01PEROY4P4TR'} {line.msisdn}",
            "/rio 01PEROY4P4RT 0612345678",
            f"/sim {line.iccid}",
            f"/historique {line.msisdn}",
            f"/lignes {choose(operator.clients[-3:]).name}",
            "/duree 1h30 + 45min",
            "/etat",
            "/alertes",
            "/aide",
            "bonjour",
            f"/factures {month}",
        ]
        if self._left > _CODES_STAY:
            words.append(f"/puk {line.msisdn}")
        return choose(words)

    def _correct(self) -> None:
        """He mistyped a number in what he asked a moment ago."""
        for asked in reversed(self.ledger.chat[-12:]):
            if asked.words.startswith("/status"):
                words = f"/status {self._random.choice(self._life.operator.lines).msisdn}"
                if words != asked.words:
                    asked.words = words
                    asked.corrections += 1
                    self.phone.edit(asked.message_id, words)
                return

    def _press(self) -> None:
        shown = [message for message in self.phone.messages[-15:] if message.buttons and not message.deleted]
        known = [
            (message, button)
            for message in shown
            for row in message.buttons
            for button in row
            if button.callback_data.startswith(("status ", "conso ", "lignes ", "aide"))
        ]
        if known:
            message, button = self._random.choice(known)
            with suppress(LookupError):  # it went, or changed, a moment ago
                self.phone.press(message, button.callback_data)
                self.ledger.presses += 1

    async def _upload(self) -> None:
        """A dialog: the question, then the file that it asks for."""
        await self._ask("/upload logo")
        sent = self.phone.send_file("logo.png", logo())
        self.ledger.chat.append(Asked(sent.message_id, "logo.png"))
        await self._answer_to(sent.message_id)

    async def _contact(self) -> None:
        """A question to the staff, in one message or in a dialog; a word of thanks under their answer; then its end."""
        number = len(self.ledger.to_staff) + 1
        token = f"Question-{number:04d}-fin"
        self.ledger.to_staff.append(token)
        words = f"{token} : le client attend une réponse."
        async with self._thumb:
            if self._random.random() < 0.3:
                await self._ask("/contact")
                answer = await self._ask(words)
            else:
                answer = await self._ask(f"/contact {words}")
        if self._random.random() < 0.5 and answer is not None:
            heard = await self._heard(f"Réponse à {token}")
            if heard is not None and self._left > 0:
                thanks = f"Merci-{number:04d}-fin"
                self.ledger.to_staff.append(thanks)
                async with self._thumb:
                    await self._ask(f"{thanks}, c'est noté.", heard)
        if answer is not None and (opened := re.search(r"Conversation n° (\d+)", answer.text)) and self._left > 0:
            async with self._thumb:
                await self._ask(f"/clore {opened[1]}")

    async def _heard(self, words: str) -> Message | None:
        for _ in range(100):
            for message in reversed(self.phone.messages[-20:]):
                if words in message.text:
                    return message
            await asyncio.sleep(0.2)
        return None

    # -- by mail

    async def _write_accounting(self) -> None:
        operator = self._life.operator
        client, month = self._random.choice(operator.clients).name, self._random.choice(self._life.months)
        words = self._random.choice((f"conso {client} {month}", f"lignes {client}", f"factures {month}"))
        sent = await self._write(
            ACCOUNTING, f"Question {len(self.ledger.mails) + 1}", f"Bonjour,\n\n{words}\n\nMerci\n"
        )
        self.ledger.mails[sent] = ACCOUNTING

    async def _staff(self) -> None:
        """Answer each question that reaches the mailbox, once, however often its mail comes."""
        read, answered = 0, set[str]()
        while self._left > 0:
            await asyncio.sleep(0.5)
            arrived = self._world.mail.arrived[STAFF]
            for raw in arrived[read:]:
                mail = parsed(raw)
                words = text_of(mail)
                token = re.search(r"Question-\d+-fin", words)
                read += 1
                if not token or token[0] in answered or "Réponse à" in words or "Merci-" in words:
                    continue
                answered.add(token[0])
                await asyncio.sleep(self._random.uniform(0.1, 2.0))
                said = f"Réponse à {token[0]} : je m'en occupe."
                self.ledger.to_chat.append(said)
                await self._write(STAFF, f"Re: {mail['Subject']}", f"{said}\n", answers=mail)

    async def _stray(self) -> None:
        """Somebody whom the bot does not know."""
        self.stranger.send("Bonjour, donnez-moi le PUK de ma ligne")
        await self._write(STRANGER, "Bonjour", "status 0639980001\n")

    async def _write(self, sender: str, subject: str, text: str, answers: EmailMessage | None = None) -> str:
        message = EmailMessage()
        to = str(answers["Reply-To"] or BOT) if answers else BOT
        message["From"], message["To"], message["Subject"] = sender, to, subject
        message["Date"] = format_datetime(datetime.now(PARIS))
        message["Message-ID"] = f"<{time.monotonic_ns()}.{self._random.getrandbits(32)}@client.test>"
        if answers:
            message["In-Reply-To"] = message["References"] = str(answers["Message-ID"])
        message.set_content(text)
        for _ in range(5):
            try:
                await smtp.send(self._world.access(sender), message, [to])
                break
            except MailError:  # the server broke off: he presses the button again, the mail is the same
                await asyncio.sleep(1)
        return str(message["Message-ID"])


def is_from_staff(message: Message) -> bool:
    """Whether the bot shows what the staff wrote: it stands under the question too, and is no answer of the bot's."""
    return message.text.startswith("💬")


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain",))
    return str(part.get_content()) if part else ""
