import re
from pathlib import Path

import pytest

from core.settings import PREFIX, Settings, SettingsError

EXAMPLE = Path(__file__).parents[2] / ".env.example"

SECRETS = {
    "ORIGYNE_TELEGRAM_TOKEN": "123456789:un-jeton-tenu-secret",
    "ORIGYNE_FTP_PASSWORD": "secret-du-ftp",
    "ORIGYNE_SMTP_PASSWORD": "secret-du-smtp",
    "ORIGYNE_IMAP_PASSWORD": "secret-de-imap",
}
GOOD = {
    "ORIGYNE_OPERATOR_NAME": "Télécom Exemple",
    "ORIGYNE_ACCOUNTING_EMAIL": "compta@exemple.fr",
    "ORIGYNE_TECHNICAL_EMAIL": "technique@exemple.fr",
    "ORIGYNE_TECHNICAL_CONTACT": "Camille Martin",
    "ORIGYNE_BOT_EMAIL": "robot@exemple.fr",
    "ORIGYNE_FTP_HOST": "ftp.exemple.fr",
    "ORIGYNE_FTP_LOGIN": "integrateur",
    "ORIGYNE_SMTP_HOST": "smtp.exemple.fr",
    "ORIGYNE_IMAP_HOST": "imap.exemple.fr",
    "ORIGYNE_IMAP_LOGIN": "robot",
    **SECRETS,
}


def load(tmp_path: Path, env_file: str = "", **environ: str | None) -> Settings:
    """The good settings, changed by `environ` (None takes a variable away)."""
    path = tmp_path / "env"
    path.write_text(env_file, "utf-8")
    changed = {**GOOD, **environ}
    return Settings.load({name: value for name, value in changed.items() if value is not None}, path)


def faults(tmp_path: Path, env_file: str = "", **environ: str | None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, env_file, **environ)
    return caught.value.faults


def test_good_settings_are_read(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.operator_name == "Télécom Exemple"
    assert settings.ftp.password == "secret-du-ftp"
    assert settings.telegram.token == "123456789:un-jeton-tenu-secret"


def test_what_is_left_out_takes_its_default(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.data == Path("data")
    assert settings.retention_months == 12
    assert (settings.ftp.port, settings.ftp.tls, settings.ftp.root) == (21, "explicit", "/")
    assert (settings.ftp_interval, settings.ftp_settle) == (300, 10.0)
    assert (settings.smtp.port, settings.smtp.tls) == (587, "starttls")
    assert (settings.imap.port, settings.imap.tls, settings.imap.folder) == (993, "tls", "INBOX")
    assert settings.telegram.api == "https://api.telegram.org"
    assert (settings.telegram.webhook, settings.telegram.listen) == ("", ("127.0.0.1", 8081))
    assert settings.staff_emails == ()
    assert settings.tls_ca is None


def test_a_blank_variable_takes_its_default(tmp_path: Path) -> None:
    assert load(tmp_path, ORIGYNE_FTP_PORT="  ", ORIGYNE_TLS_CA="").ftp_port == 21


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        ORIGYNE_FTP_HOST=None,
        ORIGYNE_BOT_EMAIL="robot",
        ORIGYNE_FTP_PORT="vingt",
        ORIGYNE_SMTP_PORT="70000",
        ORIGYNE_FTP_TLS="ssl",
        ORIGYNE_FTP_INTERVAL="0",
        ORIGYNE_FTP_SETTLE="nan",
        ORIGYNE_RETENTION_MONTHS="24",
        ORIGYNE_TELEGRAM_TOKEN="jeton",
        ORIGYNE_TELEGRAM_API="api.telegram.org",
        ORIGYNE_FTP_ENCODING="klingon",
        ORIGYNE_TLS_CA="/nulle/part.pem",
        ORIGYNE_FTP_HOTS="x",
    )
    named = {fault.split()[0] for fault in told}
    assert named == {
        f"ORIGYNE_{name}"
        for name in (
            "FTP_HOST", "BOT_EMAIL", "FTP_PORT", "SMTP_PORT", "FTP_TLS", "FTP_INTERVAL", "FTP_SETTLE",
            "RETENTION_MONTHS", "TELEGRAM_TOKEN", "TELEGRAM_API", "FTP_ENCODING", "TLS_CA", "FTP_HOTS",
        )
    }  # fmt: skip
    assert len(told) == 13


def test_an_unknown_variable_is_told_the_nearest_name(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, ORIGYNE_FTP_PASWORD="x")
    assert fault == "ORIGYNE_FTP_PASWORD : réglage inconnu ; vouliez-vous dire ORIGYNE_FTP_PASSWORD ?"


def test_an_unknown_variable_of_the_env_file_is_told_too(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "ORIGYNE_IMAP_HOSTE=x\n")
    assert "ORIGYNE_IMAP_HOST ?" in fault


def test_variables_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    assert load(tmp_path, "PATH=/nulle/part\n", FTP_HOST="autre").ftp_host == "ftp.exemple.fr"


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    settings = load(tmp_path, "ORIGYNE_FTP_HOST=fichier.exemple.fr\nORIGYNE_FTP_PORT=2121\n")
    assert settings.ftp_host == "ftp.exemple.fr"
    assert settings.ftp_port == 2121


def test_the_env_file_is_enough(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("".join(f'{name}="{value}"\n' for name, value in GOOD.items()), "utf-8")
    assert Settings.load({}, path).operator_name == "Télécom Exemple"


def test_an_absent_env_file_is_no_fault(tmp_path: Path) -> None:
    assert Settings.load(GOOD, tmp_path / "absent").ftp_host == "ftp.exemple.fr"


def test_a_password_of_the_env_file_may_hold_a_dollar_and_braces(tmp_path: Path) -> None:
    settings = load(tmp_path, "ORIGYNE_FTP_PASSWORD='a${HOME}b$c'\n", ORIGYNE_FTP_PASSWORD=None)
    assert settings.ftp.password == "a${HOME}b$c"


def test_several_staff_addresses_are_read(tmp_path: Path) -> None:
    settings = load(tmp_path, ORIGYNE_STAFF_EMAILS="a@exemple.fr, b@exemple.fr;c@exemple.fr")
    assert settings.staff_emails == ("a@exemple.fr", "b@exemple.fr", "c@exemple.fr")


@pytest.mark.parametrize("address", ["robot", "robot@", "@exemple.fr", "a b@exemple.fr", "a@b@", "<a@exemple.fr>"])
def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    (fault,) = faults(tmp_path, ORIGYNE_BOT_EMAIL=address)
    assert fault.startswith("ORIGYNE_BOT_EMAIL : ")


@pytest.mark.parametrize("value", ["0", "65536", "-1"])
def test_what_is_no_port_is_refused(tmp_path: Path, value: str) -> None:
    (fault,) = faults(tmp_path, ORIGYNE_IMAP_PORT=value)
    assert fault == f"ORIGYNE_IMAP_PORT : {value} n'est pas un port (1 à 65535)."


def test_the_law_s_limit_of_retention_is_told(tmp_path: Path) -> None:
    for months in ("13", "1"):  # with a single one, a month would be past its term before it is billed
        (fault,) = faults(tmp_path, ORIGYNE_RETENTION_MONTHS=months)
        assert "CPCE" in fault


def test_a_choice_is_told_its_choices(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, ORIGYNE_SMTP_TLS="oui")
    assert "choisir none, starttls ou tls" in fault


def test_a_wrong_token_is_not_repeated(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, ORIGYNE_TELEGRAM_TOKEN="987654:court")
    assert "court" not in fault
    assert "@BotFather" in fault


@pytest.mark.parametrize(
    "address",
    ["https://robot.exemple.fr/telegram", "https://robot.exemple.fr:8443", "http://127.0.0.1:8081/x", "http://[::1]/x"],
)
def test_an_address_for_telegram_to_come_to_is_read(tmp_path: Path, address: str) -> None:
    assert load(tmp_path, ORIGYNE_TELEGRAM_WEBHOOK=address).telegram.webhook == address


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("robot.exemple.fr/telegram", "n'est pas une adresse"),
        ("ftp://robot.exemple.fr/telegram", "n'est pas une adresse"),
        ("https:///telegram", "n'est pas une adresse"),
        ("https://robot.exemple.fr:port/", "n'est pas une adresse"),
        ("https://robot.exemple.fr/mon robot", "n'est pas une adresse"),
        ("http://robot.exemple.fr/telegram", "doit commencer par https://"),
        ("https://robot.exemple.fr/telegram?a=b", "sans « ? »"),
        ("https://moi:secret@robot.exemple.fr/", "ni identifiant"),
    ],
)
def test_what_telegram_cannot_come_to_is_refused(tmp_path: Path, address: str, why: str) -> None:
    (fault,) = faults(tmp_path, ORIGYNE_TELEGRAM_WEBHOOK=address)
    assert fault.startswith("ORIGYNE_TELEGRAM_WEBHOOK : ")
    assert why in fault


@pytest.mark.parametrize(
    ("written", "read"),
    [("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:8081", ("::1", 8081)), ("localhost:1", ("localhost", 1))],
)
def test_where_to_listen_is_a_host_and_a_port(tmp_path: Path, written: str, read: tuple[str, int]) -> None:
    assert load(tmp_path, ORIGYNE_TELEGRAM_LISTEN=written).telegram.listen == read


@pytest.mark.parametrize("written", ["8081", ":8081", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:²"])
def test_where_nobody_can_listen_is_refused(tmp_path: Path, written: str) -> None:
    (fault,) = faults(tmp_path, ORIGYNE_TELEGRAM_LISTEN=written)
    assert "exemple : 127.0.0.1:8081" in fault


def test_a_name_on_two_lines_is_refused(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, ORIGYNE_OPERATOR_NAME="Télécom\nBcc: tous@exemple.fr")
    assert "une seule ligne" in fault


def test_no_secret_stands_in_any_representation(tmp_path: Path) -> None:
    settings = load(tmp_path)
    shown = [
        form(it)
        for it in (settings, settings.ftp, settings.smtp, settings.imap, settings.telegram)
        for form in (repr, str)
    ]
    assert [secret for secret in SECRETS.values() if any(secret in text for text in shown)] == []


def test_the_data_folder_is_closed_to_others(tmp_path: Path) -> None:
    settings = load(tmp_path, ORIGYNE_DATA=str(tmp_path / "deep" / "data"))
    folder = settings.open_data_folder()
    assert folder == tmp_path / "deep" / "data"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_existing_data_folder_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    load(tmp_path, ORIGYNE_DATA=str(tmp_path / "data")).open_data_folder()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    settings = load(tmp_path, ORIGYNE_DATA=str(tmp_path / "data"))
    with pytest.raises(SettingsError, match="ORIGYNE_DATA"):
        settings.open_data_folder()


def test_the_data_folder_may_be_written_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(tmp_path, ORIGYNE_DATA="~/origyne").data == tmp_path / "origyne"


def test_the_example_documents_every_setting_and_no_other() -> None:
    documented = re.findall(rf"^#?\s*({PREFIX}\w+)=", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    assert sorted(documented) == sorted(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)


def test_the_example_s_values_are_the_defaults_or_accepted(tmp_path: Path) -> None:
    filled = {name: value for name, value in GOOD.items() if name in SECRETS or name.endswith("_LOGIN")}
    settings = Settings.load(filled, EXAMPLE)
    for name in ("data", "retention_months", "telegram_api", "telegram_webhook", "telegram_listen",
                 "ftp_port", "ftp_tls", "ftp_interval", "ftp_settle",
                 "smtp_port", "smtp_tls", "imap_port", "imap_tls", "imap_folder", "tls_ca"):  # fmt: skip
        assert getattr(settings, name) == Settings.model_fields[name].default, name
