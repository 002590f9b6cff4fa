"""The operator's FTP account: list, download and upload, plain or with explicit TLS.

aioftp speaks on the control channel. Data connections are opened here: aioftp 0.28 starts their TLS before it sends
the command, where real servers start theirs after (RFC 4217, 12.7), and both wait for ever.
Names travel as latin-1, which keeps any byte as it is; only `Entry.path` is decoded for people.
"""

import asyncio
import hashlib
import logging
import os
import re
import socket
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from unicodedata import normalize
from urllib.parse import quote_from_bytes
from zoneinfo import ZoneInfo

import aioftp

from core.folders import folder_of
from core.listing import Listed, parse_list_line, parse_mlsd_line, read_listing, stays_inside
from core.redact import hide
from core.settings import FtpAccess, tls_context
from core.system_words import in_french

log = logging.getLogger(__name__)

BLOCK = 1024 * 1024
READER_LIMIT = 1024 * 1024
LISTING_LIMIT = 64 * 1024 * 1024
DEEPEST = 10  # a server that follows symbolic links can show a folder inside itself
NOT_IMPLEMENTED = ("500", "501", "502", "504")
_FOLDER = -1  # in the place of a size
GRACE = 2.0  # seconds given to a peer that has nothing more to say

#: Seconds for which a silent server is waited for, at each step, when nobody says otherwise.
PATIENCE = 60.0

#: Bytes a second, over each span of that patience, below which a transfer counts as no progress and is broken off: a
#: server that sends a byte now and then is never silent, and would hold up a pass for days. Any link that works is
#: faster; Apache's mod_reqtimeout draws the line at the same rate.
SLOWEST = 500

#: Lines of one folder's listing that could not be read, and are told; of the others, how many there are.
MOST_ODD = 10

_AGAIN = "Nouvel essai au prochain passage."
_UNCHANGED = "Ce qui était en place n'a pas changé ; recommencer."
_NO_ROOM = ("452", "552")  # RFC 959, 4.2.2


class _PlainStream:
    """A data connection without TLS, as much of a reader and writer as is used here, and twice as fast."""

    def __init__(self, data: socket.socket) -> None:
        self._data = data
        self._to_send = b""

    @property
    def transport(self) -> "_PlainStream":
        return self

    async def read(self, most: int) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._data, most)

    def write(self, content: bytes) -> None:
        """To be followed by `drain`."""
        self._to_send += content

    async def drain(self) -> None:
        content, self._to_send = self._to_send, b""
        await asyncio.get_running_loop().sock_sendall(self._data, content)

    def close(self) -> None:
        self._data.close()

    def abort(self) -> None:
        self._data.close()

    async def wait_closed(self) -> None:
        pass


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Entry:
    """A file of the account.

    `path`: relative to the account's root, to show and to store; it is unique in a listing.
    `wire`: the same path byte for byte (as latin-1), for the server alone.
    `size`: bytes. `stamp`: the listing's own words for the time of change: compare them, never read them.
    """

    path: str
    wire: str
    size: int
    stamp: str


class FtpError(Exception):
    """What failed, where, and what to do. `permanent`: the same attempt would fail again."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class ReplacingError(FtpError):
    """The connection was lost while one file took another's place: neither may bear the name at the moment."""


async def put(access: FtpAccess, content: bytes, path: str, instead_of: Sequence[str] = ()) -> None:
    """`FtpSession.upload` over a connection of its own, and over a second one if the first was lost amid the renaming.

    :raises FtpError: as there.
    """
    try:
        async with connect(access) as session:
            await session.upload(content, path, instead_of)
    except ReplacingError as error:
        log.warning("%s", error)
        async with connect(access) as session:
            await session.upload(content, path, instead_of)


@asynccontextmanager
async def connect(access: FtpAccess, patience: float | None = None) -> AsyncIterator["FtpSession"]:
    """A session that is logged in and stands in the account's root.

    :param patience: seconds for which a silent server is waited for, at each step; `PATIENCE` if None.
    :raises FtpError: permanent when the login, the root folder or the certificate is refused.
    """
    session = FtpSession(access, PATIENCE if patience is None else patience)
    try:
        await session._open()
        yield session
    finally:
        await session._close()


class FtpSession:
    """One connection, one task at a time. After any error it is closed for good: open another.

    `ignored`: what the last `list_files` could not read, one French sentence each.
    """

    def __init__(self, access: FtpAccess, patience: float) -> None:
        self.ignored: list[str] = []
        self._access = access
        self._patience = patience
        self._pace = _Pace(patience)
        self._client = aioftp.Client(encoding="latin-1")
        self._closed = False
        self._restarted = False
        self._passive = "EPSV"
        self._has_mlsd = True
        self._base = ""

    async def list_files(self) -> list[Entry]:
        """Every file of the account, folders walked, sorted by path. An absent file is no proof of a deletion.

        :raises FtpError: the account's root cannot be listed, or the connection fails.
        """
        self.ignored = []
        files: list[tuple[str, Listed]] = []
        folders = deque([""])
        async with self._step("Lecture des dossiers"):
            while folders:
                folder = folders.popleft()
                try:
                    listing = await self._list_folder(folder)
                except aioftp.StatusCodeError as error:
                    if not folder or not error.received_codes[-1].matches("5"):
                        raise
                    self._ignore(f"dossier {self._shown(folder)} : refusé par le serveur ({_said(error)})")
                    continue
                for listed in listing:
                    wire = f"{folder}/{listed.name}" if folder else listed.name
                    if not listed.is_folder:
                        files.append((wire, listed))
                    elif wire.count("/") < DEEPEST:
                        folders.append(wire)
                    else:
                        self._ignore(f"dossier {self._shown(wire)} : plus de {DEEPEST} niveaux")
        return self._entries(files)

    async def folders(self) -> list[str]:
        """The account's folders, and those below Factures, which has two sides.

        :raises FtpError: they cannot be listed.
        """
        found: list[str] = []
        async with self._step("Lecture des dossiers"):
            for listed in await self._list_folder(""):
                if listed.is_folder:
                    found.append(listed.name)
                    if folder_of(f"{self._shown(listed.name)}/Clients/x") == "client_invoices":
                        below = await self._list_folder(listed.name)
                        found += [f"{listed.name}/{side.name}" for side in below if side.is_folder]
        return sorted(self._shown(wire) for wire in found)

    async def modified(self, entry: Entry) -> datetime | None:
        """When the file changed, in UTC: by MDTM, else by MLSD's own stamp; None where the server says neither."""
        async with self._step(f"Date de {entry.path}"):
            try:
                _, words = await self._command(f"MDTM {self._absolute(entry.wire)}", "213")
            except aioftp.StatusCodeError as error:
                if not error.received_codes[-1].matches("5"):
                    raise
                return _mdtm(entry.stamp)
            return _mdtm(" ".join(words))

    async def look_again(self, entries: Iterable[Entry]) -> list[Entry]:
        """The files that now stand in the folders of these ones, listed anew."""
        files: list[tuple[str, Listed]] = []
        async with self._step("Lecture des dossiers"):
            for folder in sorted({entry.wire.rpartition("/")[0] for entry in entries}):
                listing, _ = await self._listing(folder)
                wires = ((f"{folder}/{it.name}" if folder else it.name, it) for it in listing if not it.is_folder)
                files.extend(wires)
        return self._entries(files)

    async def download(self, entry: Entry, to: Path, progress: Callable[[int], None] | None = None) -> None:
        """Copy the file to `to`, which appears whole and on disk, or not at all.

        :param progress: told how many bytes have come so far.
        :raises FtpError: temporary when the size is not the listed one: the file is being written.
        """
        part = to.with_name(f".{to.name}.part")
        try:
            with _local(to):
                to.parent.mkdir(parents=True, exist_ok=True)
                part.unlink(missing_ok=True)
            await self.fetch(entry, part, progress)
            with _local(to):
                sync_file(part)
                part.replace(to)
                _sync_folder(to.parent)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise

    async def fetch(self, entry: Entry, part: Path, progress: Callable[[int], None] | None = None) -> str:
        """Complete `part`, which holds the beginning of that very file or nothing; returns the SHA-256 of the whole.

        What came before an error stays there, for the next attempt. Nothing is forced onto the disk yet.
        :raises FtpError: temporary when the size is not the listed one: the file is being written; and when less than
            `SLOWEST` comes.
        """
        async with self._step(f"Téléchargement de {entry.path}"):
            with _local(part):
                file = part.open("a+b")
            with file:
                received = file.tell() if file.tell() < entry.size else 0
                digest = hashlib.sha256()
                async with self._transfer(f"RETR {self._absolute(entry.wire)}", restart=received) as (reader, _):
                    with _local(part):
                        received = received if self._restarted else 0
                        file.truncate(received)
                        file.seek(0)
                        while block := file.read(BLOCK):
                            digest.update(block)
                    while block := await self._read(reader):
                        with _local(part):
                            file.write(block)
                        digest.update(block)
                        received += len(block)
                        if progress:
                            progress(received)
                        if received > entry.size + BLOCK:  # it may have no end
                            file.truncate(0)
                            raise _not_as_announced(entry, f"plus de {received}")
                if received != entry.size:
                    file.truncate(0)
                    raise _not_as_announced(entry, f"{received}")
        return digest.hexdigest()

    async def upload(self, content: bytes, path: str, instead_of: Sequence[str] = ()) -> None:
        """Put a file at `path`; a former file of that name is kept beside it under a dated name.

        The content travels under a `.part` name, is renamed once its size is right, then read back.
        :param instead_of: names in the same folder, of files that this one replaces (logo.jpg by logo.png). They are
            given dated names too, once the new file is there.
        :raises FtpError: also when what is read back differs. It says whether the former file or the new one is in
            place. Nothing is lost: each file that was there has its former name or a dated one.
        :raises ReplacingError: neither may be.
        """
        folder, name = self._target(path)
        replaced = [self._target(f"{path.rpartition('/')[0]}/{other}") for other in instead_of]
        if any(where != folder for where, _ in replaced):
            raise FtpError(f"Dépôt de {path} : ce qu'il remplace doit être dans le même dossier.", permanent=True)
        part = f"{name}.part"
        async with self._step(f"Dépôt de {path}", _UNCHANGED):
            await self._ensure_folder(folder)
            present = await self._sizes(folder)
            if part in present:
                await self._command(f"DELE {self._absolute(folder, part)}", "2xx")
            # What a crash, or a fault after it, left in place already.
            is_there = present.get(name) == len(content) and await self._is_at(folder, name, content)
            if not is_there:
                await self._put(content, path, folder, part, name)
        if others := [other for _, other in replaced if other != name]:
            what = f"{path} est en place, mais pas encore seul : mise de côté de l'ancien fichier"
            async with self._step(what, "Recommencer."):
                await self._set_aside(folder, others)

    async def remove(self, folder: str, beginning: str) -> int:
        """Remove the files of a folder whose names begin so; returns how many there were.

        :raises FtpError: the folder cannot be listed, or one of them is not let go.
        """
        wire, begins = self._wire(folder, "dossier"), self._wire(beginning, "nom de fichier")
        async with self._step(f"Retrait de {folder}/{beginning}…"):
            sizes = await self._sizes(wire)
            found = [name for name, size in sizes.items() if name.startswith(begins) and size != _FOLDER]
            for name in found:
                await self._command(f"DELE {self._absolute(wire, name)}", "2xx")
        return len(found)

    async def _put(self, content: bytes, path: str, folder: str, part: str, name: str) -> None:
        async with self._transfer(f"STOR {self._absolute(folder, part)}") as (_, writer):
            for start in range(0, len(content), BLOCK):
                writer.write(content[start : start + BLOCK])
                async with asyncio.timeout(self._patience):
                    await writer.drain()
        sizes = await self._sizes(folder)
        if sizes.get(part) != len(content):
            raise FtpError(
                f"Dépôt de {path} : le serveur a reçu {sizes.get(part, 0)} octets sur {len(content)} ; "
                "rien n'a été remplacé, recommencer.",
                permanent=False,
            )
        await self._put_in_place(path, folder, part, name, sizes)
        async with self._step(f"{path} est en place, mais n'a pas pu être relu", "Recommencer."):
            if not await self._is_at(folder, name, content):
                raise FtpError(
                    f"Dépôt de {path} : le fichier relu sur le serveur diffère de celui envoyé ; recommencer.",
                    permanent=False,
                )

    async def _is_at(self, folder: str, name: str, content: bytes) -> bool:
        return await self._content(f"RETR {self._absolute(folder, name)}", len(content) + BLOCK) == content

    async def _open(self) -> None:
        access = self._access
        login, password = (self._wire(text, "identifiant ou mot de passe") for text in (access.login, access.password))
        async with self._step("Connexion au FTP"), asyncio.timeout(self._patience):
            await self._client.connect(access.host, access.port)
        if access.tls == "explicit":
            async with self._step("Passage en TLS"), asyncio.timeout(self._patience):
                await self._client.upgrade_to_tls(_context(access))
                self._check_fingerprint(self._client.stream.writer)
        async with self._step("Identification au FTP"), asyncio.timeout(self._patience):
            try:
                await self._client.login(login, password)
            except aioftp.StatusCodeError as error:
                raise self._login_error(error) from error
        async with self._step(f"Ouverture du dossier {access.root}"):
            if access.encoding.replace("_", "-").lower() in ("utf-8", "utf8"):
                # IIS names files in its own code page until it is asked; the others refuse or do not care.
                await self._command("OPTS UTF8 ON", ("2xx", "4xx", "5xx"))
            await self._command("TYPE I", "2xx")
            if access.root.strip("/"):
                await self._command(f"CWD {self._wire(access.root, 'dossier racine')}", "2xx")
            _, words = await self._command("PWD", "257")
            self._base = _quoted(words[-1])

    async def _close(self) -> None:
        try:
            writer = self._client.stream.writer
        except ConnectionError:
            return  # never connected
        try:
            if not self._closed:
                with suppress(aioftp.AIOFTPException, OSError, ValueError):
                    async with asyncio.timeout(GRACE):
                        await self._client.command("QUIT", "2xx")
        finally:
            self._closed = True
            await _end(writer)

    @asynccontextmanager
    async def _step(self, what: str, then: str = _AGAIN) -> AsyncIterator[None]:
        """Every failure becomes an FtpError that says what was being done, and ends the session.

        After an error or a cancellation aioftp's replies no longer match its commands.
        :param then: what stands after it, and what is done next (French).
        """
        if self._closed:
            raise FtpError(f"{what} : la session FTP est fermée ; en ouvrir une autre.", permanent=False)
        try:
            yield
        except BaseException as error:
            self._closed = True
            with suppress(ConnectionError):
                _abort(self._client.stream.writer)
            if isinstance(error, FtpError) or not isinstance(error, Exception):
                raise
            explained = self._explained(what, error, then)
            if explained is None:
                raise
            raise explained from error

    def _explained(self, what: str, error: Exception, then: str) -> FtpError | None:
        permanent = False
        advice = then
        match error:
            case aioftp.StatusCodeError():
                reason = f"le serveur répond « {_said(error)} »"
                permanent = error.received_codes[-1].matches("5")
                if str(error.received_codes[-1]) in _NO_ROOM:
                    advice = f"Il n'y a plus de place sur le compte : en demander à l'opérateur. {then}"
                elif permanent:
                    advice = "Vérifier le chemin et les droits du compte auprès de l'opérateur."
                    advice += f" {then}" if then != _AGAIN else ""
                if permanent and what == "Passage en TLS":
                    advice = "Ce serveur refuse le chiffrement : le demander à l'opérateur, ou régler ORIGYNE_FTP_TLS."
            case _TooSlowError():
                reason = f"moins de {SLOWEST} octets par seconde pendant {self._patience:g} s"
            case TimeoutError():
                reason = f"aucune réponse en {self._patience:g} s"
            case ssl.SSLCertVerificationError():
                reason = f"le certificat du serveur n'est pas reconnu ({error.verify_message})"
                permanent = True
                advice = (
                    "Donner l'autorité qui l'a signé dans ORIGYNE_TLS_CA, et dans ORIGYNE_FTP_HOST le nom qu'il porte."
                )
            case ssl.SSLError():
                reason = f"le chiffrement échoue ({error.reason or error})"
            case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError() | EOFError():
                reason = "la connexion a été coupée"
            case OSError():
                reason = f"le serveur est injoignable ({in_french(error)})"
                advice = f"Vérifier ORIGYNE_FTP_HOST, ORIGYNE_FTP_PORT et le réseau. {then}"
            case aioftp.AIOFTPException() | ValueError() | LookupError():
                reason = f"réponse incomprise ({error})"
            case _:
                return None  # a fault of our own keeps its traceback
        return FtpError(
            self._without_password(f"{what} : {reason} ({self._access.host}:{self._access.port}). {advice}"),
            permanent=permanent,
        )

    def _login_error(self, error: aioftp.StatusCodeError) -> FtpError:
        said = _said(error)
        permanent = error.received_codes[-1].matches("5")
        advice = "Vérifier ORIGYNE_FTP_LOGIN et ORIGYNE_FTP_PASSWORD."
        if self._access.tls == "none" and re.search(r"\b(TLS|SSL|encryption|cleartext)\b", said, re.IGNORECASE):
            permanent = True
            advice = "Ce serveur exige le chiffrement : mettre ORIGYNE_FTP_TLS=explicit."
        elif not permanent or re.search("too many|maximum", said, re.IGNORECASE):
            permanent = False
            advice = "Nouvel essai au prochain passage."
        return FtpError(
            self._without_password(
                f"Identification au FTP : {self._access.host}:{self._access.port} refuse le compte "
                f"{self._access.login} (« {said} »). {advice}"
            ),
            permanent=permanent,
        )

    def _without_password(self, text: str) -> str:
        return hide(text, self._access.password)

    async def _command(self, command: str, expected: str | tuple[str, ...]) -> tuple[str, list[str]]:
        async with asyncio.timeout(self._patience):
            return await self._client.command(command, expected)

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        async with asyncio.timeout(self._patience):
            block = await reader.read(BLOCK)
        self._pace.came(len(block))
        return block

    @asynccontextmanager
    async def _transfer(self, command: str, restart: int = 0) -> AsyncIterator[Streams]:
        """A data connection for `command`, ended by the server's word that the transfer is complete.

        :raises aioftp.StatusCodeError: refused before it began (the control channel is still in step), or broken off.
        """
        reader, writer = await self._begin(command, restart)
        self._pace = _Pace(self._patience)
        try:
            try:
                yield reader, writer
                writer.close()
                async with asyncio.timeout(self._patience):
                    await self._client.command(None, "2xx")
            except OSError as cut:
                # "disk full" on the control channel says more than the reset that goes with it.
                with suppress(OSError):
                    async with asyncio.timeout(GRACE):
                        await self._client.command(None, "2xx")
                raise cut
        except BaseException:
            _abort(writer)
            raise
        await _end(writer)

    async def _begin(self, command: str, restart: int) -> Streams:
        """:param restart: bytes to leave out; `_restarted` says whether the server does."""
        async with asyncio.timeout(self._patience):
            data = await self._data_socket()
            opening: asyncio.Task[Streams] | None = None
            try:
                self._restarted = False
                if restart:
                    code, _ = await self._client.command(f"REST {restart}", ("350", "4xx", "5xx"))
                    self._restarted = code.matches("350")
                await self._client.command(command)
                opening = asyncio.create_task(self._data_streams(data))
                # Some servers shake hands before this reply and some after; a refusal outweighs a failed handshake.
                await self._client.command(None, "1xx")
                return await opening
            except BaseException:
                if opening:
                    opening.cancel()
                    (outcome,) = await asyncio.gather(opening, return_exceptions=True)
                    if not isinstance(outcome, BaseException):
                        _abort(outcome[1])
                data.close()
                raise

    async def _data_socket(self) -> socket.socket:
        """Connected, and plain for the moment; to the control channel's address, whatever PASV pretends."""
        port = await self._passive_port()
        control = self._client.stream.writer
        data = socket.socket(control.get_extra_info("socket").family, socket.SOCK_STREAM)
        try:
            data.setblocking(False)
            address = control.get_extra_info("peername")
            await asyncio.get_running_loop().sock_connect(data, (address[0], port, *address[2:]))
        except BaseException:
            data.close()
            raise
        return data

    async def _passive_port(self) -> int:
        if self._passive == "EPSV":
            try:
                _, words = await self._client.command("EPSV", "229")
                return self._client.parse_epsv_response(words[-1])[1]
            except aioftp.StatusCodeError as error:
                if not error.received_codes[-1].matches("5"):
                    raise
                self._passive = "PASV"
        try:
            _, words = await self._client.command("PASV", "227")
        except aioftp.StatusCodeError as error:
            if not error.received_codes[-1].matches("5"):
                raise
            raise FtpError(
                f"Ouverture d'un transfert : {self._access.host}:{self._access.port} refuse EPSV et PASV "
                f"(« {_said(error)} »). Demander à l'opérateur d'ouvrir le mode passif.",
                permanent=True,
            ) from error
        return self._client.parse_pasv_response(words[-1])[1]

    async def _data_streams(self, data: socket.socket) -> Streams:
        control = self._client.stream.writer.get_extra_info("ssl_object")
        if control is None:
            plain = _PlainStream(data)
            return cast(Streams, (plain, plain))
        # The control channel's session proves that both channels are one client (vsftpd's require_ssl_reuse).
        context = aioftp.SSLSessionBoundContext(
            ssl.PROTOCOL_TLS_CLIENT, context=control.context, session=control.session
        )
        reader, writer = await asyncio.open_connection(
            sock=data, ssl=context, server_hostname=self._access.host, limit=READER_LIMIT
        )
        try:
            self._check_fingerprint(writer)
        except FtpError:
            _abort(writer)
            raise
        return reader, writer

    def _check_fingerprint(self, writer: asyncio.StreamWriter) -> None:
        """:raises FtpError: the server shows another certificate than the pinned one."""
        pinned = self._access.fingerprint
        if not pinned:
            return
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        found = hashlib.sha256(certificate or b"").hexdigest()
        if found != pinned:
            raise FtpError(
                f"Passage en TLS : le certificat de {self._access.host}:{self._access.port} n'est pas celui attendu ; "
                f"son empreinte SHA-256 est {found}. Si l'opérateur confirme qu'il en a changé, la mettre dans "
                "ORIGYNE_FTP_FINGERPRINT.",
                permanent=True,
            )

    async def _list_folder(self, folder: str) -> list[Listed]:
        listed, odd = await self._listing(folder)
        where = f"dossier {self._shown(folder) or '/'}"
        for line in odd[:MOST_ODD]:
            self._ignore(f"{where} : ligne refusée « {self._shown_part(line)[:200]} »")
        if len(odd) > MOST_ODD:
            self._ignore(f"{where} : {len(odd) - MOST_ODD} autres lignes refusées")
        return listed

    async def _listing(self, folder: str) -> tuple[list[Listed], list[bytes]]:
        if self._has_mlsd:
            try:
                return read_listing(
                    await self._content(f"MLSD {self._absolute(folder)}", LISTING_LIMIT), parse_mlsd_line
                )
            except aioftp.StatusCodeError as error:
                if error.received_codes[-1] not in NOT_IMPLEMENTED:
                    raise
                self._has_mlsd = False
        # pure-ftpd lists nothing for "LIST name with spaces", vsftpd for a folder that does not exist.
        await self._command(f"CWD {self._absolute(folder)}", "2xx")
        return read_listing(await self._content("LIST", LISTING_LIMIT), parse_list_line)

    async def _content(self, command: str, most: int) -> bytes:
        content = bytearray()
        async with self._transfer(command) as (reader, _):
            while block := await self._read(reader):
                content += block
                if len(content) > most:
                    raise ValueError(f"plus de {most} octets")
        return bytes(content)

    def _ignore(self, sentence: str) -> None:
        printable = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in sentence)
        log.warning("FTP : %s", printable)
        self.ignored.append(printable)

    async def _sizes(self, folder: str) -> dict[str, int]:
        return {listed.name: _FOLDER if listed.is_folder else listed.size for listed in await self._list_folder(folder)}

    async def _ensure_folder(self, folder: str) -> None:
        try:
            await self._command(f"CWD {self._absolute(folder)}", "2xx")
        except aioftp.StatusCodeError:
            parts = folder.split("/")
            for depth in range(1, len(parts) + 1):
                # An existing folder is refused too: only the last word counts.
                await self._command(f"MKD {self._absolute('/'.join(parts[:depth]))}", ("2xx", "5xx"))
            await self._command(f"CWD {self._absolute(folder)}", "2xx")

    async def _put_in_place(self, path: str, folder: str, part: str, name: str, present: dict[str, int]) -> None:
        """:raises ReplacingError: the connection is lost meanwhile."""
        kept = _dated(name, present) if name in present else None
        try:
            if kept:
                await self._rename(folder, name, kept)
            try:
                await self._rename(folder, part, name)
            except aioftp.StatusCodeError:
                if kept:
                    await self._rename(folder, kept, name)
                raise
        except OSError as error:
            former = f"l'ancien fichier porte peut-être le nom {self._shown(kept)}" if kept else "il n'y en avait pas"
            raise ReplacingError(
                f"Dépôt de {path} : la connexion a été perdue pendant le remplacement ; {former}. Recommencer.",
                permanent=False,
            ) from error

    async def _set_aside(self, folder: str, names: Iterable[str]) -> None:
        present = await self._sizes(folder)
        for name in dict.fromkeys(names):
            if present.get(name, _FOLDER) != _FOLDER:
                kept = _dated(name, present)
                await self._rename(folder, name, kept)
                present[kept] = present.pop(name)

    async def _rename(self, folder: str, old: str, new: str) -> None:
        await self._command(f"RNFR {self._absolute(folder, old)}", "350")
        await self._command(f"RNTO {self._absolute(folder, new)}", "2xx")

    def _absolute(self, *wires: str) -> str:
        """The path for a command. Absolute, because names may begin with a space or a dash."""
        relative = "/".join(wire for wire in wires if wire)
        return f"{self._base.rstrip('/')}/{relative}" if relative else self._base

    def _target(self, path: str) -> tuple[str, str]:
        folder, _, name = path.strip("/").rpartition("/")
        if not all(stays_inside(part) for part in path.strip("/").split("/")):
            raise FtpError(f"Dépôt de {path!r} : ce n'est pas un chemin de fichier acceptable.", permanent=True)
        return self._wire(folder, "dossier"), self._wire(name, "nom de fichier")

    def _wire(self, text: str, what: str) -> str:
        try:
            return text.encode(self._access.encoding).decode("latin-1")
        except UnicodeEncodeError:
            raise FtpError(
                f"FTP : {what} impossible à écrire en {self._access.encoding} ; voir ORIGYNE_FTP_ENCODING.",
                permanent=True,
            ) from None

    def _entries(self, files: list[tuple[str, Listed]]) -> list[Entry]:
        entries: dict[str, Entry] = {}
        for wire, listed in sorted(files, key=lambda file: file[0]):
            path = self._shown(wire)
            if path in entries:  # one name in two encodings: both are kept, and stay apart
                path = quote_from_bytes(wire.encode("latin-1"), safe="/ ")
            entries[path] = Entry(path, wire, listed.size, listed.stamp)
        return sorted(entries.values(), key=lambda entry: entry.path)

    def _shown(self, wire: str) -> str:
        return "/".join(self._shown_part(part.encode("latin-1")) for part in wire.split("/"))

    def _shown_part(self, raw: bytes) -> str:
        for codec in (self._access.encoding, "cp1252"):
            with suppress(UnicodeDecodeError):
                return normalize("NFC", raw.decode(codec))
        return raw.decode("latin-1")


def _not_as_announced(entry: Entry, received: str) -> FtpError:
    return FtpError(
        f"Téléchargement de {entry.path} : {received} octets reçus, {entry.size} annoncés ; "
        "le fichier est sans doute en cours de dépôt, il sera relu au prochain passage.",
        permanent=False,
    )


class _TooSlowError(TimeoutError):
    """Less than `SLOWEST` came."""


class _Pace:
    """Whether a transfer gets on, by the bytes that came in each span of so many seconds."""

    def __init__(self, span: float) -> None:
        self._span = span
        self._began = time.monotonic()
        self._count = 0

    def came(self, count: int) -> None:
        """:param count: bytes, 0 for the transfer's end.
        :raises _TooSlowError: too few of them came in the last span.
        """
        self._count += count
        now = time.monotonic()
        if not count or now - self._began < self._span:
            return
        if self._count < SLOWEST * self._span:
            raise _TooSlowError
        self._began, self._count = now, 0


def _mdtm(words: str) -> datetime | None:
    digits = re.search(r"\b(\d{14})(?:\.\d+)?\b", words)
    if not digits:
        return None
    try:
        return datetime.strptime(digits[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _quoted(words: str) -> str:
    """The folder in `"/a ""quoted"" name" is the current directory` (RFC 959, appendix II)."""
    found = re.search(r'"((?:[^"]|"")+)"', words)
    if not found:
        raise ValueError(words)
    return found[1].replace('""', '"')


def _said(error: aioftp.StatusCodeError) -> str:
    words = error.info if isinstance(error.info, str) else " ".join(word.strip(" -") for word in error.info)
    raw = f"{error.received_codes[-1]} {words.strip()}".encode("latin-1", "replace")
    return raw.decode("utf-8", "replace")[:300]


def _dated(name: str, present: Iterable[str]) -> str:
    stem, dot, suffix = name.rpartition(".") if "." in name[1:] else (name, "", "")
    now = f"{datetime.now(ZoneInfo('Europe/Paris')):%Y%m%d-%H%M%S}"
    candidates = (f"{stem}.{now}{again}{dot}{suffix}" for again in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(candidate for candidate in candidates if candidate not in present)


def _context(access: FtpAccess) -> ssl.SSLContext:
    if access.fingerprint:
        # The certificate itself is known: neither its name nor who signed it matters.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        return tls_context(access.ca_file)
    except OSError as error:
        raise FtpError(
            f"ORIGYNE_TLS_CA : {access.ca_file} n'est pas un certificat lisible ({in_french(error)}).",
            permanent=True,
        ) from error


def _abort(writer: asyncio.StreamWriter) -> None:
    """Drop the connection at once."""
    # Debian 12's Python 3.11.2 stumbles over a TLS transport that is already gone.
    with suppress(AttributeError):
        writer.transport.abort()


async def _end(writer: asyncio.StreamWriter) -> None:
    """Close for good; a peer that does not say goodbye is not waited for."""
    writer.close()
    try:
        with suppress(OSError):
            async with asyncio.timeout(GRACE):
                await writer.wait_closed()
    finally:
        _abort(writer)


def sync_file(path: Path) -> None:
    """Force a file's content onto the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _local(path: Path) -> Iterator[None]:
    """An error of our own disk is not the server's."""
    try:
        yield
    except OSError as error:
        raise FtpError(
            f"{path} : écriture impossible ({in_french(error)}) ; vérifier la place et les droits du dossier de "
            "données.",
            permanent=False,
        ) from error
