"""What the lines of a mail ask of the bot, what in them is courtesy, and what is said to people."""

import re
from dataclasses import dataclass

from sqlite_utils import Database

from bot.mail.reading import Mail
from handlers import registry
from handlers.sentence import asked_in
from handlers.understand import understand

_COURTESY = re.compile(
    r"^(?:bonjour|bonsoir|salut|hello|coucou|cher|chère|chers|madame|monsieur|merci|mille mercis|encore merci"
    r"|d['’]avance"
    r"|cordialement|bien cordialement|bien à (?:vous|toi)|amicalement|salutations|respectueusement|cdt|cdlt"
    r"|sincères|meilleures|belle|bonne? (?:journée|soirée|fin|réception|après-midi|week|continuation)|à bientôt|à plus"
    r"|ok|d['’]accord|parfait|bien reçu|c['’]est (?:noté|bon|parfait)|noté|entendu|très bien|super|reçu)\b"
    r"(?P<rest>.{0,60})$",
    re.IGNORECASE,
)

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
    found = _COURTESY.match(line.strip())
    return bool(found) and not re.search(r"\d|\?", found["rest"])  # type: ignore[index]


def only_commands(asked: Asked) -> Asked:
    """What is a command for certain: in a mail to people, the rest is for them."""
    sure = tuple(question for question in asked.questions if question.slash)
    told = tuple(question.said for question in asked.questions if not question.slash)
    return Asked(sure, (*told, *asked.others))
