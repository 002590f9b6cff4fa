"""A list of RIOs and numbers, in a spreadsheet or a CSV: what it was, with a verdict on each row.

Heavy: made in the workshop (see `core.workshop`); what reads spreadsheets is imported when there is one to read. The
list is a stranger's file: what it unpacks to is bounded before it is opened, and no text of it is in any error.
"""

import re
from pathlib import PurePath

from core.rio_list.book import annotate_book
from core.rio_list.bounds import MAX_CELLS, MAX_COLUMNS, MAX_FILE, MAX_ROWS, MAX_UNPACKED, RioListError
from core.rio_list.columns import EXPLANATION, HEADERS, OPERATOR, PROPOSAL, VERDICT
from core.rio_list.rows import JUDGED, Annotated, hidden
from core.rio_list.text import annotate_text

__all__ = [
    "EXPLANATION", "HEADERS", "JUDGED", "MAX_CELLS", "MAX_COLUMNS", "MAX_FILE", "MAX_ROWS", "MAX_UNPACKED", "OPERATOR",
    "PROPOSAL", "VERDICT", "Annotated", "RioListError", "annotate",
]  # fmt: skip


def annotate(name: str, content: bytes, hide: bool = False, held: frozenset[str] = frozenset()) -> Annotated:
    """Check each row of a list of RIOs; what it says itself comes back as it was.

    :param hide: for a way on which no whole RIO may go: RIOs are masked but for their first three signs, and a
        correction is only said to exist.
    :param held: numbers whose RIOs are not checked now, as too many were tried.
    :raises RioListError: no list of RIOs, or none that can be read.
    """
    if not content.strip(b"\xef\xbb\xbf\xff\xfe\x00\r\n\t ;,"):
        raise RioListError("Le fichier est vide. Vérifier le fichier envoyé.")
    if len(content) > MAX_FILE:
        raise RioListError(f"Le fichier dépasse {MAX_FILE // 1024**2} Mo. L'envoyer en plusieurs parties.")
    stem = re.sub(r"[^\w .()-]", "_", PurePath(name.replace("\\", "/")).stem).strip(" .") or "liste"
    stem = "liste" if hide and hidden(stem) != stem else stem.removesuffix("_vérifiée")
    if content.startswith(b"PK"):
        made, tally = annotate_book(content, hide, held)
        return tally.result(f"{stem}_vérifiée.xlsx", made)
    made, tally = annotate_text(content, hide, held)
    return tally.result(f"{stem}_vérifiée.csv", made)
