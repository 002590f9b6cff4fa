"""`origyne-bot outbox` and `mail`, as they are typed: what they show, and what they leave behind."""

import time
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from filelock import FileLock

from bot.bounces import CAME_BACK
from bot.desk import faulty
from bot.desk.inbox import Item
from bot.desk.outbox import KEPT, Parcel
from bot.desk.people import ACCOUNTING, TECHNICAL
from bot.house import House, open_house
from bot.mail.letter import Letter
from bot.running import LOCK
from core import logs
from core.settings import Settings
from handlers.answer import Answer, Code
from tests.bot.typed import Typed
from tests.handlers.filled import settings

COMPTA = "compta@telecom.example"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house whose commands are typed in its folder."""
    configured = settings(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Settings, "load", lambda: configured)
    house = open_house(configured)
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], house: House) -> Typed:
    return Typed(capsys)


def a_mail(house: House, subject: str = "Facture d'octobre 2026", to: str = COMPTA, *lines: str) -> Parcel:
    house.write_letter(Letter(to=to, subject=subject, parts=(Answer("Bonjour", lines),), person_id=ACCOUNTING))
    (parcel_id,) = house.desk.execute("SELECT max(id) FROM outbox").fetchone()
    return Parcel(parcel_id, "mail", to, subject, b"")


def failed(house: House, error: str = "550 5.1.1 User unknown") -> Parcel:
    parcel = a_mail(house)
    house.outbox.sending(parcel)
    house.outbox.failed(parcel, error)
    return parcel


def state(house: House, parcel: Parcel) -> str:
    entry = house.outbox.entry(parcel.id)
    assert entry
    return entry.state


# outbox


def test_an_empty_queue_says_so(typed: Typed) -> None:
    assert typed("outbox") == "Rien n'attend, et rien n'a échoué.\n"
    assert typed.status == 0


def test_a_message_says_what_the_log_calls_what_it_answers(house: House, typed: Typed) -> None:
    with logs.about("q41"):
        answer = a_mail(house, "Réponse")
    other = a_mail(house, "Sans question")
    assert "au journal du service : [q41]" in typed("outbox", "show", str(answer.id))
    assert "au journal" not in typed("outbox", "show", str(other.id))


def test_the_queue_says_what_waits_what_failed_and_what_may_have_arrived(house: House, typed: Typed) -> None:
    waiting = a_mail(house, "Relevé " + "long " * 30)
    house.outbox.sending(waiting)
    house.outbox.again(waiting, "450 4.2.0 Greylisted")
    unsure = a_mail(house, "Deux fois")
    house.outbox.sending(unsure)
    house.outbox.again(unsure, "le serveur a coupé la connexion.", uncertain=True)
    failed(house)
    failed(house, f"{CAME_BACK}552 5.2.2 full")
    fine = a_mail(house, "Bien arrivé")
    house.outbox.sent(fine)
    faulty.mark(house.desk, COMPTA, "la boîte du destinataire est pleine (552 5.2.2)", int(time.time()))
    told = typed("outbox")
    for words in (
        "2 à envoyer, 2 pas remis, 1 incertain",
        "attend",
        "1 essai ; prochain le",
        "fait attendre",
        "une copie est peut-être déjà arrivée",
        "cette adresse n'existe pas, ou plus (550 5.1.1)",
        "revenu : la boîte du destinataire est pleine (552 5.2.2)",
        f"Les courriels n'arrivent pas à {COMPTA}",
    ):
        assert words in " ".join(told.split())
    assert "Bien arrivé" not in told
    assert max(len(line) for line in told.splitlines()) <= 80
    assert "Bien arrivé" in typed("outbox --all")
    sent = typed("outbox --sent")
    assert "Bien arrivé" in sent
    assert "attend" not in sent


def test_what_failed_is_queued_anew_with_the_same_message_id(house: House, typed: Typed) -> None:
    parcel = failed(house)
    before = house.outbox.entry(parcel.id)
    told = typed(f"outbox retry {parcel.id}")
    assert "Le service ne tourne pas" in told
    after = house.outbox.entry(parcel.id)
    assert before
    assert after
    assert (after.state, after.tries, after.message_id) == ("queued", 0, before.message_id)


def test_who_retries_beside_a_running_service_is_told_when_it_goes(house: House, typed: Typed) -> None:
    parcel = failed(house)
    with FileLock(house.data / LOCK):
        assert "dans les 30 secondes" in typed(f"outbox retry {parcel.id}")


def test_all_that_failed_or_waits_is_tried_now(house: House, typed: Typed) -> None:
    parcels = [failed(house), failed(house)]
    waiting = a_mail(house)
    house.outbox.again(waiting, "plus tard", after=9999)
    typed("outbox retry all")
    assert [state(house, parcel) for parcel in (*parcels, waiting)] == ["queued"] * 3
    assert house.outbox.next_try("mail") == 0
    for parcel in (*parcels, waiting):
        house.outbox.sent(parcel)
    assert "rien à renvoyer" in typed("outbox retry all")


def test_a_mail_follows_its_person_to_the_present_address(house: House, typed: Typed) -> None:
    parcel = failed(house)
    contact = house.people.by_id(TECHNICAL)
    assert contact
    house.own.set_profile(contact.person, "accounting_email", "nouvelle@telecom.example")
    assert "nouvelle@telecom.example (et non plus à compta@telecom.example)" in typed(f"outbox retry {parcel.id}")
    (due,) = [it for it in house.outbox.due("mail", house.context.now()) if it.id == parcel.id]
    mail = message_from_bytes(due.payload, policy=default)
    assert due.recipient == mail["To"] == "nouvelle@telecom.example"
    assert len(mail.get_all("To", [])) == 1


def test_a_mail_can_be_sent_to_an_address_that_is_given(house: House, typed: Typed) -> None:
    parcel = failed(house)
    typed(f"outbox retry {parcel.id} --to Autre@ailleurs.example")
    assert [it.recipient for it in house.outbox.due("mail", house.context.now())] == ["Autre@ailleurs.example"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("outbox retry 999", "Aucun message n° 999"),
        ("outbox retry x", "Aucun message n° x"),
        ("outbox show 999", "Aucun message n° 999"),
        ("outbox drop 999 --yes", "Aucun message n° 999"),
        ("outbox retry 1 --to pas-une-adresse", "n'est pas une adresse"),
        ("outbox retry all --to a@b.example", "--to va avec un seul message"),
        ("mail show 999", "Aucun courriel n° 999 n'est de côté"),
        ("mail replay 999", "Aucun courriel n° 999 n'est de côté"),
        ("mail drop 999 --yes", "Aucun courriel n° 999 n'est de côté"),
        ("mail replay all x.eml", "donner son numéro"),
    ],
)
def test_a_wrong_word_is_answered_by_what_is_wrong(house: House, typed: Typed, words: str, answer: str) -> None:
    failed(house)
    assert answer in typed(words)
    assert typed.status == 1


def test_what_is_sent_and_forgotten_cannot_be_sent_again(house: House, typed: Typed) -> None:
    parcel = a_mail(house)
    house.outbox.sent(parcel)
    house.outbox.forget_sent(int(time.time()) + KEPT + 60)
    assert "son contenu n'est plus gardé" in typed(f"outbox retry {parcel.id}")
    assert "Son contenu n'est plus gardé" in typed(f"outbox show {parcel.id}")


def test_nothing_is_dropped_without_a_yes(house: House, typed: Typed) -> None:
    parcel = failed(house)
    told = typed(f"outbox drop {parcel.id}")
    assert "ne sera jamais envoyé" in told
    assert "--yes" in told
    assert (typed.status, state(house, parcel)) == (1, "failed")
    assert "1 message abandonné" in typed(f"outbox drop {parcel.id} --yes")
    assert state(house, parcel) == "dropped"
    assert house.outbox.content(parcel.id) == (None, None)


def test_what_left_cannot_be_dropped(house: House, typed: Typed) -> None:
    parcel = a_mail(house)
    house.outbox.sent(parcel)
    assert "est parti" in typed(f"outbox drop {parcel.id} --yes")
    assert typed.status == 1


def test_a_mail_is_shown_without_its_codes_and_secrets(house: House, typed: Typed) -> None:
    house.own.write_letter(
        Letter(
            to=COMPTA,
            subject="Votre accès",
            parts=(
                Answer("Votre code : 482 915", ("Écrire /start AbCdEfGhIjKlMnOpQrStUv au robot.", "\x1b[31mrouge")),
            ),
            reply_to="robot+0123456789abcdef01234567@telecom.example",
        )
    )
    told = typed("outbox show 1")
    assert "To : compta@telecom.example" in told
    assert "Votre code : •••" in told
    for secret in ("482", "AbCdEf", "0123456789ab", "\x1b"):
        assert secret not in told


def test_a_chat_message_is_shown_by_its_words_and_an_answer_with_codes_by_none(house: House, typed: Typed) -> None:
    now = int(time.time())
    house.people.enrol(4200001, house.people.new_code(TECHNICAL, now), now)
    house.write_chat(4200001, [Answer("Ligne <suspendue>", ("depuis hier",))])
    house.write_chat(4200001, [Answer("PUK", codes=(Code("PUK", "12345678"),))])
    assert "Ligne <suspendue>\ndepuis hier" in typed("outbox show 1")
    listed = typed("outbox")
    assert "Camille Martin" in listed
    assert "Ligne <suspendue>" in listed
    assert "12345678" not in listed + typed("outbox show 2")


# mail


def aside(
    house: House, raw: bytes = b"From: compta@telecom.example\r\nSubject: Test\r\n\r\nstatus 0639980001\r\n"
) -> Item:
    key = f"INBOX/1/{house.inbox.count_aside('mail') + 1}"
    house.inbox.add("mail", key, "mail", raw)
    item = house.inbox.new()[0]
    house.inbox.failed(item, "erreur interne (ValueError)")
    return house.inbox.taken(item)


def test_no_mail_aside_is_said_so(typed: Typed) -> None:
    assert typed("mail") == "Aucun courriel n'est de côté.\n"


def test_a_mail_aside_is_listed_with_sender_subject_size_and_reason(house: House, typed: Typed) -> None:
    aside(house, b"From: Compta <compta@telecom.example>\nSubject: =?utf-8?q?=C3=89t=C3=A9?=\x1b[2J\n\n" + b"x" * 2000)
    aside(house, b"\xff\xfe")
    told = typed("mail")
    for words in ("2 courriels de côté", "Compta <compta@telecom.example>", "Été", "erreur interne (ValueError)", "Ko"):
        assert words in told.replace("\u00a0", " ")
    assert "expéditeur illisible" in told
    assert "\x1b" not in told
    assert max(len(line) for line in told.splitlines()) <= 80


def test_a_mail_aside_is_shown_with_its_own_text(house: House, typed: Typed) -> None:
    item = aside(house)
    told = typed(f"mail show {item.id}")
    assert "From : compta@telecom.example" in told
    assert "status 0639980001" in told


def test_a_mail_that_nobody_can_read_is_shown_as_it_came(house: House, typed: Typed) -> None:
    item = aside(house, b"From: a@x.test, b@x.test\nSubject: Deux\n\nle corps\x1b[31m")
    told = typed(f"mail show {item.id}")
    assert "Illisible" in told
    assert "le corps" in told
    assert "\x1b" not in told


def test_a_mail_goes_out_to_a_file_and_comes_back_repaired(house: House, typed: Typed, tmp_path: Path) -> None:
    item = aside(house)
    assert "replay" in typed(f"mail export {item.id} courriel.eml")
    file = tmp_path / "courriel.eml"
    assert file.read_bytes() == item.payload
    assert file.stat().st_mode & 0o077 == 0
    assert "existe déjà" in typed(f"mail export {item.id} courriel.eml")
    assert typed.status == 1
    file.write_bytes(b"From: nobody\n\n")
    assert "rien n'a changé" in typed(f"mail replay {item.id} courriel.eml")
    assert "ne se lit pas" in typed(f"mail replay {item.id} absent.eml")
    file.write_bytes(item.payload.replace(b"Test", b"Repaired"))
    assert "1 courriel à traiter de nouveau" in typed(f"mail replay {item.id} courriel.eml")
    again = house.inbox.taken(house.inbox.new()[0])
    assert (again.id, again.tries, b"Repaired" in again.payload) == (item.id, 0, True)


def test_all_mails_aside_are_dealt_with_anew(house: House, typed: Typed) -> None:
    aside(house)
    aside(house)
    assert "2 courriels à traiter de nouveau" in typed("mail replay all")
    assert house.inbox.aside("mail") == []
    assert "rien à traiter" in typed("mail replay all")


def test_a_mail_aside_is_dropped_only_with_a_yes(house: House, typed: Typed) -> None:
    item = aside(house)
    assert "--yes" in typed(f"mail drop {item.id}")
    assert len(house.inbox.aside("mail")) == 1
    assert "1 courriel abandonné" in typed(f"mail drop {item.id} --yes")
    assert house.inbox.aside("mail") == []
    assert house.inbox.new() == []
