"""Clients, known by their folded names: "DUPONT BTP" and "Dupont BTP" are one."""

from sqlite_utils import Database

from core.layouts import fold


def client_id(db: Database, name: str) -> int | None:
    """The client of that name, created if need be; None for no name."""
    folded = fold(name)
    if not folded:
        return None
    found = db.execute("SELECT id, name FROM clients WHERE folded = ?", (folded,)).fetchone()
    if found:
        if name > found[1]:
            # Of several writings the one in small letters reads best; which file came first must not matter.
            db.execute("UPDATE clients SET name = ? WHERE id = ?", (name, found[0]))
        return int(found[0])
    return db.execute("INSERT INTO clients (name, folded) VALUES (?, ?)", (name, folded)).lastrowid
