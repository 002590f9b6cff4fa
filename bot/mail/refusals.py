"""What a mail server means when it refuses a mail, in words that a person can act on."""

import re
from dataclasses import dataclass
from typing import Literal

#: unknown: nobody has this address; closed: its mailbox takes nothing; full; size: this mail is too large; policy:
#: taken for unwanted; sender: the bot's own address is not believed; later: no answer yet; other.
Kind = Literal["unknown", "closed", "full", "size", "policy", "sender", "later", "other"]

#: Kinds that stop every mail to the address, not this one alone.
OF_ADDRESS: frozenset[Kind] = frozenset({"unknown", "closed", "full"})


@dataclass(frozen=True)
class Refusal:
    """`words`: French, within a sentence; `code`: the server's own (552 5.2.2), "" when it gave none."""

    kind: Kind
    words: str
    code: str

    def __str__(self) -> str:
        return f"{self.words} ({self.code})" if self.code else self.words


def understood(answer: str) -> Refusal:
    """The meaning of a server's answer, or of the diagnostic of a report: by its words where they say more than its
    code, else by its code (RFC 3463). An answer without a code is our own, and says itself what is wrong."""
    status = _STATUS.search(answer)
    reply = _REPLY.search(answer)
    code = " ".join(found[0] for found in (reply, status) if found)
    said = " ".join(answer.split()).rstrip(".")
    for kind, words, statuses, signs in _MEANINGS:
        by_words = signs and re.search(signs, answer, re.IGNORECASE)
        if by_words or (status and statuses and re.fullmatch(statuses, status[0][2:])):
            if code.startswith("4") and kind not in ("full", "later"):  # nothing is sure yet
                return Refusal("later", _NOT_NOW, code)
            return Refusal(kind, words if code else said, code)
    if reply and reply[0] in _REPLIES:
        kind, words = _REPLIES[reply[0]]
        return Refusal(kind, words, code)
    if code:
        return Refusal(*(("other", "le serveur refuse ce courriel") if code[0] == "5" else ("later", _NOT_NOW)), code)
    return Refusal("other", said, "")


# Neither is part of an address of the Internet, a port or a longer number.
_STATUS = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)")
_REPLY = re.compile(r"(?<![\d.:])[45]\d\d(?![\d.]*\d)(?=[ )-]|$)")

_NOT_NOW = "le serveur du destinataire ne prend pas ce courriel pour le moment"

# (kind, words, the last two figures of the status, words of servers), the first that fits. Orange calls a full mailbox
# 5.1.1, Microsoft an unknown address 5.4.1: words go first.
_MEANINGS: tuple[tuple[Kind, str, str, str], ...] = (
    ("later", "le serveur du destinataire fait attendre les expéditeurs qu'il ne connaît pas", "", r"gr[ea]y.?list"),
    (
        "full",
        "la boîte du destinataire est pleine",
        r"2\.2",
        r"over.?quota|quota (is )?(exceeded|full)|exceed\w* .{0,20}quota|mailbox (is )?full|bo[iî]te .{0,20}pleine|"
        r"out of storage",
    ),
    (
        "size",
        "le courriel est trop gros pour le serveur ou la boîte du destinataire",
        r"3\.4|2\.3",
        r"(message|size).{0,30}(too (large|big)|exceed)|trop (gros|grand|lourd)|exceed\w* .{0,30}size",
    ),
    (
        "closed",
        "la boîte du destinataire est fermée",
        r"2\.1",
        r"(mailbox|account|user).{0,20}(disabled|inactive|suspended|blocked)",
    ),
    (
        "unknown",
        "cette adresse n'existe pas, ou plus",
        r"1\.(0|1|6|10)|4\.1",
        r"(user|recipient|mailbox|address|account).{0,40}(unknown|not found|invalid|does ?n.t exist|does not exist)|"
        r"(unknown|invalid|no such) .{0,20}(user|recipient|mailbox|address)|destinataire (inconnu|invalide)",
    ),
    (
        "unknown",
        "le domaine de cette adresse n'existe pas, ou ne reçoit pas de courriel",
        r"1\.2|4\.4",
        r"(domain|host)( name)? (was )?not found",
    ),
    ("unknown", "cette adresse est mal écrite", r"1\.3", r"adresse impossible"),
    (
        "sender",
        "le serveur du destinataire ne croit pas que ce courriel vient du robot",
        r"1\.[78]|7\.(2\d|9|509|515)",
        r"sender (address )?rejected|unauthenticated|\b(spf|dkim|dmarc)\b",
    ),
    (
        "policy",
        "le serveur du destinataire refuse ce courriel, sans doute pris pour un indésirable",
        r"7\.\d+|6\.\d+",
        r"\bspam|unsolicited|block.?list|black.?list|mail rejet[eé]|OFR_506",
    ),
    (
        "later",
        "le serveur du destinataire n'a pas pu être joint à temps",
        r"4\.[1237]",
        r"timed? ?out|could not be delivered within|connection refused",
    ),
    ("later", "le serveur du destinataire n'a pas la place de prendre ce courriel", r"3\.1", ""),
)

_REPLIES: dict[str, tuple[Kind, str]] = {
    "421": ("later", _NOT_NOW),
    "450": ("later", _NOT_NOW),
    "451": ("later", _NOT_NOW),
    "452": ("later", _NOT_NOW),
    "550": ("unknown", "le serveur ne connaît pas cette adresse, ou la refuse"),
    "552": ("full", "la boîte du destinataire est pleine, ou le courriel trop gros"),
    "553": ("unknown", "le serveur ne connaît pas cette adresse, ou la refuse"),
    "554": ("policy", "le serveur du destinataire refuse ce courriel, sans doute pris pour un indésirable"),
}
