"""/contact and /clore, as commands; the mails are in tests/bot/test_bridge.py."""

import re

from handlers.command import Context
from handlers.understand import understand
from tests.handlers.conftest import ACCOUNTANT, Say


async def test_a_question_says_where_it_went_and_its_number(say: Say) -> None:
    answer = await say("/contact Qui suit le portage de Durand ?")
    assert answer.title == "Envoyé à l'équipe : equipe@telecom.example"
    assert re.search(r"Conversation n° \d+", answer.lines[0])
    assert answer.thread


async def test_alone_it_asks_for_the_words(say: Say) -> None:
    answer = await say("/contact")
    assert answer.title == "Que dire à l'équipe ?"
    assert answer.awaits_words == answer.awaits_file == "contact"


async def test_what_is_open_is_listed_and_can_be_ended(say: Say) -> None:
    number = (await say("/contact Une question")).thread
    assert f"n° {number}" in " ".join((await say("/contact")).lines)
    assert (await say(f"clore {number}")).title == f"Conversation n° {number} close."
    assert f"n° {number}" not in " ".join((await say("/contact")).lines)
    assert (await say(f"clore {number}")).title == f"Conversation n° {number} close."  # as after a crash
    assert (await say(f"clore {number + 1}")).refused


async def test_a_conversation_of_another_is_not_his(say: Say) -> None:
    number = (await say("/contact Une question")).thread
    assert (await say(f"/contact #{number} Bonjour", person=ACCOUNTANT)).refused


async def test_clore_with_words_says_what_it_takes(say: Say) -> None:
    answer = await say("clore tout")
    assert answer.refused
    assert "n'est pas le numéro d'une conversation" in answer.title


def test_in_a_mail_a_sentence_that_begins_with_the_word_is_no_command() -> None:
    assert understand("Contact pris avec le client") is None
    assert understand("contact : Qui s'en charge ?") == ("contact", "Qui s'en charge ?")
    assert understand("/contact Qui s'en charge ?") == ("contact", "Qui s'en charge ?")


async def test_without_staff_it_says_what_to_set(say: Say, context: Context) -> None:
    context.desk._people.follow(context.settings.model_copy(update={"staff_emails": ()}))  # type: ignore[attr-defined]
    answer = await say("/contact Bonjour")
    assert answer.refused
    assert "ORIGYNE_STAFF_EMAILS" in answer.lines[0]
