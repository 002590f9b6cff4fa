"""The FTP pane of the sandbox's page: what its server shows of the tree, takes into it, and lets the operator do."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.sandbox import pictures
from bot.sandbox.house import Sandbox
from bot.sandbox.operator import FOLDERS, PERSONALISATION
from bot.sandbox.page import Page, page_of
from tests.bot.asking import events, post

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

PATIENCE = 60
STATUS = "AccountStatus"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    """Whose robot has read all there was: what comes then comes of a test."""
    async with page_of(sandbox) as page:
        async with aiohttp.ClientSession(page.url) as session:
            await entry(session, lambda it: it["kind"] == "read")
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def client(page: Page) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(page.url) as session:
        yield session


async def found(client: aiohttp.ClientSession, look: Callable[[str, Any], Any]) -> Any:
    """What `look` finds in an event, which may be the first of all (`everything`)."""
    async with asyncio.timeout(PATIENCE):
        async for name, data in events(client):
            if it := look(name, data):
                return it
    raise AssertionError("the stream ended")


async def entry(client: aiohttp.ClientSession, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The journal's first entry that fits."""

    def look(name: str, data: Any) -> Any:
        entries = data["journal"] if name == "everything" else [data] if name == "entry" else []
        return next(filter(fits, entries), None)

    return dict(await found(client, look))


async def reached(client: aiohttp.ClientSession, wanted: bool) -> None:
    def look(name: str, data: Any) -> bool:
        return name in ("everything", "ftp") and (data if name == "ftp" else data["files"]["reached"]) is wanted

    await found(client, look)


async def folder(client: aiohttp.ClientSession, path: str) -> dict[str, dict[str, Any]]:
    async with client.get("/files/folder", params={"path": path}) as answer:
        assert answer.status == 200, await answer.text()
        return {item["name"]: item for item in (await answer.json())["items"]}


async def drop(client: aiohttp.ClientSession, into: str, name: str, content: bytes) -> tuple[int, dict[str, Any]]:
    form = aiohttp.FormData({"folder": into}, quote_fields=False)
    form.add_field("file", io.BytesIO(content), filename=name)
    async with client.post("/files/drop", data=form) as answer:
        return answer.status, dict(await answer.json())


async def test_the_tree_is_that_of_the_ftp(client: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    assert set(await folder(client, "")) == {path.partition("/")[0] for path in FOLDERS}
    files = await folder(client, STATUS)
    on_disk = {path.name: path.stat() for path in (sandbox.operator.root / STATUS).iterdir()}
    assert {name: (item["size"], item["at"]) for name, item in files.items()} == {
        name: (stat.st_size, int(stat.st_mtime)) for name, stat in on_disk.items()
    }


async def test_a_browser_that_comes_is_shown_the_whole_tree(client: aiohttp.ClientSession) -> None:
    await found(client, lambda name, data: name == "folder" or (name == "everything" and data["files"]["folders"]))
    data = await found(client, lambda _, data: data["files"])
    folders = {it["path"]: it["items"] for it in data["folders"]}
    assert {"", *FOLDERS} <= set(folders)
    assert folders[STATUS]
    assert data["reached"]
    assert data["operator"]["clock"].endswith(", 8:00")
    assert "Suspendue" in data["statuses"]


async def test_a_file_comes_whole(client: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    path = next((sandbox.operator.root / "Documents").glob("Kbis*"))
    async with client.get("/files/file", params={"path": f"Documents/{path.name}"}) as answer:
        assert await answer.read() == path.read_bytes()
        assert answer.content_type == "application/pdf"
        assert answer.headers["Content-Disposition"].startswith("inline")


async def test_a_table_shows_its_beginning(client: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    name = next(iter(await folder(client, STATUS)))
    async with client.get("/files/table", params={"path": f"{STATUS}/{name}"}) as answer:
        table = await answer.json()
    assert table["columns"][:3] == ["Date de l'état", "Client", "Numéro de ligne"]
    assert table["encoding"] == "cp1252"
    assert (len(table["rows"]), table["total"]) == (30, 400)
    assert table["rows"][0][2] == "0639980001"


async def test_a_utf_8_table_is_known_as_one(client: aiohttp.ClientSession) -> None:
    name = next(iter(await folder(client, "BilledCDRs")))
    async with client.get("/files/table", params={"path": f"BilledCDRs/{name}"}) as answer:
        table = await answer.json()
    assert (table["columns"][0], table["encoding"]) == ("customername", "UTF-8")


@pytest.mark.parametrize("path", ["../data", "Documents/../../data", "/etc/passwd", "Documents//x", "a\r\nDELE b", "."])
@pytest.mark.parametrize("route", ["folder", "file", "table"])
async def test_a_path_that_leads_elsewhere_is_refused(client: aiohttp.ClientSession, route: str, path: str) -> None:
    async with client.get(f"/files/{route}", params={"path": path}) as answer:
        assert answer.status == 422
        assert "Ce chemin ne mène nulle part" in (await answer.json())["error"]


async def test_what_is_not_there_is_said_so(client: aiohttp.ClientSession) -> None:
    for route in ("folder", "file", "table"):
        async with client.get(f"/files/{route}", params={"path": "Documents/rien.csv"}) as answer:
            assert answer.status == 422
            assert (await answer.json())["error"] == "« Documents/rien.csv » n'est pas, ou plus, sur le FTP."
    assert await folder(client, STATUS)


async def test_a_file_that_is_dropped_lies_on_the_ftp_and_the_robot_reads_it(
    client: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    logo = pictures.logo()
    assert await drop(client, PERSONALISATION, "logo à nous.png", logo) == (
        200,
        {"path": "Personnalisation/logo à nous.png"},
    )
    assert (sandbox.operator.root / PERSONALISATION / "logo à nous.png").read_bytes() == logo
    assert "logo à nous.png" in await folder(client, PERSONALISATION)
    placed = await entry(client, lambda it: "logo à nous.png" in it["text"])
    assert placed["text"] == "L'intégrateur dépose logo à nous.png dans Personnalisation"
    read = await entry(client, lambda it: it["kind"] == "read" and it["chain"] == placed["chain"])
    assert read["delay"] > 0


async def test_a_name_with_folders_keeps_its_last_part(client: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    assert (await drop(client, PERSONALISATION, "..\\..\\essai.txt", b"x"))[1] == {"path": "Personnalisation/essai.txt"}


async def test_nothing_and_what_is_empty_are_refused(client: aiohttp.ClientSession) -> None:
    status, answer = await drop(client, PERSONALISATION, "vide.csv", b"")
    assert (status, answer["error"]) == (422, "vide.csv est vide : il n'y a rien à déposer.")
    async with client.post("/files/drop", data=aiohttp.FormData({"folder": PERSONALISATION})) as refused:
        assert refused.status == 422
    assert (await drop(client, "../data", "x.csv", b"x"))[0] == 422


async def test_what_the_operator_delivers_is_told_and_read(client: aiohttp.ClientSession) -> None:
    status, played = await post(client, "/files/play", what="hour")
    assert status == 200
    name = played["paths"][0].rpartition("/")[2]
    assert played["clock"].endswith(", 9:00")
    assert name in await folder(client, STATUS)
    deposit = await entry(client, lambda it: it["kind"] == "operator")
    assert deposit["text"] == f"L'opérateur dépose {name}"
    for kind in ("read", "event", "notice"):
        sequel = await entry(client, lambda it, kind=kind: (it["kind"], it["chain"]) == (kind, deposit["chain"]))  # type: ignore[misc]
        assert sequel["delay"] > 0


async def test_many_files_are_told_by_their_kinds(client: aiohttp.ClientSession) -> None:
    _, played = await post(client, "/files/play", what="month")
    assert "1 BilledCDRs" in played["words"]
    assert "13 factures" in played["words"]


async def test_a_line_is_changed_with_the_next_hour(client: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    status, asked = await post(client, "/files/line", msisdn="06 39 98 00 01", status="Suspendue")
    assert (status, asked["asked"]) == (200, [{"msisdn": "06 39 98 00 01", "status": "Suspendue"}])
    _, played = await post(client, "/files/play", what="hour")
    assert played["asked"] == []
    written = (sandbox.operator.root / played["paths"][0]).read_bytes().decode("cp1252")
    assert any("0639980001" in row and ";Suspendue;" in row for row in written.splitlines())


@pytest.mark.parametrize(
    ("msisdn", "status", "words"),
    [
        ("06 39 98 99 99", "Active", "n'est pas une ligne de l'opérateur"),
        ("bonjour", "Active", "n'est pas un numéro"),
        ("06 39 98 00 01", "Perdue", "L'opérateur n'a pas cet état."),
        ("06 39 98 00 02", "Suspendue", "a déjà l'état « Suspendue »"),
    ],
)
async def test_a_line_that_cannot_be_changed_is_refused(
    client: aiohttp.ClientSession, msisdn: str, status: str, words: str
) -> None:
    code, answer = await post(client, "/files/line", msisdn=msisdn, status=status)
    assert code == 422
    assert words in answer["error"]


async def test_what_the_operator_cannot_play_is_refused(client: aiohttp.ClientSession) -> None:
    assert (await post(client, "/files/play", what="century"))[0] == 422


async def test_an_ftp_that_is_away_is_said_and_the_operator_delivers_all_the_same(
    client: aiohttp.ClientSession, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    await folder(client, STATUS)
    await sandbox.ftp.stop()
    try:
        async with client.get("/files/folder", params={"path": STATUS}) as answer:
            assert answer.status == 422
            assert "Le FTP ne répond pas" in (await answer.json())["error"]
        _, played = await post(client, "/files/play", what="hour")
        await reached(client, False)
    finally:
        await sandbox.ftp.start()
    assert played["paths"][0].rpartition("/")[2] in await folder(client, STATUS)
    await reached(client, True)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
