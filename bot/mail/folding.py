"""How headers are written, where the library's own way is read wrongly by others."""

from email.header import Header
from email.policy import EmailPolicy
from typing import Any
from urllib.parse import quote


class Folding(EmailPolicy):
    """A long Message-ID would become an encoded word, which breaks the thread. The name of a file would come in pieces
    (`filename*0*`), which some Outlooks show as ATT00001: it stands whole, as RFC 2231 says, and once more in the type,
    as an encoded word, for what does not read that. A subject would get a space before its first word."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name in ("In-Reply-To", "References"):
            ids = value.encode("ascii", "ignore").decode().split()
            return self._header(name, f"{self.linesep} ".join(ids))
        if name == "Subject" and value.isascii():
            return self._header(name, value)
        if name == "Content-Disposition" and _is_foreign(file := value.params.get("filename")):
            return self._header(name, f"{value.content_disposition};{self.linesep} filename*=utf-8''{quote(file)}")
        if name == "Content-Type" and _is_foreign(file := value.params.get("name")):
            words = Header(file, "utf-8", maxlinelen=900).encode()
            return self._header(name, f'{value.content_type};{self.linesep} name="{words}"')
        return super().fold_binary(name, value)

    def _header(self, name: str, value: str) -> bytes:
        return f"{name}: {value}{self.linesep}".encode("ascii")


def _is_foreign(name: str | None) -> bool:
    return bool(name and not name.isascii())
