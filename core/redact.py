"""Secrets taken out of texts that are shown or logged."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from urllib.parse import quote, quote_plus

#: What stands for a secret.
DOTS = "•••"


def hide(text: str, secret: str) -> str:
    """The text with dots where the secret stands as a word of its own.

    Within a longer word it is left: a one-letter password would otherwise show by the holes it makes.
    """
    if not secret:
        return text
    return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", DOTS, text)


class Redactor:
    """Takes out of any text what a log must not hold: known secrets, and whatever has the form of one.

    Dots stand for tokens, passwords, enrolment codes, RIOs, PUKs and PINs; of a phone number the last four digits
    become X (order of 31/12/2013, CNIL norm NS-47). Dates, counts, ICCIDs, hashes and names of files stay.

    :param secrets: known ones, found in every writing that a library may give them.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {writing for secret in secrets if secret for writing in _writings(secret)}
        # The longest first: one may hold another.
        ordered = sorted(known, key=lambda writing: (-len(writing), writing))
        self._known = re.compile("|".join(_anywhere(writing) for writing in ordered)) if ordered else None

    def __call__(self, text: str) -> str:
        if self._known:
            text = self._known.sub(DOTS, text)
        for pattern, instead in _RULES:
            text = pattern.sub(instead, text)
        return text


def sasl_writings(login: str, password: str) -> list[str]:
    """How a password travels in AUTH PLAIN (RFC 4616) and AUTH LOGIN, for `Redactor`."""
    plain = f"\0{login}\0{password}".encode()
    return [base64.b64encode(sent).decode() for sent in (plain, login.encode() + plain, password.encode()) if password]


# -- known secrets


def _writings(secret: str) -> set[str]:
    escaped = json.dumps(secret)[1:-1]
    quoted = secret.replace("\\", "\\\\").replace('"', '\\"')  # a quoted string of IMAP (RFC 9051, 4.3)
    written = {secret, escaped, quoted, quote(secret, safe=""), quote_plus(secret)}
    for text in (secret, quoted):
        # `repr` chooses its quotes, and so what it escapes, by all of the text that a secret stands in.
        for both in ("", "'\""):
            written.add(repr(text + both)[1:-1].removesuffix("\\'\""))
            written.add(repr((text + both).encode())[2:-1].removesuffix("\\'\""))
    return written


def _anywhere(writing: str) -> str:
    """Short ones as words only, like `hide`: "p" would make holes everywhere."""
    return re.escape(writing) if len(writing) >= 6 else rf"(?<!\w){re.escape(writing)}(?!\w)"


# -- forms

#: Before a number or a code; in a text as `repr` shows it, a new line is the two signs \n.
_BEFORE = r"(?:(?<!\w)|(?<=\\[nrt]))"

#: What parts the digits of a number, also as addresses, JSON, `repr` and quoted-printable write it.
_SPACE = (
    r"(?:[ .\-/+\u00a0\u2007\u2009\u202f]|%20|%C2%A0|%E2%80%AF|\\xa0|\\u00a0|\\u202f|\\u2009|=20|=C2=A0|=E2=80=AF"
    r"|\\xc2\\xa0|\\xe2\\x80\\xaf)"
)
_GAP = f"{_SPACE}?"
_PLUS = r"(?:\+|%2B)"

#: A day is no number: 05-11-2026, 2026-05-11.
_NO_DAY = r"(?!\d\d[./-]\d\d[./-](?:19|20)\d\d)(?!(?<=\d{4}[./-])\d\d[./-]\d\d(?!\d))"

#: What says that the number after it, or before it, is a count, or a serial of ours.
_COUNTED = re.compile(
    r"(?<![^\W\d_])(?:uid(?:s|validity|next)?|size|bytes|octets|length|offset|limit|port|pid|rest|item|parcel|ids?|rows?"
    r"|events?|mails?|literal)[\"'}]?\s*[=:({]?\s*$",
    re.IGNORECASE,
)
_COUNTS = re.compile(
    r"\s?(?:bytes?|octets?|[kKMG]?[oB]|rows|rangées|entrées|lignes|files|fichiers|events|ms|s|µs|FETCH|EXISTS|RECENT"
    r"|EXPUNGE)(?!\w)"
)


def _is_counted(found: re.Match[str]) -> bool:
    text, begin, end = found.string, found.start(), found.end()
    return bool(_COUNTED.search(text[max(0, begin - 24) : begin]) or _COUNTS.match(text, end))


def _is_day(digits: str) -> bool:
    return digits[:2] in ("19", "20") and "01" <= digits[4:6] <= "12" and "01" <= digits[6:8] <= "31"


def _is_in_hash(found: re.Match[str]) -> bool:
    """Hashes and Message-IDs have runs of digits too."""
    text = found.string
    before = re.search(r"[0-9a-f]*$", text[max(0, found.start() - 64) : found.start()])
    after = re.match(r"[0-9a-f]*", text[found.end() : found.end() + 64])
    assert before
    assert after
    around = before[0] + found[0] + after[0]
    return len(around) >= 24 and not found[0].strip("0123456789") and not around.isdecimal()


def _code_at_end(found: re.Match[str]) -> str:
    return re.sub(r"(?<!\d)\d(?: ?\d){3,7}$", DOTS, found[0])


def _eight(found: re.Match[str]) -> str:
    """Eight digits are a PUK, but for a day (20261126) and for what is counted."""
    return found[0] if _is_day(found[0]) or _is_counted(found) else DOTS


def _masking(kept: int) -> Callable[[re.Match[str]], str]:
    """The digits after so many become X; what parts them stays."""
    sign = re.compile(rf"(?P<apart>{_SPACE}|{_PLUS}|\(0\))|\d", re.IGNORECASE)

    def mask(found: re.Match[str]) -> str:
        if _is_in_hash(found):
            return found[0]
        left = kept

        def one(sign: re.Match[str]) -> str:
            nonlocal left
            if sign["apart"]:
                return sign[0]
            left -= 1
            return sign[0] if left >= 0 else "X"

        return sign.sub(one, found[0])

    return mask


def _masking_runs(kept: int) -> Callable[[re.Match[str]], str]:
    """The same for a mere run of digits, but for times (20261126080000, milliseconds) and for what is counted."""
    mask = _masking(kept)

    def judge(found: re.Match[str]) -> str:
        digits = found[0]
        is_time = (len(digits) in (12, 14) and _is_day(digits)) or (len(digits) == 13 and digits[0] == "1")
        return digits if is_time or _is_counted(found) else mask(found)

    return judge


def _random(found: re.Match[str]) -> str:
    """22 signs are an enrolment code where they look random: names change less often from one kind to another."""
    kinds = ["A" if sign.isupper() else "a" if sign.islower() else "0" if sign.isdigit() else "-" for sign in found[0]]
    changes = sum(one != other for one, other in pairwise(kinds))
    return DOTS if changes >= 6 and {"A", "a"} <= set(kinds) else found[0]


#: Pattern and what takes its place, in this order: what is said around a secret goes before the secret's own form, and
#: what has a longer form before a shorter one.
_FORMS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    # At DEBUG python-telegram-bot logs all that people write, and all that they are answered.
    (
        r"(?s)((?:Calling|Call to) Bot API endpoint `\w+` (?:with parameters|finished with return value)) .*",
        rf"\1 {DOTS}",
    ),
    # Bot tokens, in an address and by themselves.
    (r"(?i)(/bot)\d+(?::|%3A)[\w-]+", rf"\1{DOTS}"),
    (r"(?<!\d)\d{5,12}(?::|%3A)[A-Za-z0-9_-]{30,}", DOTS),
    # What opens a door: in headers, in parameters, and as IMAP, SMTP and FTP say it.
    (r"(?i)((?:proxy-)?authorization|secret-token)([\"']?\s*[:,=]\s*(?:b(?=[\"']))?[\"']?)[^\r\n'\"]+", rf"\1\2{DOTS}"),
    (r"(?i)\b(bearer|basic)\s+(?=\S*[\d=+/])[\w.~+/=-]{6,}", rf"\1 {DOTS}"),
    (
        r"(?i)((?:token|password|passwd|secret|secret_key|api_key)(?:=|[\"']\s*[:,]\s*)b?[\"']?)(?!\s)[^\s\"'&,;)}\]]+",
        rf"\1{DOTS}",
    ),
    (
        r"\b(AUTH(?:ENTICATE)?\s+(?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5|SCRAM-[\w-]+))\s+"
        r"(?!(?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5|SCRAM-|GSSAPI|NTLM))[^\s'\"]+",
        rf"\1 {DOTS}",
    ),
    (r"\b(LOGIN)[ \t]+\".*", rf"\1 {DOTS}"),
    (r"\b(LOGIN[ \t]+[^\s\"]+)[ \t]+\S.*", rf"\1 {DOTS}"),
    (r"\b(PASS)[ \t]+\S.*", rf"\1 {DOTS}"),
    (r"(?<![A-Za-z0-9+/])dXNlcj[A-Za-z0-9+/]{8,}={0,2}", DOTS),  # "user=" in base64, which begins XOAUTH2
    # What lets a chat in, and what says whose a reply by mail is.
    (r"(?i)([?&]start(?:group)?(?:=|%3D))[\w-]+", rf"\1{DOTS}"),
    (r"(?i)(/start(?:@\w+)?(?:\s|%20|\\n)+)[^\s'\"`,}]+", rf"\1{DOTS}"),
    (r"(?i)(?<=[\w.-])(\+|%2B)[A-Za-z0-9_-]{16,}(@|%40)", rf"\1{DOTS}\2"),
    (rf"{_BEFORE}(?<!-)[A-Za-z0-9_-]{{22}}(?![\w-])", _random),
    # RIO, in one piece or in groups; there, one without a digit in its last nine signs is words: "12 erreurs par".
    (rf"(?i){_BEFORE}\d\d[PE][A-Z0-9]{{6}}[A-Z0-9+]{{3}}(?![\w+])", DOTS),
    (
        rf"(?i){_BEFORE}\d\d[ .-]?[PE][ .-]?(?=[A-Z .+-]{{0,9}}\d)[A-Z0-9]{{6}}[ .-]?[A-Z0-9+]{{3}}(?![\w+])",
        DOTS,
    ),
    # Numbers: +33 6…, 06…, then as files write them, then foreign ones.
    (rf"(?i)(?<!\d)(?:{_PLUS}|00){_GAP}[1-9](?:(?:{_GAP}\(0\))?{_GAP}\d){{7,14}}(?!\d)", _masking(7)),
    (rf"(?i)(?<!\d){_NO_DAY}07{_GAP}0(?:{_GAP}\d){{11}}(?!\d)", _masking(6)),
    (rf"(?i)(?<!\d){_NO_DAY}0[1-9](?:{_GAP}\d){{8}}(?!\d)", _masking(6)),
    (r"(?<!\d)(?<!\d[.,])[67]\d{8}(?!\d)", _masking_runs(5)),
    (r"(?<!\d)(?<!\d[.,])[1-9]\d{10,14}(?!\d)", _masking_runs(7)),
    # PUK and PIN that are called so, the six digits that prove an address, and whatever else looks like a PUK.
    (r"(?i)(?<![A-Za-z])(?:puk|pin)\d?(?![A-Za-z])[^\d\n]{0,40}?(?<!\d)\d(?: ?\d){3,7}(?! ?[\dX])", _code_at_end),
    (r"(?i)(?<!\w)codes?(?!\w)[^\d\n]{0,12}\d{3} ?\d{3}(?! ?[\dX])", _code_at_end),
    (rf"{_BEFORE}(?<!\d[.,])\d{{8}}(?!\w)", _eight),
)

_RULES = tuple((re.compile(pattern), instead) for pattern, instead in _FORMS)
