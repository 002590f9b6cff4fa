"""The files of a mail: which ones go along, as far as mail servers take it, and how they are attached."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TypeVar

from handlers.answer import OutFile

File = TypeVar("File")

#: Kept free for a mail's words and logo, in bytes as they travel.
_WORDS = 500_000

#: The system's own table may lack some of these.
_KINDS = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "xls": "application/vnd.ms-excel",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "doc": "application/msword",
    "csv": "text/csv",
    "txt": "text/plain",
    "xml": "application/xml",
    "zip": "application/zip",
    "gz": "application/gzip",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
}


@dataclass(frozen=True)
class LeftOut:
    """A file that a mail only names. `size`: bytes; `command`: what asks for it alone, "" when nothing does."""

    name: str
    size: int
    command: str = ""


def room_for_files(most_megabytes: int) -> int:
    """What the files of one mail may weigh as they travel, in bytes.

    :param most_megabytes: of a whole mail (`ORIGYNE_MAIL_MAX_MB`).
    """
    return most_megabytes * 1_000_000 - _WORDS


def within_budget(files: Iterable[File], room: int, size: Callable[[File], int]) -> tuple[list[File], list[File]]:
    """The files that go along and those that are left, both in their order: the first come first, and a lighter one
    still goes where a heavier one did not.

    :param room: see `room_for_files`.
    :param size: a file's bytes, before they are encoded.
    """
    attached: list[File] = []
    left: list[File] = []
    for file in files:
        weight = as_it_travels(size(file))
        (attached if weight <= room else left).append(file)
        room -= weight if weight <= room else 0
    return attached, left


def as_it_travels(size: int) -> int:
    """What a file weighs in a mail: base64 in lines of 76, and its headers."""
    return -(-size // 57) * 78 + 400


def attach(message: EmailMessage, file: OutFile, name: str) -> None:
    """Attach a file; `name` is one line."""
    maintype, _, subtype = kind_of(name).partition("/")
    message.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=name)
    list(message.iter_attachments())[-1].set_param("name", name)


def kind_of(name: str) -> str:
    """The MIME type of a file by the end of its name."""
    return _KINDS.get(name.rpartition(".")[2].lower(), "application/octet-stream")
