"""Who wrote a mail, and whether the receiving server vouches for it (RFC 8601).

DMARC's word counts first. Without one, SPF or DKIM must have passed for the very domain of From: relaxed alignment (a
domain for its subdomains) needs the public suffix list, or a customer of a host would vouch for its neighbour. A server
that checks DMARC has that list; one that does not gets the strict reading.
"""

import re
from email.message import EmailMessage
from typing import Literal

from bot.mail.bounded import MOST_HEADER, header, raw_headers

#: What the trusted receiving server says of the sender: "none" when it says nothing certain.
Verdict = Literal["pass", "fail", "none"]

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"\([^()]*\)")
_ENCODED_WORD = re.compile(r"=\?[^?\s]*\?[bq]\?[^?\s]*\?=", re.IGNORECASE)
_ADDRESS = re.compile(r"[^<>@]*<\s*([^<>\s@]+@[^<>\s@]+)\s*>\s*|\s*([^<>\s,;:@]+@[^<>\s,;:@]+)\s*")


def sender_of(message: EmailMessage) -> str:
    """The one address of From; "" when there is none, or when two readers could take it for two different ones.

    Sender, Reply-To and Resent-From say nothing of who wrote it. An address with other letters than ASCII is refused:
    some of them turn into ASCII ones when a program lowers or folds them.
    """
    written = raw_headers(message, "From")
    if len(written) != 1 or len(written[0]) >= MOST_HEADER:
        return ""
    found = _ADDRESS.fullmatch(bare(_ENCODED_WORD.sub("", written[0])))
    address = (found[1] or found[2]) if found else ""
    return address if address.isascii() and address.isprintable() and '"' not in address else ""


def author_of(message: EmailMessage) -> str:
    """The display name of From, cleaned; "" when there is none, or when it poses as an address."""
    name = re.sub(r"<[^<>]*>\s*$", "", header(message, "From")).strip().strip("\"'").strip()
    name = " ".join("".join(sign for sign in name if sign.isprintable()).replace("\\", "").split())
    return "" if "@" in name else name[:80]


def bare(value: str) -> str:
    """A header's value without its quoted strings and comments, in which a stranger can write what he likes."""
    without = _QUOTED.sub('""', value)
    for _ in range(50):
        if without == (without := _COMMENT.sub(" ", without)):
            return without
    return ""


def verdict_of(message: EmailMessage, sender: str, trusted: str) -> Verdict:
    """What the trusted server says of this sender.

    The topmost header that bears its name is its last word: any below it may have come with the mail.
    """
    for value in raw_headers(message, "Authentication-Results") if trusted else []:
        server, _, results = bare(value).partition(";")
        if (server.split() or [""])[0].lower() == trusted.lower():
            return "fail" if len(value) >= MOST_HEADER else _judged(results.lower(), _domain(sender))
    return "none"


def _judged(results: str, domain: str) -> Verdict:
    said = [
        (found[1], found[2], result)
        for result in results.split(";")
        if (found := re.match(r"\s*(dmarc|spf|dkim)(?:\s*/\s*\d+)?\s*=\s*(\w+)", result))
    ]
    # No record, or an answer that DNS did not give: the other two methods are left.
    dmarc = [(outcome, result) for method, outcome, result in said if method == "dmarc"]
    dmarc = [it for it in dmarc if it[0] not in ("none", "temperror", "permerror", "bestguesspass")]
    if dmarc:
        right = all(outcome == "pass" and _named(result, r"header\.from") in ("", domain) for outcome, result in dmarc)
        return "pass" if right else "fail"
    verdict: Verdict = "none"
    for method, outcome, result in said:
        if method == "dmarc":
            continue
        named = _named(result, r"header\.d|header\.i" if method == "dkim" else r"smtp\.mailfrom")
        if outcome == "pass" and named == domain:
            return "pass"
        related = named.endswith("." + domain) or domain.endswith("." + named)
        if outcome in ("fail", "hardfail", "softfail", "policy") or (outcome == "pass" and named and not related):
            verdict = "fail"
    return verdict


def _named(result: str, name: str) -> str:
    """The domain that a result is about; "" when it names none."""
    found = re.search(rf"(?:\s|^)(?:{name})\s*=\s*(\S+)", result)
    return _domain(found[1]) if found else ""


def _domain(address: str) -> str:
    return address.rpartition("@")[2].strip("<>.,").lower()
