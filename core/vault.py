"""Codes that can take a line over, sealed: PUK, PIN and RIO stand in the store as what only the key opens.

AES-256-GCM with a fresh nonce each time. What is sealed is bound to where it stands (`place`), so that it opens nowhere
else: whoever can write into the store cannot have one card's code shown for another.

Keys come from the environment (`ORIGYNE_SECRET_KEY`): the first one seals, all of them open, so that one takes
another's place without a pause (`origyne-bot key rotate`).
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

#: Bytes of a key, of what names it before what it sealed, and of a nonce.
KEY_BYTES, _NAME_BYTES, _NONCE_BYTES = 32, 4, 12

#: Begins what is sealed.
MARK = "s1:"

#: Stands for a code that there was no key to seal: it is known that there is one, and no more.
UNKEPT = "s0:"

#: Begins what one key sealed, in the store's own words: so many signs tell of which key it is.
KEY_SIGNS = 8


class VaultError(Exception):
    """What is sealed cannot be opened (French): `missing` says that no key of ours sealed it."""

    def __init__(self, words: str, *, missing: bool) -> None:
        super().__init__(words)
        self.missing = missing


def new_key() -> str:
    """A key as it stands in the environment."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def read_keys(text: str) -> tuple[bytes, ...]:
    """The keys of `ORIGYNE_SECRET_KEY`, separated by commas.

    :raises ValueError: one is no key (French); it is not repeated.
    """
    keys = []
    for number, part in enumerate((part.strip() for part in text.split(",") if part.strip()), 1):
        try:
            key = base64.b64decode(part, altchars=b"-_", validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            which = "" if number == 1 and "," not in text else f" (la {number}e)"
            raise ValueError(f"n'est pas une clé{which} : « origyne-bot key new » en donne une")
        keys.append(key)
    return tuple(keys)


class Vault:
    """:param keys: the newest first; none: nothing can be sealed nor opened."""

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        self._raw = {_name(key): key for key in keys}
        self._keys = {name: (AESGCM(_derived(key, b"seal")), _derived(key, b"mark")) for name, key in self._raw.items()}
        self._signs = [base64.b64encode(name).decode()[: KEY_SIGNS - len(MARK)] for name in self._raw]
        self._newest = next(iter(self._keys), b"")

    @property
    def has_key(self) -> bool:
        return bool(self._keys)

    @property
    def newest(self) -> bytes:
        """What names the key that seals now; b"" without a key."""
        return self._newest

    def has_key_named(self, name: bytes) -> bool:
        return name in self._raw

    @property
    def name(self) -> str:
        """What the key that seals now is called, which tells nothing of it; "" without one."""
        return self._newest.hex()

    def seal(self, text: str, place: str) -> str:
        """What stands for a text at that place; "" for "".

        :raises VaultError: there is no key.
        """
        if not text:
            return ""
        if not self._keys:
            raise VaultError("la clé de chiffrement manque (ORIGYNE_SECRET_KEY)", missing=True)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys[self._newest][0].encrypt(nonce, text.encode(), place.encode())
        return MARK + base64.b64encode(self._newest + nonce + sealed).decode()

    def keep(self, text: str, place: str) -> str:
        """The same; without a key `UNKEPT`, which says only that there is something."""
        return self.seal(text, place) if self._keys or not text else UNKEPT

    def open(self, sealed: str, place: str) -> str:
        """The text that was sealed for that place; "" for "".

        :raises VaultError: its key is not among ours, or it was changed or moved, or never kept.
        """
        if not sealed:
            return ""
        if sealed == UNKEPT:
            raise VaultError("le code n'a pas été gardé : la clé de chiffrement manquait à sa lecture", missing=True)
        try:
            raw = base64.b64decode(sealed.removeprefix(MARK), validate=True)
        except ValueError:
            raw = b""
        name, nonce, rest = raw[:_NAME_BYTES], raw[_NAME_BYTES:][:_NONCE_BYTES], raw[_NAME_BYTES + _NONCE_BYTES :]
        if not sealed.startswith(MARK) or len(nonce) != _NONCE_BYTES:
            raise VaultError("un code gardé est abîmé", missing=False)
        if name not in self._keys:
            words = "chiffré avec une autre clé" if self._keys else "la clé de chiffrement manque (ORIGYNE_SECRET_KEY)"
            raise VaultError(words, missing=True)
        try:
            return self._keys[name][0].decrypt(nonce, rest, place.encode()).decode()
        except (InvalidTag, UnicodeDecodeError):
            raise VaultError("un code gardé est abîmé ou a été déplacé", missing=False) from None

    def is_newest(self, sealed: str) -> bool:
        """Whether it was sealed with the key that seals now."""
        try:
            raw = base64.b64decode(sealed.removeprefix(MARK), validate=True)
        except ValueError:
            return False
        return bool(self._keys) and raw[:_NAME_BYTES] == self._newest

    def opens(self, sealed: str) -> bool:
        """Whether one of our keys sealed it; its first `KEY_SIGNS` signs are enough to tell."""
        return sealed.startswith(MARK) and sealed[len(MARK) : KEY_SIGNS] in self._signs

    def seals_as(self) -> str:
        """How begins what the key that seals now has sealed, `KEY_SIGNS` signs; "" without a key."""
        return next((MARK + signs for signs in self._signs), "")

    def file_key(self, salt: bytes, name: bytes | None = None) -> tuple[bytes, AESGCM]:
        """A file's own cipher, and the name of the key that it comes from: that one, else the one that seals now.

        :raises VaultError: that key is not among ours.
        """
        name = self._newest if name is None else name
        if name not in self._raw:
            words = "chiffré avec une autre clé" if self._raw else "la clé de chiffrement manque (ORIGYNE_SECRET_KEY)"
            raise VaultError(words, missing=True)
        return name, AESGCM(_derived(self._raw[name], b"file", salt))

    def marks(self, text: str) -> list[str]:
        """What finds a text among what is sealed, by each key; the newest's first. None without a key."""
        if not text:
            return []
        return [
            base64.b64encode(name + hmac.digest(mark, text.encode(), "sha256")[:12]).decode()
            for name, (_, mark) in self._keys.items()
        ]

    def find_mark(self, sealed: str, place: str) -> str:
        """What finds a sealed text by the key that seals now; "" for one that was not kept.

        :raises VaultError: it does not open.
        """
        return next(iter(self.marks(self.open(sealed, place))), "") if sealed != UNKEPT else ""


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"origyne-bot key name" + key).digest()[:_NAME_BYTES]


def _derived(key: bytes, purpose: bytes, salt: bytes | None = None) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=b"origyne-bot " + purpose).derive(key)


def is_sealed(text: str) -> bool:
    """Whether it stands for a code, and is none itself."""
    return text == UNKEPT or text.startswith(MARK)
