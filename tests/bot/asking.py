"""Asking the sandbox's page as its scripts do: requests, and the stream of events."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp


async def events(client: aiohttp.ClientSession) -> AsyncIterator[tuple[str, Any]]:
    """What the page tells a browser that comes, as it comes: name and data. The first is `everything`."""
    async with client.get("/events") as stream:
        name = ""
        async for line in stream.content:
            if line.startswith(b"event: "):
                name = line[7:].decode().strip()
            elif line.startswith(b"data: "):
                yield name, json.loads(line[6:])


async def everything(client: aiohttp.ClientSession) -> dict[str, Any]:
    """What there is, by part."""
    async for name, data in events(client):
        assert name == "everything"
        return dict(data)
    raise AssertionError("the stream ended")


async def post(client: aiohttp.ClientSession, path: str, **members: object) -> tuple[int, dict[str, Any]]:
    """The status, and what is answered."""
    async with client.post(path, json=members) as answer:
        return answer.status, dict(await answer.json())


async def done(client: aiohttp.ClientSession, path: str, **members: object) -> dict[str, Any]:
    """What is answered to something that can be done."""
    status, said = await post(client, path, **members)
    assert status == 200, said
    return said
