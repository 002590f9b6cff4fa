"""A mail's HTML: readable on a telephone and in Outlook, light and dark, with or without its styles and its logo."""

import re
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.mail.parts import Part, is_short
from bot.mail.plain import IN_CHAT, REPLIES

#: Under the replies that a touch prepares.
TOUCH = "Un appui sur un bouton prépare la réponse : il ne reste qu'à l'envoyer."

#: At the head of the mails of an integrator who has not said his colour.
_COLOUR = "#5a6876"

_LINK = re.compile(r"https://[^\s<>«»\"]+[^\s<>«»\".,;:!?)]")


def page_of(
    subject: str, name: str, greeting: str, parts: Sequence[Part], foot: str, *, preview: str, logo: str, colour: str
) -> str:
    """
    :param name: whose mail it is.
    :param preview: see `parts.preview`.
    :param logo: the Content-ID of the logo, "" without one.
    :param colour: the integrator's, #rrggbb.
    """
    prepared = any(reply.href for part in parts for reply in part.replies)
    html = _templates.get_template("letter.html.j2").render(
        subject=subject,
        name=name,
        greeting=greeting,
        parts=parts,
        foot=foot,
        preview=preview,
        logo=logo,
        colour=colour if re.fullmatch(r"#[0-9a-fA-F]{6}", colour) else _COLOUR,
        replies=REPLIES,
        in_chat=IN_CHAT,
        touch=TOUCH if prepared else "",
    )
    return html.lstrip()


def _linked(text: str) -> Markup:
    """A line with its links."""
    pieces, end = [], 0
    for found in _LINK.finditer(text):
        pieces += [_breakable(text[end : found.start()]), _A.format(found[0], found[0])]
        end = found.end()
    return Markup("").join([*pieces, _breakable(text[end:])])


_A = Markup('<a class="link" href="{}" style="color:#1c4f8f">{}</a>')


def _breakable(text: str) -> Markup:
    """A text whose long words, names of files as a rule, break at their signs."""
    words = (_SIGN.split(word) if len(word) > _LONG else [word] for word in text.split(" "))
    return Markup(" ").join(Markup("<wbr>").join(map(escape, pieces)) for pieces in words)


_LONG = 16
_SIGN = re.compile(r"(?<=[_/@-])(?=\w)")


def _is_long(text: str) -> bool:
    """Whether a text has a word that a telephone must break."""
    return any(len(word) > 24 for word in text.split())


_templates = Environment(
    loader=PackageLoader("bot.mail"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_templates.filters |= {"linked": _linked, "breakable": _breakable}
_templates.tests |= {"short": is_short, "long": _is_long}
