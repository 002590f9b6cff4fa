"""How large a list may be, and what is said of a file that cannot be checked."""

MAX_ROWS = 50_000
MAX_COLUMNS = 500
MAX_CELLS = 500_000
#: Bytes of the file, and of what a spreadsheet unpacks to.
MAX_FILE = 50 * 1024**2
MAX_UNPACKED = 250 * 1024**2

#: Rows, the first, among which the names of the columns are looked for.
HEADER_ROWS = 30


class RioListError(Exception):
    """A file that cannot be checked; the message says what, where and what to do, in French, and quotes no code."""


def bound(rows: int, columns: int, cells: int) -> None:
    if rows > MAX_ROWS + HEADER_ROWS:
        raise too_many_rows()
    if columns > MAX_COLUMNS or cells > MAX_CELLS:
        raise RioListError(
            f"Le fichier a trop de colonnes ({MAX_COLUMNS} au plus, et {_whole(MAX_CELLS)} cellules en tout). "
            "Ne garder que les colonnes utiles."
        )


def too_many_rows() -> RioListError:
    return RioListError(f"La liste dépasse {_whole(MAX_ROWS)} lignes. L'envoyer en plusieurs parties.")


def _whole(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")
