"""The workbook that checks RIOs, computed anew by LibreOffice: it says what core says, on every row."""

import io
import random
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.formula import Tokenizer
from openpyxl.formula.tokenizer import Token

from core import rio, rio_formulas, rio_model, rio_words
from core.numbers import NumberError, msisdn
from core.rio_formulas import NO_NUMBER, NO_RIO, ODD_NUMBER, RIGHT, WRONG, Said, said
from core.rio_list import annotate
from core.rio_model import FIRST, LAST, ROWS
from core.workshop import Workshop
from tests.core.test_numbers import FORMS, MACHINES, NOT_NUMBERS, OVERSEAS
from tests.core.test_rio import INVALID, made
from tests.corpus.rio import VALID
from tests.peers.office import convert

#: What two cells of a row hold: texts, or numbers.
Pair = tuple[str | int, str | int]

RIO, NUMBER = VALID[1]
NBSP, THIN = "\u00a0", "\u202f"


@dataclass(frozen=True)
class Case:
    """A row, and what its writings stand for: `number` "" when there is none."""

    kind: str
    written: Pair
    number: str
    code: str


# -- A thousand rows, always the same


def _cases(count: int) -> Iterator[Case]:
    chance = random.Random(20261126)
    for place in range(count):
        kind = list(_KINDS)[place % len(_KINDS)]
        number, code = _KINDS[kind](chance)
        yield Case(kind, (_write_number(chance, number), _write_code(chance, code)), number, code)


def _number(chance: random.Random, starts: tuple[str, ...], length: int = 10) -> str:
    start = chance.choice(starts)
    return start + "".join(chance.choices("0123456789", k=length - len(start)))


def _mobile(chance: random.Random) -> str:
    return _number(chance, ("06", "07", "063998"))


def _right(chance: random.Random, number: str, signs: str = rio.ALPHABET[:-1]) -> str:
    reference = "".join(chance.choices(signs, k=6))
    if number.startswith(("06", "07")) or not number:
        return made(chance.choice(("01", "02", "03", "04", "56", "77")) + chance.choice("PE") + reference, number)
    return made("".join(chance.choices(rio.ALPHABET[:-1], k=2)) + chance.choice("FGLPTZ") + reference, number)


def _with(number: Callable[[random.Random], str]) -> Callable[[random.Random], tuple[str, str]]:
    def drawn(chance: random.Random) -> tuple[str, str]:
        canonical = number(chance)
        return canonical, _right(chance, canonical)

    return drawn


def _plus(chance: random.Random) -> tuple[str, str]:
    while True:
        number = _mobile(chance)
        if "+" in (code := _right(chance, number)):
            return number, code


def _one_wrong(chance: random.Random) -> tuple[str, str]:
    number = _any(chance)
    code, place = _right(chance, number), chance.randrange(12)
    return number, code[:place] + chance.choice(rio.ALPHABET.replace(code[place], "")) + code[place + 1 :]


def _wrong_digit(chance: random.Random) -> tuple[str, str]:
    number = _mobile(chance)
    code, place = _right(chance, number), chance.randrange(2, 10)
    return number[:place] + chance.choice("0123456789".replace(number[place], "")) + number[place + 1 :], code


def _swapped(chance: random.Random) -> tuple[str, str]:
    number = _any(chance)
    signs = list(_right(chance, number))
    first, second = chance.sample(range(12), 2)
    signs[first], signs[second] = signs[second], signs[first]
    return number, "".join(signs)


def _exchanged(chance: random.Random) -> tuple[str, str]:
    """Some of O and 0 taken for each other."""
    number = _any(chance)
    code = _right(chance, number, "O0O0O0A1")
    doubtful = [place for place, sign in enumerate(code) if sign in "O0"]
    places = set(chance.sample(doubtful, min(len(doubtful), chance.randrange(1, 6))))
    return number, "".join(sign.translate({48: 79, 79: 48}) if at in places else sign for at, sign in enumerate(code))


def _odd_form(chance: random.Random) -> tuple[str, str]:
    number = chance.choice((_any(chance), ""))
    code = _right(chance, number)
    return number, chance.choice(
        (
            code[:-1],
            code + "A",
            code[: chance.randrange(1, 11)],
            code.replace(code[5], "É", 1),
            code[:4] + "*" + code[5:],
            code[:4] + "?" + code[5:],
            code[:4] + "~" + code[5:],
            "A1" + code[2:],
            "+1" + code[2:],
            code[:2] + chance.choice("A0D+") + code[3:],
            code[:6] + "+" + code[7:],
        )
    )


def _any(chance: random.Random) -> str:
    return chance.choice((_mobile, _mobile, _overseas, _fixed, _machine))(chance)


def _overseas(chance: random.Random) -> str:
    return _number(chance, ("0690", "0691", "0692", "0693", "0694", "0696", "0697", "0639"))


def _fixed(chance: random.Random) -> str:
    return _number(chance, ("01", "02", "03", "04", "05", "09"))


def _machine(chance: random.Random) -> str:
    return _number(chance, ("0700",), 14)


_KINDS: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "valid": _with(_mobile),
    "plus in the key": _plus,
    "one sign wrong": _one_wrong,
    "two signs swapped": _swapped,
    "one digit wrong": _wrong_digit,
    "O and 0 exchanged": _exchanged,
    "wrong form": _odd_form,
    "without number": _with(lambda _: ""),
    "machine to machine": _with(_machine),
    "overseas": _with(_overseas),
    "fixed": _with(_fixed),
}

_COUNTRIES = {"0690": "590", "0691": "590", "0694": "594", "0696": "596", "0697": "596"}
_COUNTRIES |= dict.fromkeys(("0692", "0693", "0639"), "262")


def _write_number(chance: random.Random, number: str) -> str | int:
    if not number:
        return ""
    national = number[1:]
    country = chance.choice(("33", _COUNTRIES.get(number[:4], "33")))
    pairs = [number[at : at + 2] for at in range(0, len(number), 2)]
    apart = chance.choice((" ", NBSP, THIN, ".", "-", "/", " - ", "\t"))
    abroad = apart.join([national[0], *pairs[1:]])
    return chance.choice(
        (
            number,
            apart.join(pairs),
            f"  {apart.join(pairs)}{NBSP}",
            f"'{number}",
            f"({number})",
            f"+{country}{national}",
            f"+{country} {abroad}",
            f"+{country} (0){abroad}",
            f"+{country}{NBSP}(0) {abroad}",
            f"00{country}{national}",
            f"00 {country} {abroad}",
            f"{country}{national}",
            *((f"+{country} {number}", f"{country}{number}") if len(number) == 10 else ()),
            # What a spreadsheet makes of a number, where its first digit is no second zero.
            *((national, int(national), int(country + national)) if number[1] != "0" else ()),
        )
    )


def _write_code(chance: random.Random, code: str) -> str:
    parts = [code[:2], code[2:3], code[3:9], code[9:]]
    apart = chance.choice((" ", NBSP, THIN, ".", "-", "/", " / ", ":", ", ", "_", "\n"))
    return chance.choice(
        (
            code,
            code,
            code.lower(),
            apart.join(parts),
            apart.join(parts).lower(),
            f" {code}{NBSP}",
            f"'{code}",
            f"({code})",
        )
    )


# -- Rows by hand: writings of numbers, and what people leave in cells

_WRITINGS: list[Pair] = [
    *((form, "01PEROY4P4TR") for form in FORMS),
    *((written, made("01E4K7P2Q", number)) for written, number in OVERSEAS if number.startswith("06")),
    *((written, made("A1F4K7P2Q", number)) for written, number in OVERSEAS if not number.startswith("06")),
    *((written, "01EM2M001MNF") for written in MACHINES),
    *((written, RIO) for written in NOT_NUMBERS),
    *((written, "04A1B2C3D4E5") for written in NOT_NUMBERS),
    *((written, "") for written in NOT_NUMBERS),
    *((number, code) for code, number in VALID),
    *((number, code) for code, number, _ in INVALID),
    *(("", code) for code, _ in VALID),
    *(("", code) for code, _, _ in INVALID),
    *((number, "") for _, number in VALID),
]
_SCIENTIFIC: list[Pair] = [
    (written, RIO)
    for written in (
        "3,36123E+10",
        "3.36123E+10",
        "3,36e10",
        "6E+8",
        " 3,36123E+10 ",
        "'3,36123E+10",
        "3,E+10",
        ",3E+10",
    )
]
_LEFT_BY_PEOPLE: list[Pair] = [
    (639980001, RIO),
    (33639980001, RIO),
    (7001234567890, "01EM2M001MNF"),
    (337001234567890, "01EM2M001MNF"),
    ("639980001.0", RIO),
    ("33639980001,0", RIO),
    ("0639980001.0", RIO),
    ("+33 (0)7001234567890", "01EM2M001MNF"),
    ("+33(0)0639980001", RIO),
    ("+262 (0)639980001", RIO),
    ("06 39 (0) 98 00 01", RIO),
    ("+0033639980001", RIO),
    ("00", RIO),
    ("+", RIO),
    ("0", RIO),
    ("06 39 98 00 01 / 02", RIO),
    ("''0639980001", f"''{RIO}"),
    ("06’39’98’00’01", RIO),
    ("06 39 98 00 01 ou 06 39 98 00 02", RIO),
    (RIO, "0639980001"),
    ("en attente", "en attente"),
    ("", "en attente"),
    ("", "-"),
    ("-", ""),
    ("-", RIO),
    (" ", NBSP),
    ("'", "'"),
    ("0639980001", " . "),
    ("0639980001", f"{RIO} 0639980001"),
    ("0639980001", 1000000000012),
    ("", 123456789012),
    ("0639980001", "01E4K7P2QEM3\n"),
    ("0639980001", "01e4k7p2qém3"),
    ("0123456789", "O1" + made("01F123456", "0123456789")[2:]),
    ("0123456789", made("01O123456", "0123456789").replace("O", "0", 1)),
    ("0123456789", made("01O123456", "0123456789")[:2] + "0" + made("01O123456", "0123456789")[3:]),
    ("0639980001", "O" * 12),
    ("0639980001", "0" * 12),
    ("07001234567890", "0OE0O0O0O0O0"),
    ("0639980001", "+" * 12),
    ("0639980001", "*" * 12),
    ("0639980001", "????????????"),
    ("0639980001", "01P1234567890"),
    ("0639980001", "x" * 250),
    ("y" * 250, RIO),
]
BY_HAND = [*_WRITINGS, *_SCIENTIFIC, *_LEFT_BY_PEOPLE]
RANDOM = list(_cases(2 * ROWS))


# -- The workbook, filled and computed anew

Rows = list[Said]


def computed(folder: Path, pairs: list[Pair] | None = None) -> Any:
    """The workbook as LibreOffice computes it, with what was written in its rows."""
    source = folder / "rio.xlsx"
    if pairs is None:
        source.write_bytes(rio_model.make())
    else:
        book = openpyxl.load_workbook(io.BytesIO(rio_model.make()))
        for row, pair in enumerate(pairs, start=FIRST):
            for column, value in zip("BC", pair, strict=True):
                if value != "":
                    book["RIO"][f"{column}{row}"].value = value
        book.save(source)
    return openpyxl.load_workbook(convert(source, "xlsx"), data_only=True)


def answers(book: Any, count: int) -> Rows:
    return [
        Said(*("" if cell.value is None else cell.value for cell in cells))
        for (*cells,) in book["RIO"][f"D{FIRST}:H{FIRST + count - 1}"]
    ]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return computed(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return computed(tmp_path_factory.mktemp("by-hand"), BY_HAND)


@pytest.fixture(scope="module")
def at_random(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    halves = RANDOM[:ROWS], RANDOM[ROWS:]
    return [
        row
        for half in halves
        for row in answers(computed(tmp_path_factory.mktemp("random"), [case.written for case in half]), ROWS)
    ]


@pytest.fixture(scope="module")
def delivered() -> Any:
    return openpyxl.load_workbook(io.BytesIO(rio_model.make()))


def row_of(book: Any, pair: Pair) -> Said:
    place = BY_HAND.index(pair)
    return answers(book, len(BY_HAND))[place]


# -- Verdicts and reasons


@pytest.mark.parametrize(("code", "number"), VALID)
def test_a_right_rio_is_said_right(by_hand: Any, code: str, number: str) -> None:
    row = row_of(by_hand, (number, code))
    assert (row.verdict, row.why) == (RIGHT, rio_words.RIGHT)
    assert "portage" in row.then


@pytest.mark.parametrize(("code", "number", "fault"), [case for case in INVALID if case[0]])
def test_a_wrong_rio_is_said_wrong_and_why(by_hand: Any, code: str, number: str, fault: Any) -> None:
    row = row_of(by_hand, (number, code))
    assert (row.verdict, row.why) == (WRONG, rio_words.fault(rio.Verdict(code, number, False, fault)))


def test_a_thousand_rows_are_judged_as_core_does_and_for_the_same_reason(at_random: Rows) -> None:
    assert len(at_random) == len(RANDOM) == 1000
    wrong = []
    for case, row in zip(RANDOM, at_random, strict=True):
        verdict = rio.check(case.code, case.number)
        words = {True: RIGHT, False: WRONG, None: NO_NUMBER}[verdict.right]
        reason = {True: rio_words.RIGHT, False: rio_words.fault(verdict), None: rio_words.UNVERIFIABLE}[verdict.right]
        if (row.verdict, row.why) != (words, reason):
            wrong.append((case, row))
    assert wrong == []


def test_the_thousand_rows_hold_enough_of_each_kind() -> None:
    verdicts = Counter((case.kind, rio.check(case.code, case.number).right) for case in RANDOM)
    for kind in ("valid", "plus in the key", "machine to machine", "overseas", "fixed"):
        assert verdicts[kind, True] >= 90
    for kind in ("one sign wrong", "two signs swapped", "one digit wrong", "O and 0 exchanged", "wrong form"):
        assert verdicts[kind, False] >= 60
    assert verdicts["without number", None] >= 90
    faults = Counter(rio.check(case.code, case.number).fault for case in RANDOM)
    assert min(faults[fault] for fault in ("length", "signs", "operator", "quality", "reference", "key")) >= 5
    assert sum(bool(rio.check(case.code, case.number).correction) for case in RANDOM) >= 80


def test_a_correction_is_core_s_own(at_random: Rows) -> None:
    wrong = []
    for case, row in zip(RANDOM, at_random, strict=True):
        correction = rio.check(case.code, case.number).correction
        proposed = re.search(r"([A-Z0-9+]{12}) serait juste", row.then)
        if (proposed[1] if proposed else "") != correction:
            wrong.append((case, row, correction))
    assert wrong == []


def test_operator_and_offer_are_core_s_own(at_random: Rows) -> None:
    wrong = []
    for case, row in zip(RANDOM, at_random, strict=True):
        verdict = rio.check(case.code, case.number)
        told = [verdict.operator, rio_words.QUALITIES[verdict.quality]] if verdict.right is not False else []
        if row.line != "\n".join(filter(None, told)):
            wrong.append((case, row))
    assert wrong == []


def test_number_and_rio_are_shown_as_they_were_read(at_random: Rows) -> None:
    wrong = []
    for case, row in zip(RANDOM, at_random, strict=True):
        number, code = re.sub(r"[^\S\n]", "", row.read).split("\n")
        if (number, code) != (case.number or "–", case.code):
            wrong.append((case, row))
    assert wrong == []


@pytest.mark.parametrize("pair", BY_HAND, ids=repr)
def test_a_row_says_what_core_says(by_hand: Any, pair: Pair) -> None:
    assert row_of(by_hand, pair) == said(*pair)


# -- Numbers


@pytest.mark.parametrize("written", FORMS)
def test_each_writing_of_a_number_is_read(by_hand: Any, written: str) -> None:
    assert row_of(by_hand, (written, "01PEROY4P4TR")).verdict == RIGHT


@pytest.mark.parametrize("number", [639980001, 33639980001])
def test_a_number_whose_zero_a_spreadsheet_ate_is_read(by_hand: Any, number: int) -> None:
    assert row_of(by_hand, (number, RIO)).verdict == RIGHT


def test_a_number_that_a_spreadsheet_destroyed_is_refused_with_the_reason(by_hand: Any) -> None:
    row = row_of(by_hand, ("3,36123E+10", RIO))
    assert row.verdict == ODD_NUMBER
    assert row.why == "Numéro abîmé par un tableur : « 3,36123E+10 » (des chiffres sont perdus)."


@pytest.mark.parametrize("written", [written for written in NOT_NUMBERS if written])
def test_what_core_refuses_as_a_number_is_refused_in_its_words(by_hand: Any, written: str) -> None:
    with pytest.raises(NumberError) as refused:
        msisdn(written)
    row = row_of(by_hand, (written, RIO))
    assert row.verdict == ODD_NUMBER
    assert row.why == f"{refused.value}."


def test_a_wrong_form_is_told_before_an_unreadable_number(by_hand: Any) -> None:
    assert row_of(by_hand, ("3179", "04A1B2C3D4E5")).verdict == WRONG


# -- What is missing


def test_a_rio_without_number_is_not_judged(by_hand: Any) -> None:
    row = row_of(by_hand, ("", RIO))
    assert (row.verdict, row.why) == (NO_NUMBER, rio_words.UNVERIFIABLE)


def test_a_number_without_rio_asks_for_it(by_hand: Any) -> None:
    row = row_of(by_hand, (NUMBER, ""))
    assert row.verdict == NO_RIO
    assert "3179" in row.then


def test_a_rio_that_became_a_number_says_so(by_hand: Any) -> None:
    row = row_of(by_hand, ("0639980001", 1000000000012))
    assert (row.verdict, row.why) == (WRONG, rio_formulas.FIGURE_WHY)


@pytest.mark.parametrize("pair", [(" ", NBSP), ("", "-"), ("'", "'")])
def test_cells_with_nothing_but_spaces_or_dashes_are_an_empty_row(by_hand: Any, pair: Pair) -> None:
    assert row_of(by_hand, pair) == Said()


# -- The rest of the sheet


def test_the_top_counts_what_stands_below(by_hand: Any) -> None:
    verdicts = Counter(row.verdict for row in answers(by_hand, len(BY_HAND)))
    assert min(verdicts[verdict] for verdict in (RIGHT, WRONG, NO_NUMBER, ODD_NUMBER, NO_RIO)) > 1
    counted = [by_hand["RIO"][cell].value for cell in ("B3", "C3", "D3", "E3", "F3")]
    assert counted == [
        verdicts[RIGHT],
        verdicts[WRONG],
        verdicts[NO_NUMBER],
        verdicts[ODD_NUMBER] + verdicts[NO_RIO],
        sum(verdicts.values()) - verdicts[""],
    ]


def test_rows_that_nobody_wrote_in_stay_blank(by_hand: Any, empty: Any) -> None:
    assert answers(empty, ROWS) == [Said()] * ROWS
    untouched = by_hand["RIO"][f"A{FIRST + len(BY_HAND)}:H{LAST}"]
    assert {cell.value or "" for row in untouched for cell in row} == {""}


def blank(value: Any) -> Any:
    return "" if value is None else value


def test_the_values_in_the_file_are_those_that_its_formulas_give(empty: Any) -> None:
    # LibreOffice shows them as they are, and so does Excel while a file from elsewhere is protected.
    kept = openpyxl.load_workbook(io.BytesIO(rio_model.make()), data_only=True)
    for name in (rio_model.SHEET, rio_model.STEPS, rio_model.HELP):
        differing = {
            cell.coordinate: (cell.value, empty[name][cell.coordinate].value)
            for row in kept[name].iter_rows()
            for cell in row
            if blank(cell.value) != blank(empty[name][cell.coordinate].value)
        }
        assert differing == {}


def test_the_workbook_filled_in_is_a_list_that_the_bot_checks(by_hand: Any) -> None:
    saved = io.BytesIO()
    by_hand.save(saved)
    checked = annotate("Vérification RIO.xlsx", saved.getvalue())
    verdicts = Counter(row.verdict for row in answers(by_hand, len(BY_HAND)))
    assert checked.columns == ("RIO", "Numéro de la ligne")
    # The bot also finds the number that stands in one RIO's own cell.
    assert checked.right == verdicts[RIGHT] + 1
    assert len(BY_HAND) - 10 < checked.rows <= len(BY_HAND)


def test_no_formula_gives_an_error(by_hand: Any) -> None:
    errors = [
        (name, cell.coordinate, cell.value)
        for name in by_hand.sheetnames
        for row in by_hand[name].iter_rows()
        for cell in row
        if cell.data_type == "e"
    ]
    assert errors == []


# -- What spreadsheets can open


#: All in Excel since 2007 at the latest, and in LibreOffice.
KNOWN = {
    "AND", "CHAR", "CHOOSE", "COUNTIF", "FIND", "IF", "IFERROR", "INT", "ISERROR", "ISNUMBER", "LEFT", "LEN", "MAX",
    "MID", "MMULT", "MOD", "NOT", "OR", "REPLACE", "RIGHT", "ROW", "SUBSTITUTE", "SUMPRODUCT", "TEXT", "TRIM", "UPPER",
    "VLOOKUP",
}  # fmt: skip
#: They take areas or arrays as such.
TAKE_AREAS = {"SUMPRODUCT", "COUNTIF", "VLOOKUP"}


def formulas(book: Any) -> Iterator[str]:
    """Each formula of the first and last rows, and of the top."""
    for name in book.sheetnames:
        for row in book[name].iter_rows():
            for cell in row:
                if cell.data_type == "f" and (cell.row <= FIRST or cell.row == LAST):
                    assert isinstance(cell.value, str), f"{name}!{cell.coordinate} needs array entry"
                    yield cell.value


def test_formulas_use_only_functions_that_excel_2010_knows(delivered: Any) -> None:
    used = {
        token.value.removesuffix("(")
        for formula in formulas(delivered)
        for token in Tokenizer(formula).items
        if token.type == "FUNC" and token.subtype == "OPEN"
    }
    assert used <= KNOWN
    assert "SUMPRODUCT" in used


def test_formulas_stay_within_excel_s_limits(delivered: Any) -> None:
    for formula in formulas(delivered):
        assert len(formula) <= 8192
        depth = deepest = 0
        for token in Tokenizer(formula).items:
            depth += {"OPEN": 1, "CLOSE": -1}.get(token.subtype, 0) if token.type == "FUNC" else 0
            deepest = max(deepest, depth)
            assert not (token.type == "OPERAND" and token.subtype == "TEXT" and len(token.value) > 255 + 2)
        assert deepest <= 64


def is_area(token: Token) -> bool:
    return token.type == "ARRAY" or (token.type == "OPERAND" and token.subtype == "RANGE" and ":" in token.value)


def test_arrays_stand_only_where_no_spreadsheet_takes_one_value_of_them(delivered: Any) -> None:
    alone = []
    for formula in formulas(delivered):
        within: list[str] = []
        for token in Tokenizer(formula).items:
            if token.type == "FUNC":
                within = [*within, token.value.removesuffix("(")] if token.subtype == "OPEN" else within[:-1]
            elif is_area(token) and not TAKE_AREAS & set(within):
                alone.append((token.value, formula))
    assert alone == []


def test_every_row_has_the_formulas_of_the_first(delivered: Any) -> None:
    for name in (rio_model.SHEET, rio_model.STEPS):
        sheet = delivered[name]
        first = [cell.value for cell in sheet[FIRST] if cell.data_type == "f"]
        assert len(first) >= 5
        for row in (FIRST + 1, FIRST + 250, LAST):
            here = [cell.value for cell in sheet[row] if cell.data_type == "f"]
            assert here == [re.sub(rf"(?<=[A-Z]){FIRST}(?!\d)", str(row), formula) for formula in first]


def test_the_workbook_opens_without_a_warning_and_points_nowhere_else() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        book: Any = openpyxl.load_workbook(io.BytesIO(rio_model.make()))
    assert book._external_links == []
    assert book.vba_archive is None


def test_only_the_cells_to_write_in_are_open_and_they_keep_a_leading_zero(delivered: Any) -> None:
    sheet = delivered["RIO"]
    assert sheet.protection.sheet
    assert not sheet.protection.password
    unlocked = {cell.coordinate for row in sheet.iter_rows() for cell in row if not cell.protection.locked}
    assert unlocked == {f"{column}{row}" for column in "BC" for row in range(FIRST, LAST + 1)}
    assert {sheet[cell].number_format for cell in unlocked} == {"@"}


def test_the_steps_are_hidden_and_the_sheet_to_write_in_comes_first(delivered: Any) -> None:
    assert [(sheet.title, sheet.sheet_state) for sheet in delivered] == [
        ("RIO", "visible"),
        ("Mode d'emploi", "visible"),
        ("Calcul", "hidden"),
    ]
    assert delivered.active.title == "RIO"


def test_the_header_stays_in_sight_on_screen_and_on_paper(delivered: Any) -> None:
    sheet = delivered["RIO"]
    assert sheet.freeze_panes == f"D{FIRST}"
    assert sheet.print_title_rows == f"${FIRST - 1}:${FIRST - 1}"
    assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "portrait")


def test_the_instructions_say_what_matters(delivered: Any) -> None:
    told = "\n".join(
        str(cell.value) for row in delivered["Mode d'emploi"].iter_rows() for cell in row if cell.value is not None
    )
    for words in ("3179", "ne dit pas que la ligne est portable", "Ne jamais résilier", "Valeurs", "ne pas envoyer"):
        assert words in told


def test_the_examples_of_the_instructions_show_each_sort_of_verdict(delivered: Any) -> None:
    shown = Counter(cell.value for cell in delivered["Mode d'emploi"]["D"])
    assert shown[RIGHT] == 2
    assert shown[WRONG] == 3
    assert shown[NO_NUMBER] == shown[ODD_NUMBER] == 1


async def test_the_workshop_makes_it() -> None:
    workshop = Workshop()
    try:
        assert (await workshop.make(rio_model.make)).startswith(b"PK")
    finally:
        workshop.close()
