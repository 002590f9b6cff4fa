"""The integrator's account on the operator's FTP, as a person's FTP client uses it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Literal, TypeVar

import aioftp

from bot.sandbox.house import Sandbox
from bot.sandbox.page.parts import Refused

Result = TypeVar("Result")

#: Seconds that one thing asked of the server may take.
_PATIENCE = 20


class Unreachable(Refused):
    """The server does not answer."""


@dataclass(frozen=True)
class Item:
    """A file or a folder; `at`: when it was written, seconds since 1970. A folder's size is 0."""

    name: str
    kind: Literal["file", "folder"]
    size: int
    at: float


class FtpAccount:
    """One connection, opened when it is needed and again when it broke. Paths are under the account's root, "" itself.

    Raises:
        Refused: what was asked for is not there, or not allowed.
        Unreachable: the server does not answer.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._box = sandbox
        self._client: aioftp.Client | None = None
        self._one = asyncio.Lock()

    async def folder(self, path: str) -> list[Item]:
        async def look(client: aioftp.Client) -> list[Item]:
            return [_item(where.name, facts) async for where, facts in client.list(_full(path))]

        return await self._ask(look, path)

    async def tree(self) -> dict[str, list[Item]]:
        """Every folder's content, by its path."""

        async def look(client: aioftp.Client) -> dict[str, list[Item]]:
            found: dict[str, list[Item]] = {"": []}
            async for where, facts in client.list(_full(""), recursive=True):
                item, path = _item(where.name, facts), str(where).strip("/")
                found.setdefault(path.rpartition("/")[0], []).append(item)
                if item.kind == "folder":
                    found.setdefault(path, [])
            return found

        return await self._ask(look, "")

    async def read(self, path: str) -> bytes:
        async def fetch(client: aioftp.Client) -> bytes:
            async with client.download_stream(_full(path)) as stream:
                return b"".join([block async for block in stream.iter_by_block()])

        return await self._ask(fetch, path)

    async def store(self, path: str, content: bytes) -> None:
        async def put(client: aioftp.Client) -> None:
            async with client.upload_stream(_full(path)) as stream:
                await stream.write(content)

        await self._ask(put, path)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(aioftp.AIOFTPException, OSError):
                client.close()

    async def _ask(self, action: Callable[[aioftp.Client], Awaitable[Result]], path: str) -> Result:
        async with self._one:
            kept = self._client is not None
            try:
                return await self._try(action, path)
            except Unreachable:
                if not kept:
                    raise
                return await self._try(action, path)  # the connection was an old one

    async def _try(self, action: Callable[[aioftp.Client], Awaitable[Result]], path: str) -> Result:
        done = False
        try:
            async with asyncio.timeout(_PATIENCE):
                if self._client is None:
                    self._client = await self._connected()
                result = await action(self._client)
            done = True
            return result
        except aioftp.StatusCodeError as error:
            if any(str(code).startswith("55") for code in error.received_codes):
                raise Refused(f"« {path or '/'} » n'est pas, ou plus, sur le FTP.") from None
            raise Unreachable("Le FTP a refusé la demande : réessayer dans un moment.") from None
        except (aioftp.AIOFTPException, OSError, EOFError):
            raise Unreachable("Le FTP ne répond pas : le rétablir dans « Pannes », puis réessayer.") from None
        finally:
            if not done:  # replies may no longer match commands
                await self.close()

    async def _connected(self) -> aioftp.Client:
        client = aioftp.Client()
        try:
            await client.connect(self._box.ftp.host, self._box.ftp.port)
            await client.login(*self._box.ftp_account)
        except BaseException:
            client.close()
            raise
        return client


def _full(path: str) -> PurePosixPath:
    return PurePosixPath("/", path)


def _item(name: str, facts: object) -> Item:
    assert isinstance(facts, dict)
    written = datetime.strptime(facts["modify"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    is_folder = facts["type"] == "dir"
    return Item(name, "folder" if is_folder else "file", 0 if is_folder else int(facts["size"]), written.timestamp())
