"""French words for what the store keeps as codes: status of a line, kind of traffic, change of a line."""

from core.kinds import Kind

#: Of a line; agrees with « la ligne ». An unknown status has none: the operator's own word is shown.
STATUS = {
    "stock": "en stock",
    "reserved": "réservée",
    "active": "active",
    "suspended": "suspendue",
    "suspended_by_operator": "suspendue par l'opérateur",
    "terminated": "résiliée",
}

KIND: dict[Kind, str] = {
    "voice": "Voix",
    "sms": "SMS",
    "mms": "MMS",
    "data": "Data",
    "premium": "Numéros spéciaux",
    "other": "Autre",
}

#: As `line_changes` names them; agrees with « la ligne » where it is said of it.
CHANGE = {
    "new": "nouvelle",
    "activated": "activée",
    "suspended": "suspendue",
    "resumed": "rétablie",
    "terminated": "résiliée",
    "status": "statut changé",
    "sim": "carte SIM changée",
    "client": "client changé",
    "plan": "forfait changé",
    "imsi": "IMSI changé",
    "activation": "mise en service changée",
    "rio": "RIO changé",
    "options": "options changées",
    "vanished": "disparue de l'état",
    "returned": "de retour dans l'état",
}
