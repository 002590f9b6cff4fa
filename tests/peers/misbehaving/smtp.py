"""An SMTP server that does one named thing wrong."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.peers.misbehaving.serving import ALWAYS, DROP, SILENCE, Handler


@dataclass
class OddSmtp(Handler):
    """An SMTP server without TLS that answers `answers[verb]` where it should say yes.

    A verb may be followed by its argument (`RCPT <a@b.fr>`); `.` is the end of a mail. Of a list, each answer is given
    once, then yes. `offers`: extensions. `taken`: mails received, and not refused; `commands`: what it was told;
    `connections`: how often somebody came; `closes_after`: it closes without a word after so many mails of a
    connection; `slow`: seconds before each answer.
    """

    answers: Mapping[str, str | list[str]] = field(default_factory=dict)
    offers: Sequence[str] = ()
    taken: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    closes_after: int = 1_000
    slow: float = 0.0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        taken = 0
        writer.write(b"220 odd.test ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            verb = line.split()[0].upper()
            address = line.partition(":")[2].split()[:1]
            answer = self._instead(" ".join([verb, *address])) or self._instead(verb)
            if not await self._say(writer, answer or self._yes(verb)):
                return
            if verb == "DATA" and answer is None:
                content = await reader.readuntil(b"\r\n.\r\n")
                answer = self._instead(".") or "250 taken"
                if answer[0] not in "45":
                    self.taken.append(content)
                    taken += 1
                if not await self._say(writer, answer) or taken >= self.closes_after:
                    return
            if verb == "QUIT":
                return

    def _instead(self, key: str) -> str | None:
        answer = self.answers.get(key)
        if isinstance(answer, list):
            return answer.pop(0) if answer else None
        return answer

    def _yes(self, verb: str) -> str:
        if verb == "EHLO":
            lines = ["odd.test", *self.offers]
            return "\r\n".join(f"250{'-' if line is not lines[-1] else ' '}{line}" for line in lines)
        return {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 ok")

    async def _say(self, writer: asyncio.StreamWriter, answer: str) -> bool:
        if answer == DROP:
            return False
        if answer == SILENCE:
            await asyncio.Event().wait()
        await asyncio.sleep(self.slow)
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return True


@dataclass(frozen=True)
class _Fault:
    """`answers`: what is said instead of yes, by verb, as often as the fault hits; the rest as in `OddSmtp`."""

    answers: Mapping[str, str] = field(default_factory=dict)
    offers: Sequence[str] = ()
    closes_after: int = 1_000
    slow: float = 0.0


def with_fault(name: str, times: int = 1) -> OddSmtp:
    """A server with that fault, of `FAULTS`; `times`: how often it is said, where it is something said."""
    fault = FAULTS[name]
    answers: dict[str, str | list[str]] = {
        verb: answer if times >= ALWAYS else [answer] * times for verb, answer in fault.answers.items()
    }
    return OddSmtp(answers, fault.offers, closes_after=fault.closes_after, slow=fault.slow)


#: Each of these does one thing wrong; where that is once, the mail is taken in the end.
FAULTS: Mapping[str, _Fault] = {
    "drop at once": _Fault({"EHLO": DROP}),
    "drop after MAIL": _Fault({"MAIL": DROP}),
    "drop after RCPT": _Fault({"RCPT": DROP}),
    "drop at DATA": _Fault({"DATA": DROP}),
    "drop after DATA": _Fault({".": DROP}),
    "silence after DATA": _Fault({".": SILENCE}),
    "silence after MAIL": _Fault({"MAIL": SILENCE}),
    "greylisting": _Fault({"RCPT": "450 4.2.0 greylisted, come back later"}),
    "4xx at MAIL": _Fault({"MAIL": "451 4.3.2 not now"}),
    "4xx at DATA": _Fault({"DATA": "451 4.3.2 not now"}),
    "4xx after DATA": _Fault({".": "451 4.3.0 queue file write error"}),
    "421 at MAIL": _Fault({"MAIL": "421 4.3.2 shutting down"}),
    "421 at RCPT": _Fault({"RCPT": "421 4.7.0 too many connections"}),
    "421 after DATA": _Fault({".": "421 4.3.2 shutting down"}),
    "slow server": _Fault(slow=0.1),
    "connection closed between two mails": _Fault(closes_after=1),
    "drop after QUIT": _Fault({"QUIT": DROP}),
    "nonsense after DATA": _Fault({".": "banana"}),
    # Those that refuse for good.
    "recipient refused": _Fault({"RCPT": "550 5.1.1 unknown"}),
    "mailbox full": _Fault({"RCPT": "552 5.2.2 quota exceeded"}),
    "mail refused": _Fault({".": "554 5.7.1 looks like spam"}),
    "too big by SIZE": _Fault(offers=["SIZE 100"]),
    "too big at MAIL": _Fault({"MAIL": "552 5.3.4 too big"}, ["SIZE"]),
    "too big after DATA": _Fault({".": "552 message exceeds fixed limit"}),
}

#: What is told of the faults that refuse for good.
REFUSALS: Mapping[str, str] = {
    "recipient refused": "550 5.1.1 unknown",
    "mailbox full": "552 5.2.2 quota exceeded",
    "mail refused": "554 5.7.1 looks like spam",
    "too big by SIZE": "trop gros",
    "too big at MAIL": "trop gros",
    "too big after DATA": "trop gros",
}

#: Those by which a mail is taken without being said so.
TAKEN_UNSAID = ("drop after DATA", "silence after DATA", "nonsense after DATA")
