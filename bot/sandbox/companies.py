"""The invented operator, integrator and clients, and the texts of their specimen documents."""

from dataclasses import dataclass

from bot.sandbox import pictures
from bot.sandbox.documents import Company

OPERATOR = Company("Origyne", "000 000 000", "1 place du Modèle", "00000 Ville-Fictive")
INTEGRATOR = Company(pictures.COMPANY, pictures.SIREN, *pictures.ADDRESS.split(", "))


@dataclass(frozen=True, slots=True)
class Client:
    """`name` as the CSVs write it."""

    name: str
    company: Company


_CLIENTS = (
    ("Dupont BTP", "3 chemin de la Grue"),
    ("Boulangerie Pâquerette & Fils", "8 rue du Fournil"),
    ("Garage de l'Étoile", "27 avenue des Pistons"),
    ('Menuiserie "Le Chêne"', "5 impasse du Rabot"),
    ("Cabinet Médical Fictif", "14 rue des Ordonnances"),
    ("Taxis Imaginaires", "2 place du Compteur"),
    ("Hôtel du Modèle", "1 quai des Valises"),
    ("Transports Lune Bleue", "40 route du Quai"),
    ("Fleurs d'Été", "6 allée des Pétales"),
    ("Électricité Générale Ampère-Exemple", "19 rue du Disjoncteur"),
    ("Agence Spécimen Immobilier", "11 boulevard des Clés"),
    ("Association L'Œuvre Inventée", "9 rue du Préau"),
)


def invented_clients(count: int) -> tuple[Client, ...]:
    more = ((f"Entreprise Exemple {n}", f"{n} rue de l'Exemple") for n in range(len(_CLIENTS) + 1, count + 1))
    return tuple(
        Client(name, Company(name, f"000 000 {number:03d}", street, "00000 Ville-Fictive"))
        for number, (name, street) in enumerate((*_CLIENTS[:count], *more), start=1)
    )


CONTRACT = (
    (
        "Article 1 - Objet",
        "L'opérateur Origyne fournit à l'intégrateur Télécom Exemple des lignes mobiles que celui-ci commercialise "
        "sous sa propre marque auprès d'entreprises.",
    ),
    (
        "Article 2 - Mise à disposition des fichiers",
        "L'état des lignes est déposé chaque heure et le détail des communications deux à six fois par jour, du lundi "
        "au samedi, entre 8 h et 20 h. Les fichiers de facturation sont déposés chaque mois.",
    ),
    (
        "Article 3 - Confidentialité",
        "Les codes PUK, les relevés d'identité opérateur et le détail des communications ne sont communiqués qu'aux "
        "personnes habilitées.",
    ),
    ("Article 4 - Durée", "Le présent spécimen n'engage personne : les sociétés, noms et numéros sont inventés."),
)
COMPANY_EXTRACT = (
    (
        "Identification de la personne morale",
        f"Dénomination : Télécom Exemple\nImmatriculation : {pictures.SIREN} R.C.S. Ville-Fictive (numéro inventé)\n"
        "Forme juridique : société par actions simplifiée\nCapital social : 10 000,00 €",
    ),
    ("Siège", pictures.ADDRESS),
    ("Direction", "Présidente : Camille Exemple (personne inventée)"),
    ("Activité", "Revente de services de télécommunications mobiles aux entreprises."),
)
