"""The guides of a page each (`bot/guides/*.md`), as pages to read and to print."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from aiohttp import web
from jinja2 import Environment
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.sandbox.page.parts import Tell
from core.layouts import fold
from handlers.french import NBSP

FOLDER = Path(__file__).parents[2] / "guides"

#: In the order in which they are offered; each file's first heading is its title.
NAMES = ("technique", "comptabilite", "equipe")

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")

_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>{{ title }} · guide d'une page</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/page.css">
<link rel="stylesheet" href="/static/guide.css">
<script type="module" src="/static/guide.js"></script>
</head>
<body class="guide">
<nav class="guide-bar" aria-label="Guides">
  <a href="/" class="guide-home"><img src="/static/icon.svg" alt="" width="24" height="24"> Bac à sable</a>
  <ul>
    {% for other, its_title in guides %}
    <li><a href="/guides/{{ other }}"{% if other == name %} aria-current="page"{% endif %}>{{ its_title }}</a></li>
    {% endfor %}
  </ul>
  <button id="print-button" type="button" hidden>Imprimer</button>
</nav>
<main class="guide-sheet">
<header>
  <p class="guide-kind"><img src="/static/icon.svg" alt="" width="18" height="18"> L'assistant Origyne en une page</p>
  {{ head | safe }}
</header>
{% for id, content in sections %}
<section id="{{ id }}"{% if "<table>" in content %} class="guide-wide"{% endif %}>
{{ content | safe }}</section>
{% endfor %}
</main>
</body>
</html>
""")


class GuidesPart:
    """Nothing of them changes: there are no events."""

    name = "guides"

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return [web.get("/guides/{name}", _guide)]

    async def snapshot(self) -> object:
        return {}

    async def follow(self, tell: Tell) -> None:
        await asyncio.Event().wait()


def tokens_of(name: str) -> list[Token]:
    """A guide's Markdown as it is read; what is to be typed is `code_inline`, words for people are `blockquote`."""
    return _MARKDOWN.parse((FOLDER / f"{name}.md").read_text("utf-8"))


async def _guide(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in NAMES:
        raise web.HTTPNotFound(text="Ce guide n'existe pas.")
    return web.Response(text=_page_of(name), content_type="text/html")


def _page_of(name: str) -> str:
    head, *sections = _split(tokens_of(name))
    return _PAGE.render(
        name=name,
        title=_title(head),
        guides=[(other, _title(tokens_of(other))) for other in NAMES],
        head=_html(head),
        sections=[(fold(_title(section)), _html(section)) for section in sections],
    )


def _split(tokens: list[Token]) -> Iterator[list[Token]]:
    """What stands before the first heading of the second level, then what each such heading begins."""
    starts = [place for place, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2"]
    for start, end in pairwise([0, *starts, len(tokens)]):
        yield tokens[start:end]


def _title(tokens: list[Token]) -> str:
    return next(after.content for token, after in pairwise(tokens) if token.type == "heading_open")


def _html(tokens: list[Token]) -> str:
    """Of our own making: what HTML a guide holds is shown as text."""
    html = str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))
    return re.sub(r" (?=[:;?!»])|(?<=«) ", NBSP, html)
