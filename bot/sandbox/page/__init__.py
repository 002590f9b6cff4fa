"""The sandbox's page: the whole assistant in a browser, on 127.0.0.1.

The page is a client of the sandbox's servers and nothing else: a telephone of the Bot API server, mailboxes by IMAP and
SMTP, the tree by FTP. The service behind them is the unmodified one. One part a pane (`chat`, `mailboxes`, `files`,
`journal`, `faults`), each with its routes, what it shows a browser that comes, and what it tells those that are there.
"""

from bot.sandbox.house import Sandbox
from bot.sandbox.page.chat import ChatPart
from bot.sandbox.page.faults import FaultsPart
from bot.sandbox.page.files import FilesPart
from bot.sandbox.page.guides import GuidesPart
from bot.sandbox.page.journal import JournalPart
from bot.sandbox.page.mailboxes import MailPart
from bot.sandbox.page.parts import Part
from bot.sandbox.page.server import Page

__all__ = ["Page", "page_of"]


def page_of(sandbox: Sandbox, port: int = 0) -> Page:
    """The page of a sandbox that runs, with all its panes."""
    journal = JournalPart(sandbox.log)
    parts: list[Part] = [
        ChatPart(sandbox.phone),
        MailPart(sandbox, journal),
        FilesPart(sandbox, journal),
        journal,
        FaultsPart(sandbox, journal),
        GuidesPart(),
    ]
    return Page(parts, port)
