"""A file sealed with a key of the vault: chunks of AES-256-GCM, so that its size does not matter.

What names the key and a salt stand before the chunks; each file has a key of its own, derived from both. Each chunk
knows its number, whether it is the last one, and the file's place: a file that was cut, moved or put together from
others does not open.
"""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag

from core.vault import Vault, VaultError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_MAGIC = b"OSF1"
_NAME_BYTES, _SALT_BYTES, _TAG_BYTES = 4, 16, 16
_HEAD = len(_MAGIC) + _NAME_BYTES + _SALT_BYTES
_CHUNK = 1024 * 1024


class SealingWriter(io.RawIOBase):
    """Seals what is written to it with the key that seals now; `finish` ends it, `close` alone leaves it cut.

    :raises VaultError: there is no key.
    """

    def __init__(self, target: BinaryIO, vault: Vault, place: str) -> None:
        salt = os.urandom(_SALT_BYTES)
        name, self._cipher = vault.file_key(salt)
        self._target, self._place = target, place.encode()
        self._number, self._waiting = 0, bytearray()
        target.write(_MAGIC + name + salt)

    def writable(self) -> bool:
        return True

    def write(self, block: "ReadableBuffer", /) -> int:
        self._waiting += block
        while len(self._waiting) > _CHUNK:  # the last chunk is known to be one only at the end
            self._put(bytes(self._waiting[:_CHUNK]), last=False)
            del self._waiting[:_CHUNK]
        return memoryview(block).nbytes

    def finish(self) -> None:
        self._put(bytes(self._waiting), last=True)

    def _put(self, chunk: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._number, last), chunk, self._place))
        self._number += 1


class SealedReader(io.RawIOBase):
    """The content of a sealed file, from any byte on.

    :raises VaultError: its key is not among ours, or it was changed, cut or moved (also while reading).
    """

    def __init__(self, path: Path, vault: Vault, place: str) -> None:
        self._file = path.open("rb")
        self._place = place.encode()
        try:
            head = self._file.read(_HEAD)
            if len(head) < _HEAD or not head.startswith(_MAGIC):
                raise _damaged()
            name, salt = head[len(_MAGIC) :][:_NAME_BYTES], head[-_SALT_BYTES:]
            _, self._cipher = vault.file_key(salt, name)
        except VaultError:
            self._file.close()
            raise
        size = os.fstat(self._file.fileno()).st_size - _HEAD
        self._count = max(1, -(-size // (_CHUNK + _TAG_BYTES)))
        self._size = size - self._count * _TAG_BYTES
        self._at, self._number, self._chunk = 0, -1, b""
        if self._size < 0:
            self._file.close()
            raise _damaged()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        number, start = divmod(self._at, _CHUNK)
        # The last chunk is opened even when it is empty: only then is the file known to be whole.
        if number != self._number and number < self._count:
            self._chunk, self._number = self._opened(number), number
        target = memoryview(buffer).cast("B")
        found = self._chunk[start : start + len(target)] if number == self._number else b""
        target[: len(found)] = found
        self._at += len(found)
        return len(found)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _opened(self, number: int) -> bytes:
        self._file.seek(_HEAD + number * (_CHUNK + _TAG_BYTES))
        sealed = self._file.read(_CHUNK + _TAG_BYTES)
        try:
            return self._cipher.decrypt(_nonce(number, number == self._count - 1), sealed, self._place)
        except InvalidTag:
            raise _damaged() from None


def key_name(path: Path) -> bytes:
    """What names the key that sealed a file; b"" for a damaged one."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return head[len(_MAGIC) :][:_NAME_BYTES] if len(head) == _HEAD and head.startswith(_MAGIC) else b""


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _damaged() -> VaultError:
    return VaultError("une copie chiffrée est abîmée ou a été déplacée", missing=False)
