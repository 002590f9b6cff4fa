"""/audit: what an administrator sees of who asked what."""

from bot.desk import audit
from bot.desk.people import ACCOUNTING, TECHNICAL
from handlers import registry
from handlers.ask import Ask, Person
from handlers.command import Context
from tests.handlers.conftest import TECHNICIAN, Say, words

ADMINISTRATOR = Person("invite:ada", "Ada Petit", frozenset({"admin"}))


def fill(context: Context, count: int = 1) -> None:
    db = context.desk._desk  # type: ignore[attr-defined]
    for _ in range(count):
        audit.record(db, TECHNICAL, "chat", "status", "answered", about="0639980001", shown="tableau")
    audit.record(db, ACCOUNTING, "mail", "puk", "denied", why="il faut le rôle technique")


async def test_an_administrator_sees_who_asked_what(say: Say, context: Context) -> None:
    fill(context)
    answer = await say("/audit", person=ADMINISTRATOR)
    assert not answer.refused
    told = words(answer)
    assert "Audit : 2 entrées" in told
    assert "/status 0639980001 | répondu (tableau)" in told
    assert "courriel | /puk | refusé : pas le droit : il faut le rôle technique" in told
    assert answer.shows == "audit"


async def test_the_audit_is_searched_by_words(say: Say, context: Context) -> None:
    fill(context)
    assert "1 entrée pour" in words(await say("/audit puk refusé", person=ADMINISTRATOR))
    assert "/status 0639980001" in words(await say("/audit 06 39 98 00 01", person=ADMINISTRATOR))
    nothing = words(await say("/audit octobre 2026", person=ADMINISTRATOR))
    assert "Rien dans l'audit" in nothing
    assert "octobre 2026" in nothing


async def test_a_long_audit_comes_in_pages(say: Say, context: Context) -> None:
    fill(context, 11)
    first = await say("/audit", person=ADMINISTRATOR)
    assert first.table
    assert (len(first.table.rows), [button.command for button in first.buttons]) == (8, ["audit page 2"])
    second = await say("/audit page 2", person=ADMINISTRATOR)
    assert second.table
    assert "12 entrées (9 à 12)" in second.title
    assert len(second.table.rows) == 4
    found = await say("/audit status", person=ADMINISTRATOR)
    assert [button.command for button in found.buttons] == ["audit status page 2"]


async def test_nobody_else_sees_it_nor_does_a_group(say: Say, context: Context) -> None:
    for role in ("technique", "comptabilité", "équipe"):
        answer = await say("/audit", person=Person("x", "X", frozenset({role})))
        assert (answer.refused, answer.denied) == (True, True)
    for door, private in (("chat", False), ("mail", True)):
        asked = Ask("audit", "", ADMINISTRATOR, door, private)  # type: ignore[arg-type]
        assert (await registry.answer(asked, context)).refused
    assert "audit" not in words(await say("/aide", person=TECHNICIAN))
