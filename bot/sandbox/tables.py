"""How the operator writes its tables: two habits, as two systems of one company have."""

import csv
import io
from collections.abc import Iterable, Sequence

from bot.sandbox.traffic import Cdr


def rated_row(cdr: Cdr) -> tuple[str, ...]:
    """A CDR as the daily files have it: French, decimal comma, Ko."""
    return (
        f"{cdr.start:%d/%m/%Y %H:%M:%S}",
        cdr.caller,
        cdr.called,
        cdr.type,
        str(cdr.seconds),
        str(cdr.kilobytes) if cdr.kilobytes else "",
        cdr.destination,
        _decimal(cdr.amount).replace(".", ","),
        "Oui" if cdr.out_of_bundle else "Non",
        cdr.client,
    )


def billed_row(cdr: Cdr) -> tuple[str, ...]:
    """The same CDR as the monthly file has it: English, decimal point, octets, international numbers."""
    return (
        cdr.client,
        _international(cdr.caller),
        _international(cdr.called),
        f"{cdr.start:%Y-%m-%d %H:%M:%S}",
        {"Voix": "voice", "Data": "data"}.get(cdr.type, cdr.type),
        str(cdr.seconds),
        str(cdr.kilobytes * 1024),
        cdr.destination,
        _decimal(cdr.amount),
        "no" if cdr.out_of_bundle else "yes",
    )


def _decimal(millionths: int) -> str:
    return f"{millionths // 1_000_000}.{millionths // 100 % 10_000:04d}"


def _international(number: str) -> str:
    return f"+33{number[1:]}" if len(number) == 10 else number


def french_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """cp1252, semicolons, CR LF."""
    content = io.StringIO()
    csv.writer(content, delimiter=";").writerows([header, *rows])
    return content.getvalue().encode("cp1252")


def english_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 with BOM, commas, CR LF."""
    content = io.StringIO()
    csv.writer(content).writerows([header, *rows])
    return content.getvalue().encode("utf-8-sig")
