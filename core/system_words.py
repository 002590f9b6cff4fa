"""What the system, SQLite or the network refuses, in French: their own words are English, or Python's."""

import errno
import os
import socket
import sqlite3

from core import disk, soundness


def in_french(error: OSError | sqlite3.Error) -> str:
    """A few words without a full stop; the system's own where there are no better ones."""
    if isinstance(error, sqlite3.Error):
        if soundness.is_damage(error):
            return "la base est abîmée : redémarrer le service la remet en état"
        refusal = disk.refusal_of(error)
        return refusal.reason if refusal else str(error)
    if isinstance(error, socket.gaierror):
        return "nom de serveur inconnu"
    if isinstance(error, TimeoutError):
        return "pas de réponse à temps"
    number = error.errno or 0
    # What the event loop says of a connection is a sentence of its own around the number.
    return _FRENCH.get(number) or (os.strerror(number) if number > 0 else str(error))


_FRENCH = {
    errno.ENOENT: "introuvable",
    errno.EACCES: "accès refusé",
    errno.EPERM: "accès refusé",
    errno.EEXIST: "un fichier de ce nom est à cette place",
    errno.ENOTDIR: "ce n'est pas un dossier",
    errno.EISDIR: "c'est un dossier",
    errno.ENAMETOOLONG: "nom trop long",
    errno.ENOSPC: "le disque est plein",
    errno.EDQUOT: "le quota du disque est atteint",
    errno.EFBIG: "fichier trop grand pour ce disque",
    errno.EROFS: "le disque est en lecture seule",
    errno.EIO: "le disque rend des erreurs",
    errno.EMFILE: "trop de fichiers ouverts",
    errno.ECONNREFUSED: "connexion refusée",
    errno.ECONNRESET: "connexion coupée",
    errno.EPIPE: "connexion coupée",
    errno.ENETUNREACH: "réseau injoignable",
    errno.EHOSTUNREACH: "machine injoignable",
    errno.EADDRINUSE: "adresse déjà prise",
    errno.EADDRNOTAVAIL: "adresse qui n'est pas de cette machine",
}
