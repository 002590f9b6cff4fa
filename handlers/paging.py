"""Long lists in pages, turned by buttons under them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from handlers.answer import Button

#: Entries of a page: what a phone shows without scrolling, each with its button.
PAGE = 8

Entry = TypeVar("Entry")

_PAGE = re.compile(r"(?:^|\s)page\s+(\d{1,6})\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """`number`: 1 is the first."""

    number: int
    size: int = PAGE

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    def range(self, total: int) -> str:
        """(9 à 16), or nothing when one page shows all."""
        if total <= self.size:
            return ""
        first, last = self.offset + 1, min(self.offset + self.size, total)
        return f" ({first} à {last})" if first < last else f" ({first})"

    def buttons(self, command: str, total: int) -> tuple[Button, ...]:
        """To the page before and the one after, by the same command."""
        last = -(-total // self.size)
        turned = []
        if self.number > 1:
            turned.append(Button(f"◀ {self.number - 1}/{last}", f"{command} page {self.number - 1}", in_place=True))
        if self.number < last:
            turned.append(Button(f"{self.number + 1}/{last} ▶", f"{command} page {self.number + 1}", in_place=True))
        return tuple(turned)


def fetched(page: Page, fetch: Callable[[int, int], tuple[list[Entry], int]]) -> tuple[Page, list[Entry], int]:
    """The page, its entries, and how many there are in all; the last page where it lies beyond.

    :param fetch: from an offset and a limit to those.
    """
    shown, total = fetch(page.offset, page.size)
    if total and not shown:
        page = Page(-(-total // page.size), page.size)
        shown, total = fetch(page.offset, page.size)
    return page, shown, total


def take_page(words: str, size: int = PAGE) -> tuple[str, Page]:
    """What is asked, and which page of it."""
    found = _PAGE.search(words)
    if not found:
        return words.strip(), Page(1, size)
    return words[: found.start()].strip(), Page(max(1, int(found[1])), size)
