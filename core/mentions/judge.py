"""Which of the six mandatory mentions (operator's card, B-1) the text of a banner holds, and what is odd about them.

Reading a picture errs, so nothing is refused here: what was read is shown, and what is missing or doubtful is told.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import Levenshtein

from core.mentions.place import find_address, find_name
from core.mentions.reaching import find_cost, find_email, find_phone
from core.mentions.registration import Number, find_siren, find_siret, find_vat, siret_is_right
from core.mentions.text import cleaned, likeness, squeeze, without
from core.profile import Profile, show, vat_of

#: As it should be; to be compared by eye; read and at fault; not read at all.
State = Literal["right", "doubtful", "wrong", "absent"]

_SIGNS: dict[State, str] = {"right": "✅", "doubtful": "❓", "wrong": "⚠️", "absent": "⚠️"}
_BEST_FIRST: tuple[State, ...] = ("right", "doubtful", "wrong", "absent")

#: Of 100: below it, what was read is something else.
_LIKE = 80


@dataclass(frozen=True)
class Mention:
    """One of the six. `read`: as people write it, "" when absent. `remark`: what is odd, "" when nothing is (French).

    `short`: the same for a phone's screen, behind what was read.
    """

    label: str
    state: State
    read: str = ""
    remark: str = ""
    short: str = ""

    @property
    def line(self) -> str:
        """ "✅ SIRET : 123 456 782 00010 (clé juste)"."""
        return f"{_SIGNS[self.state]} {self.label} : {self.read}{self.short}"


@dataclass(frozen=True)
class Mentions:
    """`phone` is not right without a cost. `cost`: that cost in the profile's words, "" when there is none."""

    name: Mention
    address: Mention
    siret: Mention
    vat: Mention
    phone: Mention
    email: Mention
    cost: str = ""

    @property
    def all(self) -> tuple[Mention, ...]:
        return self.name, self.address, self.siret, self.vat, self.phone, self.email

    @property
    def complete(self) -> bool:
        """All six were read and none is at fault; some may still have to be compared by eye."""
        return all(mention.state in ("right", "doubtful") for mention in self.all)

    @property
    def certain(self) -> bool:
        """All six are there, and nothing is left to be compared."""
        return all(mention.state == "right" for mention in self.all)

    def lines(self) -> tuple[str, ...]:
        """One a mention, for the answer."""
        return tuple(mention.line for mention in self.all)

    def remarks(self) -> tuple[str, ...]:
        """What is missing or odd, in words."""
        return tuple(mention.remark for mention in self.all if mention.remark)

    def or_better(self, other: "Mentions") -> "Mentions":
        """Each mention from whichever of two readings of one picture tells more of it."""
        name, address, siret, vat, phone, email = (
            min(pair, key=lambda mention: _BEST_FIRST.index(mention.state))
            for pair in zip(self.all, other.all, strict=True)
        )
        return Mentions(name, address, siret, vat, phone, email, self.cost if phone is self.phone else other.cost)


def judge(lines: Sequence[str], profile: Profile) -> Mentions:
    """The mentions in the lines of a banner, compared with what is known of the integrator ("" where nothing is)."""
    text = cleaned(lines)
    siret, vat = find_siret(text), find_vat(text)
    text = without(text, siret.span, vat.span)
    siren = find_siren(text)
    cost, by_call = find_cost(text)
    text, email = find_email(text, profile.service_email)
    text, phone = find_phone(text, profile.phone)
    return Mentions(
        _name(text, profile.operator_name),
        _address(text, profile.address),
        _siret(siret, siren, profile.siret),
        _vat(vat, siret, profile),
        _phone(phone, cost, by_call, profile),
        _email(email, profile.service_email),
        cost,
    )


def _name(text: str, known: str) -> Mention:
    if not known:
        read = find_name(text)
        if not read:
            return Mention("nom", "absent", remark="le nom de la société ne se lit pas", short="absent")
        remark = f"le nom de la société, « {read} » semble-t-il, est à confirmer à l'œil"
        return Mention("nom", "doubtful", read, remark, ", à confirmer à l'œil")
    score, read = likeness(known, text)
    if score == 100:
        return Mention("nom", "right", known)
    if score >= _LIKE:
        return Mention("nom", "doubtful", read, f"le nom se lit « {read} », au profil c'est « {known} »", _known(known))
    remark = f"le nom, « {known} », ne se lit pas ; s'il n'est que dans le logo, le vérifier à l'œil"
    return Mention("nom", "absent", remark=remark, short=f"« {known} » ne se lit pas")


def _address(text: str, known: str) -> Mention:
    read = find_address(text)
    if not known and not read:
        remark = "l'adresse ne se lit pas : ni code postal, ni ville"
        return Mention("adresse", "absent", remark=remark, short="absente")
    if not known and "," not in read:
        remark = f"de l'adresse, seul « {read} » se lit : la rue est à vérifier à l'œil"
        return Mention("adresse", "doubtful", read, remark, ", rue à vérifier à l'œil")
    if not known:
        return Mention("adresse", "right", read)
    # Each part for itself: in columns, something else can stand between them.
    parts = [part for part in re.split(r"\s*[,;\n]\s*|\s+(?=[0-9]{5}\s)", known) if squeeze(part)[0]]
    found = [likeness(part, text) for part in parts]
    worst = min((score for score, _ in found), default=0)
    if worst == 100:
        return Mention("adresse", "right", known)
    if worst >= _LIKE:
        seen = ", ".join(part for _, part in found)
        return Mention("adresse", "doubtful", seen, f"l'adresse se lit « {seen} », au profil : {known}", _known(known))
    if read:
        remark = f"l'adresse lue, {read}, n'est pas celle du profil, {known}"
        return Mention("adresse", "wrong", read, remark, _known(known))
    return Mention("adresse", "absent", remark=f"l'adresse, {known}, ne se lit pas", short="absente")


def _siret(siret: Number, siren: str, known: str) -> Mention:
    if not siret.value and siren:
        shown = show("siret", siren).strip()
        remark = f"{shown} est un SIREN (9 chiffres) ; il faut le SIRET, qui en a 14"
        return Mention("SIRET", "absent", remark=remark, short=f"absent, {shown} n'est que le SIREN")
    if not siret.value:
        return Mention("SIRET", "absent", remark="le SIRET ne se lit pas", short="absent")
    if len(siret.value) != 14:
        count = f"{len(siret.value)} chiffres au lieu de 14"
        return Mention("SIRET", "wrong", siret.value, f"le SIRET lu, {siret.value}, a {count}", f", {count}")
    read, other = show("siret", siret.value), show("siret", known)
    if not siret.right:
        remark = f"la clé du SIRET lu, {read}, est fausse : un chiffre est mal écrit, ou mal lu"
        return Mention("SIRET", "wrong", read, remark + _known(other), ", clé fausse")
    if known and known != siret.value:
        return Mention(
            "SIRET", "wrong", read, f"le SIRET lu, {read}, n'est pas celui du profil, {other}", _known(other)
        )
    return Mention("SIRET", "right", read, short=" (clé juste)")


def _vat(vat: Number, siret: Number, profile: Profile) -> Mention:
    right_siret = siret.value if siret.right else profile.siret
    wanted = show("vat", vat_of(right_siret)) if siret_is_right(right_siret) else ""
    would_do = f" ; {wanted} irait avec le SIRET" if wanted else ""
    if not vat.value:
        remark = f"le numéro de TVA intracommunautaire ne se lit pas{would_do}"
        return Mention("TVA", "absent", remark=remark, short="absente")
    if len(vat.value) != 13:
        remark = f"le numéro de TVA lu, {vat.value}, n'a pas 11 chiffres derrière FR{would_do}"
        return Mention("TVA", "wrong", vat.value, remark, ", il faut FR et 11 chiffres")
    read, other = show("vat", vat.value), show("vat", profile.vat)
    if not vat.right:
        remark = f"la clé du numéro de TVA lu, {read}, est fausse : un chiffre est mal écrit, ou mal lu{would_do}"
        return Mention("TVA", "wrong", read, remark, ", clé fausse")
    if siret.right and siret.value[:9] != vat.value[4:]:
        remark = f"le numéro de TVA lu, {read}, n'est pas de la même société que le SIRET{would_do}"
        return Mention("TVA", "wrong", read, remark, ", ne va pas avec le SIRET")
    if profile.vat and profile.vat != vat.value:
        remark = f"le numéro de TVA lu, {read}, n'est pas celui du profil, {other}"
        return Mention("TVA", "wrong", read, remark, _known(other))
    if vat.bare:
        remark = f"« FR » ne se lit pas devant le numéro de TVA, {read[3:]}"
        return Mention("TVA", "doubtful", read, remark, ", « FR » à vérifier à l'œil")
    return Mention("TVA", "right", read, short=" (clé juste)")


def _phone(phone: str, cost: str, by_call: str, profile: Profile) -> Mention:
    if not phone:
        return Mention("téléphone", "absent", remark="le téléphone du service client ne se lit pas", short="absent")
    read, other = show("phone", phone), show("phone", profile.phone)
    beside = _known(other) if profile.phone and phone != profile.phone else ""
    if not cost and by_call:
        remark = f"le téléphone {read} est là, à {by_call} par appel, mais pas son coût par minute"
        return Mention("téléphone", "wrong", read, remark + beside, f", {by_call} par appel, rien par minute{beside}")
    if not cost:
        remark = f"le téléphone {read} est là, mais pas son coût par minute"
        return Mention("téléphone", "wrong", read, remark + beside, f", sans coût par minute{beside}")
    if beside:
        remark = f"le téléphone lu, {read}, n'est pas celui du profil, {other}"
        return Mention("téléphone", "wrong", read, remark, f" ({cost}){beside}")
    if profile.phone_cost and squeeze(profile.phone_cost, "+,")[0] != squeeze(cost, "+,")[0]:
        remark = f"le coût de l'appel lu, {cost}, n'est pas celui du profil, {profile.phone_cost}"
        return Mention("téléphone", "wrong", read, remark, f" ({cost}){_known(profile.phone_cost)}")
    return Mention("téléphone", "right", read, short=f" ({cost})")


def _email(email: str, known: str) -> Mention:
    if not email:
        remark = "l'adresse de courriel du service client ne se lit pas"
        return Mention("courriel", "absent", remark=remark, short="absent")
    if not known or "." not in email.rpartition("@")[2]:
        remark = f"l'adresse de courriel lue, {email}, est à confirmer à l'œil"
        return Mention("courriel", "doubtful", email, remark, ", à confirmer à l'œil" + _known(known))
    if email.lower() == known.lower():
        return Mention("courriel", "right", email)
    # One or two signs are as likely to be misread as miswritten.
    state: State = "doubtful" if Levenshtein.distance(email.lower(), known.lower()) <= 2 else "wrong"
    remark = f"l'adresse de courriel lue, {email}, n'est pas celle du profil, {known}"
    return Mention("courriel", state, email, remark, _known(known))


def _known(value: str) -> str:
    return f" ; au profil : {value}" if value else ""
