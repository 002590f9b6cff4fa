"""/etat, /rejets, /alertes and /sync: what the bot says of itself."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.bot_desk import BotDesk
from bot.desk import faulty, open_desk
from bot.desk.inbox import Inbox
from bot.desk.outbox import Outbox
from bot.desk.people import People
from bot.supervision import LoopState
from core.vault import Vault
from handlers.command import Context
from handlers.desk import Standing, SyncReport
from tests.handlers.conftest import ACCOUNTANT, Say, words


async def test_the_state_tells_each_folder_and_the_next_pass(say: Say) -> None:
    told = words(await say("etat"))
    for folder in ("AccountStatus", "RatedCDRs", "BilledCDRs", "Cartes SIM", "Factures/Clients"):
        assert folder in told
    assert "prochaine : " in told


async def test_what_does_not_work_comes_first(say: Say, context: Context, tmp_path: Path) -> None:
    desk = BotDesk(context.settings, open_desk(tmp_path), Outbox(open_desk(tmp_path)))
    fault = Standing(
        "Les courriels ne partent plus : le serveur ne répond pas",
        context.now() - 3600,
        "smtp",
        "origyne-bot doctor le dit.",
    )
    desk.faults = lambda: (fault,)
    answer = await say("etat", context=replace(context, desk=desk))
    assert answer.title == "⚠️ 1 chose à voir"
    told = "⚠️ Les courriels ne partent plus : le serveur ne répond pas (depuis le 24/11 à 08:00)"
    assert answer.lines[0] == told
    # On a phone the folders would stand above it.
    assert answer.table is None
    detail = await say("etat détail", context=replace(context, desk=desk))
    assert detail.lines[0] == f"{told} → origyne-bot doctor le dit."
    assert detail.table


async def test_addresses_that_mails_do_not_reach_and_what_stayed_lying_are_told(
    say: Say, context: Context, tmp_path: Path
) -> None:
    db = open_desk(tmp_path)
    outbox, inbox = Outbox(db), Inbox(db)
    desk = BotDesk(context.settings, db, outbox)
    faulty.mark(db, "Compta@telecom.example", "la boîte du destinataire est pleine (552 5.2.2)", int(time.time()))
    outbox.add("mail", "compta@telecom.example", b"")
    outbox.failed(outbox.due("mail", int(time.time()))[0], "552 5.2.2 full")
    inbox.add("mail", "INBOX/1/1", "mail", b"?")
    inbox.failed(inbox.new()[0])
    answer = await say("etat", context=replace(context, desk=desk))
    assert answer.title == "⚠️ 1 chose à voir"
    assert "Les courriels n'arrivent pas à compta@telecom.example" in answer.lines[0]
    assert "la boîte du destinataire est pleine (552 5.2.2)" in answer.lines[0]
    assert "Pas remis : 1 par courriel (« origyne-bot outbox » sur le serveur du robot)" in answer.lines
    assert "1 courriel reçu est resté de côté (« origyne-bot mail » sur le serveur du robot)" in answer.lines


async def test_what_went_well_last_is_behind_a_button_in_place(say: Say, context: Context, tmp_path: Path) -> None:
    db = open_desk(tmp_path)
    outbox, now = Outbox(db), int(time.time())
    desk = BotDesk(context.settings.model_copy(update={"backup_folder": tmp_path / "none"}), db, outbox)
    here = replace(context, desk=desk, now=lambda: now)
    Inbox(db).add("mail", "INBOX/1/1", "mail", b"?")
    outbox.add("chat", "7001", b"{}")
    outbox.sent(outbox.due("chat", now)[0])
    shortly = await say("etat", context=here)
    assert not [line for line in shortly.lines if line.startswith(("Telegram", "Courriel", "Sauvegarde"))]
    button = next(button for button in shortly.buttons if button.label == "Détail")
    assert button.in_place
    detail = await say(button.command, context=here)
    assert "Telegram : rien reçu encore, envoyé à l'instant" in detail.lines
    assert "Courriel : reçu à l'instant, rien envoyé encore" in detail.lines
    assert "Sauvegarde : aucune encore" in detail.lines
    assert [button.command for button in detail.buttons if button.in_place] == ["etat détail", "etat"]


async def test_a_part_that_starts_again_and_again_is_something_to_look_at(
    say: Say, context: Context, tmp_path: Path
) -> None:
    desk = BotDesk(context.settings, open_desk(tmp_path), Outbox(open_desk(tmp_path)))
    state = LoopState(restarts=7, in_a_row=7, fault="OSError", fault_at=context.now() - 180)
    desk.loops = lambda: {"mail outbox": state, "clerk": LoopState(running_since=1, restarts=1)}
    answer = await say("etat", context=replace(context, desk=desk))
    assert answer.title == "⚠️ 1 chose à voir"
    assert answer.lines[0] == (
        "⚠️ « courriel, envoi » redémarre sans cesse : 7 fois de suite, la dernière il y a 3\u00a0min"
    )


async def test_the_accountant_is_told_of_deliveries_and_not_of_machines(
    say: Say, context: Context, tmp_path: Path
) -> None:
    db = open_desk(tmp_path)
    outbox = Outbox(db)
    desk = BotDesk(context.settings, db, outbox)
    faulty.mark(db, "Compta@telecom.example", "la boîte du destinataire est pleine (552 5.2.2)", int(time.time()))
    outbox.add("mail", "compta@telecom.example", b"")
    outbox.failed(outbox.due("mail", int(time.time()))[0], "552 5.2.2 full")
    fault = Standing("Les sauvegardes ne se font plus : x", context.now() - 3600, "backup", "« origyne-bot backup »")
    desk.faults = lambda: (fault,)
    answer = await say("etat détail", context=replace(context, desk=desk, vault=Vault()), person=ACCOUNTANT)
    assert answer.title == "⚠️ 2 choses à voir"
    assert "Les courriels n'arrivent pas à compta@telecom.example" in answer.lines[0]
    assert answer.lines[1] == "⚠️ Le robot ou ses serveurs : 2 choses pour le contact technique"
    told = words(answer)
    assert not [word for word in ("origyne-bot", "auvegarde", "de côté", "clé", "Pas remis") if word in told]
    assert [button.label for button in answer.buttons] == ["Actualiser", "Moins"]


async def test_who_may_test_the_channels_finds_that_behind_the_detail(say: Say) -> None:
    assert "selftest" not in [button.command for button in (await say("etat")).buttons]
    assert "selftest" in [button.command for button in (await say("etat détail")).buttons]


async def test_messages_that_wait_long_are_told_with_their_age(say: Say, context: Context, tmp_path: Path) -> None:
    db = open_desk(tmp_path)
    outbox, now = Outbox(db), int(time.time())
    desk = BotDesk(context.settings, db, outbox)
    outbox.add("mail", "compta@telecom.example", b"")
    asked = replace(context, desk=desk, now=lambda: now)
    assert not [line for line in (await say("etat", context=asked)).lines if line.startswith("À envoyer")]
    later = replace(asked, now=lambda: now + 3 * 3600)
    assert (
        "À envoyer encore : 1 par courriel (le plus ancien il y a 3\u00a0h)" in (await say("etat", context=later)).lines
    )


async def test_a_missing_key_is_something_to_look_at(say: Say, context: Context) -> None:
    answer = await say("etat", context=replace(context, vault=Vault()))
    assert answer.title == "⚠️ 1 chose à voir"
    assert answer.lines[0] == "⚠️ Les codes (PUK, RIO) ne sont ni gardés ni montrés : la clé de chiffrement manque"


async def test_rows_set_aside_by_file_then_one_by_one(say: Say) -> None:
    answer = await say("rejets")
    assert "de côté" in answer.title
    one = await say(answer.buttons[0].command)
    assert any(line.startswith("ligne ") for line in one.lines)


async def test_nothing_is_aside_of_a_file_that_nobody_knows(say: Say) -> None:
    assert (await say("rejets inconnu.csv")).title.startswith("Rien n'est de côté")


async def test_alerts_are_kept_for_the_person(say: Say) -> None:
    assert "🔔 changements de lignes" in (await say("alertes")).lines
    assert "🔕 changements de lignes" in (await say("alertes lignes non")).lines
    assert "🔕 changements de lignes" in (await say("alertes")).lines
    assert "🔔 changements de lignes" in (await say("alertes lignes oui")).lines


@pytest.mark.parametrize(
    ("word", "line"),
    [("cdr", "🔕 arrivées de communications"), ("ligne", "🔕 changements de lignes"), ("sim", "🔕 cartes SIM reçues")],
)
async def test_alerts_are_named_by_their_usual_words(say: Say, word: str, line: str) -> None:
    assert line in (await say(f"alertes {word} non")).lines


async def test_each_button_of_alerts_changes_what_it_names(say: Say) -> None:
    for button in (await say("alertes")).buttons:
        assert button.in_place
        before = words(await say("alertes"))
        after = await say(button.command)
        assert not after.refused
        assert words(after) != before


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("alertes silence 20h à 8h", "🌙 Sans sonnerie de 20 h à 8 h."),
        ("alertes silence 22 7", "🌙 Sans sonnerie de 22 h à 7 h."),
        ("alertes silence de 12h-14h", "🌙 Sans sonnerie de 12 h à 14 h."),
        ("alertes silence non", "🌙 La sonnerie n'est jamais coupée."),
    ],
)
async def test_hours_of_silence(say: Say, text: str, line: str) -> None:
    assert line in (await say(text)).lines


async def test_the_settings_silence_holds_until_a_person_chooses(say: Say, context: Context) -> None:
    quiet = context.settings.model_copy(update={"quiet_hours": "20h-8h", "quiet_days": "dimanche"})
    quietly = replace(context, settings=quiet)

    async def shown(text: str) -> str:
        answer = await say(text, context=quietly)
        return next(line for line in answer.lines if line.startswith("🌙")).replace("\u00a0", " ")

    by_settings = (
        "🌙 Sans sonnerie de 20 h à 8 h et le dimanche, par les réglages du robot ; sauf une panne ou une ligne"
    )
    assert (await shown("alertes")).startswith(by_settings)
    assert (await shown("alertes silence non")).startswith("🌙 La sonnerie n'est jamais coupée : c'est votre choix")
    assert (await shown("alertes silence 22h à 7h")).startswith("🌙 Sans sonnerie de 22 h à 7 h : c'est votre choix")
    assert (await shown("alertes silence réglages")).startswith(by_settings)


async def test_only_what_the_routes_send_to_the_chat_can_be_muted(say: Say, context: Context, tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text('[documents]\ntechnique = "courriel"\n', "utf-8")
    elsewhere = context.settings.model_copy(update={"data": tmp_path})
    db = open_desk(tmp_path)
    People(db).follow(elsewhere)
    answer = await say("alertes", context=replace(context, desk=BotDesk(elsewhere, db, Outbox(db))))
    assert any("changements de lignes" in line for line in answer.lines)
    assert not any("documents" in line or "factures" in line for line in answer.lines)


@pytest.mark.parametrize(
    "text", ["alertes xyz non", "alertes lignes peut-être", "alertes silence", "alertes silence 30 8"]
)
async def test_wrong_words_change_nothing_and_get_the_usage(say: Say, text: str) -> None:
    before = words(await say("alertes"))
    answer = await say(text)
    assert answer.refused
    assert any(line.startswith("Usage : /alertes") for line in answer.lines)
    assert words(await say("alertes")) == before


@pytest.mark.parametrize(
    ("report", "title"),
    [
        (SyncReport(True), "Passe terminée : rien de nouveau."),
        (SyncReport(True, 3, 2), "Passe terminée."),
        (SyncReport(False), "La passe sur le FTP est en cours."),
        (SyncReport(True, error="le FTP ne répond pas"), "Le FTP n'a pas été lu jusqu'au bout."),
    ],
)
async def test_a_pass_tells_how_it_went(
    say: Say, context: Context, tmp_path: Path, report: SyncReport, title: str
) -> None:
    desk = BotDesk(context.settings, open_desk(tmp_path), Outbox(open_desk(tmp_path)))

    async def made() -> SyncReport:
        return report

    desk.make_pass = made
    assert (await say("sync", context=replace(context, desk=desk))).title == title
