"""Which columns of a list hold its RIOs and numbers, and where the verdicts go."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core import rio
from core.layouts import Layouts, fold
from core.numbers import NumberError, msisdn
from core.rio_list.bounds import HEADER_ROWS, RioListError
from core.rio_list.rows import FIGURE, JUDGED, LONGEST, SEPARATORS, judge, plain

#: The columns that are added.
VERDICT, EXPLANATION, PROPOSAL, OPERATOR = HEADERS = ("Verdict", "Explication", "Proposition", "Opérateur")
#: The last one's name beside a column of the list's own that has it.
OTHER_OPERATOR = "Opérateur (RIO)"

#: Rows that say what a column holds.
_SAMPLE = 500


@dataclass(frozen=True)
class Layout:
    """Places count from 0. `header`: the row of names, None when there is none; `number`: None likewise.

    `added`: where the four columns of verdicts go; `names`: of the columns that are read.
    """

    header: int | None
    rio: int
    number: int | None
    added: tuple[int, int, int, int]
    titles: tuple[str, str, str, str]
    names: tuple[str, ...]


_Grid = Sequence[Sequence[str]]
_RIO_SHAPE = re.compile(r"[A-Z0-9]{2}[E-Z][A-Z0-9]{6}[A-Z0-9+]{3}")
_NUMBER_WORDS = {
    "numero", "numeros", "num", "tel", "telephone", "mobile", "ligne", "lignes", "msisdn", "gsm", "portable", "nd",
    "ndi",
}  # fmt: skip


def find_columns(grid: _Grid) -> Layout | None:
    """The columns of RIOs and of numbers: by their names, else by what they hold; None when no RIO is found."""
    layouts = Layouts.load()
    width = max(map(len, grid), default=0)
    header, roles = _named(grid, layouts)
    added = _added_before(grid, header, width)
    below = [row for row in grid[0 if header is None else header + 1 :] if any(row)]
    columns = [place for place in range(width) if place not in added]
    samples = {place: _sample(below, place) for place in columns}
    shares = {place: _share(samples[place], _is_rio) for place in columns}
    named = [place for place in columns if roles.get(place, ("", 0))[0] == "rio"]
    column = max(columns, key=lambda place: (shares[place], -place), default=-1)
    if named:
        first = max(named, key=lambda place: (shares[place] > 0, roles[place][1], shares[place], -place))
    # A title above the table can say RIO too.
    if named and (shares[first] or shares[column] < 0.5):
        column = first
    else:
        if column < 0 or shares[column] < 0.5:
            return None
        if header is None:
            header = _unknown_header(grid, column)
    if not any(text_at(row, column) for row in below):
        return None
    below = [row for row in grid[0 if header is None else header + 1 :] if any(row)]
    number = _number_column(below, column, [place for place in columns if place != column], roles)
    used = [column] if number is None else [column, number]
    return Layout(header, column, number, *_places(grid, header, added, width), _names(grid, header, used))


def _named(grid: _Grid, layouts: Layouts) -> tuple[int | None, dict[int, tuple[str, int]]]:
    """The row that names most columns, and which: place -> (rio or number, how surely)."""
    best: tuple[int | None, dict[int, tuple[str, int]]] = (None, {})
    for number, row in enumerate(grid[:HEADER_ROWS]):
        roles = {place: role for place, cell in enumerate(row) if (role := _role(cell, layouts))}
        kinds = {role for role, _ in roles.values()}
        if len(kinds) > len({role for role, _ in best[1].values()}):
            best = (number, roles)
    return best


def _role(cell: str, layouts: Layouts) -> tuple[str, int] | None:
    if not cell or len(cell) > 60 or sum(sign.isdigit() for sign in cell) > 3:
        return None
    known = layouts.column(cell)
    if known and known[0] == "rio":
        return "rio", 3
    if known and known[0] in ("msisdn", "caller"):
        return "number", 3 if known[0] == "msisdn" else 2
    words = {fold(word) for word in re.findall(r"[^\W_]+", cell)}
    if "rio" in words:
        return "rio", 1
    return ("number", 1) if words & _NUMBER_WORDS or "n°" in cell.lower() else None


def _number_column(rows: _Grid, column: int, others: list[int], roles: dict[int, tuple[str, int]]) -> int | None:
    """Where the numbers are: of several such columns, the one with which most keys are right."""
    best, found = (0, 0, 0.0), None
    for place in others:
        share = _share(_sample(rows, place), _is_number)
        named = roles[place][1] if roles.get(place, ("", 0))[0] == "number" else 0
        if share == 0 or (not named and share < 0.5):
            continue
        right = sum(judge(text_at(row, column), text_at(row, place)).judged == "Juste" for row in rows[:_SAMPLE])
        if (right, named, share) > best:
            best, found = (right, named, share), place
    return found


def _sample(rows: _Grid, place: int) -> list[str]:
    found = []
    for row in rows:
        if text := text_at(row, place):
            found.append(text)
            if len(found) == _SAMPLE:
                break
    return found


def _share(texts: list[str], wanted: Callable[[str], bool]) -> float:
    return sum(map(wanted, texts)) / len(texts) if texts else 0.0


def _is_rio(text: str) -> bool:
    text = plain(text)[:LONGEST]
    signs = SEPARATORS.sub("", text).upper()
    if len(signs) != 12 and len(signs) > 18:
        signs = rio.read(text)[0]
    return bool(_RIO_SHAPE.fullmatch(signs)) and any(sign.isdigit() for sign in signs)


def _is_number(text: str) -> bool:
    text = plain(text)
    if FIGURE.fullmatch(text):
        return True
    try:
        msisdn(text)
    except NumberError:
        return False
    return True


def _unknown_header(grid: _Grid, column: int) -> int | None:
    """A row of names that nothing knows, just above the first RIO."""
    first = next(number for number, row in enumerate(grid) if _is_rio(text_at(row, column)))
    if first == 0:
        return None
    above = text_at(grid[first - 1], column)
    return first - 1 if above and not any(sign.isdigit() for sign in above) else None


def _added_before(grid: _Grid, header: int | None, width: int) -> dict[int, int]:
    """The columns that an earlier check has added: place -> which of the four."""
    if header is None:
        for place in range(width):
            cells = {text for row in grid if (text := text_at(row, place))}
            if cells and cells <= set(JUDGED):
                return {place + which: which for which in range(4)}
        return {}
    names = [fold(cell) for cell in grid[header]]
    wanted = [fold(title) for title in HEADERS]
    if not all(title in names for title in wanted[:3]):
        return {}  # a column of the list's own may have one of these names
    added = {names.index(title): which for which, title in enumerate(wanted[:3])}
    for place in range(max(added) + 1, len(names)):
        if names[place] in (wanted[3], fold(OTHER_OPERATOR)):
            return added | {place: 3}
    return added


def _places(
    grid: _Grid, header: int | None, added: dict[int, int], width: int
) -> tuple[tuple[int, int, int, int], tuple[str, str, str, str]]:
    """Where the four columns go, and their titles: in the place of an earlier check's, else after all others."""
    where = {which: place for place, which in added.items()}
    free = width
    for which in range(4):
        if which not in where:
            where[which], free = free, free + 1
    taken = header is not None and any(
        fold(cell) == fold(OPERATOR) for place, cell in enumerate(grid[header]) if place not in added
    )
    titles = (VERDICT, EXPLANATION, PROPOSAL, OTHER_OPERATOR if taken else OPERATOR)
    return (where[0], where[1], where[2], where[3]), titles


def _names(grid: _Grid, header: int | None, places: list[int]) -> tuple[str, ...]:
    titles = ["" if header is None else text_at(grid[header], place) for place in places]
    return tuple(title or f"colonne {letters(place)}" for title, place in zip(titles, places, strict=True))


def letters(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def text_at(row: Sequence[str], place: int) -> str:
    return row[place] if place < len(row) else ""


def no_column(grid: _Grid) -> RioListError:
    first = next((row for row in grid if any(row)), [])
    # Names of columns are shown; cells of data, which may be codes, are not.
    seen = [
        cell if len(cell) <= 40 and not any(sign.isdigit() for sign in cell) else f"colonne {letters(place)}"
        for place, cell in enumerate(first[:20])
        if cell
    ]
    shown = f" Colonnes lues : {', '.join(seen)}." if seen else ""
    return RioListError(
        f"Aucune colonne de RIO n'est reconnue.{shown} Nommer « RIO » la colonne des RIO et « Numéro » celle des"
        " numéros, puis renvoyer le fichier."
    )
