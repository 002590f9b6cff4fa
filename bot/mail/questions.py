"""What the lines of a mail ask of the bot, what in them is courtesy, and what is said to people."""

import re
from dataclasses import dataclass

from sqlite_utils import Database

from bot.mail.reading import Mail
from core.layouts import fold
from handlers import registry
from handlers.sentence import asked_in
from handlers.understand import understand

# Words that a courtesy begins with, and that it goes on with (folded). Nothing else stands in one: "Merci de résilier
# la ligne" is none.
_GREETING = re.compile(r"(?:re)?bonjour|bonsoir|salut|hello|coucou|ch(?:er|ere)s?|madame|monsieur|merci")
_OPENING = re.compile(
    rf"{_GREETING.pattern}|mesdames|messieurs|mille|encore|un|grand|d|avance|par|cordialement|bien|amicalement|salutations"
    r"|respectueusement|cdl?t|sinceres|sincerement|meilleur(?:e?s)|belle|bonn?e?|a|ok|parfait|recu|c|note|entendu|tres"
    r"|super|et|avec"
)
_WITHIN = re.compile(
    rf"{_OPENING.pattern}|mercis|beaucoup|vraiment|infiniment|remerciements|pour|de|la|le|l|les|ce|cet|cette|ces|votre|vos"
    r"|ton|ta|tes|mes|nos|vous|toi|tous|toutes|tout|monde|equipe|aide|reponses?|retours?|rapide|rapidite|reactivite"
    r"|message|mail|courriel|envoi|informations?|infos?|precisions?|confirmation|accord|est|distinguees|respectueuses"
    r"|cordiales|journee|soiree|matinee|fin|reception|apres|midi|week|end|weekend|semaine|continuation|bientot|plus|tard"
)

#: Words of a name after a greeting.
_MOST_NAME_WORDS = 3

#: Words of a line from which on it reads as a sentence; fewer are a command that went wrong.
_PROSE = 4


@dataclass(frozen=True)
class Question:
    """A command that a line asks for. `slash`: it was written as one, so that it cannot be meant otherwise."""

    name: str
    arguments: str
    said: str
    slash: bool

    @property
    def may_be_prose(self) -> bool:
        """Whether its line can be a sentence that only begins like a command ("Factures bien reçues pour octobre")."""
        return not self.slash and len(re.findall(r"[^\W\d_]{2,}", self.said)) >= _PROSE


@dataclass(frozen=True)
class Asked:
    """`questions`: each once, in their order; `others`: the lines that ask nothing and are no mere courtesy."""

    questions: tuple[Question, ...]
    others: tuple[str, ...]


def asked(mail: Mail, telecom: Database, now: int) -> Asked:
    """Read the sender's own words; quoted text is not among them.

    :param now: UTC seconds.
    """
    questions: dict[tuple[str, str], Question] = {}
    others: list[str] = []
    for paragraph in _paragraphs(mail):
        read = [(line, understand(line)) for line in paragraph]
        if not any(found for _, found in read):  # a sentence may be wrapped over lines
            read = [(it, asked_in(it, telecom, now)) for it in _sentences(" ".join(paragraph))]
        for said, found in read:
            if found and _is_free_text(found[0]):
                # What follows is all of the message.
                words = f"{found[1]}\n{mail.own_text.partition(said)[2]}".strip()
                questions.setdefault((found[0], words), Question(found[0], words, said, said.startswith("/")))
                return Asked(tuple(questions.values()), tuple(others))
            if found:
                questions.setdefault(found, Question(*found, said, said.startswith("/")))
            elif not is_courtesy(said):
                others.append(said)
    return Asked(tuple(questions.values()), tuple(others))


def _is_free_text(name: str) -> bool:
    command = registry.named(name)
    return bool(command and command.free_text)


def _paragraphs(mail: Mail) -> list[list[str]]:
    """The lines of the subject, when it is no reply's, and of each paragraph."""
    body = [[line.strip() for line in part.split("\n") if line.strip()] for part in re.split(r"\n\s*\n", mail.own_text)]
    within = {line for paragraph in body for line in paragraph}
    subject = [[line] for line in mail.own_words[:1] if line not in within]
    return [paragraph for paragraph in (*subject, *body) if paragraph]


def _sentences(text: str) -> list[str]:
    return [it for it in re.split(r"(?<=[.!?;])\s+(?=[^\W\d_]|/)", text) if it.strip(" .!?;")]


def is_courtesy(line: str) -> bool:
    """Whether a line greets, thanks or takes leave, and says nothing else."""
    if re.search(r"\d|\?", line):
        return False
    phrases = [found for it in re.split(r"[^\w\s'’-]|\s[-–—]", line) if (found := re.findall(r"[^\W\d_]+", it))]
    return bool(phrases) and all(map(_is_courteous, phrases))


def _is_courteous(words: list[str]) -> bool:
    """Whether a phrase is made of courtesy alone; a name may end a greeting."""
    folded = [fold(word) for word in words]
    if _GREETING.fullmatch(folded[0]):
        known = next((place for place, word in enumerate(folded) if not _WITHIN.fullmatch(word)), len(words))
        name, folded = words[known:], folded[:known]
        if len(name) > _MOST_NAME_WORDS or any(not it[0].isupper() or registry.named(it) for it in name):
            return False
    if "pour" in folded and not {"merci", "mercis"} & set(folded[: folded.index("pour")]):
        return False  # what he agrees to
    return bool(_OPENING.fullmatch(folded[0])) and all(map(_WITHIN.fullmatch, folded))


def only_commands(asked: Asked) -> Asked:
    """What is a command for certain: in a mail to people, the rest is for them."""
    sure = tuple(question for question in asked.questions if question.slash)
    told = tuple(question.said for question in asked.questions if not question.slash)
    return Asked(sure, (*told, *asked.others))
