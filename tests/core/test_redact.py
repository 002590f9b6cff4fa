"""Secrets taken out of what is shown and logged, and what stays readable there."""

import base64
import json
import secrets as random
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import rio
from core.numbers import show
from core.redact import DOTS, Redactor, hide, sasl_writings

redact = Redactor()


def test_a_password_that_a_server_repeats_is_hidden() -> None:
    assert hide("530 login o, password s3cr+t refused", "s3cr+t") == "530 login o, password ••• refused"


def test_a_password_of_one_letter_does_not_show_by_the_holes_it_makes() -> None:
    assert hide("nouvel essai au prochain passage", "p") == "nouvel essai au prochain passage"


def test_no_password_hides_nothing() -> None:
    assert hide("rien à cacher", "") == "rien à cacher"


# -- known secrets


@given(
    st.text(min_size=8, alphabet=st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="•<>")),
    st.text(max_size=3, alphabet="'\"x "),
)
def test_a_known_secret_is_found_in_every_writing(secret: str, beside: str) -> None:
    imap = secret.replace("\\", "\\\\").replace('"', '\\"')
    for written, inner in (
        (f"{beside}{secret}{beside}", secret),
        (repr(f"{beside}{secret}"), repr(secret)[1:-1]),
        (repr(f"{beside}{secret}".encode()), repr(secret.encode())[2:-1]),
        (json.dumps(beside + secret), json.dumps(secret)[1:-1]),
        (f'"{imap}"', imap),
        (repr(f'A1 X "{imap}"'.encode()), repr(imap.encode())[2:-1]),
        (quote(beside + secret, safe=""), quote(secret, safe="")),
        (quote_plus(beside + secret), quote_plus(secret)),
    ):
        shown = Redactor([secret])(f"<{written}>")
        assert DOTS in shown
        assert inner not in shown


def test_a_short_secret_is_hidden_as_a_word_only() -> None:
    assert Redactor(["p"])("PASS: p passage") == "PASS: ••• passage"


def test_a_secret_that_holds_another_leaves_nothing_of_itself() -> None:
    assert Redactor(["hunter2", "hunter2-and-more"])("x hunter2-and-more y") == "x ••• y"


def test_a_password_is_known_as_sasl_sends_it() -> None:
    known = Redactor(sasl_writings("bot@client.test", "s3cr3t"))
    for sent in (b"\0bot@client.test\0s3cr3t", b"bot@client.test\0bot@client.test\0s3cr3t", b"s3cr3t"):
        assert known(f"> {base64.b64encode(sent).decode()}") == "> •••"
    assert sasl_writings("bot@client.test", "") == []


# -- what has the form of a secret

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw_"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"HTTP Request: POST https://api.telegram.org/bot{TOKEN}/getMe 200", TOKEN),
        ("GET http://127.0.0.1:8081/bot123456789:short/getMe", "123456789:short"),
        (f"GET /file/bot{quote(TOKEN, safe='')}/photos/1.jpg", "AAHdq"),
        (f"token refused: {TOKEN}", TOKEN),
        ("Authorization: Bearer ya29.a0AfH6SMB-x", "ya29.a0AfH6SMB-x"),
        ("authorization: Basic Ym90OnNlY3JldA==", "Ym90OnNlY3JldA=="),
        ("headers=[(b'Authorization', b'Bearer ya29.a0AfH6SMB')]", "ya29"),
        ("Proxy-Authorization: Basic Ym90OnNlY3JldA==", "Ym90"),
        ("X-Telegram-Bot-Api-Secret-Token: 0123456789abcdef", "0123456789abcdef"),
        ("403 for Bearer ya29.a0AfH6SMB", "ya29"),
        ("{'access_token': 'ya29.a0Af', 'expires_in': 3599}", "ya29"),
        ('{"refresh_token":"1//0gLu"}', "1//0gLu"),
        ("grant_type=refresh_token&refresh_token=1%2F%2F0gLu&client_secret=GOCSPX-abc", "0gLu"),
        ("grant_type=refresh_token&refresh_token=1%2F%2F0gLu&client_secret=GOCSPX-abc", "GOCSPX"),
        ("MailAccess(login='bot', password='hunter2')", "hunter2"),
        ("ORIGYNE_FTP_PASSWORD=hunter2", "hunter2"),
        ("  12:00.01 > b'PIND1 LOGIN bot@client.test \"hunter2\"'", "hunter2"),
        ('  12:00.01 > b\'PIND1 LOGIN "bot \\\\"x" "hun ter2"\'', "ter2"),
        ("> A1 AUTHENTICATE PLAIN AGJvdABodW50ZXIy", "AGJvdABodW50ZXIy"),
        ("AUTH PLAIN AGJvdABodW50ZXIy", "AGJvdABodW50ZXIy"),
        ("AUTH XOAUTH2 dXNlcj1ib3QBYXV0aD1CZWFyZXI=", "YXV0aD1CZWFyZXI"),
        ("> b'dXNlcj1ib3QBYXV0aD1CZWFyZXI='", "dXNlcj1ib3QB"),
        ("PASS hunter2 with words", "hunter2"),
        ("https://t.me/origyne_bot?start=Kq3nT-w_9Zc", "Kq3nT-w_9Zc"),
        ("tg://resolve?domain=x&start=Kq3nT", "Kq3nT"),
        ("update: '/start Kq3nT-w_9Zc'", "Kq3nT-w_9Zc"),
        ("/start@origyne_bot\\nKq3nT-w_9Zc", "Kq3nT-w_9Zc"),
        ("unknown code Kq3nT-w_9ZcXb7Lm2PdRf4", "Kq3nT-w_9ZcXb7Lm2PdRf4"),
        ("RCPT TO:<robot+0123456789abcdef01234567@client.test>", "0123456789abcdef01234567"),
        ("mailto:robot%2B0123456789abcdef01234567%40client.test", "0123456789abcdef01234567"),
        ("rio 01PEROY4P4TR", "01PEROY4P4TR"),
        ("rio 01peroy4p4t+", "01peroy4p4t+"),
        ("rio 01 P EROY4P 4TR", "EROY4P"),
        ("rio 01-P-EROY4P-4TR", "EROY4P"),
        ("'a\\n01PEROY4P4TR'", "01PEROY4P4TR"),
        ("PUK 12345678", "12345678"),
        ("le puk est 1234 5678", "1234"),
        ("PUK2 : 87654321", "87654321"),
        ("Code PIN d'origine : <tg-spoiler>4821</tg-spoiler>", "4821"),
        ("{'pin': '4821', 'puk': '20261126'}", "4821"),
        ("{'pin': '4821', 'puk': '20261126'}", "20261126"),
        ("row 3: 8933019900000000012;12345678;4821", "12345678"),
        ("'codes\\n12345678'", "12345678"),
        ("Votre code : 123 456", "123 456"),
        ("code 123456", "123456"),
    ],
)
def test_what_has_the_form_of_a_secret_is_not_logged(text: str, secret: str) -> None:
    shown = redact(text)
    assert secret not in shown
    assert DOTS in shown


def test_what_the_telegram_library_logs_of_a_conversation_is_cut_whole() -> None:
    said = "Calling Bot API endpoint `sendMessage` with parameters `{'text': 'la clé est\\nsous le pot', 'chat_id': 7}`"
    assert redact(said) == "Calling Bot API endpoint `sendMessage` with parameters •••"
    came = "Call to Bot API endpoint `getUpdates` finished with return value `[{'text': 'un\ndeux'}]`"
    assert redact(came) == "Call to Bot API endpoint `getUpdates` finished with return value •••"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("0639980001", "063998XXXX"),
        ("06 39 98 00 01", "06 39 98 XX XX"),
        ("06.39.98.00.01", "06.39.98.XX.XX"),
        ("06-39-98-00-01", "06-39-98-XX-XX"),
        ("06/39/98/00/01", "06/39/98/XX/XX"),
        ("0639 98 00 01", "0639 98 XX XX"),
        ("06\u00a039\u202f98\u00a000\u00a001", "06\u00a039\u202f98\u00a0XX\u00a0XX"),
        ("06%2039%2098%2000%2001", "06%2039%2098%20XX%20XX"),
        ("06\\xa039\\xa098\\xa000\\xa001", "06\\xa039\\xa098\\xa0XX\\xa0XX"),
        ("06\\u202f39\\u202f98\\u202f00\\u202f01", "06\\u202f39\\u202f98\\u202fXX\\u202fXX"),
        ("06=C2=A039=C2=A098=C2=A000=C2=A001", "06=C2=A039=C2=A098=C2=A0XX=C2=A0XX"),
        ("06+39+98+00+01", "06+39+98+XX+XX"),
        ("+33639980001", "+3363998XXXX"),
        ("+33 6 39 98 00 01", "+33 6 39 98 XX XX"),
        ("+33 (0)6 39 98 00 01", "+33 (0)6 39 98 XX XX"),
        ("%2B33639980001", "%2B3363998XXXX"),
        ("0033 6 39 98 00 01", "0033 6 39 XX XX XX"),
        ("33639980001", "3363998XXXX"),
        ("639980001", "63998XXXX"),
        ("07001234567890", "070012XXXXXXXX"),
        ("+44 20 7946 0958", "+44 20 794X XXXX"),
        ("442079460958", "4420794XXXXX"),
        ("05/11/2026 06 39 98 00 01", "05/11/2026 06 39 98 XX XX"),
        ("0639980001 2026", "063998XXXX 2026"),
        ("Factures/0639980001_202610.pdf", "Factures/063998XXXX_202610.pdf"),
    ],
)
def test_the_last_digits_of_a_number_are_not_logged(written: str, shown: str) -> None:
    assert redact(f"call to {written}, refused") == f"call to {shown}, refused"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-26 08:00:00,123 INFO bot.service pass: 3 fetched, 12 read",
        "Thu, 26 Nov 2026 08:00:00 +0100",
        "26/11/2026 à 08:00, 05-11-2026, 05.11.2026 08:00, 2026-05-11 080000, 20261126",
        "RatedCDRs_20261126_080000.csv AccountStatus_20261124_090000.csv BilledCDRs_202610.csv 20261126080000.csv",
        "UID 12345678, UIDVALIDITY 17641440, (UIDNEXT 12345679)",
        "12345678 bytes, 12345678 octets, 639980001 bytes, size=12345678, * 12345678 EXISTS",
        "epoch 1764144000, 1764144000123 ms, 1764144000.123456",
        "SIM 8933019900000000012",
        "audit: 3 rows purged, head 12:" + "d2f0" * 16,
        "<0123456789abcdef0123456789abcdef@client.test>",
        "chat -1001234567890, update 87654321 rows",
        "530 login refused, 550 5.1.1 unknown, 421 4.7.0 try later",
        "ORIGYNE_TELEGRAM_TOKEN manque : voir .env.example. Vérifier ORIGYNE_FTP_LOGIN et ORIGYNE_FTP_PASSWORD.",
        "250-AUTH PLAIN LOGIN CRAM-MD5",
        "IMAP4rev1 IDLE AUTH=PLAIN AUTH=LOGIN SASL-IR",
        "ValueError in rio.py:33 < registry.py:70 < telegram_answering.py:1234",
        "12 erreurs par jour, 10 euros par mois",
        "0.12345678 s, 3.0639 s",
        "test_answering_service, TelegramAnsweringError, handlers.understand.understand",
        "exit status 12345, port 8081, pid 1234567",
        "camille+factures@client.test",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact(text) == text


# -- whatever surrounds them

AROUND = st.text(alphabet=st.sampled_from("azé ,;:<>()[]{}'\"=|\n\t"), max_size=12)
PHONE = st.integers(0, 99).map(lambda last: f"063998{last * 100 + 17:04}")


@given(AROUND, PHONE, st.sampled_from(["{}", "+33{}", "0033{}", "33{}"]), AROUND)
def test_no_whole_number_passes(before: str, number: str, form: str, after: str) -> None:
    written = number if form == "{}" else form.format(number[1:])
    shown = redact(f"{before}{written}{after}")
    assert written not in shown
    assert number[-4:] not in shown


@given(AROUND, PHONE, st.sampled_from([" ", ".", "-", "\u00a0", "\u202f", "/"]), AROUND)
def test_no_number_in_groups_passes(before: str, number: str, gap: str, after: str) -> None:
    written = show(number).replace(" ", gap)
    shown = redact(f"{before}{written}{after}")
    assert written not in shown
    assert written[-5:] not in shown


@given(
    AROUND.filter(lambda text: not text[-1:].isalpha()),
    st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=6, max_size=6),
    st.sampled_from("PE"),
    st.sampled_from(["01", "02", "56"]),
    AROUND.filter(lambda text: not text[:1].isalpha()),
)
def test_no_rio_passes(before: str, reference: str, quality: str, operator: str, after: str) -> None:
    nine = operator + quality + reference
    code = nine + rio.key(nine, "0639980001")
    assert code not in redact(f"{before}{code}{after}")
    assert code.lower() not in redact(f"{before}{code.lower()}{after}")


@given(AROUND.filter(lambda text: not text[-1:].isalpha()), st.integers(30_000_000, 99_999_999))
def test_no_puk_passes(before: str, puk: int) -> None:
    assert str(puk) not in redact(f"{before}{puk}")


@pytest.mark.parametrize("context", ["/start {}", "https://t.me/bot?start={}", "refused: {}.", "('{}',)"])
def test_no_enrolment_code_passes(context: str) -> None:
    bare = "start" not in context
    for _ in range(200):
        code = random.token_urlsafe(16)
        assert code not in redact(context.format(code)) or (bare and _might_be_a_name(code))


def _might_be_a_name(code: str) -> bool:
    """So little mixed that it might be one: a code in some thousands."""
    kinds = "".join("A" if c.isupper() else "a" if c.islower() else "0" if c.isdigit() else "-" for c in code)
    return sum(one != two for one, two in pairwise(kinds)) < 6 or "A" not in kinds


@pytest.mark.timeout(20)
@pytest.mark.parametrize("sign", ["0", "0 ", "1", "+3", "9.", "a", "A0", "PUK ", "=20", "LOGIN ", "/start ", "'", "\n"])
def test_no_text_takes_long(sign: str) -> None:
    Redactor(["hunter2"])(sign * (100_000 // len(sign)))
