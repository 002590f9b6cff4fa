"""Who may ask what, and where; and /aide, which tells each person no more than that."""

from typing import get_args

import pytest

from core.layouts import fold
from handlers import registry
from handlers.ask import Ask, Door, Person, Role, SentFile
from handlers.command import Command, Context
from handlers.understand import understand
from tests.handlers.conftest import ACCOUNTANT, TECHNICIAN, Say, words

ALL_ROLES = Person("x", "X", frozenset(get_args(Role)))


def ask(command: str, person: Person = TECHNICIAN, door: Door = "chat", *, private: bool = True) -> Ask:
    return Ask(command, "", person, door, private)


def refused(question: Ask) -> bool:
    command = registry.named(question.command)
    assert command
    return registry.refusal(question, command) is not None


@pytest.mark.parametrize("role", get_args(Role))
async def test_help_lists_exactly_what_a_role_may_use(say: Say, role: Role) -> None:
    person = Person("x", "X", frozenset({role}))
    told = words(await say("/aide", person=person))
    for command in registry.commands():
        assert (f"/{command.name} : {command.summary}" in told) == (role in command.roles)


async def test_a_person_without_a_role_is_told_of_no_command(say: Say, context: Context) -> None:
    nobody = Person("x", "X", frozenset())
    assert registry.commands_of(nobody) == []
    answer = await registry.answer(ask("aide", nobody), context)
    assert answer.refused
    assert "Voici" not in answer.title


@pytest.mark.parametrize("command", registry.commands(), ids=lambda command: command.name)
async def test_help_on_a_command_shows_its_usage_and_examples(say: Say, command: Command) -> None:
    told = words(await say(f"/aide {command.name}", person=ALL_ROLES))
    assert f"Usage : /{command.usage}" in told
    assert all(f"Exemple : /{example}" in told for example in command.examples)


async def test_help_does_not_know_a_command_that_the_role_lacks(say: Say) -> None:
    answer = await say("/aide rio", person=ACCOUNTANT)
    assert answer.title == "Aucune commande ne s'appelle «\N{NO-BREAK SPACE}rio\N{NO-BREAK SPACE}»."
    assert "rio" not in " ".join(answer.lines)


async def test_help_on_a_sensitive_command_says_where_it_may_be_asked(say: Say) -> None:
    assert "Réservée au chat privé." in (await say("/aide puk")).lines


@pytest.mark.parametrize("command", registry.commands(), ids=lambda command: command.name)
def test_every_example_of_help_is_understood_as_its_command(command: Command) -> None:
    for example in command.examples:
        understood = understand(f"/{example}" if command.free_text else example)
        assert understood
        assert understood[0] == command.name


def test_names_and_aliases_are_taken_once() -> None:
    names = [
        fold(name) or name
        for command in registry.commands()
        for name in (command.name, *command.aliases, *command.spoken)
    ]
    assert len(names) == len(set(names))


def test_a_role_without_the_command_is_refused() -> None:
    assert refused(ask("rio", ACCOUNTANT))
    assert refused(ask("upload", ACCOUNTANT))


def test_the_accountant_may_ask_for_consumption() -> None:
    assert not refused(ask("conso", ACCOUNTANT))


def test_a_sensitive_command_is_answered_in_a_private_chat() -> None:
    assert not refused(ask("rio"))


def test_a_sensitive_command_is_refused_in_a_group() -> None:
    assert refused(ask("rio", private=False))


def test_a_sensitive_command_is_refused_by_mail() -> None:
    assert refused(ask("rio", door="mail"))


def test_a_sensitive_command_is_answered_in_the_terminal() -> None:
    assert not refused(ask("rio", door="terminal"))


def test_a_list_of_rios_may_come_by_mail_and_not_in_a_group() -> None:
    (command,) = [command for command in registry.commands() if command.files_by_mail]
    listed = SentFile("rio.csv", b"")
    assert registry.refusal(Ask(command.name, "", TECHNICIAN, "mail", True, (listed,)), command) is None
    assert registry.refusal(Ask(command.name, "", TECHNICIAN, "chat", False, (listed,)), command)


def test_the_role_counts_before_the_place() -> None:
    # A person who may not ask is not told where others may.
    command = registry.named("rio")
    assert command
    answer = registry.refusal(ask("rio", ACCOUNTANT, private=False), command)
    assert answer
    assert "rôle" in answer.title


def test_a_refusal_says_the_roles_that_it_takes_and_whom_to_ask_but_never_oneself() -> None:
    command = registry.named("rio")
    assert command
    answer = registry.refusal(ask("rio", ACCOUNTANT), command, "Camille Martin")
    assert answer
    assert answer.lines == (
        "Il faut le rôle technique, équipe ou admin.",
        "Pour l'obtenir, s'adresser à Camille Martin.",
    )
    answer = registry.refusal(ask("rio", ACCOUNTANT), command, ACCOUNTANT.name)
    assert answer
    assert answer.lines[1] == "Il se donne sur le serveur du robot : origyne-bot people roles."


def test_what_is_not_sensitive_is_answered_in_a_group_and_by_mail() -> None:
    assert not refused(ask("status", private=False))
    assert not refused(ask("status", door="mail"))


async def test_the_refusal_comes_before_the_answer(context: Context) -> None:
    answer = await registry.answer(Ask("rio", "01E4K7P2QEM3 0639980001", TECHNICIAN, "chat", private=False), context)
    assert answer.refused
    assert "01E4K7P2QEM3" not in words(answer)


async def test_a_command_that_does_not_exist_is_a_fault_of_the_caller(context: Context) -> None:
    with pytest.raises(LookupError):
        await registry.answer(ask("nulle"), context)


def test_each_command_stands_in_one_group_of_the_help() -> None:
    grouped = [name for names in registry.GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(command.name for command in registry.commands())


async def test_the_help_of_a_private_command_says_what_may_be_asked_anywhere(say: Say) -> None:
    assert (await say("aide rio")).lines[-1] == "Réservée au chat privé, sauf /rio modele."
    assert (await say("aide puk")).lines[-1] == "Réservée au chat privé."
