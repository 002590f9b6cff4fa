"""Three hundred invented French companies, and one typing error in a name.

Each name is made of a trade and of a family, a place or an image; no word but legal forms, "et", "de" and the like is
in more than five names. Some are as near one another as real ones are (Martin, Marin; Boucher, Bouchet).
"""

import random
from collections.abc import Iterator

_TRADES = """
Boulangerie Menuiserie Plomberie Transports Garage Pharmacie Imprimerie Maçonnerie Serrurerie Couverture Charpente
Électricité Peinture Carrelage Chauffage Climatisation Terrassement Paysages Pépinières Fleurs Boucherie Charcuterie
Poissonnerie Fromagerie Pâtisserie Chocolaterie Traiteur Restaurant Brasserie Hôtel Camping Taxis Ambulances Autocars
Déménagements Messagerie Entrepôts Logistique Optique Audition Dentaire Vétérinaire Infirmiers Architectes Géomètres
Notaires Avocats Comptables Assurances Immobilier Syndic Nettoyage Sécurité Gardiennage Intérim Formation Conseil
Informatique Télésurveillance Signalétique Ateliers Ébénisterie Verrerie Miroiterie Ferronnerie Chaudronnerie Usinage
Mécanique Carrosserie Pneus Motoculture Céréales Vignobles Domaine Apiculture
"""
_FAMILIES = """
Martin Marin Bernard Besnard Durand Durant Lefèvre Lefebvre Moreau Moraux Girard Gérard Boucher Bouchet Fournier
Fourrier Rousseau Roussel Garnier Garnet Le~Goff Le~Guen Faure Favre Mercier Merlier Blanc Leblanc Guérin Guéry
Chevalier Chevallier Gauthier Gautier Perrin Perrot Clément Clémenceau Dumas Dumont Brunet Brunel Masson Maçon
Marchand Marchal Dufour Dufour~Petit Meunier Meynier Barbier Barbé Arnaud Arnault Renard Renaud Schmitt Schmidt
Leclerc Lecler Picard Ricard Vidal Vital Caron Charron Lacroix Delacroix Olivier Ollivier Benoît Benoist Maillard
Maillet Rivière Larivière Renault Poirier Poitier Vasseur Levasseur Hervé Hervieu Guillot Guyot Pons Pontier Collet
Colin Prévost Prévot Carpentier Charpentier Tessier Texier Riou Rioux Jacquet Jacquot Huet Huette Breton Bretonneau
Coste Lacoste Deschamps Duchamp
"""
_PLACES = """
Angers Nantes Rennes Brest Quimper Vannes Lorient Saumur Cholet Laval Tours Blois Orléans Bourges Nevers Dijon Beaune
Mâcon Vichy Royat Limoges Tulle Brive Cahors Albi Castres Rodez Millau Nîmes Arles Orange Avignon Cassis Toulon Fréjus
Menton Gap Briançon Annecy Chambéry Grenoble Valence Privas Aubenas Colmar Sélestat Épinal Verdun Reims Épernay Troyes
Sens Auxerre Meaux Melun Dreux Chartres Évreux Lisieux Bayeux Granville Fougères Dinard Morlaix
"""
_IMAGES = """
de~l'Étoile du~Lion~d'Or de~la~Tour des~Remparts du~Moulin de~la~Fontaine du~Vieux~Chêne des~Tilleuls du~Cœur~Vaillant
de~l'Œillet des~Deux~Rives du~Pont~Neuf de~la~Gare du~Port des~Alpes du~Jura de~l'Océan de~la~Plage du~Phare des~Dunes
de~l'Écluse du~Canal de~la~Forêt des~Sources du~Soleil de~la~Lune des~Quatre~Vents de~l'Horizon du~Grand~Large
des~Pins
"""
_ALONE = (
    "Lumivolt", "Axo", "BTP 31", "Pizza 2000", "B&B Levage", "Numéria", "Cap'Ouest", "Sud-Est Énergies", "Hydro+",
    "Nova-Trame", "Éco Bâti", "Kerlann", "Le Fournil", "L'Atelier 12", "Trans'Alpes", "OptiRéseau", "Arc & Senans",
    "St Brieuc Marée", "Sainte-Anne Marine", "Œnologia",
)  # fmt: skip
_LEGAL = ("{}", "{}", "SARL {}", "{} SAS", "{} SARL", "{}", "EURL {}", "{} SA", "S.A.R.L. {}", "SASU {}")

#: Neighbours on a French keyboard.
_KEYBOARD = ("azertyuiop", "qsdfghjklm", "wxcvbn")


def names() -> tuple[str, ...]:
    """The companies, always the same."""
    dice = random.Random(1)
    trades = [trade for trade in _TRADES.split() for _ in range(5)]
    dice.shuffle(trades)
    owners = [words.replace("~", " ") for words in f"{_FAMILIES} {_FAMILIES} {_PLACES} {_IMAGES}".split()]
    dice.shuffle(owners)
    made = dict.fromkeys(_ALONE)
    for number, (trade, owner) in enumerate(zip(trades, owners, strict=False)):
        if len(made) == 300:
            break
        sons = (" & Fils", " et Associés", " Frères")[number // 5] if number < 15 else ""
        made[dice.choice(_LEGAL).format(f"{trade} {owner}{sons}")] = None
    return tuple(made)


def one_error(name: str, letters: str = "aeust") -> Iterator[str]:
    """The name with one typing error: each deletion and each exchange of neighbours; at each position wrong and
    additional signs: `letters`, the sign itself twice, and its neighbours on the keyboard.
    """
    for place, sign in enumerate(name):
        before, after = name[:place], name[place + 1 :]
        yield before + after
        if after:
            yield before + after[0] + sign + after[1:]
        for other in dict.fromkeys(letters + sign + _beside(sign)):
            yield before + other + after
            yield before + other + sign + after
    for other in letters:
        yield name + other


def _beside(sign: str) -> str:
    row = next((row for row in _KEYBOARD if sign.lower() in row), "")
    place = row.find(sign.lower())
    return row[max(place - 1, 0) : place] + row[place + 1 : place + 2] if row else ""
