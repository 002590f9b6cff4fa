"""What the value of one setting must be: each check gives the value as it is used.

All raise ValueError, with what is wrong in French, for pydantic to gather.
"""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from core import holidays
from core.quiet import read_days, read_hours
from core.vault import read_keys

#: Names of this machine, from itself.
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def email_address(value: str) -> str:
    """An address of a mailbox, as it can stand in a header."""
    value = value.strip()
    local, _, domain = value.rpartition("@")
    if not local or "." not in domain.strip(".") or any(c.isspace() or c in "<>,;\"'" for c in value):
        raise ValueError(f"« {value} » n'est pas une adresse de courriel (exemple : compta@exemple.fr)")
    return value


def optional_email(value: str) -> str:
    return email_address(value) if value.strip() else ""


def emails(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(email_address(part) for part in value.replace(";", ",").split(",") if part.strip())


def one_line(value: str) -> str:
    if any(ord(c) < 32 for c in value):
        raise ValueError("doit tenir sur une seule ligne")
    return value.strip()


def required_line(value: str) -> str:
    value = one_line(value)
    if not value:
        raise ValueError("manque")
    return value


def token(value: SecretStr) -> SecretStr:
    number, colon, secret = value.get_secret_value().strip().partition(":")
    if not (colon and number.isdigit() and len(secret) >= 10):
        raise ValueError(
            "n'a pas la forme d'un jeton Telegram (chiffres, deux-points, lettres) : le demander à @BotFather"
        )
    return SecretStr(value.get_secret_value().strip())


def http_address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("doit commencer par https:// (ou http:// pour un serveur local)")
    return value.rstrip("/")


def token_url(value: str) -> str:
    parts = urlsplit(value.strip())
    if value.strip() and parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError("doit commencer par https://")
    return value.strip()


def webhook(value: str) -> str:
    try:
        parts = urlsplit(value.strip())
        host = parts.hostname or ""
        _ = parts.port  # raises ValueError when it is none
    except ValueError:
        host = ""
    if value.strip() and not (host and parts.scheme in ("http", "https") and not any(c.isspace() for c in value)):
        raise ValueError(f"« {value} » n'est pas une adresse (exemple : https://robot.exemple.fr/telegram)")
    if host and parts.scheme == "http" and host not in LOOPBACK:
        raise ValueError("doit commencer par https:// (http:// seulement vers cette machine)")
    if host and (parts.query or parts.fragment or parts.username):
        raise ValueError("doit être une adresse sans « ? », « # » ni identifiant")
    return value.strip()


def listen(value: str) -> str:
    host, _, port = value.strip().rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError(f"« {value} » n'est pas une adresse locale avec son port (exemple : 127.0.0.1:8081)")
    return value.strip()


def existing_file(value: Path | None) -> Path | None:
    if value is not None and not value.is_file():
        raise ValueError(f"le fichier {value} n'existe pas")
    return value


def codec(value: str) -> str:
    try:
        "é".encode(value)
    except (LookupError, UnicodeEncodeError):
        raise ValueError(f"encodage inconnu : « {value} » (utf-8, latin-1 ou cp1252)") from None
    return value


def port(value: int) -> int:
    if not 1 <= value <= 65535:
        raise ValueError(f"{value} n'est pas un port (1 à 65535)")
    return value


def months(value: int) -> int:
    if not 2 <= value <= 12:
        raise ValueError(
            f"{value} mois ; la loi (CPCE, art. L34-1, R10-14) limite la garde des données de trafic à 12 mois, et la "
            "facturation d'un mois n'arrive qu'au suivant : mettre 2 à 12"
        )
    return value


def days(value: int) -> int:
    if not 7 <= value <= 365:
        raise ValueError(f"{value} jours ; 7 à 365")
    return value


def years_of_months(value: int) -> int:
    if not 6 <= value <= 36:
        raise ValueError(f"{value} mois ; 6 à 36")
    return value


def minutes(value: int) -> int:
    if not 1 <= value <= 60:
        raise ValueError(f"{value} minutes ; 1 à 60")
    return value


def keys(value: SecretStr) -> SecretStr:
    read_keys(value.get_secret_value())
    return value


def interval(value: int) -> int:
    if value < 1:
        raise ValueError("au moins 1 seconde")
    return value


def late_status(value: int) -> int:
    if not 0 <= value <= 11:  # a day's window has twelve
        raise ValueError(f"{value} heures ; 1 à 11, ou 0 pour ne jamais alerter")
    return value


def late_rated(value: int) -> int:
    if value and not 9 <= value <= 19:
        raise ValueError(f"{value} heures ; une heure du jour, 9 à 19, ou 0 pour ne jamais alerter")
    return value


def late_billed(value: int) -> int:
    if not 0 <= value <= 27:  # the day after, when it is a Sunday, is still of the month
        raise ValueError(f"le {value} ; un jour du mois, 1 à 27, ou 0 pour ne jamais alerter")
    return value


def optional_listen(value: str) -> str:
    return listen(value) if value.strip() else ""


def backups(value: int) -> int:
    if not 0 <= value <= 30:
        raise ValueError(f"{value} sauvegardes ; 1 à 30, ou 0 pour n'en faire aucune d'office")
    return value


def percent(value: int) -> int:
    if not 0 <= value <= 100:
        raise ValueError(f"{value} % ; 1 à 100, ou 0 pour prendre tout fichier")
    return value


def megabytes(value: int) -> int:
    if not 1 <= value <= 100:
        raise ValueError(f"{value} Mo ; 1 à 100")
    return value


def fingerprint(value: str) -> str:
    digits = value.replace(":", "").replace(" ", "").lower()
    if digits and (len(digits) != 64 or not set(digits) <= set("0123456789abcdef")):
        raise ValueError("une empreinte SHA-256 a 64 chiffres hexadécimaux, avec ou sans deux-points")
    return digits


def connections(value: int) -> int:
    if not 1 <= value <= 10:
        raise ValueError(f"{value} connexions ; 1 à 10")
    return value


def settle(value: float) -> float:
    if not 0 <= value <= 3600:  # "nan" and "inf" are numbers too
        raise ValueError("0 à 3600 secondes")
    return value


def quiet_hours(value: str) -> str:
    if value.strip():
        read_hours(value)
    return value.strip()


def quiet_days(value: str) -> str:
    read_days(value)
    return value


def region(value: str) -> str:
    if not holidays.region(value):
        raise ValueError(f"« {value} » n'est pas une région connue ; il y a {', '.join(holidays.REGIONS)}")
    return holidays.region(value)


def lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def blank_is_absent(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value
