"""The lines of an HTML body, each with what its place in the markup says of it."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Literal

#: own: nothing says otherwise; quoted: within a quote; signature: within a signature; rest: all from here on is quoted.
Kind = Literal["own", "quoted", "signature", "rest"]


@dataclass(frozen=True)
class Line:
    """A line of a body. `pictures`: the Content-IDs of those shown on it."""

    text: str
    kind: Kind = "own"
    pictures: tuple[str, ...] = ()


#: Signs of HTML that are parsed; what a person writes comes first, and the parser takes long over broken megabytes.
MOST_HTML = 400_000

_BLOCKS = frozenset(
    {"p", "div", "tr", "li", "ul", "ol", "dl", "dt", "dd", "table", "blockquote", "pre", "section", "article", "header"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "footer", "center", "hr", "body"}
)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_UNSEEN = frozenset({"style", "script", "head", "title", "template", "noscript", "textarea", "select"})

# html.parser takes hours over megabytes of "<!--"; this reads each sign a bounded number of times.
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<[!?][^<>]{0,2000}>"
    r"""|<(?P<end>/?)(?P<name>[a-z][\w:-]{0,30})(?P<attributes>(?:[^<>"']|"[^"]{0,2000}"|'[^']{0,2000}'){0,4000}+)>""",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([\w:-]{1,40})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")

# What mail programs write around what they quote. Ids and classes come back prefixed when a mail is quoted again (x_…).
_REST = re.compile(
    r"(?:x_)*(?:divrplyfwdmsg|appendonsend|zwchr|mail-editor-reference-message-container|olk_src_body_section"
    r"|isforwardcontent|isreplycontent|outlookmessageheader|moz-forward-container|hmquote|stopspelling)",
    re.IGNORECASE,
)
_QUOTE = re.compile(
    r"(?:x_)*(?:gmail_quote\w*|gmail_attr|gmail_extra|moz-cite-prefix|(?:ydp\w*)?yahoo_quoted\w*|protonmail_quote"
    r"|zmail_extra|messagereplysection|mail_quote\w*|quoted-?text|reply-?quote|tutanota_quote|skiptranslate-quote)",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"(?:x_)*(?:signature|gmail_signature(?:_prefix)?|moz-signature|protonmail_signature_block(?:-\w+)?|applemailsignature"
    r"|composer_signature|ms-outlook-mobile-signature|messagesignaturesection|ydp\w*signature|mail_signature)",
    re.IGNORECASE,
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*[01](?:\.\d+)?\s*(?:px|pt|%)?\s*(?:!|;|$)"
    r"|(?:^|[;\s])(?:opacity|max-height|max-width)\s*:\s*0(?:\.0*)?(?:px|pt|%)?\s*(?:!|;|$)"
    r"|(?:^|[;\s])color\s*:\s*transparent|(?:^|[;\s])(?:left|top|text-indent)\s*:\s*-\d{3,}"
)
_BESIDE = re.compile(r"border-left(?:-width|-style)?\s*:[^;]*(?:solid|\d(?:px|pt))")
_BELOW_RULE = re.compile(r"border\s*:\s*none\s*;\s*border-top\s*:\s*solid")


def lines_of(html: str) -> list[Line]:
    """The lines of an HTML body, in their order; a paragraph is set off by empty ones."""
    reader = _Reader()
    read = 0
    for tag in _TAG.finditer(html, 0, MOST_HTML):
        reader.words(html[read : tag.start()])
        read = tag.end()
        if tag["name"]:
            reader.tag(tag["name"].lower(), tag["attributes"], end=bool(tag["end"]))
    reader.words(html[read:MOST_HTML])
    reader.end_line()
    if len(html) > MOST_HTML:
        rest = re.sub(r"<[^<>]{0,2000}>|\s*\n\s*", "\n", html[MOST_HTML:])
        reader.lines.append(Line(unescape(rest).strip(), "rest"))
    return reader.lines


class _Reader:
    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._words: list[str] = []
        self._pictures: list[str] = []
        self._open: list[tuple[str, Kind | Literal["unseen"]]] = []
        self._within = {"own": 0, "quoted": 0, "signature": 0, "unseen": 0, "rest": 0}
        self._rest = False
        self._pre = 0

    def words(self, data: str) -> None:
        if self._within["unseen"]:
            return
        data = unescape(data)
        if not self._pre:
            self._words.append(re.sub(r"\s+", " ", data))
            return
        first, *others = data.split("\n")
        self._words.append(first)
        for line in others:
            self.end_line(empty=True)
            self._words.append(line)

    def tag(self, name: str, attributes: str, *, end: bool) -> None:
        if end:
            self._end(name)
        else:
            found = _ATTRIBUTE.findall(attributes)
            named = {key.lower(): unescape(one or two or bare) for key, one, two, bare in found}
            if re.search(r"\shidden(?=[\s=/]|$)", _QUOTED.sub("", attributes), re.IGNORECASE):
                named["hidden"] = ""
            self._start(name, named)

    def end_line(self, *, empty: bool = False) -> None:
        """End the line; one without words is left, unless `empty`."""
        text = "".join(self._words).strip(" \t")
        if text or empty or self._pictures:
            self.lines.append(Line(text, self._kind(), tuple(self._pictures)))
        self._words, self._pictures = [], []

    def _kind(self) -> Kind:
        if self._rest:
            return "rest"
        return "quoted" if self._within["quoted"] else "signature" if self._within["signature"] else "own"

    def _start(self, tag: str, named: dict[str, str]) -> None:
        if tag == "body" and self._within["unseen"]:  # a head that nobody closed
            self._open, self._within = [], dict.fromkeys(self._within, 0)
        if tag in _BLOCKS:
            self.end_line()
            if tag == "p" and "Mso" not in named.get("class", ""):
                self._gap()
        if tag == "br":
            self.end_line(empty=True)
        elif tag == "td" and self._words:
            self._words.append(" ")
        elif tag == "img" and not self._within["unseen"] and named.get("src", "").lower().startswith("cid:"):
            self._pictures.append(named["src"][4:].strip("<>"))
        meaning = _meaning(tag, named)
        if meaning == "rest":
            self.end_line()
            self._rest = True
        if tag not in _VOID:
            self._open.append((tag, meaning))
            self._within[meaning] += 1
            self._pre += tag == "pre"

    def _end(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.end_line()
            if tag == "p" and self.lines and self.lines[-1].text:
                self._gap()
        # A stray end tag closes nothing; one that belongs to an element closes those left open within it.
        for place in range(len(self._open) - 1, max(-1, len(self._open) - 60), -1):
            if self._open[place][0] == tag:
                for name, meaning in self._open[place:]:
                    self._within[meaning] -= 1
                    self._pre -= name == "pre"
                del self._open[place:]
                return

    def _gap(self) -> None:
        if self.lines and self.lines[-1].text:
            self.lines.append(Line("", self.lines[-1].kind))


def _meaning(tag: str, named: dict[str, str]) -> Kind | Literal["unseen"]:
    """What the element says of the lines within it, or, for "rest", of all that follow it."""
    if tag in _UNSEEN:
        return "unseen"
    names = [named.get("id", ""), named.get("name", ""), *named.get("class", "").split()]
    marker = named.get("data-marker", "")
    style = named.get("style", "").lower()
    if any(map(_REST.fullmatch, names)) or marker in ("__DIVIDER__", "__HEADERS__", "__QUOTED_TEXT__"):
        return "rest"
    if _BELOW_RULE.search(style) or (tag == "hr" and named.get("tabindex") == "-1"):  # Outlook's, above "De :"
        return "rest"
    if tag == "blockquote" or any(map(_QUOTE.fullmatch, names)) or _BESIDE.search(style):
        return "quoted"
    if _HIDDEN.search(style) or "hidden" in named:
        return "quoted"
    if any(map(_SIGNATURE.fullmatch, names)) or named.get("data-smartmail") == "gmail_signature" or "__SIG" in marker:
        return "signature"
    return "own"
