"""A house whose chat side talks to a Bot API server on loopback; each module says how its house is configured."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from telegram import Bot

from bot.desk.people import TECHNICAL
from bot.house import House, open_house
from bot.sandbox.botapi import BotApi, Phone
from bot.telegram.client import make_bot
from core.settings import Settings
from tests.handlers.filled import make_pass, small_operator
from tests.peers.misbehaving.marks import plan

CAMILLE = 4200001


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after a pass over a small operator's files; to be copied by who writes there."""
    folder = tmp_path_factory.mktemp("filled")
    operator = small_operator(folder / "ftp")
    asyncio.run(make_pass(operator.root, folder / "data"))
    return folder / "data"


@pytest_asyncio.fixture
async def api(request: pytest.FixtureRequest) -> AsyncIterator[BotApi]:
    """It misbehaves as the test's marks say (`tests.peers.misbehaving.marks`)."""
    async with BotApi("123456789:an-invented_token") as api:
        plan(api, request)
        yield api


@pytest.fixture
def house(configured: Settings) -> Iterator[House]:
    house = open_house(configured)
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


@pytest_asyncio.fixture
async def bot(configured: Settings) -> AsyncIterator[Bot]:
    async with make_bot(configured.telegram) as bot:
        yield bot


@pytest.fixture
def camille(api: BotApi, house: House) -> Phone:
    """The technical contact's telephone, whose chat is bound."""
    now = int(time.time())
    house.people.enrol(CAMILLE, house.people.new_code(TECHNICAL, now), now)
    return api.phone(CAMILLE, "Camille", started=True)
