"""Synthetic CDR files of any size, quickly: 20,000 lines of 400 clients, twelve columns, cp1252, semicolons."""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

LINES = 20_000
CLIENTS = 40  # of 500 lines each
HEADER = "Date;Client;Ligne;NSCE;IMSI;Appelé;Type;Destination;Durée (s);Volume (Ko);Montant HT;Hors forfait\r\n"

_TYPES = np.array(["Voix", "Voix", "Voix", "SMS", "SMS", "SMS", "Data", "Data", "MMS", "Voix roaming"])
_ZONES = np.array(["France", "France", "Mobile SFR", "Mobile Orange", "Étranger"])


def client_name(number: int) -> str:
    return f"Société Exemple {number:03d}"


def cdr_file(path: Path, rows: int, first: date, days: int, seed: int) -> None:
    """Write `rows` CDRs in order of time, spread over `days` days from `first` (Paris).

    :param seed: the same seed gives the same file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(HEADER.encode("cp1252"))
        for part in range(0, rows, 250_000):
            count = min(250_000, rows - part)
            rng = np.random.default_rng([seed, part])
            begin = np.datetime64(first, "s") + np.timedelta64(int(days * 86400 * part / rows), "s")
            span = max(int(days * 86400 * count / rows), 1)
            file.write(_rows(rng, count, begin, span))


def _rows(rng: np.random.Generator, count: int, begin: np.datetime64, span: int) -> bytes:
    moment = begin + np.sort(rng.integers(0, span, count)).astype("timedelta64[s]")
    iso = np.datetime_as_string(moment).astype("S19").view("S1").reshape(count, 19)
    french = np.full((count, 19), b" ", "S1")
    for target, source in ((0, 8), (3, 5), (6, 0)):
        width = 4 if source == 0 else 2
        french[:, target : target + width] = iso[:, source : source + width]
    french[:, [2, 5]] = b"/"
    french[:, 11:] = iso[:, 11:]
    line = rng.integers(0, LINES, count)
    kind = rng.integers(0, len(_TYPES), count)
    voice = np.isin(kind, [0, 1, 2, 9])
    texts = [
        pa.array(french.view("S19").ravel().astype("U19")),
        pa.array([client_name(number) for number in range(LINES // 500)]).take(pa.array(line // 500)),
        _numbered("0639", line, 6),
        _numbered("8933019900000", line, 6),
        _numbered("20801990", line, 7),
        _numbered("0639", rng.integers(100_000, 400_000, count), 6),
        pa.array(_TYPES[kind]),
        pa.array(_ZONES[rng.integers(0, len(_ZONES), count)]),
        _blank_unless(voice, rng.integers(1, 3600, count)),
        _blank_unless(np.isin(kind, [6, 7]), rng.integers(1, 2_000_000, count)),
        pc.binary_join_element_wise(
            pa.array(rng.integers(0, 3, count)).cast(pa.string()), _numbered("", rng.integers(0, 10_000, count), 4), ","
        ),
        pa.array(np.where(rng.random(count) < 0.2, "Oui", "Non")),
    ]
    lines = pc.binary_join_element_wise(*texts, ";").to_pylist()
    return ("\r\n".join(lines) + "\r\n").encode("cp1252")


def _numbered(prefix: str, values: np.ndarray, width: int) -> pa.Array:
    digits = pc.utf8_lpad(pa.array(values).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), digits, "")


def _blank_unless(shown: np.ndarray, values: np.ndarray) -> pa.Array:
    return pc.if_else(pa.array(shown), pa.array(values).cast(pa.string()), "")
