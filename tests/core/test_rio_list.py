"""A list of RIOs sent as a file comes back with a verdict on each row, and is otherwise what it was."""

import csv
import io
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.worksheet.table import Table

from core import rio
from core.numbers import show
from core.rio_list import HEADERS, Annotated, RioListError, annotate
from core.workshop import Workshop
from tests.corpus.rio import VALID

TOP = Path(__file__).parents[2]
RIGHT, NUMBER = VALID[1]
PLUS, PLUS_NUMBER = VALID[3]
WRONG = RIGHT[:-1] + "4"
#: A zero for an O, and what it should be.
ZERO, ZERO_NUMBER, OH = "01PER0Y4P4TR", "0612345678", "01PEROY4P4TR"

Rows = Sequence[Sequence[Any]]


def book(*rows: Sequence[Any], change: Callable[[Any], None] = lambda sheet: None) -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    change(sheet)
    return saved(made)


def saved(made: Any) -> bytes:
    to = io.BytesIO()
    made.save(to)
    return to.getvalue()


def text(*rows: Sequence[Any], separator: str = ";", encoding: str = "utf-8") -> bytes:
    to = io.StringIO()
    csv.writer(to, delimiter=separator).writerows(rows)
    return to.getvalue().encode(encoding)


def opened(annotated: Annotated) -> Any:
    return openpyxl.load_workbook(io.BytesIO(annotated.content))


def read(annotated: Annotated) -> list[list[str]]:
    """All cells of what came back; of a spreadsheet, its first sheet."""
    if annotated.name.endswith(".xlsx"):
        return [
            ["" if value is None else str(value) for value in row]
            for row in opened(annotated).worksheets[0].iter_rows(values_only=True)
        ]
    assert annotated.content.startswith(b"\xef\xbb\xbf")
    plain = annotated.content.decode("utf-8-sig")
    separator = next(sign for sign in ";\t|," if sign in plain.splitlines()[0])
    return list(csv.reader(io.StringIO(plain, newline=""), delimiter=separator))


def verdicts(annotated: Annotated) -> list[str]:
    header, *rows = read(annotated)
    return [row[header.index("Verdict")] for row in rows]


WAYS = [pytest.param(book, id="xlsx"), pytest.param(text, id="csv")]


@pytest.fixture(params=WAYS)
def made(request: pytest.FixtureRequest) -> Callable[..., bytes]:
    return request.param  # type: ignore[no-any-return]


LIST: Rows = [
    ("Client", "RIO", "Numéro"),
    ("Dupont", RIGHT, NUMBER),
    ("Martin", WRONG, NUMBER),
    ("Été", ZERO, ZERO_NUMBER),
    ("Durand", PLUS, ""),
    ("Petit", "", NUMBER),
]


# -- What comes back


def test_each_row_gets_its_verdict_and_the_counts_tell_them(made: Callable[..., bytes]) -> None:
    done = annotate("liste", made(*LIST))
    assert verdicts(done) == ["Juste", "Faux", "Faux", "Non vérifiable", "Illisible"]
    assert (done.rows, done.right, done.wrong, done.unverifiable, done.unread, done.proposals) == (5, 1, 2, 1, 1, 1)
    assert done.columns == ("RIO", "Numéro")


def test_the_list_s_own_cells_come_back_as_they_were_with_four_more(made: Callable[..., bytes]) -> None:
    rows = read(annotate("liste", made(*LIST)))
    assert [tuple(row[:3]) for row in rows] == [tuple(row) for row in LIST]
    assert rows[0][3:] == list(HEADERS)
    assert {len(row) for row in rows} == {7}


def test_a_correction_is_proposed_and_the_explanation_has_no_code(made: Callable[..., bytes]) -> None:
    done = annotate("liste", made(*LIST))
    row = read(done)[3]
    assert row[5] == OH
    assert "Confusion probable entre O et 0" in row[4]
    assert not any(code in row[4] for code in (ZERO, OH))
    assert [place for place, _ in done.first_wrong] == [3, 4]
    assert all(re.search("[0-9A-Z]{6}", reason) is None for _, reason in done.first_wrong)


def test_a_right_rio_names_its_operator(made: Callable[..., bytes]) -> None:
    rows = read(annotate("liste", made(*LIST)))
    assert rows[1][6] == "Orange"
    assert [row[6] for row in rows[2:]] == [""] * 4


@pytest.mark.parametrize(
    ("name", "back"),
    [
        ("liste.xlsx", "liste_vérifiée"),
        ("Ma liste.CSV", "Ma liste_vérifiée"),
        ("../x/é\x00.xlsx", "é__vérifiée"),
        ("liste_vérifiée.xlsx", "liste_vérifiée"),
        ("", "liste_vérifiée"),
        ("C:\\a\\b.csv", "b_vérifiée"),
    ],
)
def test_it_is_named_after_the_list(name: str, back: str, made: Callable[..., bytes]) -> None:
    end = ".xlsx" if made is book else ".csv"
    assert annotate(name, made(*LIST)).name == back + end


def test_a_list_that_was_checked_before_gets_new_verdicts_in_their_place(made: Callable[..., bytes]) -> None:
    first = annotate("liste", made(*LIST))
    rows = read(first)
    rows[2][1] = RIGHT
    again = annotate(first.name, made(*rows))
    assert read(again)[0] == [*LIST[0], *HEADERS]
    assert verdicts(again) == ["Juste", "Juste", "Faux", "Non vérifiable", "Illisible"]
    assert read(again)[2][5:] == ["", "Orange"]
    assert read(annotate(again.name, again.content)) == read(again)


def test_so_does_one_without_header(made: Callable[..., bytes]) -> None:
    first = annotate("liste", made(*LIST[1:4]))
    assert [row[3] for row in read(first)] == ["Juste", "Faux", "Faux"]
    assert read(annotate("liste", first.content)) == read(first)


def test_a_column_of_the_list_that_is_named_as_ours_stays(made: Callable[..., bytes]) -> None:
    rows = [("RIO", "Numéro", "Opérateur"), (RIGHT, NUMBER, "le mien")]
    back = read(annotate("liste", made(*rows)))
    assert back[0] == ["RIO", "Numéro", "Opérateur", "Verdict", "Explication", "Proposition", "Opérateur (RIO)"]
    assert back[1][2] == "le mien"
    assert read(annotate("liste", made(*back))) == back


def test_blank_rows_get_no_verdict(made: Callable[..., bytes]) -> None:
    done = annotate("liste", made(LIST[0], LIST[1], ("", "", ""), LIST[2]))
    assert done.rows == 2
    assert done.first_wrong[0][0] == 4


# -- What is read


@pytest.mark.parametrize(
    "header",
    [
        ("RIO", "Numéro"),
        ("Code RIO", "MSISDN"),
        ("rio_client", "Numéro à porter"),
        ("R.I.O", "N° de téléphone"),
        ("Le RIO du client", "Ligne mobile"),
        ("RIO mobile", "Appelant"),
        ("Truc", "Machin"),
        ("Code de portage", "Tel"),
    ],
)
def test_columns_are_found_by_name_or_by_what_they_hold(header: tuple[str, str], made: Callable[..., bytes]) -> None:
    codes, numbers = header
    rows = [(numbers, "Code postal", codes, "Note"), (NUMBER, "75001", RIGHT, "x"), (ZERO_NUMBER, "49000", OH, "x")]
    done = annotate("liste", made(*rows))
    assert verdicts(done) == ["Juste", "Juste"]
    assert done.columns == header


def test_columns_are_found_without_any_header(made: Callable[..., bytes]) -> None:
    done = annotate("liste", made((show(NUMBER), RIGHT), (ZERO_NUMBER, OH)))
    assert [row[2] for row in read(done)] == ["Juste", "Juste"]
    assert done.columns == ("colonne B", "colonne A")


def test_a_title_above_the_names_is_no_header(made: Callable[..., bytes]) -> None:
    done = annotate("liste", made(("Liste des RIO et des numéros", "", ""), ("", "", ""), *LIST))
    assert (done.right, done.wrong, done.columns) == (1, 2, ("RIO", "Numéro"))


def test_of_several_columns_of_numbers_the_one_whose_keys_are_right_is_taken(made: Callable[..., bytes]) -> None:
    rows = [("Numéro", "Portable", "RIO"), ("0123456789", NUMBER, RIGHT), ("0123456788", ZERO_NUMBER, OH)]
    done = annotate("liste", made(*rows))
    assert (done.right, done.columns) == (2, ("RIO", "Portable"))


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (RIGHT, "06 39 98 00 01"),
        (RIGHT.lower(), "06.39.98.00.01"),
        ("01 E 4K7P2Q EM3", "+33 6 39 98 00 01"),
        ("01-E-4K7P2Q-EM3", "+33639980001"),
        ("01E\u00a04K7P2Q\u202fEM3", "0033639980001"),
        (f"  {RIGHT} ", "639980001"),
        (RIGHT, 639980001),
        (RIGHT, 639980001.0),
        (RIGHT, 33639980001),
        (f"{RIGHT} 0639980001", ""),
        (f"{NUMBER} / {RIGHT}", ""),
        (f"'{RIGHT}", f"'{NUMBER}"),
    ],
)
def test_a_rio_and_a_number_are_read_in_any_writing(code: str, number: Any, made: Callable[..., bytes]) -> None:
    done = annotate("liste", made(("RIO", "Numéro"), (code, number)))
    assert (verdicts(done), done.first_wrong) == (["Juste"], ())


def test_texts_that_a_csv_holds_as_formulas_are_read() -> None:
    done = annotate("liste", text(("RIO", "Numéro"), (f'="{RIGHT}"', f'="{NUMBER}"')))
    assert (verdicts(done), done.first_wrong) == (["Juste"], ())


def test_both_in_one_cell_need_no_header(made: Callable[..., bytes]) -> None:
    done = annotate(
        "liste", made(("a", f"{RIGHT} {NUMBER}"), ("b", f"{PLUS} {PLUS_NUMBER}"), ("c", f"{WRONG} {NUMBER}"))
    )
    assert (done.right, done.wrong, done.columns) == (2, 1, ("colonne B",))


def test_a_plus_in_the_key_is_kept(made: Callable[..., bytes]) -> None:
    done = annotate("liste", made(("RIO", "Numéro"), (PLUS, PLUS_NUMBER), (VALID[4][0], VALID[4][1])))
    assert verdicts(done) == ["Juste", "Juste"]
    assert read(done)[1][0] == PLUS


def test_a_number_that_a_spreadsheet_destroyed_is_said_to_be(made: Callable[..., bytes]) -> None:
    done = annotate("liste", made(("RIO", "Numéro"), (RIGHT, "3,36123E+10")))
    assert verdicts(done) == ["Non vérifiable"]
    assert "des chiffres sont perdus" in read(done)[1][3]


@pytest.mark.parametrize("destroyed", ["1,00E+123", 1e123])
def test_so_is_a_rio(destroyed: Any, made: Callable[..., bytes]) -> None:
    done = annotate("liste", made(("RIO", "Numéro"), (destroyed, NUMBER), (RIGHT, NUMBER)))
    assert verdicts(done) == ["Illisible", "Juste"]
    assert "des signes sont perdus" in read(done)[1][3]


@pytest.mark.parametrize("remark", ["en attente", "à demander", "?", "-", NUMBER, "+33639980001", "#N/A"])
def test_a_remark_or_a_number_is_no_rio(remark: str, made: Callable[..., bytes]) -> None:
    done = annotate("liste", made(("RIO", "Numéro"), (remark, NUMBER), (RIGHT, NUMBER)))
    assert verdicts(done) == ["Illisible", "Juste"]


def test_a_wrong_form_is_wrong_even_without_number(made: Callable[..., bytes]) -> None:
    done = annotate("liste", made(("RIO", "Numéro"), (RIGHT[:11], ""), ("04A1B2C3D4E5", "abc")))
    assert verdicts(done) == ["Faux", "Faux"]
    assert done.first_wrong[0] == (2, "Un RIO a 12 signes, celui-ci en a 11.")


codes = st.text("O0P1E" + rio.ALPHABET, min_size=11, max_size=13).filter(
    lambda code: any(sign.isdigit() for sign in code) and any(sign.isalpha() for sign in code)
)
pairs = st.sampled_from(VALID) | st.tuples(
    codes | st.sampled_from([code for code, _ in VALID]),
    st.from_regex(r"0[1-9][0-9]{8}", fullmatch=True) | st.sampled_from(["", NUMBER]),
)
cells = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=12).map(str.strip)


@settings(max_examples=60)
@given(st.lists(st.tuples(cells, pairs, cells), min_size=1, max_size=12), st.sampled_from([book, text]))
def test_each_verdict_is_the_check_s_and_the_own_cells_are_unchanged(
    rows: list[tuple[str, tuple[str, str], str]], made: Callable[..., bytes]
) -> None:
    table = [("Note", "RIO", "Numéro", "Autre"), *((note, *pair, other) for note, pair, other in rows)]
    back = read(annotate("liste", made(*table)))
    for row, sent in zip(back, table, strict=True):
        # In a CSV what begins as a formula gets an apostrophe.
        assert [cell.removeprefix("'") for cell in row[:4]] == [cell.removeprefix("'") for cell in sent]
    for row, (_, (code, number), _) in zip(back[1:], rows, strict=True):
        verdict = rio.check(code, number)
        assert row[4] == {True: "Juste", False: "Faux", None: "Non vérifiable"}[verdict.right], verdict.fault
        assert row[6:] == [verdict.correction, verdict.operator]


# -- Text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_a_text_is_read_in_its_encoding_and_comes_back_in_its_separator(encoding: str, separator: str) -> None:
    done = annotate("liste.csv", text(*LIST, separator=separator, encoding=encoding))
    assert (done.right, done.wrong) == (1, 2)
    assert read(done)[3][0] == "Été"
    assert done.content.decode("utf-8-sig").split("\r\n")[0] == separator.join([*LIST[0], *HEADERS])


def test_what_was_quoted_stays_quoted() -> None:
    done = annotate("l.csv", f'"RIO";"Numéro";"Note"\r\n"{RIGHT}";"{NUMBER}";"a;b ""c"""\r\n'.encode())
    assert f'"{RIGHT}";"{NUMBER}";"a;b ""c""";"Juste"' in done.content.decode()


def test_rows_of_another_width_and_line_ends_of_old_stay_in_their_columns() -> None:
    done = annotate("l.csv", f"RIO;Numéro\r{RIGHT};{NUMBER};de trop;encore\r{WRONG}\r".encode())
    assert [row[4] for row in read(done)] == ["Verdict", "Juste", "Non vérifiable"]


def test_a_single_column_is_enough() -> None:
    done = annotate("l.txt", f"RIO\n{RIGHT}\n{RIGHT[:5]}\n".encode())
    assert (done.unverifiable, done.wrong) == (1, 1)


def test_the_line_that_names_the_separator_stays_first() -> None:
    done = annotate("l.csv", f"sep=,\r\nRIO,Numéro\r\n{WRONG},{NUMBER}\r\n".encode())
    assert done.content.decode("utf-8-sig").startswith("sep=,\n")
    assert done.first_wrong[0][0] == 3


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "=HYPERLINK(1)"])
def test_a_cell_that_would_be_a_formula_does_nothing(cell: str) -> None:
    assert read(annotate("l.csv", text(("RIO", "Note"), (RIGHT, cell))))[1][1] == f"'{cell}"
    back = opened(annotate("l.xlsx", _xlsx_texts(("RIO", "Note"), (RIGHT, cell)))).active
    assert (back["B2"].value, back["B2"].data_type) == (cell, "s")


@pytest.mark.parametrize("cell", ["+33 6 39 98 00 01", "-12,5", '="0042"', "a=b"])
def test_a_number_or_a_text_stays_as_it_is(cell: str) -> None:
    assert read(annotate("l.csv", text(("RIO", "Note"), (RIGHT, cell))))[1][1] == cell


def _xlsx_texts(*rows: Sequence[str]) -> bytes:
    to = io.BytesIO()
    made = xlsxwriter.Workbook(to)
    sheet = made.add_worksheet()
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write_string(number, place, cell)
    made.close()
    return to.getvalue()


# -- Spreadsheets


def test_a_spreadsheet_keeps_its_forms_formulas_and_other_sheets() -> None:
    def change(sheet: Any) -> None:
        sheet["A2"].font = Font(bold=True, color="FF0000")
        sheet["D1"] = "Total"
        sheet["D2"] = "=1+2"
        sheet.column_dimensions["A"].width = 42
        sheet.merge_cells("A8:B8")
        other = sheet.parent.create_sheet("Autre", 0)
        other["A1"] = "rien ici"

    back = opened(annotate("l.xlsx", book(*LIST, change=change)))
    assert back.sheetnames == ["Autre", "Sheet"]
    sheet = back["Sheet"]
    assert (sheet["A2"].font.bold, sheet["A2"].font.color.rgb, sheet["D2"].value) == (True, "00FF0000", "=1+2")
    assert sheet.column_dimensions["A"].width == 42
    assert [str(area) for area in sheet.merged_cells.ranges] == ["A8:B8"]
    assert [cell.value for cell in sheet[1]][4:] == list(HEADERS)


def test_a_formula_is_judged_by_the_value_that_the_file_has_for_it() -> None:
    to = io.BytesIO()
    made = xlsxwriter.Workbook(to)
    sheet = made.add_worksheet()
    sheet.write_row(0, 0, ("RIO", "Numéro"))
    sheet.write_formula(1, 0, '="01E4K7P2Q"&"EM3"', None, RIGHT)
    sheet.write_formula(1, 1, '="06"&"39980001"', None, NUMBER)
    made.close()
    done = annotate("l.xlsx", to.getvalue())
    assert verdicts(done) == ["Juste"]
    assert opened(done).active["A2"].value == '="01E4K7P2Q"&"EM3"'


def test_verdicts_are_coloured_the_header_stays_in_sight_and_columns_have_filters() -> None:
    sheet = opened(annotate("l.xlsx", book(*LIST))).active
    colours = [sheet.cell(row, 4).fill.start_color.rgb[-6:] for row in range(2, 7)]
    assert colours == ["C6EFCE", "FFC7CE", "FFC7CE", "FFEB9C", "FFEB9C"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:G6")


def test_what_was_in_sight_and_filtered_stays_so() -> None:
    def change(sheet: Any) -> None:
        sheet.freeze_panes = "B2"
        sheet.auto_filter.ref = "A1:C6"

    sheet = opened(annotate("l.xlsx", book(*LIST, change=change))).active
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", "A1:G6")


def test_a_table_keeps_its_own_filters() -> None:
    def change(sheet: Any) -> None:
        sheet.add_table(Table(displayName="Liste", ref="A1:C6"))

    sheet = opened(annotate("l.xlsx", book(*LIST, change=change))).active
    assert sheet.tables["Liste"].ref == "A1:C6"
    assert sheet.auto_filter.ref is None


# -- Where no RIO may go


def test_hidden_no_whole_rio_is_anywhere(made: Callable[..., bytes]) -> None:
    rows = [*LIST, (f"le RIO {RIGHT}", "01 E 4K7P2Q EM3 0639980001", ""), ("", PLUS.lower(), PLUS_NUMBER)]
    done = annotate(f"{RIGHT}.x", made(*rows), hide=True)
    assert verdicts(done) == verdicts(annotate("x", made(*rows)))
    back = read(done)
    assert [row[1] for row in back[1:4]] == [f"01E{'•' * 9}", f"01E{'•' * 9}", f"01P{'•' * 9}"]
    assert back[6][:2] == [f"le RIO 01E{'•' * 9}", f"01E{'•' * 9} {NUMBER}"]
    assert back[3][5] == "oui, demander dans le chat"
    everything = done.name + str(back) + str(done.first_wrong)
    for code in (RIGHT, WRONG, ZERO, OH, PLUS):
        assert code not in everything.upper().replace(" ", "")


def test_hidden_no_part_of_the_spreadsheet_holds_one() -> None:
    def change(sheet: Any) -> None:
        sheet["A2"].comment = Comment(f"son RIO est {RIGHT}", "moi")
        sheet["H9"] = f'=CONCATENATE("{PLUS}","")'
        other = sheet.parent.create_sheet("Copie")
        other["C5"] = f"{PLUS} et {RIGHT}"

    done = annotate("l.xlsx", book(*LIST, change=change), hide=True)
    with zipfile.ZipFile(io.BytesIO(done.content)) as archive:
        parts = b"\n".join(archive.read(name) for name in archive.namelist()).decode("utf-8", "replace")
    for code in (RIGHT, WRONG, ZERO, OH, PLUS):
        assert code not in parts


# -- What is refused


def refusal(content: bytes, name: str = "liste.xlsx") -> str:
    with pytest.raises(RioListError) as caught:
        annotate(name, content)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def archive_of(**parts: bytes) -> bytes:
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return to.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "est vide"),
        (b"\xef\xbb\xbf\r\n ;;\r\n", "est vide"),
        (b"%PDF-1.7\n1 0 obj", "ni un tableur"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "ni un tableur"),
        (b"\xff\xfeR\x00I\x00O", "ni un tableur"),
        (b"<html><table><tr><td>RIO", "page web"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "ancien format (.xls)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "mot de passe"),
        (b"PK\x03\x04 damaged", "abîmé"),
        (archive_of(word__document_dot_xml=b"<w/>"), "n'est pas un tableur"),
        (archive_of(content_dot_xml=b"<office/>"), ".ods"),
        (archive_of(xl__workbook_dot_bin=b""), ".xlsb"),
        (archive_of(xl__workbook_dot_xml=b"<nothing/>"), "abîmé"),
        (archive_of(xl__workbook_dot_xml=b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'), "abîmé"),
    ],
)
def test_what_is_no_list_is_refused_in_words(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_without_a_column_of_rios_it_says_which_columns_it_saw(made: Callable[..., bytes]) -> None:
    said = refusal(made(("Nom", "Ville", NUMBER), ("Dupont", "Angers", NUMBER)))
    assert "Colonnes lues : Nom, Ville, colonne C." in said
    assert NUMBER not in said


def test_a_column_of_rios_that_is_empty_is_none(made: Callable[..., bytes]) -> None:
    assert "Aucune colonne de RIO" in refusal(made(("Nom", "RIO"), ("Dupont", "")))


def test_too_many_rows_are_refused(made: Callable[..., bytes]) -> None:
    if made is text:
        assert "dépasse 50\u202f000 lignes" in refusal(f"{RIGHT};{NUMBER}\n".encode() * 50_100)
    else:
        assert "dépasse 50\u202f000 lignes" in refusal(book(*LIST, change=lambda sheet: sheet.cell(1_048_576, 1, "x")))


def test_too_many_columns_are_refused(made: Callable[..., bytes]) -> None:
    assert "trop de colonnes" in refusal(made(("RIO", *["x"] * 600), (RIGHT, *["x"] * 600)))


def test_a_bomb_is_refused_before_it_is_opened() -> None:
    bomb = archive_of(xl__workbook_dot_xml=b"<a/>", xl__worksheets__sheet1_dot_xml=bytes(300 * 1024**2))
    assert len(bomb) < 1024**2
    assert "trop grand" in refusal(bomb)


@pytest.mark.parametrize(
    "ref", ['<mergeCell ref="A1:XFD1048576"/>', "<hyperlink location='x' ref='A1:XFD1048576'/>".replace("'", '"')]
)
def test_a_range_that_stands_for_billions_of_cells_is_refused(ref: str) -> None:
    sheet = f"<worksheet><sheetData/>{ref}</worksheet>".encode()
    assert "trop de colonnes" in refusal(archive_of(xl__workbook_dot_xml=b"<a/>", xl__worksheets__sheet1_dot_xml=sheet))


def test_a_quote_that_is_never_closed_is_said_where() -> None:
    said = refusal(f'RIO;Numéro\n{RIGHT};"{NUMBER}\n'.encode() + b"x" * 200_000, "l.csv")
    assert "guillemet" in said
    assert RIGHT not in said


def said_of(content: bytes) -> str:
    """Why a file is refused, or that it is not."""
    try:
        annotate("x", content)
    except RioListError as error:
        return str(error)
    return "read"


@example(b"\x0b")
@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: b"PK\x03\x04" + tail))
def test_any_bytes_are_a_list_or_refused(content: bytes) -> None:
    assert said_of(content) != ""


@settings(max_examples=40)
@given(st.data())
def test_a_damaged_spreadsheet_is_a_list_or_refused_and_tells_no_code(data: st.DataObject) -> None:
    whole = _xlsx_texts(("RIO", "Numéro"), (RIGHT, NUMBER))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = data.draw(st.sampled_from(sorted(parts)))
    place = data.draw(st.integers(0, len(parts[name]) - 1))
    parts[name] = parts[name][:place] + data.draw(st.binary(max_size=6)) + parts[name][place + 3 :]
    said = said_of(archive_of(**parts))
    assert RIGHT not in said
    assert NUMBER not in said


# -- How it runs


def test_the_room_is_light_until_there_is_a_list() -> None:
    program = (
        "import sys, core.rio_list; print([name for name in ('openpyxl', 'pyarrow', 'numpy') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


async def test_it_is_made_in_the_workshop() -> None:
    workshop = Workshop()
    try:
        done = await workshop.make(annotate, "liste.csv", text(*LIST), True)
        assert (done.right, done.wrong) == (1, 2)
        with pytest.raises(RioListError, match="est vide"):
            await workshop.make(annotate, "liste.csv", b"")
    finally:
        workshop.close()


def test_what_is_made_and_what_is_raised_can_be_sent_between_processes() -> None:
    done = annotate("liste", text(*LIST))
    assert pickle.loads(pickle.dumps(done)) == done
    assert str(pickle.loads(pickle.dumps(RioListError("non")))) == "non"


def test_ten_thousand_rows_are_judged(made: Callable[..., bytes]) -> None:
    zeros = [(f"0{'O0'[number % 2]}P000000000", f"06{number:08d}") for number in range(2_000)]
    rows = [("RIO", "Numéro"), *([*VALID[:5]] * 1_600), *zeros]
    content = made(*rows)
    done = annotate("liste", content)
    assert (done.right, done.wrong) == (8_000, 2_000)
