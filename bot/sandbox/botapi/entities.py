"""Texts as Telegram keeps them: plain characters, and entities measured in UTF-16 units."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "blockquote": "blockquote",
}
_CODE = ("code", "pre")
_STYLES = ("bold", "italic", "underline", "strikethrough", "spoiler")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([A-Za-z]+));?")
_RUN = re.compile(r"[^<&]+")  # nothing to be read in it
_TAG_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE = re.compile(r"\s*([^\s=>]*)(\s*=\s*(\"[^\"]*\"|'[^']*'|[A-Za-z0-9.-]+)(?=[\s>]))?")
_COMMAND = re.compile(r"(?<![\w/@<>])/([A-Za-z0-9_]{1,64})(@[A-Za-z0-9_]{3,32})?(?![\w/@<>])")
_MOST_ENTITIES = 100  # Telegram silently forgets the others


@dataclass(frozen=True)
class Entity:
    """A stretch of text with a meaning; `offset` and `length` are in UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str = ""
    language: str = ""

    def as_json(self) -> dict[str, object]:
        extra = {name: value for name, value in (("url", self.url), ("language", self.language)) if value}
        return {"type": self.type, "offset": self.offset, "length": self.length, **extra}


class BadHtml(ValueError):
    """The text is not what Telegram's HTML parse mode takes; the message is Telegram's wording."""


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse_html(source: str) -> tuple[str, tuple[Entity, ...]]:
    """Read the HTML parse mode: the characters that a person sees, and their entities.

    Raises:
        BadHtml: an unknown tag, or one that is not closed or not in order.
    """
    plain: list[str] = []
    length = 0
    open_tags: list[_OpenTag] = []
    entities: list[Entity] = []
    position = 0
    while position < len(source):
        character = source[position]
        if character == "<" and source[position + 1 : position + 2] == "/":
            position = _read_end_tag(source, position, open_tags)
            tag = open_tags.pop()
            if length > tag.offset:
                _add(entities, tag, length - tag.offset, "".join(plain))
            continue
        if character == "<":
            tag, position = _read_start_tag(source, position, length)
            open_tags.append(tag)
            continue
        if found := _RUN.match(source, position):
            read, position = found.group(), found.end()
        else:
            read, position = _read_character(source, position)
        plain.append(read)
        length += utf16_length(read)
    if open_tags:
        raise BadHtml(f"Can't find end tag corresponding to start tag {open_tags[-1].name}")
    return "".join(plain), _without_styled_code(entities)


def _without_styled_code(entities: list[Entity]) -> tuple[Entity, ...]:
    """Code is nothing but code: what stands around it, a spoiler included, ends before it and goes on after it."""
    code = sorted((it for it in entities if it.type in _CODE), key=lambda it: it.offset)
    kept = list(code)
    for entity in entities:
        if entity.type in _CODE:
            continue
        if entity.type not in _STYLES:
            kept.append(entity)
            continue
        start, end = entity.offset, entity.offset + entity.length
        for hole in code:
            if hole.offset + hole.length <= start or hole.offset >= end:
                continue
            if hole.offset > start:
                kept.append(replace(entity, offset=start, length=hole.offset - start))
            start = hole.offset + hole.length
        if start < end:
            kept.append(replace(entity, offset=start, length=end - start))
    return tuple(sorted(kept, key=lambda entity: (entity.offset, -entity.length)))


def trim(text: str, entities: Iterable[Entity]) -> tuple[str, tuple[Entity, ...]]:
    """Take off the spaces at both ends, as Telegram does, and move the entities accordingly."""
    cut = utf16_length(text) - utf16_length(text.lstrip())
    text = text.strip()
    end = utf16_length(text)
    kept: list[Entity] = []
    for entity in entities:
        start = max(entity.offset - cut, 0)
        stop = min(entity.offset + entity.length - cut, end)
        if stop > start:
            kept.append(replace(entity, offset=start, length=stop - start))
    return text, tuple(kept[:_MOST_ENTITIES])


def bot_commands(text: str) -> tuple[Entity, ...]:
    """The commands (/aide, /aide@a_bot) that Telegram marks in what a person writes."""
    return tuple(
        Entity("bot_command", utf16_length(text[: found.start()]), utf16_length(found.group()))
        for found in _COMMAND.finditer(text)
    )


@dataclass(frozen=True)
class _OpenTag:
    name: str
    argument: str
    offset: int


def _read_character(source: str, position: int) -> tuple[str, int]:
    found = _REFERENCE.match(source, position)
    if found is None:
        return source[position], position + 1
    hexadecimal, decimal, name = found.groups()
    if name is not None:
        # An unknown name stays as it is written.
        return (_NAMED[name], found.end()) if name in _NAMED else (source[position], position + 1)
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    if code == 0 or code >= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return source[position], position + 1
    return chr(code), found.end()


def _read_start_tag(source: str, begin: int, offset: int) -> tuple[_OpenTag, int]:
    at = f"at byte offset {len(source[:begin].encode())}"
    found = _TAG_NAME.match(source, begin + 1)
    assert found is not None
    position = found.end()
    if position == len(source):
        raise BadHtml(f"Unclosed start tag {at}")
    name = found.group().lower()
    if name not in _KINDS:
        raise BadHtml(f'Unsupported start tag "{name}" {at}')
    argument = ""
    while True:
        rest = source[position:].lstrip()
        position = len(source) - len(rest)
        if not rest:
            raise BadHtml(f"Unclosed start tag {at}")
        if rest[0] == ">":
            break
        attribute = _ATTRIBUTE.match(source, position)
        assert attribute is not None
        key, assigned, quoted = attribute.groups()
        if not key:
            raise BadHtml(f'Empty attribute name in the tag "{name}" {at}')
        if assigned is None and (name, key) != ("blockquote", "expandable"):
            if source[attribute.end() :].lstrip()[:1] == "=":
                raise BadHtml(f"Unclosed start tag {at}")
            raise BadHtml(f'Expected equal sign in declaration of an attribute of the tag "{name}" {at}')
        argument = _argument(name, key, quoted or "") or argument
        position = attribute.end()
    if name == "span" and argument != "spoiler":
        raise BadHtml(f'Tag "span" must have class "tg-spoiler" {at}')
    return _OpenTag(name, argument, offset), position + 1


def _argument(tag: str, key: str, quoted: str) -> str:
    value = quoted[1:-1] if quoted[:1] in {"'", '"'} else quoted.lower()
    value = "".join(_characters(value))
    match tag, key:
        case "a", "href":
            return value
        case "code", "class":
            return value.removeprefix("language-") if value.startswith("language-") else ""
        case "span", "class":
            return value.removeprefix("tg-") if value.startswith("tg-") else ""
        case "blockquote", "expandable":
            return "expandable"
    return ""


def _characters(source: str) -> Iterable[str]:
    position = 0
    while position < len(source):
        read, position = _read_character(source, position)
        yield read


def _read_end_tag(source: str, begin: int, open_tags: list[_OpenTag]) -> int:
    at = f"at byte offset {len(source[:begin].encode())}"
    if not open_tags:
        raise BadHtml(f"Unexpected end tag {at}")
    found = _TAG_NAME.match(source, begin + 2)
    assert found is not None
    rest = source[found.end() :].lstrip()
    if rest[:1] != ">":
        raise BadHtml(f"Unclosed end tag {at}")
    name, expected = found.group().lower(), open_tags[-1].name
    if name not in {"", expected}:
        raise BadHtml(f'Unmatched end tag {at}, expected "</{expected}>", found "</{name}>"')
    return len(source) - len(rest) + 1


def _add(entities: list[Entity], tag: _OpenTag, length: int, plain: str) -> None:
    kind = _KINDS[tag.name]
    last = entities[-1] if entities else None
    if kind == "text_link":
        shown = plain.encode("utf-16-le")[tag.offset * 2 :].decode("utf-16-le")
        url = _checked_link(tag.argument or shown)
        if url:  # a link that leads nowhere is dropped, not refused
            entities.append(Entity(kind, tag.offset, length, url=url))
    elif kind == "pre" and last and last.type == "code" and (last.offset, last.length) == (tag.offset, length):
        entities[-1] = replace(last, type="pre")
    elif kind == "code":
        entities.append(Entity(kind, tag.offset, length, language=tag.argument))
    elif kind == "blockquote" and tag.argument:
        entities.append(Entity("expandable_blockquote", tag.offset, length))
    else:
        entities.append(Entity(kind, tag.offset, length))


def _checked_link(url: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError:
        return ""
    if parts.scheme == "tg":
        return url
    if parts.scheme not in {"http", "https"} or "." not in parts.netloc or " " in parts.netloc:
        return ""
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/").geturl()
