"""A real round trip on each channel, with real servers, sound ones and broken ones; nothing stays behind."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from email import message_from_bytes
from pathlib import Path

import pytest
from filelock import FileLock
from telegram import Bot

from bot.desk import facts, fleeting, open_desk
from bot.desk.people import TECHNICAL, People
from bot.house import House, open_house
from bot.running import LOCK
from bot.sandbox.botapi import BotApi, Phone
from bot.selftest import FILE_BEGINS, is_ours
from bot.service import _Service
from bot.telegram.client import make_bot
from bot.telegram.wiping import wipe
from core.settings import FtpAccess, MailAccess, Settings
from handlers.desk import Trip
from tests.bot.posting import a_mail, read
from tests.handlers.filled import settings
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer, eventually
from tests.peers.misbehaving import ALWAYS, HOST, OddFtp, OddImap, OddSmtp
from tests.peers.service import TOKEN, Service, env_of

CAMILLE = 4200001
TOKEN_HERE = "123456789:an-invented_token"
NOWHERE = MailAccess(HOST, 9, "", "", tls="none")


@pytest.fixture
def configure(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """A house with these servers; where none is given, nothing answers."""
    made: list[House] = []

    def configure(
        *,
        smtp: MailAccess = NOWHERE,
        imap: MailAccess = NOWHERE,
        ftp: FtpAccess | None = None,
        api: str = "http://127.0.0.1:9",
        subaddress: str = "plus",
    ) -> House:
        given: Settings = settings(
            tmp_path / "data",
            ftp,
            bot_email="bot@client.test",
            mail_subaddress=subaddress,
            telegram_api=api,
            smtp_host=smtp.host,
            smtp_port=smtp.port,
            smtp_login=smtp.login,
            smtp_password=smtp.password,
            smtp_tls=smtp.tls,
            imap_host=imap.host,
            imap_port=imap.port,
            imap_login=imap.login or "bot",
            imap_password=imap.password or "x",
            imap_tls=imap.tls,
            tls_ca=authorities(tmp_path / "ca.pem", smtp.ca_file, imap.ca_file, ftp.ca_file if ftp else None),
            **({"ftp_tls": ftp.tls} if ftp else {}),
        )
        house = open_house(given)
        made.append(house)
        return house

    yield configure
    for house in made:
        house.context.close()
        house.desk.close()
        house.context.telecom.close()


def authorities(path: Path, *files: Path | None) -> Path | None:
    """The servers' authorities in one file."""
    known = [file.read_bytes() for file in dict.fromkeys(files) if file]
    path.write_bytes(b"".join(known))
    return path if known else None


def bind(house: House, api: BotApi) -> Phone:
    now = int(time.time())
    house.people.enrol(CAMILLE, house.people.new_code(TECHNICAL, now), now)
    return api.phone(CAMILLE, "Camille", started=True)


async def trips(house: House, chat_id: int = 0, mail_seconds: float = 20.0) -> dict[str, Trip]:
    round_trips = house.own.round_trips
    round_trips.mail_seconds = mail_seconds
    assert round_trips.begin()
    return {trip.channel: trip for trip in await round_trips.run(chat_id)}


def shown(phone: Phone) -> list[str]:
    """What the bot wrote there and did not delete."""
    return [message.text for message in phone.messages if not message.deleted]


def left_on(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob(f"{FILE_BEGINS}*"))


def plain(port: int) -> MailAccess:
    return MailAccess(HOST, port, "", "", tls="none")


# -- all is well


async def test_what_is_sent_comes_back_by_each_channel_and_nothing_stays(
    any_mail: MailPeer, vsftpd_tls: FtpPeer, api: BotApi, configure: Callable[..., House]
) -> None:
    mail = any_mail
    mail.put("bot", a_mail("une question").as_bytes())
    house = configure(smtp=mail.smtp("bot"), imap=mail.imap("bot"), ftp=vsftpd_tls.access(), api=api.url)
    phone = bind(house, api)
    made = await trips(house, CAMILLE)
    assert {channel: trip.fault for channel, trip in made.items()} == {"Courriel": "", "Telegram": "", "FTP": ""}
    assert [step for step, _ in made["Courriel"].steps] == ["envoi", "arrivée"]
    (kept,) = await asyncio.to_thread(mail.messages, "bot")
    assert "une question" in kept.decode()
    assert shown(phone) == []
    assert [it.call.method for it in api.calls][-2:] == ["sendMessage", "deleteMessage"]
    assert [message.silent for message in phone.messages] == [True]
    assert [path.name for path in vsftpd_tls.root.iterdir()] == ["Personnalisation"]
    assert left_on(vsftpd_tls.root) == []
    assert facts.get(house.desk, "selftest_file") == ""
    assert fleeting.next_due(house.desk) is None
    assert house.own.round_trips.begin()  # the next one can be made
    assert not house.own.round_trips.begin()  # and one at a time


# -- a channel that fails, and the two others that do not care


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(name, words, marks=pytest.mark.fault(name, times=ALWAYS))
        for name, words in (
            ("mail refused", "554 5.7.1 looks like spam"),
            ("recipient refused", "550 5.1.1 unknown"),
            ("greylisting", "450 4.2.0 greylisted"),
            ("drop at DATA", "HOST"),
        )
    ],
)
async def test_a_mail_that_is_not_taken_is_told_with_the_servers_reason(
    odd_smtp: OddSmtp, configure: Callable[..., House], fault: str, words: str
) -> None:
    async with odd_smtp.running() as port:
        made = await trips(configure(smtp=plain(port)))
    assert made["Courriel"].fault.startswith("pas envoyé : ")
    assert words.replace("HOST", f"{HOST}:{port}") in made["Courriel"].fault


async def test_a_mail_that_never_comes_is_told_with_where_to_look(
    embedded_mail: MailPeer, configure: Callable[..., House]
) -> None:
    async with OddSmtp().running() as port:
        made = await trips(configure(smtp=plain(port), imap=embedded_mail.imap("bot")), mail_seconds=1.0)
    assert "pas retrouvé après 1 s" in made["Courriel"].fault
    assert "ORIGYNE_BOT_EMAIL" in made["Courriel"].fault


@pytest.mark.fault("recipient refused", times=ALWAYS)
@pytest.mark.parametrize(
    ("subaddress", "to", "is_hinted"), [("plus", "bot+autotest@client.test", True), ("none", "bot@client.test", False)]
)
async def test_it_goes_where_answers_to_mails_go(
    odd_smtp: OddSmtp, configure: Callable[..., House], subaddress: str, to: str, is_hinted: bool
) -> None:
    async with odd_smtp.running() as port:
        made = await trips(configure(smtp=plain(port), subaddress=subaddress))
    assert [command for command in odd_smtp.commands if command.startswith("RCPT")] == [f"RCPT TO:<{to}>"]
    assert ("ORIGYNE_MAIL_SUBADDRESS=none" in made["Courriel"].fault) == is_hinted


async def test_a_mail_among_the_junk_is_found_and_removed_there(
    postfix_dovecot: MailPeer, configure: Callable[..., House]
) -> None:
    mail, odd = postfix_dovecot, OddSmtp()

    async def file_as_junk() -> None:
        while not odd.taken:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        with mail.mailbox("bot") as box:
            box.folder.create("Junk")
            box.append(odd.taken[0].removesuffix(b".\r\n"), "Junk")

    async with odd.running() as port:
        filing = asyncio.create_task(file_as_junk())
        made = await trips(configure(smtp=plain(port), imap=mail.imap("bot")), mail_seconds=2.0)
        await filing
    assert "arrivé dans « Junk »" in made["Courriel"].fault
    assert await asyncio.to_thread(mail.messages, "bot", "Junk") == []


async def test_a_mailbox_that_refuses_the_account_is_told_without_its_password(
    configure: Callable[..., House],
) -> None:
    odd, smtp = OddImap(refuses=("LOGIN",)), OddSmtp()
    async with odd.running() as port, smtp.running() as out:
        imap = MailAccess(HOST, port, "bot", "un-mot-de-passe", tls="none")
        made = await trips(configure(smtp=plain(out), imap=imap), mail_seconds=1.0)
    assert "la boîte de réception ne se lit pas" in made["Courriel"].fault
    assert "ORIGYNE_IMAP_PASSWORD" in made["Courriel"].fault
    assert "un-mot-de-passe" not in repr(made)


async def test_a_service_that_does_not_fetch_its_mail_is_told_and_the_mail_removed(
    embedded_mail: MailPeer, configure: Callable[..., House]
) -> None:
    mail = embedded_mail
    house = configure(smtp=mail.smtp("bot"), imap=mail.imap("bot"))
    with FileLock(house.data / LOCK):
        made = await trips(house, mail_seconds=3.0)
    assert "le service ne l'y a pas vu" in made["Courriel"].fault
    assert await asyncio.to_thread(mail.messages, "bot") == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(name, words, marks=pytest.mark.fault(name))
        for name, words in (
            ("502", "répond par une erreur (NetworkError)"),
            ("500", "répond par une erreur"),
            ("401", "jeton refusé"),
            ("disconnect", "répond par une erreur (NetworkError)"),
        )
    ],
)
async def test_a_message_that_telegram_does_not_take_is_told_without_the_token(
    api: BotApi, configure: Callable[..., House], caplog: pytest.LogCaptureFixture, fault: str, words: str
) -> None:
    house = configure(api=api.url)
    bind(house, api)
    made = await trips(house, CAMILLE)
    assert made["Telegram"].fault.startswith("pas envoyé : ")
    assert words in made["Telegram"].fault
    assert TOKEN_HERE not in repr(made) + caplog.text


async def test_a_chat_that_blocked_the_robot_and_no_chat_at_all_are_told(
    api: BotApi, configure: Callable[..., House]
) -> None:
    house = configure(api=api.url)
    bind(house, api).block_bot()
    assert "débloquer" in (await trips(house, CAMILLE))["Telegram"].fault
    assert "aucun Telegram n'est relié à votre nom" in (await trips(house, 0))["Telegram"].fault


@pytest.mark.fault("429", retry_after=1)
async def test_telegram_is_left_in_peace_when_it_wants(api: BotApi, configure: Callable[..., House]) -> None:
    house = configure(api=api.url)
    phone = bind(house, api)
    assert (await trips(house, CAMILLE))["Telegram"].fault == ""
    assert shown(phone) == []


@pytest.mark.fault("502", method="deleteMessage")
async def test_a_message_that_could_not_be_deleted_is_told_and_deleted_later(
    api: BotApi, configure: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.selftest._FLEETING", 0)
    house = configure(api=api.url)
    phone = bind(house, api)
    assert "envoyé, mais pas effacé" in (await trips(house, CAMILLE))["Telegram"].fault
    assert len(shown(phone)) == 1
    async with make_bot(house.settings.telegram) as bot, wiping(house, bot):
        async with asyncio.timeout(20):
            while shown(phone):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@asynccontextmanager
async def wiping(house: House, bot: Bot) -> AsyncIterator[None]:
    task = asyncio.create_task(wipe(house, bot))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(name, words, marks=pytest.mark.fault(name))
        for name, words in (
            ("550 on STOR", "550 Permission denied"),
            ("disk full amid an upload", "452 No space left on device"),
            ("file altered", "diffère"),
            ("drop amid an upload", "Dépôt de Personnalisation/autotest-"),
        )
    ],
)
async def test_a_file_that_does_not_come_back_is_told_and_removed(
    odd_ftp: OddFtp, odd_access: FtpAccess, configure: Callable[..., House], fault: str, words: str
) -> None:
    house = configure(ftp=odd_access)
    told = (await trips(house))["FTP"].fault
    assert words in told
    assert odd_ftp.hits == [fault]
    assert left_on(odd_ftp.root) == []
    assert facts.get(house.desk, "selftest_file") == ""
    assert odd_access.password not in told


async def test_a_folder_where_nothing_can_be_written_is_told(vsftpd: FtpPeer, configure: Callable[..., House]) -> None:
    (vsftpd.root / "Personnalisation").mkdir(mode=0o755)  # root's
    assert "Could not create file" in (await trips(configure(ftp=vsftpd.access())))["FTP"].fault


@pytest.mark.fault("550 on DELE", times=ALWAYS)
async def test_a_file_that_cannot_be_removed_is_named_and_removed_as_soon_as_it_can(
    odd_ftp: OddFtp, odd_access: FtpAccess, configure: Callable[..., House]
) -> None:
    house = configure(ftp=odd_access)
    told = (await trips(house))["FTP"].fault
    (name,) = left_on(odd_ftp.root)
    assert "Retrait de Personnalisation" in told
    assert f"À retirer à la main si cela dure : Personnalisation/{name}" in told
    odd_ftp.heal()
    await house.own.round_trips.clear()
    assert left_on(odd_ftp.root) == []
    assert facts.get(house.desk, "selftest_file") == ""


@pytest.mark.fault("silence at RETR")
async def test_a_server_that_says_nothing_more_holds_the_answer_up_no_longer_than_its_limit(
    odd_access: FtpAccess, configure: Callable[..., House]
) -> None:
    house = configure(ftp=odd_access)
    house.own.round_trips.ftp_seconds = 1.0
    async with asyncio.timeout(30):
        assert (await trips(house))["FTP"].fault


async def test_other_files_of_that_folder_stay(embedded_ftp: FtpPeer, configure: Callable[..., House]) -> None:
    folder = embedded_ftp.root / "Personnalisation"
    folder.mkdir()
    for name in ("logo.png", "bandeau.jpg", f"{FILE_BEGINS}ancien.tmp", f"{FILE_BEGINS}ancien.tmp.part"):
        (folder / name).write_bytes(b"x")
    assert (await trips(configure(ftp=embedded_ftp.access())))["FTP"].fault == ""
    assert sorted(path.name for path in folder.iterdir()) == ["bandeau.jpg", "logo.png"]


# -- late, and after a crash


@asynccontextmanager
async def receiving(house: House) -> AsyncIterator[None]:
    """A service that only receives mail and deals with it."""
    running = _Service(house)
    tasks = [asyncio.create_task(running._receive_mail()), asyncio.create_task(running._clerk.run())]
    try:
        with FileLock(house.data / LOCK):
            yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def test_a_mail_that_comes_after_all_is_removed_and_neither_answered_nor_told(
    any_mail: MailPeer, configure: Callable[..., House]
) -> None:
    mail, odd = any_mail, OddSmtp()
    async with odd.running() as port:
        house = configure(smtp=plain(port), imap=mail.imap("bot"))
        await trips(house, mail_seconds=0.1)
    (late,) = (raw.removesuffix(b".\r\n") for raw in odd.taken)
    assert is_ours(house.desk, str(message_from_bytes(late)["Message-ID"]))
    mail.put("bot", late)
    async with receiving(house):
        await asyncio.to_thread(eventually, lambda: mail.messages("bot"), lambda found: found == [])
    assert house.desk.execute("SELECT state FROM inbox").fetchall() == [("done",)]
    assert house.desk.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    assert house.desk.execute("SELECT count(*) FROM audit").fetchone() == (0,)


async def test_a_mail_that_only_looks_like_one_is_removed_by_nobody(
    postfix_dovecot: MailPeer, configure: Callable[..., House]
) -> None:
    mail = postfix_dovecot
    house = configure(smtp=mail.smtp("bot"), imap=mail.imap("bot"))
    forged = house.own.round_trips._message()  # never sent by us
    mail.put("bot", forged.as_bytes())
    async with receiving(house):
        await asyncio.to_thread(eventually, lambda: mail.messages("bot"), lambda found: found == [])
    assert len(await asyncio.to_thread(mail.messages, "bot", "Traités")) == 1


@pytest.mark.fault("silence at RETR")
async def test_what_a_crash_left_is_removed_when_the_service_starts(
    odd_ftp: OddFtp, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    async with odd_ftp.running() as access, BotApi(TOKEN) as api:
        peer = FtpPeer("odd", access.host, access.port, access.login, access.password, odd_ftp.root)
        service = Service(tmp_path, env_of(peer, embedded_mail, api))
        phone = await bound(service, api)
        try:
            started = await phone.ask("/selftest", timeout=60)
            assert started.text.startswith("Autotest lancé…")
            await asyncio.to_thread(eventually, lambda: left_on(odd_ftp.root), lambda found: len(found) == 1)
        finally:
            service.kill()
        odd_ftp.heal()
        service.start()
        try:
            await asyncio.to_thread(eventually, lambda: left_on(odd_ftp.root), lambda found: found == [])
            await asyncio.to_thread(eventually, lambda: own(embedded_mail), lambda found: found == [])
        finally:
            service.stop()


# -- as it is asked


async def test_it_is_asked_in_the_chat_of_the_running_service_and_at_a_terminal_beside_it(
    vsftpd: FtpPeer, postfix_dovecot: MailPeer, tmp_path: Path
) -> None:
    mail = postfix_dovecot
    async with BotApi(TOKEN) as api:
        service = Service(tmp_path, env_of(vsftpd, mail, api))
        phone = await bound(service, api)
        try:
            assert (await phone.ask("/selftest", timeout=60)).text.startswith("Autotest lancé…")
            told = await phone.wait(lambda message: "tout fonctionne" in message.text, timeout=60)
            assert told.text.count("✅") == 4
            beside = await asyncio.to_thread(service.run, "selftest")
            assert (beside.returncode, beside.stdout.count("✅")) == (0, 4), beside.stdout + beside.stderr
            await asyncio.to_thread(eventually, lambda: own(mail), lambda found: found == [])
        finally:
            service.stop()
        alone = await asyncio.to_thread(service.run, "selftest")
        assert (alone.returncode, alone.stdout.count("✅")) == (0, 4), alone.stdout + alone.stderr
        assert await asyncio.to_thread(own, mail) == []
        assert left_on(vsftpd.root) == []
        assert not [text for text in shown(phone) if "s'efface de lui-même" in text]
    # Nobody answers there any more.
    broken = await asyncio.to_thread(service.run, "selftest")
    assert broken.returncode == 1
    assert "❌ Telegram" in broken.stdout


async def bound(service: Service, api: BotApi) -> Phone:
    """The running service, to whose technical contact this telephone belongs."""
    code = await asyncio.to_thread(invited, service)
    phone = api.phone(CAMILLE, "Camille")
    service.start()
    assert "Bonjour Camille Martin" in (await phone.ask(f"/start {code}", timeout=60)).text
    return phone


def invited(service: Service) -> str:
    """A code for the technical contact's chat."""
    service.data.mkdir(mode=0o700)
    with closing(open_desk(service.data)) as db:
        people = People(db)
        people.follow(Settings.load({}, service.folder / ".env"))
        return people.new_code(TECHNICAL, int(time.time()))


def own(mail: MailPeer) -> list[str]:
    """Subjects of what the bot wrote to itself and is in its mailbox still."""
    with mail.mailbox("bot") as box:
        folders = [folder.name for folder in box.folder.list()]
    subjects = [str(read(raw)["Subject"]) for folder in folders for raw in mail.messages("bot", folder)]
    return [subject for subject in subjects if subject.startswith("Autotest")]
