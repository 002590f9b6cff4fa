"""The page's mailboxes: what people read there, and write as their mail programs write it."""

from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.mail import smtp
from bot.mail.letter import Letter, Letterhead, compose
from bot.mail.reading import Mail, read
from bot.sandbox import pictures
from bot.sandbox.house import ACCOUNTING, BOT, STAFF, TECHNICAL, Sandbox
from bot.sandbox.page import Page, page_of
from bot.sandbox.page.replies import FORMS, Draft, Form, quote_of, subject_of_reply, written
from handlers import french
from handlers.answer import Answer, Button, Table
from tests.bot.asking import events

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

PATIENCE = 60
EACH_FORM = pytest.mark.parametrize("form", FORMS)
ME = ("Claire Petit", ACCOUNTING)
WORDS = "Bonjour,\n\nconso Dupont octobre\nstatus 0639980001\n\nMerci !"
OWN = ("Bonjour,", "conso Dupont octobre", "status 0639980001", "Merci !")


def of_the_robot() -> EmailMessage:
    """A mail whose every line could be a question, with a table, prepared replies and the integrator's logo."""
    answer = Answer(
        "status 0639980002",
        ("conso Taxis septembre", "Répondre pour demander autre chose, par exemple : status 0639980003", "> lignes"),
        table=Table(("Ligne", "Client"), (("06 39 98 00 02", "Dupont BTP"),)),
        buttons=(Button("Historique", "status 0639980002 historique"),),
    )
    letter = Letter(
        ACCOUNTING, "Télécom Exemple : status 0639980002", (answer,), reply_to="robot+abc@telecom-exemple.test"
    )
    message = compose(letter, "Télécom Exemple · assistant Origyne", BOT, Letterhead(logo=pictures.logo()), touch=BOT)
    return parsed(message.as_bytes(policy=smtp.WIRE))


def parsed(raw: bytes) -> EmailMessage:
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def as_read(message: EmailMessage) -> Mail:
    """What the product reads, as it came over the wire."""
    return read(message.as_bytes(policy=smtp.WIRE), "")


def html_alone(message: EmailMessage) -> EmailMessage:
    """The same mail from a program that writes no plain text."""
    page = message.get_body(("html",))
    assert page is not None
    alone = EmailMessage()
    for name in ("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To"):
        alone[name] = str(message[name])
    alone.set_content(page.get_content(), subtype="html")
    return alone


@EACH_FORM
async def test_of_a_reply_only_its_senders_words_are_read(form: Form) -> None:
    answered = of_the_robot()
    reply = written(Draft(ME, [BOT], "Re: relevé", WORDS), form, answered)
    assert as_read(reply).own_words == OWN
    assert "06 39 98 00 02" in as_read(reply).cut
    assert as_read(reply).in_reply_to == answered["Message-ID"]


@EACH_FORM
async def test_of_a_reply_in_html_alone_only_its_senders_words_are_read(form: Form) -> None:
    reply = written(Draft(ME, [BOT], "Re: relevé", WORDS), form, of_the_robot())
    assert as_read(html_alone(reply)).own_words == OWN


@EACH_FORM
async def test_a_reply_to_a_reply_quotes_both_and_asks_nothing_of_them(form: Form) -> None:
    first = parsed(written(Draft(ME, [BOT], "Re: relevé", WORDS), "gmail", of_the_robot()).as_bytes(policy=smtp.WIRE))
    second = written(Draft(ME, [BOT], "Re: relevé", "puk 0639980004"), form, first)
    assert as_read(second).own_words == ("puk 0639980004",)
    assert as_read(html_alone(second)).own_words == ("puk 0639980004",)


@EACH_FORM
async def test_of_a_new_mail_everything_is_read(form: Form) -> None:
    mail = written(Draft(ME, [BOT], "factures octobre", WORDS), form)
    assert as_read(mail).own_words == ("factures octobre", *OWN)
    assert as_read(html_alone(mail)).own_words == ("factures octobre", *OWN)


@EACH_FORM
async def test_the_quoted_logo_goes_along_and_is_no_file_of_the_senders(form: Form) -> None:
    reply = written(Draft(ME, [BOT], "Re: relevé", "Voici le logo."), form, of_the_robot())
    assert [part.get_content_type() for part in reply.walk() if part["Content-ID"]] == ["image/png"]
    assert as_read(reply).files == ()


@EACH_FORM
async def test_a_file_of_the_senders_is_read_beside_the_quote(form: Form) -> None:
    files = [("logo.png", "image/png", pictures.logo())]
    reply = written(Draft(ME, [BOT], "Re: relevé", "Voici le logo.", files), form, of_the_robot())
    assert [(file.name, file.content) for file in as_read(reply).files] == [("logo.png", pictures.logo())]


async def test_each_program_quotes_in_its_own_way() -> None:
    answered = of_the_robot()
    del answered["Date"]
    answered["Date"] = "Tue, 24 Nov 2026 09:05:00 +0000"
    firsts = {form: quote_of(answered, form).split("\n")[:2] for form in FORMS}
    assert firsts == {
        "gmail": [
            "Le mar. 24 nov. 2026 à 10:05, Télécom Exemple · assistant Origyne <",
            "robot@telecom-exemple.test> a écrit :",
        ],
        "outlook": ["_" * 32, "De : Télécom Exemple · assistant Origyne <robot@telecom-exemple.test>"],
        "apple": [
            "> Le 24 nov. 2026 à 10:05, Télécom Exemple · assistant Origyne <robot@telecom-exemple.test> a écrit :",
            ">",
        ],
        "thunderbird": ["Le 24/11/2026 à 10:05, Télécom Exemple · assistant Origyne a écrit :", "> status 0639980002"],
    }


async def test_a_subject_bears_one_sign_of_a_reply() -> None:
    assert [subject_of_reply("Relevé", form) for form in FORMS] == [
        "Re: Relevé",
        "RE: Relevé",
        "Re: Relevé",
        "Re: Relevé",
    ]
    assert subject_of_reply("RE: Relevé", "gmail") == "RE: Relevé"


async def test_a_mail_without_date_text_or_sender_can_be_answered() -> None:
    bare = EmailMessage()
    bare["Message-ID"] = "<bare@telecom-exemple.test>"
    for form in FORMS:
        assert as_read(written(Draft(ME, [BOT], "Re:", "status 0639980001"), form, bare)).own_words == (
            "status 0639980001",
        )


# -- through the page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """With the operator's files read."""
    async with Sandbox() as sandbox:
        await sandbox.mail.wait_for(TECHNICAL, lambda raw: "première lecture" in str(parsed(raw)["Subject"]), PATIENCE)
        await sandbox.mail.wait_for(ACCOUNTING, lambda raw: "relevé" in str(parsed(raw)["Subject"]), PATIENCE)
        yield sandbox


@pytest_asyncio.fixture(loop_scope="module")
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    async with page_of(sandbox) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def browser(page: Page) -> "AsyncIterator[Browser]":
    async with aiohttp.ClientSession(page.url) as client:
        yield Browser(client)


class Browser:
    """What a browser does with the mailboxes."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self.client = client

    async def heads(self) -> AsyncIterator[dict[str, Any]]:
        """Those that are there, then as each comes or changes."""
        async for name, data in events(self.client):
            for head in data["mail"]["mails"] if name == "everything" else [data] if name == "mail" else []:
                yield head

    async def wait(self, address: str, subject: str, **members: object) -> dict[str, Any]:
        """The first head in a mailbox whose subject holds these words, and with these members."""
        async for head in self.heads():
            if head["address"] == address and subject in head["subject"] and members.items() <= head.items():
                return head
        raise AssertionError("the stream ended")

    async def get(self, head: dict[str, Any], what: str = "") -> dict[str, Any]:
        async with self.client.get(_path(head) + what) as answer:
            assert answer.status == 200
            return dict(await answer.json())

    async def post(self, path: str, *files: tuple[str, bytes], **fields: str) -> tuple[int, dict[str, Any]]:
        form = aiohttp.FormData(fields)
        for name, content in files:
            form.add_field("file", content, filename=name)
        async with self.client.post(path, data=form) as answer:
            return answer.status, dict(await answer.json())


def _path(head: dict[str, Any]) -> str:
    return f"/mail/{head['address']}/{head['uid']}"


async def test_the_accountants_mail_is_there_with_its_files(browser: Browser, sandbox: Sandbox) -> None:
    head = await browser.wait(ACCOUNTING, "relevé")
    invoices = {invoice.number for invoice in sandbox.operator.invoices}
    named = {file["name"] for file in head["files"] if file["name"].endswith(".pdf")}
    assert named
    assert all(any(number in name for number in invoices) for name in named)
    mail = await browser.get(head)
    assert "factures Origyne" in mail["text"]
    assert mail["html"] is True


async def test_an_invoice_opens_as_it_was_sent(browser: Browser, sandbox: Sandbox) -> None:
    head = await browser.wait(ACCOUNTING, "relevé")
    file = next(it for it in head["files"] if it["name"].endswith(".pdf"))
    async with browser.client.get(f"{_path(head)}/parts/{file['number']}") as answer:
        content = await answer.read()
        assert answer.content_type == "application/pdf"
        assert answer.headers["Content-Disposition"].startswith("inline")
    (delivered,) = sandbox.operator.root.rglob(file["name"])
    assert content == delivered.read_bytes()
    assert file["size"] == len(content)


async def test_nothing_runs_in_the_frame_of_a_mail(browser: Browser) -> None:
    head = await browser.wait(ACCOUNTING, "relevé")
    async with browser.client.get(f"{_path(head)}/html") as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert (await answer.text()).startswith("<!doctype html>")


async def test_the_pictures_of_a_mail_are_shown_in_its_frame(browser: Browser, sandbox: Sandbox) -> None:
    shown = of_the_robot()
    await smtp.send(sandbox.smtp_of(BOT), shown, [STAFF])
    head = await browser.wait(STAFF, "status 0639980002")
    assert head["files"] == []
    async with browser.client.get(f"{_path(head)}/html") as answer:
        page = await answer.text()
    assert "cid:" not in page
    source = page.split('<img src="')[1].split('"')[0]
    async with browser.client.get(source) as answer:
        assert await answer.read() == pictures.logo()


async def test_a_mail_that_was_read_is_read_for_everyone(browser: Browser) -> None:
    head = await browser.wait(TECHNICAL, "première lecture", unread=True)
    async with browser.client.post(f"{_path(head)}/seen") as answer:
        assert answer.status == 200
    assert (await browser.wait(TECHNICAL, "première lecture", uid=head["uid"]))["unread"] is False


@EACH_FORM
async def test_the_accountant_replies_and_is_answered_in_the_thread(
    form: Form, browser: Browser, sandbox: Sandbox
) -> None:
    head = await browser.wait(ACCOUNTING, "relevé")
    about = await browser.get(head, f"/quote?form={form}")
    month = sandbox.operator.months[-2]
    status, sent = await browser.post(
        f"{_path(head)}/reply",
        form=form,
        to=about["to"],
        subject=about["subject"],
        text=f"Bonjour,\r\n\r\nconso Dupont {month}\r\n\r\nMerci !",
    )
    assert (status, list(sent)) == (200, ["message_id"])

    def answers(raw: bytes) -> bool:
        return str(parsed(raw)["In-Reply-To"]) == str(sent["message_id"])

    answer = parsed(await sandbox.mail.wait_for(ACCOUNTING, answers, PATIENCE))
    body = answer.get_body(("plain",))
    assert body
    assert french.euros(sandbox.operator.usage("Dupont BTP", month).amount) in body.get_content()
    assert (await browser.wait(ACCOUNTING, "", message_id=answer["Message-ID"]))["thread"] == head["thread"]


async def test_a_logo_sent_by_mail_is_looked_at(browser: Browser, sandbox: Sandbox) -> None:
    status, sent = await browser.post(
        f"/mail/{TECHNICAL}/write",
        ("logo.png", pictures.logo(190, 190, dpi=72)),
        form="apple",
        to=BOT,
        subject="upload logo",
        text="",
    )
    assert status == 200

    def answers(raw: bytes) -> bool:
        return str(parsed(raw)["In-Reply-To"]) == str(sent["message_id"])

    answer = parsed(await sandbox.mail.wait_for(TECHNICAL, answers, PATIENCE)).get_body(("plain",))
    assert answer
    assert "190 × 190" in answer.get_content()


async def test_a_mail_for_nobody_here_is_refused(browser: Browser) -> None:
    status, said = await browser.post(
        f"/mail/{STAFF}/write", to="quelquun@example.org", subject="Bonjour", text="Bonjour"
    )
    assert status == 422
    assert "aucun courriel ne sort du bac à sable" in said["error"]


@pytest.mark.parametrize(("to", "text"), [("", "Bonjour"), ("robot", "Bonjour"), (BOT, "  ")])
async def test_a_mail_that_is_not_one_is_refused(to: str, text: str, browser: Browser) -> None:
    status, _ = await browser.post(f"/mail/{STAFF}/write", to=to, subject="", text=text)
    assert status == 422


@pytest.mark.parametrize("path", ["/mail/nobody@example.org/1", f"/mail/{STAFF}/999", f"/mail/{STAFF}/x"])
async def test_what_is_not_there_is_said(path: str, browser: Browser) -> None:
    async with browser.client.get(path) as answer:
        assert answer.status == 422


async def test_a_cut_is_said_and_what_comes_after_it_is_seen(browser: Browser, sandbox: Sandbox) -> None:
    head = await browser.wait(TECHNICAL, "relier votre Telegram", unread=True)
    await sandbox.mail.stop()
    try:
        status, said = await browser.post(f"/mail/{STAFF}/write", to=TECHNICAL, subject="Pendant", text="Bonjour")
        assert status == 422
        assert "Pannes" in said["error"]
        async with browser.client.post(f"{_path(head)}/seen") as answer:
            assert answer.status == 422
    finally:
        await sandbox.mail.start()
    status, _ = await browser.post(f"/mail/{STAFF}/write", to=TECHNICAL, subject="Après la coupure", text="Bonjour")
    assert status == 200
    assert (await browser.wait(TECHNICAL, "Après la coupure"))["name"] == "Équipe Télécom Exemple"
