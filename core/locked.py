"""Spreadsheets that open with a password alone: ECMA-376 agile encryption (AES-256, SHA-512), as Excel and LibreOffice
write and read it. Light to import."""

import io
import secrets

#: Signs that nobody takes for each other, on paper or on a telephone.
_SIGNS = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 4


def new_password() -> str:
    """Four groups of four signs, 80 bits: easy to copy by hand, and too many to try."""
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def locked(content: bytes, password: str) -> bytes:
    """The same workbook (XLSX), which only the password opens.

    :raises msoffcrypto.exceptions.FileFormatError: it is no workbook.
    """
    from msoffcrypto.format.ooxml import OOXMLFile

    written = io.BytesIO()
    OOXMLFile(io.BytesIO(content)).encrypt(password, written)
    return written.getvalue()
