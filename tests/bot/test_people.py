"""The whole life of a person: invited, bound, given and denied roles, removed; by chat, by mail and by hand."""

import asyncio
import re
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from telegram import Bot

from bot.bot_desk import BotDesk
from bot.desk import facts, open_desk, threads
from bot.desk.people import ACCOUNTING, CODE_LIFE, MOST_FAILURES, PAUSE, TECHNICAL, People
from bot.enrolment import follow_rights, know_robot, mail_code
from bot.house import House
from bot.mail.letter import Letter
from bot.notices import news
from bot.sandbox.botapi import BotApi, Phone
from bot.undelivered import tell_mail, tell_technical
from core.settings import Settings
from handlers import registry, rights
from handlers.answer import Answer, Code
from handlers.ask import Ask, Role
from handlers.command import Context
from handlers.desk import NotAdmitted
from tests.bot.conftest import CAMILLE
from tests.bot.talking import NUMBER, TRUSTED, answer, body, clerk_at_work, deliver, fetch, replies, said, settle, write
from tests.handlers.filled import settings

LEA, OTHER = 4200101, 4200102
LEA_EMAIL = "lea@telecom.example"
OF_LEA = f"Authentication-Results: {TRUSTED}; dmarc=pass header.from=telecom.example"
PRIVATE = "Ce robot est privé."


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED)


@pytest.fixture
def phone(api: BotApi, house: House) -> Phone:
    """Léa's telephone, which nobody knows yet."""
    return api.phone(LEA, "Léa", started=True)


@pytest.fixture
def admin(house: House, camille: Phone) -> Phone:
    """The technical contact's telephone; she was made an administrator by hand."""
    house.own.admission.set_roles(TECHNICAL, {"technique", "admin"})
    return camille


def mails(house: House, to: str = "") -> list[EmailMessage]:
    rows = house.desk.execute(
        "SELECT payload FROM outbox WHERE channel = 'mail' AND state = 'queued' AND recipient LIKE ? ORDER BY id",
        (to or "%",),
    )
    found = [message_from_bytes(payload, policy=default) for (payload,) in rows]
    return [message for message in found if isinstance(message, EmailMessage)]


def code_to(house: House, to: str) -> str:
    """The code of the newest mail to this address that has one."""
    found = [code[1] for mail in mails(house, to) if (code := re.search(r"/start (\S+)", body(mail)))]
    return found[-1]


def invite(house: House, *roles: Role, name: str = "Léa Martin", email: str = LEA_EMAIL) -> str:
    return house.own.invite("Camille Martin", name, email, frozenset(roles)).person.id


async def says(house: House, bot: Bot, phone: Phone, text: str) -> str:
    """What the bot answers last."""
    phone.send(text)
    await answer(house, bot)
    return said(phone)[-1]


async def bound(house: House, bot: Bot, phone: Phone, *roles: Role) -> Phone:
    invite(house, *roles)
    assert "Bonjour Léa Martin" in await says(house, bot, phone, f"/start {code_to(house, LEA_EMAIL)}")
    return phone


def outcomes(house: House, person: str) -> list[tuple[str, str, str]]:
    return list(
        house.desk.execute(
            "SELECT command, outcome, about FROM audit WHERE person = ? ORDER BY id", (person,)
        ).fetchall()
    )


# Invited


async def test_an_invited_person_has_his_role_by_mail_at_once_and_by_chat_with_his_code(
    house: House, bot: Bot, phone: Phone
) -> None:
    await bound(house, bot, phone, "technique")
    assert "06 39 98 00 01 : active" in await says(house, bot, phone, NUMBER)
    write(house, f"status {NUMBER}", frm=f"Léa <{LEA_EMAIL}>", headers=OF_LEA)
    assert "06 39 98 00 01" in body((await replies(house, bot))[-1])


async def test_an_administrator_invites_in_the_chat_after_a_touch_that_confirms(
    house: House, bot: Bot, admin: Phone, phone: Phone
) -> None:
    asked = await says(house, bot, admin, f"/inviter Léa Martin {LEA_EMAIL} compta")
    assert asked.startswith(f"Inviter Léa Martin ({LEA_EMAIL}) ?")
    assert "comptabilité" in asked
    assert house.people.by_email(LEA_EMAIL) is None
    admin.press(admin.messages[-1], "Inviter")
    await answer(house, bot)
    assert said(admin)[-1].startswith(f"Invitation envoyée à {LEA_EMAIL}.")
    (mail,) = mails(house, LEA_EMAIL)
    assert "Camille Martin vous ouvre l'assistant" in " ".join(body(mail).split())
    assert (await says(house, bot, phone, f"/start {code_to(house, LEA_EMAIL)}")).startswith("Bonjour Léa Martin")
    assert ("inviter", "answered", "lea-martin") in outcomes(house, TECHNICAL)


async def test_a_second_touch_invites_nobody_again(house: House, bot: Bot, admin: Phone) -> None:
    await says(house, bot, admin, f"/inviter Léa Martin {LEA_EMAIL} équipe")
    question = admin.messages[-1]
    for _ in range(2):
        admin.press(question, "Inviter")
    await answer(house, bot)
    assert len(mails(house, LEA_EMAIL)) == 1


async def test_the_chat_never_makes_an_administrator(house: House, bot: Bot, admin: Phone) -> None:
    assert "admin ne se donne pas dans un chat" in await says(
        house, bot, admin, f"/inviter Léa Martin {LEA_EMAIL} équipe admin"
    )
    assert house.people.by_email(LEA_EMAIL) is None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Léa", "Il faut un nom, une adresse et un rôle"),
        (f"{LEA_EMAIL} équipe", "Il faut un nom de personne"),
        ("Léa lea@telecom équipe", "n'est pas une adresse"),
        (f"Léa {LEA_EMAIL}", "Il faut au moins un rôle"),
        (f"Léa {LEA_EMAIL} patron", "n'est pas un rôle"),
        ("Léa robot@telecom.example équipe", "l'adresse du robot"),
        (f"{'Léa ' * 30}{LEA_EMAIL} équipe", "Il faut un nom de personne"),
    ],
)
async def test_an_invitation_that_cannot_be_says_why(
    house: House, bot: Bot, admin: Phone, words: str, why: str
) -> None:
    assert why in await says(house, bot, admin, f"/inviter {words}")
    assert len(house.people.everyone()) == 3


@pytest.mark.parametrize("role", ["technique", "comptabilité", "équipe"])
async def test_only_an_administrator_invites_or_removes(house: House, bot: Bot, phone: Phone, role: Role) -> None:
    await bound(house, bot, phone, role)
    for words in (f"/inviter Jules Petit jules@telecom.example {role}", f"/retirer {TECHNICAL}", "/inviter"):
        assert "n'est pas ouverte à votre rôle" in await says(house, bot, phone, words)
    assert house.people.by_email("jules@telecom.example") is None
    assert house.people.by_id(TECHNICAL).person.roles  # type: ignore[union-attr]


async def test_the_help_shows_these_commands_to_administrators_alone(
    house: House, bot: Bot, admin: Phone, phone: Phone
) -> None:
    await bound(house, bot, phone, "technique")
    assert "/inviter" in await says(house, bot, admin, "/aide")
    assert "/inviter" not in await says(house, bot, phone, "/aide")
    assert "Réservée au chat privé et au terminal." in await says(house, bot, admin, "/aide retirer")


async def test_nobody_is_an_administrator_by_default(house: House) -> None:
    assert not [it for it in house.people.everyone() if "admin" in it.person.roles]


async def test_inviting_is_refused_by_mail_and_in_a_group(house: House, bot: Bot, api: BotApi, admin: Phone) -> None:
    group = api.group(-100200, "Chantier")
    there = admin.in_group(group)
    there.send(f"/inviter Léa Martin {LEA_EMAIL} équipe")
    await answer(house, bot)
    assert "conversation privée" in said(there)[-1]
    write(house, f"inviter Léa Martin {LEA_EMAIL} équipe")
    await replies(house, bot)
    assert house.people.by_email(LEA_EMAIL) is None


async def test_the_list_of_people_says_who_is_in_the_chat_and_who_is_awaited(
    house: House, bot: Bot, admin: Phone
) -> None:
    invite(house, "équipe")
    shown = await says(house, bot, admin, "/inviter")
    assert "lea-martin" in shown
    assert "invité jusqu'au" in shown
    assert "technique, admin" in shown


def test_two_persons_of_one_name_have_each_his_id(house: House) -> None:
    assert invite(house, "équipe") == "lea-martin"
    assert invite(house, "équipe", email="lea.martin@telecom.example") == "lea-martin-2"


# Codes


async def test_a_new_invitation_makes_the_former_code_worthless(house: House, bot: Bot, phone: Phone) -> None:
    invite(house, "équipe")
    first = code_to(house, LEA_EMAIL)
    invite(house, "équipe")
    assert await says(house, bot, phone, f"/start {first}") == PRIVATE
    assert (await says(house, bot, phone, f"/start {code_to(house, LEA_EMAIL)}")).startswith("Bonjour Léa")


async def test_a_link_is_not_replayed_by_another_chat(house: House, bot: Bot, api: BotApi, phone: Phone) -> None:
    await bound(house, bot, phone, "équipe")
    thief = api.phone(OTHER, "Autre", started=True)
    assert await says(house, bot, thief, f"/start {code_to(house, LEA_EMAIL)}") == PRIVATE
    assert house.people.chats_of("lea-martin") == [LEA]


async def test_a_code_ends_after_48_hours(house: House) -> None:
    invite(house, "équipe")
    code = code_to(house, LEA_EMAIL)
    assert CODE_LIFE == 48 * 3600
    assert house.people.enrol(LEA, code, int(time.time()) + CODE_LIFE + 1) is None


async def test_the_code_of_somebody_else_does_nothing_in_a_chat_that_is_known(
    house: House, bot: Bot, camille: Phone, phone: Phone
) -> None:
    invite(house, "équipe")
    code = code_to(house, LEA_EMAIL)
    assert "Bonjour Camille" in await says(house, bot, camille, f"/start {code}")
    assert (await says(house, bot, phone, f"/start {code}")).startswith("Bonjour Léa")


async def test_the_code_of_somebody_who_lost_his_rights_binds_nothing(house: House, bot: Bot, phone: Phone) -> None:
    invite(house, "équipe")
    code = code_to(house, LEA_EMAIL)
    house.own.revoke("lea-martin")
    assert await says(house, bot, phone, f"/start {code}") == PRIVATE


async def test_a_mail_with_a_code_is_not_kept_once_it_was_sent(house: House) -> None:
    invite(house, "équipe")
    (parcel,) = [it for it in house.outbox.due("mail", int(time.time())) if it.recipient == LEA_EMAIL]
    house.outbox.sending(parcel)
    house.outbox.sent(parcel)
    assert house.outbox.content(parcel.id) == (None, None)


async def test_the_invitation_has_a_link_with_the_robots_name_and_no_code_in_its_subject(house: House) -> None:
    know_robot(house.desk, "origyne_demo_bot")
    invite(house, "équipe")
    (mail,) = mails(house, LEA_EMAIL)
    code = code_to(house, LEA_EMAIL)
    assert f"https://t.me/origyne_demo_bot?start={code}" in body(mail)
    assert code not in mail["Subject"]


async def test_wrong_codes_are_told_to_the_technical_contact_once_a_day(
    house: House, bot: Bot, camille: Phone, phone: Phone, api: BotApi
) -> None:
    other = api.phone(OTHER, "Autre", started=True)
    for guesser in (phone, other):
        for guess in range(MOST_FAILURES + 2):
            guesser.send(f"/start faux{guess}")
            await answer(house, bot)
    told = [text for text in said(camille) if "essaie des codes" in text]
    assert len(told) == 1
    assert str(LEA) not in told[0]
    assert said(phone) == [PRIVATE]


async def test_after_wrong_codes_a_chat_waits_an_hour_even_with_the_right_one(house: House) -> None:
    invite(house, "équipe")
    now, code = int(time.time()), code_to(house, LEA_EMAIL)
    for _ in range(MOST_FAILURES):
        house.people.enrol(LEA, "faux", now)
    assert PAUSE == 3600
    assert house.people.enrol(LEA, code, now + PAUSE - 1) is None
    assert house.people.enrol(LEA, code, now + PAUSE)


async def test_who_does_not_use_telegram_is_mailed_no_code_more_often_than_once_a_week(house: House) -> None:
    assert mail_code(house)
    day = 86400
    house.desk.execute("UPDATE codes SET created_at = created_at - ?, expires_at = expires_at - ?", (3 * day, 3 * day))
    assert not mail_code(house)
    house.desk.execute("UPDATE codes SET created_at = created_at - ?, expires_at = expires_at - ?", (5 * day, 5 * day))
    assert mail_code(house)


async def test_the_mailbox_is_told_when_a_chat_is_bound_and_how_to_cut_it(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "technique")
    words = " ".join(body(mails(house, LEA_EMAIL)[-1]).split())
    assert "Un Telegram est relié à votre nom" in words
    assert "prévenir tout de suite Camille Martin (technique@telecom.example)" in words
    assert "origyne-bot people revoke lea-martin --chats" in words
    assert outcomes(house, "lea-martin") == [("start", "answered", "chat relié")]


async def test_who_runs_no_server_is_told_whom_to_tell_and_no_command(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "comptabilité")
    words = " ".join(body(mails(house, LEA_EMAIL)[-1]).split())
    assert "prévenir tout de suite Camille Martin (technique@telecom.example)" in words
    assert "origyne-bot" not in words


async def test_an_administrator_is_who_is_told_of_a_chat_that_is_not_ones_own(
    house: House, bot: Bot, phone: Phone
) -> None:
    house.own.admission.set_roles(ACCOUNTING, {"comptabilité", "admin"})
    await bound(house, bot, phone, "équipe")
    assert "Comptabilité (compta@telecom.example)" in " ".join(body(mails(house, LEA_EMAIL)[-1]).split())


# Removed


async def test_who_is_removed_is_a_stranger_in_his_chat_at_once(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "technique")
    house.own.revoke("lea-martin")
    assert await says(house, bot, phone, f"/status {NUMBER}") == PRIVATE
    phone.send(f"/status {NUMBER}")
    await answer(house, bot)
    assert said(phone).count(PRIVATE) == 1
    assert "06 39 98 00 01" not in "".join(said(phone))


async def test_an_administrator_removes_in_the_chat(house: House, bot: Bot, admin: Phone, phone: Phone) -> None:
    await bound(house, bot, phone, "technique")
    assert (await says(house, bot, admin, "/retirer lea-martin")).startswith("Retirer tous ses droits à Léa Martin")
    assert house.people.by_email(LEA_EMAIL)
    admin.press(admin.messages[-1], "Retirer")
    await answer(house, bot)
    assert said(admin)[-1].startswith("Léa Martin n'a plus de droits.")
    assert await says(house, bot, phone, NUMBER) == PRIVATE


async def test_the_chat_takes_nothing_from_an_administrator(house: House, bot: Bot, admin: Phone) -> None:
    house.own.admission.set_roles(ACCOUNTING, {"comptabilité", "admin"})
    assert "ne se retirent pas dans un chat" in await says(house, bot, admin, f"/retirer {ACCOUNTING}")
    assert house.people.by_id(ACCOUNTING).person.roles == {"comptabilité", "admin"}  # type: ignore[union-attr]


async def test_who_is_removed_is_a_stranger_by_mail_also_with_the_secret_of_a_thread(
    house: House, bot: Bot, phone: Phone
) -> None:
    await bound(house, bot, phone, "technique")
    with house.desk.atomic():
        thread = threads.open_thread(house.desk, "contact", "contact:x", "Une question", person_id=TECHNICAL)
        token = threads.member(house.desk, thread.id, "lea-martin").token
        house.write_letter(
            Letter(LEA_EMAIL, "Une question", (Answer("Bonjour"),), thread=thread.id, person_id="lea-martin")
        )
    (message_id,) = house.desk.execute("SELECT message_id FROM outbox WHERE thread_id = ?", (thread.id,)).fetchone()
    house.own.revoke("lea-martin")
    before = len(mails(house))
    for number, headers in enumerate((f"{OF_LEA}\r\nIn-Reply-To: {message_id}", OF_LEA)):
        write(
            house,
            f"status {NUMBER}",
            frm=f"Léa <{LEA_EMAIL}>",
            headers=headers,
            key=f"INBOX/1/{number + 1}",
            message_id=f"<{number}@poste.example>",
            to=f"robot+{token}@telecom.example" if number else "robot@telecom.example",
        )
    async with clerk_at_work(house, bot):
        await settle(house)
    (refusal,) = mails(house)[before:]
    assert "Il ne répond qu'aux personnes qu'il connaît" in " ".join(body(refusal).split())
    assert not house.people.chats_of(TECHNICAL)
    assert "06 39 98 00 01" not in "".join(body(it) for it in mails(house))


async def test_what_waited_for_who_is_removed_does_not_leave(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "technique")
    with house.desk.atomic():
        house.write_chat(LEA, [Answer("Une nouveauté")])
        house.write_letter(Letter(LEA_EMAIL, "Une nouveauté", (Answer("Une nouveauté"),)))
        news.keep(house.desk, "lea-martin", "mail", 0, [news.News("sims.arrived", "x.csv", {})])
        house.inbox.await_next("words", f"chat:{LEA}", "profil siret", 2**40)
        house.inbox.await_next("files", f"chat:-100:{LEA}", "upload logo", 2**40)
    house.own.add_draft(house.people.by_id("lea-martin").person, "logo", "logo.png", b"x")  # type: ignore[union-attr]
    before = len(said(phone))
    house.own.revoke("lea-martin")
    await deliver(house, bot)
    assert len(said(phone)) == before
    assert not mails(house, LEA_EMAIL)
    for table in ("waiting_news", "awaited_words", "awaited_files", "drafts", "chats"):
        assert house.desk.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


async def test_what_fails_while_somebody_is_removed_is_not_tried_again(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "technique")
    with house.desk.atomic():
        house.write_chat(LEA, [Answer("Une nouveauté")])
    (parcel,) = house.outbox.due("chat", int(time.time()))
    house.outbox.sending(parcel)
    house.own.revoke("lea-martin")
    house.outbox.again(parcel, "le réseau ne répond pas", after=0.0)
    assert house.outbox.due("chat", int(time.time()) + 10**6) == []


async def test_what_waits_for_others_still_leaves(house: House, bot: Bot, camille: Phone, phone: Phone) -> None:
    await bound(house, bot, phone, "technique")
    with house.desk.atomic():
        house.write_chat(CAMILLE, [Answer("Pour Camille")])
        house.write_letter(Letter("technique@telecom.example", "Pour Camille", (Answer("Pour Camille"),)))
    house.own.revoke("lea-martin")
    await deliver(house, bot)
    assert said(camille)[-1] == "Pour Camille"
    assert [mail["Subject"] for mail in mails(house, "technique@telecom.example")] == ["Pour Camille"]


async def test_the_answer_that_is_being_made_is_not_sent_to_who_is_removed_meanwhile(
    house: House, bot: Bot, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bound(house, bot, phone, "technique")
    slowed(monkeypatch, lambda: house.own.revoke("lea-martin"))
    phone.send(f"/status {NUMBER}")
    await fetch(house, bot)
    async with clerk_at_work(house, bot):
        await settle(house)
    await deliver(house, bot)
    assert "06 39 98 00 01" not in "".join(said(phone))
    assert outcomes(house, "lea-martin")[-1][:2] == ("status", "denied")


async def test_the_mail_that_is_being_answered_is_not_answered_to_who_is_removed_meanwhile(
    house: House, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    invite(house, "technique")
    slowed(monkeypatch, lambda: house.own.revoke("lea-martin"))
    write(house, f"status {NUMBER}", frm=f"Léa <{LEA_EMAIL}>", headers=OF_LEA)
    async with clerk_at_work(house, bot):
        await settle(house)
    assert mails(house, LEA_EMAIL) == []
    assert outcomes(house, "lea-martin")[-1][1] == "denied"


async def test_a_role_that_is_taken_while_its_answer_is_made_keeps_it_back(
    house: House, bot: Bot, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bound(house, bot, phone, "technique", "comptabilité")
    slowed(monkeypatch, lambda: house.own.admission.set_roles("lea-martin", {"comptabilité"}))
    phone.send("/rejets")
    await answer(house, bot)
    assert outcomes(house, "lea-martin")[-1][:2] == ("rejets", "denied")
    assert len(said(phone)) == 1


async def test_a_removal_by_another_process_while_an_answer_is_made_keeps_it_back(
    house: House, bot: Bot, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bound(house, bot, phone, "technique")

    def elsewhere() -> None:
        with closing(open_desk(house.data)) as desk, desk.atomic():
            assert People(desk).revoke("lea-martin", int(time.time()))

    slowed(monkeypatch, elsewhere)
    phone.send(f"/status {NUMBER}")
    await answer(house, bot)
    assert "06 39 98 00 01" not in "".join(said(phone))
    assert house.people.by_chat(LEA) is None


def slowed(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    """What happens between the question and its answer."""
    answered = registry.answer

    async def slow(ask: Ask, context: Context) -> Answer:
        made = await answered(ask, context)
        await asyncio.sleep(0)
        meanwhile()
        return made

    monkeypatch.setattr(registry, "answer", slow)


async def test_a_button_that_is_touched_after_the_removal_does_nothing(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "technique")
    await says(house, bot, phone, NUMBER)
    shown = phone.messages[-1]
    before = len(said(phone))
    house.own.revoke("lea-martin")
    phone.press(shown, "Historique")
    await answer(house, bot)
    assert said(phone)[before:] == [PRIVATE]


async def test_a_confirmation_that_was_asked_before_the_removal_confirms_nothing(
    house: House, bot: Bot, phone: Phone
) -> None:
    await bound(house, bot, phone, "technique")
    house.own.admission.set_roles("lea-martin", {"technique", "admin"})
    await says(house, bot, phone, "/inviter Jules Petit jules@telecom.example technique")
    question = phone.messages[-1]
    house.own.revoke("lea-martin")
    invite(house, "technique")
    await says(house, bot, phone, f"/start {code_to(house, LEA_EMAIL)}")
    phone.press(question, "Inviter")
    await answer(house, bot)
    assert house.people.by_email("jules@telecom.example") is None


async def test_a_removal_that_a_crash_kept_from_being_told_is_told_and_noted(
    house: House, bot: Bot, admin: Phone
) -> None:
    invite(house, "équipe")
    await says(house, bot, admin, "/retirer lea-martin")
    admin.press(admin.messages[-1], "Retirer")
    house.own.revoke("lea-martin")  # done, and the service stops before it says so
    await answer(house, bot)
    assert said(admin)[-1].startswith("Léa Martin n'a plus de droits.")
    assert outcomes(house, TECHNICAL)[-1] == ("retirer", "answered", "lea-martin")


async def test_a_confirmation_after_the_role_was_taken_is_denied(house: House, bot: Bot, admin: Phone) -> None:
    await says(house, bot, admin, f"/inviter Léa Martin {LEA_EMAIL} équipe")
    house.own.admission.set_roles(TECHNICAL, {"technique"})
    admin.press(admin.messages[-1], "Inviter")
    await answer(house, bot)
    assert "n'est pas ouverte à votre rôle" in said(admin)[-1]
    assert house.people.by_email(LEA_EMAIL) is None


async def test_a_code_that_waits_does_not_reach_who_lost_the_role(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "technique", "comptabilité")
    with house.desk.atomic():
        house.write_chat(phone.chat_id, [Answer("PUK de la SIM", codes=(Code("Code PUK", "12345678"),))])
        house.write_chat(phone.chat_id, [Answer("Les factures d'octobre sont là.")])
    house.own.admission.set_roles("lea-martin", {"comptabilité"})
    await deliver(house, bot)
    assert said(phone)[-1] == "Les factures d'octobre sont là."
    assert not any("PUK" in text for text in said(phone))


async def test_a_dialog_goes_no_further_once_the_role_was_taken(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "technique", "comptabilité")
    await says(house, bot, phone, "/upload logo")
    house.own.admission.set_roles("lea-martin", {"comptabilité"})
    phone.send_file("logo.png", b"\x89PNG\r\n\x1a\n")
    await answer(house, bot)
    assert "n'est pas ouverte à votre rôle" in said(phone)[-1]
    assert house.desk.execute("SELECT count(*) FROM drafts").fetchone() == (0,)


async def test_his_questions_that_were_not_answered_yet_are_a_strangers(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "technique")
    phone.send(f"/status {NUMBER}")
    await fetch(house, bot)
    house.own.revoke("lea-martin")
    async with clerk_at_work(house, bot):
        await settle(house)
    await deliver(house, bot)
    assert said(phone)[-1] == PRIVATE


async def test_a_chat_that_is_cut_leaves_the_rights_by_mail(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "technique")
    assert house.own.admission.unbind("lea-martin") == 1
    assert await says(house, bot, phone, NUMBER) == PRIVATE
    write(house, f"status {NUMBER}", frm=f"Léa <{LEA_EMAIL}>", headers=OF_LEA)
    assert "06 39 98 00 01" in body((await replies(house, bot))[-1])


async def test_who_is_invited_again_comes_back_as_himself_with_the_roles_of_now(
    house: House, bot: Bot, phone: Phone
) -> None:
    await bound(house, bot, phone, "technique")
    house.own.admission.set_roles("lea-martin", {"technique", "admin"})
    house.own.revoke("lea-martin")
    assert invite(house, "comptabilité") == "lea-martin"
    assert house.people.by_id("lea-martin").person.roles == {"comptabilité"}  # type: ignore[union-attr]
    assert house.people.by_chat(LEA) is None


# Menus


async def test_a_menu_follows_the_rights_of_its_chat(house: House, bot: Bot, phone: Phone) -> None:
    await bound(house, bot, phone, "comptabilité")
    await follow_rights(house, bot)
    assert "rejets" not in {it.command for it in phone.menu}
    house.own.admission.set_roles("lea-martin", {"technique"})
    await follow_rights(house, bot)
    assert {"rejets", "puk"} <= {it.command for it in phone.menu}
    house.own.revoke("lea-martin")
    await follow_rights(house, bot)
    assert phone.menu == []


async def test_another_robot_shows_its_menus_anew(house: House, bot: Bot, camille: Phone) -> None:
    know_robot(house.desk, "un_robot")
    await follow_rights(house, bot)
    know_robot(house.desk, "un_autre_robot")
    assert facts.get(house.desk, "bot_username") == "un_autre_robot"
    assert house.desk.execute("SELECT count(*) FROM menus").fetchone() == (0,)


# The settings, and what is given by hand


async def test_a_role_given_by_hand_outlives_a_restart_beside_that_of_the_settings(house: House) -> None:
    house.own.admission.set_roles(TECHNICAL, {"technique", "admin"})
    house.people.follow(house.settings)
    assert house.people.by_id(TECHNICAL).person.roles == {"technique", "admin"}  # type: ignore[union-attr]


async def test_a_removal_outlives_a_restart(house: House) -> None:
    house.own.revoke(TECHNICAL)
    house.people.follow(house.settings)
    assert house.people.by_email("technique@telecom.example") is None
    assert not mail_code(house)


async def test_another_address_at_a_place_of_the_settings_is_another_person(house: House, tmp_path: Path) -> None:
    house.own.admission.set_roles(TECHNICAL, {"technique", "admin"})
    house.own.admission.add_address(TECHNICAL, "camille@maison.example")
    house.people.follow(settings(tmp_path, technical_email="suivant@telecom.example"))
    successor = house.people.by_id(TECHNICAL)
    assert successor
    assert successor.person.roles == {"technique"}
    assert house.people.by_email("camille@maison.example") is None


async def test_a_removal_ends_with_another_address_in_the_settings(house: House, tmp_path: Path) -> None:
    house.own.revoke(TECHNICAL)
    house.people.follow(settings(tmp_path, technical_email="suivant@telecom.example"))
    assert house.people.by_email("suivant@telecom.example")
    assert house.people.by_email("technique@telecom.example") is None


async def test_what_was_given_by_hand_to_who_left_the_settings_does_not_come_back(house: House, tmp_path: Path) -> None:
    staff = "equipe:equipe@telecom.example"
    house.own.admission.set_roles(staff, {"équipe", "admin"})
    house.people.follow(settings(tmp_path, staff_emails=""))
    assert house.people.by_email("equipe@telecom.example") is None
    house.people.follow(settings(tmp_path))
    assert house.people.by_id(staff).person.roles == {"équipe"}  # type: ignore[union-attr]


async def test_what_waited_for_who_left_the_settings_does_not_leave(house: House, tmp_path: Path) -> None:
    with house.desk.atomic():
        house.write_letter(Letter("equipe@telecom.example", "Une question", (Answer("Une question"),)))
    house.people.follow(settings(tmp_path, staff_emails=""))
    assert mails(house, "equipe@telecom.example") == []


async def test_who_left_the_settings_is_not_written_to_in_his_chat(house: House, tmp_path: Path) -> None:
    staff, now = "equipe:equipe@telecom.example", int(time.time())
    house.people.enrol(OTHER, house.people.new_code(staff, now), now)
    house.people.follow(settings(tmp_path, staff_emails=""))
    assert house.people.chats_of(staff) == []
    house.people.follow(settings(tmp_path))
    assert house.people.chats_of(staff) == [OTHER]


async def test_what_the_removed_technical_contact_was_told_goes_to_accounting(house: House) -> None:
    house.own.revoke(TECHNICAL)
    with house.desk.atomic():
        tell_technical(house, Answer("Une panne"))
    assert [mail["To"] for mail in mails(house)] == ["compta@telecom.example"]


async def test_a_bounce_names_the_invited_person_and_what_to_do(house: House, camille: Phone) -> None:
    invite(house, "équipe")
    (entry,) = [it for it in house.outbox.unsettled(int(time.time())) if it.recipient == LEA_EMAIL]
    with house.desk.atomic():
        tell_mail(house, entry, "550 5.1.1 no such user")
    (told,) = [text for (text,) in house.desk.execute("SELECT payload FROM outbox WHERE channel = 'chat'")]
    assert f"Léa Martin, {LEA_EMAIL}" in told.decode()
    assert "origyne-bot people" in told.decode()


async def test_an_invited_person_outlives_a_restart(house: House) -> None:
    invite(house, "équipe")
    house.people.follow(house.settings)
    assert house.people.by_id("lea-martin").person.roles == {"équipe"}  # type: ignore[union-attr]


async def test_who_is_known_and_invited_has_the_role_beside_his_own(house: House) -> None:
    assert invite(house, "équipe", name="Camille M.", email="technique@telecom.example") == TECHNICAL
    contact = house.people.by_id(TECHNICAL)
    assert contact
    assert contact.person.roles == {"technique", "équipe"}
    assert contact.person.name == "Camille Martin"


async def test_the_role_of_the_settings_is_not_taken_by_hand(house: House) -> None:
    with pytest.raises(NotAdmitted, match="vient des réglages"):
        house.own.admission.set_roles(TECHNICAL, {"équipe"})


# Addresses


async def test_a_further_address_has_the_same_rights_and_is_not_written_to(house: House, bot: Bot) -> None:
    invite(house, "technique")
    house.own.admission.add_address("lea-martin", "Lea@Maison.example")
    found = house.people.by_email("lea@maison.EXAMPLE")
    assert found
    assert (found.person.id, found.email) == ("lea-martin", LEA_EMAIL)
    house.own.admission.remove_address("lea-martin", "lea@maison.example")
    assert house.people.by_email("lea@maison.example") is None


async def test_an_address_is_of_one_person_alone(house: House, tmp_path: Path) -> None:
    invite(house, "technique")
    with pytest.raises(NotAdmitted, match=r"adresse de Camille Martin \(technique\)"):
        house.own.admission.add_address("lea-martin", "technique@telecom.example")
    house.own.admission.add_address("lea-martin", "suivant@telecom.example")
    house.people.follow(settings(tmp_path, technical_email="suivant@telecom.example"))
    assert house.people.by_email("suivant@telecom.example").person.id == TECHNICAL  # type: ignore[union-attr]
    house.own.revoke(TECHNICAL)
    assert house.people.by_email("suivant@telecom.example") is None


async def test_who_shares_the_address_of_somebody_removed_keeps_his_own_rights(
    house: House, tmp_path: Path, bot: Bot
) -> None:
    house.people.follow(settings(tmp_path, accounting_email="technique@telecom.example"))
    with house.desk.atomic():
        house.write_letter(Letter("technique@telecom.example", "Vos factures", (Answer("Vos factures"),)))
    house.own.revoke(TECHNICAL)
    found = house.people.by_email("technique@telecom.example")
    assert found
    assert found.person.roles == {"comptabilité"}
    assert len(mails(house, "technique@telecom.example")) == 1


async def test_the_further_addresses_of_who_is_removed_are_nobodys(house: House) -> None:
    invite(house, "technique")
    house.own.admission.add_address("lea-martin", "lea@maison.example")
    house.own.revoke("lea-martin")
    assert house.people.by_email("lea@maison.example") is None
    invite(house, "équipe", name="Jules Petit", email="lea@maison.example")
    assert house.people.by_email("lea@maison.example").person.id == "jules-petit"  # type: ignore[union-attr]


# The table


def test_the_table_of_rights_has_a_row_for_each_command() -> None:
    assert [row.command for row in rights.table()] == [command.name for command in registry.commands()]
    assert all(row.roles for row in rights.table())


def test_who_changes_rights_is_an_administrator_in_private() -> None:
    rows = {row.command: row for row in rights.table()}
    for name in ("inviter", "retirer"):
        assert rows[name].roles == {"admin"}
        assert rows[name].confirmed
        assert not rows[name].by_mail
        assert not rows[name].in_groups


def test_each_role_has_its_words() -> None:
    assert [rights.role_named(word) for word in ("Compta", "EQUIPE", "technique", "Admin", "patron")] == [
        "comptabilité",
        "équipe",
        "technique",
        "admin",
        None,
    ]


def test_people_who_are_known_say_since_when(house: House) -> None:
    invite(house, "équipe")
    now = int(time.time())
    assert isinstance(house.own, BotDesk)
    known = {it.person.id: it for it in house.own.people()}
    assert known["lea-martin"].invited_until > now
    house.people.enrol(LEA, code_to(house, LEA_EMAIL), now)
    house.own.revoke(ACCOUNTING)
    known = {it.person.id: it for it in house.own.people()}
    assert known["lea-martin"].chats_since == (now,)
    assert known["lea-martin"].invited_until == 0
    assert known[ACCOUNTING].revoked_at
    assert list(known)[-1] == ACCOUNTING
