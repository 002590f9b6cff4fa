"""Files as operators' systems write them (tests/corpus/files/*), each with what must come of it (*.toml beside it)."""

import csv
import gzip
import re
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from core.layouts import Layouts, fold
from core.readers import Waiting
from core.readers.account_status import read_account_status
from core.readers.cdrs import read_cdrs
from core.readers.sheet import read_sheet
from core.readers.sims import read_sims

FILES = Path(__file__).parents[1] / "corpus" / "files"
FOLDERS = {"rated": "RatedCDRs", "billed": "BilledCDRs", "status": "AccountStatus", "sims": "Cartes SIM"}
CDR = ("msisdn", "start", "month", "kind", "type", "called", "seconds", "bytes", "amount", "out_of_bundle", "zone",
       "client")  # fmt: skip
STATUS = ("msisdn", "iccid", "imsi", "client", "status", "word", "plan", "activated_on", "rio")
SIM = ("iccid", "imsi", "msisdn", "pin", "puk", "pin2", "puk2")
FIELDS = {"rated": CDR, "billed": CDR, "status": STATUS, "sims": SIM}


@dataclass
class Outcome:
    """What a file gives, whatever the readers' own types. `waiting`: why the whole file waits, "" when it does not."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[tuple[int, str]] = field(default_factory=list)
    totals: list[tuple[int, int | None]] = field(default_factory=list)
    encoding: str = ""
    separator: str = ""
    waiting: str = ""


def read(kind: str, content: bytes, layouts: Layouts, file_month: int) -> Outcome:
    """The only place here that knows the readers. `start` in UTC seconds."""
    try:
        if kind in ("rated", "billed"):
            file = read_cdrs(content, layouts, file_month, FOLDERS[kind])
            rows = [asdict(row) for batch in file.batches() for row in batch.rows()]
            sheet, totals = file.sheet, [(total.line, total.amount) for total in file.totals]
            rejects = sheet.rejects
        else:
            sheet, totals = read_sheet(content, layouts, FOLDERS[kind]), []
            if kind == "sims":
                listing = read_sims(content, layouts)
                rows, rejects = listing.rows, listing.rejects
            else:
                status = read_account_status(content, layouts)
                rejects = status.rejects
                # Lines and cards come apart: put them back in the file's order.
                cells = sheet.whole()
                refused = {reject.line for reject in rejects}
                lines, cards = iter(status.lines), iter(status.sims)
                rows = [
                    next(lines) if msisdn else next(cards)
                    for line, msisdn, iccid in zip(
                        cells.lines.tolist(), cells.texts("msisdn"), cells.texts("iccid"), strict=True
                    )
                    if line not in refused and (msisdn or iccid)
                ]
    except Waiting as waiting:
        return Outcome(waiting=str(waiting))
    return Outcome(
        [{name: row[name] for name in FIELDS[kind]} for row in rows],
        sorted((reject.line, reject.reason) for reject in rejects),
        totals,
        sheet.encoding,
        sheet.separator,
    )


# -- The corpus

EXPECTED = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(FILES.glob("*.toml"))}
STEMS = list(EXPECTED)
READABLE = [stem for stem in STEMS if "waiting" not in EXPECTED[stem]]


def content_of(stem: str) -> bytes:
    (path,) = (path for path in FILES.glob(f"{stem}.*") if path.suffix != ".toml")
    return path.read_bytes()


def text_of(stem: str) -> str:
    content = content_of(stem)
    unpacked = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    return unpacked.decode(EXPECTED[stem]["encoding"])


def header_of(stem: str) -> tuple[str, ...]:
    """The header's cells, () for a file without one."""
    line = EXPECTED[stem]["header"]
    if not line:
        return ()
    (cells,) = csv.reader([text_of(stem).splitlines()[line - 1]], delimiter=EXPECTED[stem]["separator"])
    return tuple(cell.strip() for cell in cells)


def rows_of(stem: str) -> list[dict[str, Any]]:
    """The expected rows; a CDR's absent amount is one that the file does not give."""
    rows: list[dict[str, Any]] = EXPECTED[stem].get("rows", [])
    if EXPECTED[stem]["kind"] in ("rated", "billed"):
        rows = [{"amount": None} | row | {"start": int(row["start"].timestamp())} for row in rows]
    return rows


def outcome_of(stem: str, tmp_path: Path) -> Outcome:
    expected = EXPECTED[stem]
    if "layouts" in expected:
        (tmp_path / "layouts.toml").write_text(expected["layouts"], "utf-8")
    return read(expected["kind"], content_of(stem), Layouts.load(tmp_path), expected.get("file_month", 0))


@pytest.mark.parametrize("stem", READABLE)
def test_a_file_gives_its_expected_rows(stem: str, tmp_path: Path) -> None:
    expected = EXPECTED[stem]
    outcome = outcome_of(stem, tmp_path)
    assert outcome.waiting == ""
    rejects = expected.get("rejects", [])
    assert [line for line, _ in outcome.rejects] == [reject["line"] for reject in rejects], outcome.rejects
    for (_, reason), reject in zip(outcome.rejects, rejects, strict=True):
        assert re.search(reject["reason"], reason), f"line {reject['line']}"
    assert outcome.totals == [(total["line"], total.get("amount")) for total in expected.get("totals", [])]
    for number, (row, wanted) in enumerate(zip(outcome.rows, rows_of(stem), strict=False), start=1):
        assert row == wanted, f"row {number}"
    assert len(outcome.rows) == len(rows_of(stem))
    assert (outcome.encoding, outcome.separator) == (expected["encoding"], expected["separator"])


@pytest.mark.parametrize("stem", [stem for stem in STEMS if stem not in READABLE])
def test_a_file_that_cannot_be_read_safely_waits_and_says_why(stem: str, tmp_path: Path) -> None:
    outcome = outcome_of(stem, tmp_path)
    assert re.search(EXPECTED[stem]["waiting"], outcome.waiting)
    assert outcome.rows == []


@pytest.mark.parametrize("stem", [stem for stem in STEMS if EXPECTED[stem]["kind"] == "sims"])
def test_a_reason_never_shows_a_pin_or_a_puk(stem: str, tmp_path: Path) -> None:
    outcome = outcome_of(stem, tmp_path)
    for reason in (outcome.waiting, *(reason for _, reason in outcome.rejects)):
        assert not re.search(r"(?<!\d)(\d{4}|\d{8})(?!\d)", reason)


# -- The corpus itself


def test_every_file_of_the_corpus_has_its_expected_outcome() -> None:
    stems = [path.name.split(".")[0] for path in FILES.glob("[!.]*") if path.suffix != ".toml"]
    assert sorted(stems) == STEMS


def test_the_corpus_holds_at_least_25_different_layouts() -> None:
    layouts = {
        (EXPECTED[stem]["encoding"], EXPECTED[stem]["separator"], tuple(map(fold, header_of(stem))))
        for stem in READABLE
    }
    assert len(layouts) >= 25


def test_the_corpus_holds_every_encoding_separator_and_kind() -> None:
    readable = [EXPECTED[stem] for stem in READABLE]
    assert {it["encoding"] for it in readable} == {"utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"}
    assert {it["separator"] for it in readable} == {";", ",", "\t", "|"}
    assert {it["kind"] for it in readable} == FOLDERS.keys()
    assert {row["kind"] for it in readable for row in it.get("rows", []) if "kind" in row} == {
        "voice", "sms", "mms", "data", "premium", "other",
    }  # fmt: skip


@pytest.mark.parametrize("stem", STEMS)
def test_an_expected_outcome_is_whole_and_in_the_file_s_order(stem: str) -> None:
    expected = EXPECTED[stem]
    known = {"kind", "what", "layouts", "file_month", "waiting", "encoding", "separator", "header", "rows", "rejects"}
    assert expected.keys() <= known | {"totals"}
    assert (
        ("encoding" in expected) == ("separator" in expected) == ("header" in expected) == ("waiting" not in expected)
    )
    for row in rows_of(stem):
        assert row.keys() == set(FIELDS[expected["kind"]])
    for those in (expected.get("rejects", []), expected.get("totals", [])):
        numbers = [it["line"] for it in those]
        assert numbers == sorted(set(numbers))
    for row in expected.get("rows", []):
        if "start" in row:
            assert isinstance(row["start"], datetime)
            assert row["start"].tzname() == "UTC"


def only_ends(end: str) -> Callable[[str, bytes], bool]:
    return lambda text, _: end in text and not re.search(r"[\r\n]", text.replace(end, ""))


#: Words of `what` -> whether a file is so (its text, its bytes).
CLAIMS: dict[str, Callable[[str, bytes], bool]] = {
    "CR LF": lambda text, _: text.count("\r\n") == text.count("\n") == text.count("\r") > 0,
    "LF only": only_ends("\n"),
    "old Mac CR": only_ends("\r"),
    "with BOM": lambda text, raw: raw.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x1f\x8b")),
    "without BOM": lambda text, raw: not raw.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")),
    "UTF-16": lambda text, raw: raw.startswith((b"\xff\xfe", b"\xfe\xff")),
    "gzip": lambda text, raw: raw.startswith(b"\x1f\x8b"),
    "0x81": lambda text, raw: b"\x81" in raw,
    "quoted everywhere": lambda text, _: all(
        line.strip("\r\n")[0] == '"' or line.strip("\r\n")[-1] == '"' for line in text.splitlines() if line
    ),
    "doubled quotes": lambda text, _: '""' in text,
    "not quoted": lambda text, _: '"' not in text,
    "no-break space": lambda text, _: "\u00a0" in text,
    "narrow": lambda text, _: "\u202f" in text,
    "€": lambda text, _: "€" in text,
    "empty lines": lambda text, _: "" in text.rstrip("\r\n").splitlines() or text.endswith("\n\n"),
    "ends with a separator": lambda text, _: all(line[-1] == ";" for line in text.splitlines() if line),
    "no line end at the end": lambda text, _: not text.endswith(("\r", "\n")),
    "padded": lambda text, _: bool(re.search(r"\w +[|\t]|[|\t] +\w", text)),
}


@pytest.mark.parametrize("stem", READABLE)
def test_a_file_s_bytes_are_as_it_is_described(stem: str) -> None:
    what, text, raw = EXPECTED[stem]["what"], text_of(stem), content_of(stem)
    wrong = [claim for claim, holds in CLAIMS.items() if claim in what and not holds(text, raw)]
    assert wrong == []


@pytest.mark.parametrize("stem", READABLE)
def test_a_file_s_encoding_is_the_first_that_fits(stem: str) -> None:
    content, encoding = content_of(stem), EXPECTED[stem]["encoding"]
    raw = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    assert raw.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")
    for other in {"cp1252": ["utf-8"], "latin-1": ["utf-8", "cp1252"]}.get(encoding, []):
        with pytest.raises(UnicodeDecodeError):
            raw.decode(other)


@pytest.mark.parametrize("stem", READABLE)
def test_every_row_stands_in_the_file(stem: str) -> None:
    """Rows, rows set aside, totals, header, title and blank ones: together they are all the file's records."""
    expected = EXPECTED[stem]
    records = csv.reader(
        text_of(stem).replace("\r\n", "\n").replace("\r", "\n").splitlines(keepends=True),
        delimiter=expected["separator"],
        skipinitialspace=True,
    )
    found, line = 0, 1
    for record in records:
        found += line > expected["header"] and any(cell.strip() for cell in record)
        line = records.line_num + 1
    assert found == sum(len(expected.get(name, [])) for name in ("rows", "rejects", "totals"))


def test_every_number_of_the_corpus_is_invented() -> None:
    for stem in READABLE:
        for row in rows_of(stem):
            assert re.fullmatch(r"(063998\d{4}|0700123456789\d)?", row["msisdn"]), stem
            assert re.fullmatch(r"(8933019900000\d{6,7})?", row.get("iccid", "")), stem
