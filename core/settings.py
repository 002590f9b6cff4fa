"""Settings from the environment or a `.env` file, all faults told at once.

Each variable is documented in `.env.example`; a test keeps the two in step.
"""

import difflib
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError

from core import setting_values as check
from core.holidays import MAINLAND
from core.quiet import Quiet, read_days, read_hours
from core.system_words import in_french
from core.vault import Vault, read_keys

PREFIX = "ORIGYNE_"

#: Instead of a folder's name: mails stay where they are.
STAYS = "none"

#: Where each provider gives tokens, and what for: both mailbox and sending.
_OAUTH = {
    "microsoft": (
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
    ),
    "google": ("https://oauth2.googleapis.com/token", "https://mail.google.com/"),
}

MailTls = Literal["none", "starttls", "tls"]
FtpTls = Literal["none", "explicit"]


class SettingsError(Exception):
    """The settings cannot be used; `faults` has one French sentence for each variable in question."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class FtpAccess:
    """How to reach the operator's FTP account. `settle_seconds`: how long a size must stand still.

    `fingerprint`: SHA-256 of the only certificate to accept, in small hexadecimal digits; "" to verify it as usual.
    """

    host: str
    port: int
    login: str
    password: str = field(repr=False)
    tls: FtpTls = "none"
    encoding: str = "utf-8"
    root: str = "/"
    ca_file: Path | None = None
    fingerprint: str = ""
    connections: int = 4
    settle_seconds: float = 10.0


@dataclass(frozen=True)
class OAuthGrant:
    """What gives access tokens (RFC 6749, 6). An empty secret is a public client's; `kept`: the file where a refresh
    token that took another's place is kept."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scope: str
    kept: Path


@dataclass(frozen=True)
class MailAccess:
    """How to reach an SMTP or an IMAP server. An empty login means no authentication (SMTP only).

    `oauth`: what stands in for the password; None where there is one.
    """

    host: str
    port: int
    login: str
    password: str = field(repr=False)
    tls: MailTls = "starttls"
    ca_file: Path | None = None
    folder: str = "INBOX"
    oauth: OAuthGrant | None = None


@dataclass(frozen=True)
class TelegramAccess:
    """The bot's token and the address of the Bot API (Telegram's own, or a local server's).

    `webhook`: the public address that Telegram brings updates to, "" when they are fetched; `listen`: host and port
    where they are taken then.
    """

    token: str = field(repr=False)
    api: str = "https://api.telegram.org"
    webhook: str = ""
    listen: tuple[str, int] = ("127.0.0.1", 8081)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A verifying context; `ca_file` adds a private authority to the system's own."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


Line = Annotated[str, AfterValidator(check.required_line)]
OptionalLine = Annotated[str, AfterValidator(check.one_line)]
Email = Annotated[str, AfterValidator(check.email_address)]
Port = Annotated[int, AfterValidator(check.port)]


class Settings(BaseModel):
    """Everything the service needs to know; see `.env.example` for what each variable means."""

    model_config = ConfigDict(frozen=True)

    operator_name: Line
    accounting_email: Email
    technical_email: Email
    technical_contact: Line
    staff_emails: Annotated[tuple[str, ...], BeforeValidator(check.emails)] = ()
    bot_email: Email
    admin_email: Annotated[str, AfterValidator(check.optional_email)] = ""

    data: Annotated[Path, AfterValidator(Path.expanduser)] = Path("data")
    retention_months: Annotated[int, AfterValidator(check.months)] = 12
    retention_mails: Annotated[int, AfterValidator(check.days)] = 90
    retention_audit: Annotated[int, AfterValidator(check.years_of_months)] = 12
    secret_key: Annotated[SecretStr, AfterValidator(check.keys)] = SecretStr("")
    codes_minutes: Annotated[int, AfterValidator(check.minutes)] = 5
    backup_folder: Annotated[Path | None, BeforeValidator(check.blank_is_absent)] = None
    backups_kept: Annotated[int, AfterValidator(check.backups)] = 3
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(check.lower)] = "info"
    log_format: Annotated[Literal["text", "json"], BeforeValidator(check.lower)] = "text"
    metrics_listen: Annotated[str, AfterValidator(check.optional_listen)] = ""

    telegram_token: Annotated[SecretStr, AfterValidator(check.token)]
    telegram_api: Annotated[str, AfterValidator(check.http_address)] = "https://api.telegram.org"
    telegram_webhook: Annotated[str, AfterValidator(check.webhook)] = ""
    telegram_listen: Annotated[str, AfterValidator(check.listen)] = "127.0.0.1:8081"

    ftp_host: Line
    ftp_port: Port = 21
    ftp_login: Line
    ftp_password: SecretStr
    ftp_tls: FtpTls = "explicit"
    ftp_encoding: Annotated[str, AfterValidator(check.codec)] = "utf-8"
    ftp_root: OptionalLine = "/"
    ftp_interval: Annotated[int, AfterValidator(check.interval)] = 300
    ftp_interval_outside: Annotated[int, AfterValidator(check.interval)] = 3600
    ftp_fingerprint: Annotated[str, AfterValidator(check.fingerprint)] = ""
    ftp_connections: Annotated[int, AfterValidator(check.connections)] = 4
    ftp_settle: Annotated[float, AfterValidator(check.settle)] = 10.0

    shortest_status: Annotated[int, AfterValidator(check.percent)] = 80
    late_status: Annotated[int, AfterValidator(check.late_status)] = 2
    late_rated: Annotated[int, AfterValidator(check.late_rated)] = 12
    late_billed: Annotated[int, AfterValidator(check.late_billed)] = 5

    quiet_hours: Annotated[str, AfterValidator(check.quiet_hours)] = ""
    quiet_days: Annotated[str, AfterValidator(check.quiet_days)] = ""
    holidays: Annotated[str, AfterValidator(check.region)] = MAINLAND

    smtp_host: Line
    smtp_port: Port = 587
    smtp_login: OptionalLine = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_tls: MailTls = "starttls"

    imap_host: Line
    imap_port: Port = 993
    imap_login: Line
    imap_password: SecretStr = SecretStr("")
    imap_tls: MailTls = "tls"
    imap_folder: Line = "INBOX"
    imap_handled: Line = "Traités"
    imap_set_aside: Line = "À voir"
    mail_trusted_server: OptionalLine = ""
    mail_subaddress: Literal["plus", "none"] = "plus"
    mail_max_mb: Annotated[int, AfterValidator(check.megabytes)] = 10

    mail_auth: Literal["password", "oauth2"] = "password"
    oauth_provider: Literal["", "microsoft", "google"] = ""
    oauth_tenant: Line = "common"
    oauth_token_url: Annotated[str, AfterValidator(check.token_url)] = ""
    oauth_client_id: OptionalLine = ""
    oauth_client_secret: SecretStr = SecretStr("")
    oauth_refresh_token: SecretStr = SecretStr("")
    oauth_scope: OptionalLine = ""

    tls_ca: Annotated[Path | None, BeforeValidator(check.blank_is_absent), AfterValidator(check.existing_file)] = None

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> Self:
        """Read and check the settings; the environment wins over `.env`.

        :param environ: the environment (the process's own by default).
        :param env_file: a `.env` file (`.env` in the current folder by default); it may be absent.
        :raises SettingsError: with every fault, not only the first.
        """
        environ = os.environ if environ is None else environ
        env_file = Path(".env") if env_file is None else env_file
        try:
            # A password may hold "${".
            from_file = dotenv_values(env_file, interpolate=False) if env_file.is_file() else {}
        except (OSError, UnicodeDecodeError) as error:
            reason = in_french(error) if isinstance(error, OSError) else "il n'est pas en UTF-8"
            raise SettingsError([f"{env_file} ne se lit pas ({reason})."]) from error
        given = {
            name.upper(): value
            for source in (from_file, environ)
            for name, value in source.items()
            if name.upper().startswith(PREFIX) and value is not None
        }
        known = {f"{PREFIX}{name}".upper() for name in cls.model_fields}
        faults = [_unknown(name, known) for name in sorted(given.keys() - known)]
        values = {
            name.removeprefix(PREFIX).lower(): value for name, value in given.items() if name in known and value.strip()
        }
        faults += _missing_for_mail(values)
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            faults += [_french(fault) for fault in error.errors()]
            raise SettingsError(faults) from None
        if faults:
            raise SettingsError(faults)
        return settings

    @property
    def ftp(self) -> FtpAccess:
        return FtpAccess(
            host=self.ftp_host,
            port=self.ftp_port,
            login=self.ftp_login,
            password=self.ftp_password.get_secret_value(),
            tls=self.ftp_tls,
            encoding=self.ftp_encoding,
            root=self.ftp_root or "/",
            ca_file=self.tls_ca,
            fingerprint=self.ftp_fingerprint,
            connections=self.ftp_connections,
            settle_seconds=self.ftp_settle,
        )

    @property
    def smtp(self) -> MailAccess:
        return MailAccess(
            host=self.smtp_host,
            port=self.smtp_port,
            login=self.smtp_login,
            password=self.smtp_password.get_secret_value(),
            tls=self.smtp_tls,
            ca_file=self.tls_ca,
            oauth=self._oauth,
        )

    @property
    def imap(self) -> MailAccess:
        return MailAccess(
            host=self.imap_host,
            port=self.imap_port,
            login=self.imap_login,
            password=self.imap_password.get_secret_value(),
            tls=self.imap_tls,
            ca_file=self.tls_ca,
            folder=self.imap_folder,
            oauth=self._oauth,
        )

    @property
    def vault(self) -> Vault:
        """What seals and opens codes; without `ORIGYNE_SECRET_KEY` it can do neither."""
        return Vault(read_keys(self.secret_key.get_secret_value()))

    @property
    def handled_folder(self) -> str:
        """Where mails that were dealt with are moved, "" when they stay where they are."""
        return "" if self.imap_handled == STAYS else self.imap_handled

    @property
    def set_aside_folder(self) -> str:
        """Where mails that could not be dealt with are moved, "" when they stay where they are."""
        return "" if self.imap_set_aside == STAYS else self.imap_set_aside

    @property
    def quiet(self) -> Quiet:
        """When chat messages that nobody asked for make no sound."""
        weekdays, holidays = read_days(self.quiet_days)
        return Quiet(read_hours(self.quiet_hours) if self.quiet_hours else None, weekdays, holidays, self.holidays)

    @property
    def backups(self) -> Path:
        """The folder that holds the backups, one folder each."""
        return self.backup_folder.expanduser() if self.backup_folder else self.data / "backups"

    @property
    def _oauth(self) -> OAuthGrant | None:
        if self.mail_auth == "password":
            return None
        url, scope = _OAUTH.get(self.oauth_provider, ("", ""))
        return OAuthGrant(
            token_url=self.oauth_token_url or url.format(tenant=quote(self.oauth_tenant, safe="")),
            client_id=self.oauth_client_id,
            client_secret=self.oauth_client_secret.get_secret_value().strip(),
            refresh_token=self.oauth_refresh_token.get_secret_value().strip(),
            scope=self.oauth_scope or scope,
            kept=self.data / "oauth.json",
        )

    @property
    def telegram(self) -> TelegramAccess:
        host, _, port = self.telegram_listen.rpartition(":")
        return TelegramAccess(
            token=self.telegram_token.get_secret_value(),
            api=self.telegram_api,
            webhook=self.telegram_webhook,
            listen=(host.strip("[]"), int(port)),
        )

    def open_data_folder(self) -> Path:
        """Create the data folder if need be, readable by its owner only, and return it.

        :raises SettingsError: it cannot be created or written.
        """
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.data.chmod(0o700)
            probe = self.data / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SettingsError(
                [f"{PREFIX}DATA : on ne peut pas écrire dans {self.data} ({in_french(error)})."]
            ) from error
        return self.data


def _missing_for_mail(values: Mapping[str, str]) -> list[str]:
    """What the chosen way to authenticate needs; a value that is not possible is told by its own field."""
    if values.get("mail_auth", "password") == "password":
        needed = [] if "imap_password" in values else ["IMAP_PASSWORD"]
    else:
        needed = [n for n in ("OAUTH_CLIENT_ID", "OAUTH_REFRESH_TOKEN") if n.lower() not in values]
        if not values.keys() & {"oauth_provider", "oauth_token_url"}:
            needed.append("OAUTH_PROVIDER")
    return [f"{PREFIX}{name} manque : voir .env.example." for name in needed]


def _unknown(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name} : réglage inconnu" + (f" ; vouliez-vous dire {close[0]} ?" if close else ".")


def _french(fault: Any) -> str:
    name = f"{PREFIX}{str(fault['loc'][0]).upper()}"
    if fault["type"] == "missing":
        return f"{name} manque : voir .env.example."
    if fault["type"] == "value_error":
        reason = str(fault["ctx"]["error"])
        return f"{name} manque : voir .env.example." if reason == "manque" else f"{name} : {reason}."
    if fault["type"] == "literal_error":
        choices = str(fault["ctx"]["expected"]).replace(" or ", " ou ").replace("'", "")
        return f"{name} : « {fault['input']} » n'est pas possible ; choisir {choices}."
    if fault["type"].startswith(("int_", "float_")):
        return f"{name} : « {fault['input']} » n'est pas un nombre."
    return f"{name} : valeur refusée."
