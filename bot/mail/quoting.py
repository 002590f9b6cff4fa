"""A sender's own words told from what he quotes, from signatures and from what programs add; French first.

Own, because what there is does not fit. On the 51 replies of this project's corpus with a plain text, own words are
exact in 13 with mail-parser-reply 1.36, 21 with quotequail 0.5 and 12 with email-reply-parser 0.5, and quoted questions
are taken for the sender's in 13, 4 and 13. Whatever is unsure is cut: what is cut is kept, and never runs.
"""

import re
from collections.abc import Sequence

from bot.mail.markup import Line
from handlers import registry

#: Signs of a line that are looked at for marks, lines that an announcement may be wrapped on, and lines of a signature.
_LOOKED_AT, _WRAPPED, _SIGNATURE_LINES = 400, 4, 12


def split(lines: Sequence[Line]) -> tuple[str, str]:
    """(own text, cut text) of a body: each of its lines that is not empty stands in one of them, in their order.

    An answer below or within a quote is read where each quoted line is marked, by > or in HTML. What follows an
    announcement without marks is cut to its end.
    """
    own = _quotes_cut(lines)
    _signature_cut(lines, own)
    return _text(lines, own), _text(lines, [not it for it in own])


def _text(lines: Sequence[Line], chosen: list[bool]) -> str:
    """The chosen lines; paragraphs kept, and each gap is one empty line."""
    found = "\n".join(line.text.rstrip() if pick else "" for line, pick in zip(lines, chosen, strict=True))
    return re.sub(r"\n{3,}", "\n\n", found).strip()


def _quotes_cut(lines: Sequence[Line]) -> list[bool]:
    """For each line, whether it is the sender's as far as marks, announcements and closings tell."""
    texts = [_looked_at(line) for line in lines]
    own = [False] * len(lines)
    wrapped = signature = False
    number = 0
    while number < len(lines):
        line, text = lines[number], texts[number]
        if line.kind == "rest" or _announces_rest(texts, number):
            break
        if line.kind == "quoted" or _MARK.match(text):
            wrapped = bool(_MARK.match(text)) and _may_go_on(texts, number)
            signature = False
        elif not text:
            wrapped = False
        elif after := _after_attribution(texts, number):
            following = next((it for it in range(after, len(lines)) if texts[it]), None)
            if following is None or not (lines[following].kind == "quoted" or _MARK.match(texts[following])):
                break
            number = after
            continue
        elif wrapped or line.kind == "signature" or _NOTICE.match(text):
            pass
        elif _SIGNATURE.match(text) or _is_disclaimer(texts, number):
            signature = True
        elif not signature or _POSTSCRIPT.match(text):
            own[number] = True
            signature = bool(_CLOSING.match(text))
        number += 1
    return own


def _looked_at(line: Line) -> str:
    """A line's beginning, without the stars that stand for bold in plain text."""
    text = " ".join(line.text[:_LOOKED_AT].split())
    return text if text.startswith("**") else text.strip("*")


def _may_go_on(texts: list[str], number: int) -> bool:
    """Whether the unmarked line below a quoted one may be its end, as it did not fit: programs wrap at 72 or so."""
    below = texts[number + 1].split(" ")[0] if number + 1 < len(texts) else ""
    return len(texts[number]) + 1 + len(below) > 60 or texts[number].endswith(":")


# -- announcements of quotes

_MARK = re.compile(r"[>|»}]|\w{1,10}>")

# A program's rule, or its words for what follows, on a line of their own.
_ORIGINAL = (
    r"(?:message|courriel|courrier|mail|e-?mail) (?:d['’]origine|original|originel|initial|précédent"
    r"|(?:trans(?:féré|mis|f\.)|réexpédié|suivi)e?)"
    r"|(?:original|forwarded|previous) (?:message|e?-?mail)|reply message|message (?:original|reenviado)"
    r"|(?:ursprüngliche|originale?|weitergeleitete|urspr\.?) ?nachricht|mensaje (?:original|reenviado)"
    r"|messaggio (?:originale|inoltrato)|(?:oorspronkelijk|doorgestuurd) bericht|mensagem (?:original|encaminhada)"
)
_REST = re.compile(
    rf"[-_=*~—–\s]*(?:{_ORIGINAL})(?: de .{{1,80}}| from .{{1,80}})?\s?:?[-_=*~—–\s]*$"
    r"|-{2,} ?(?:below this line|this is a copy|included is a copy).*|[-=*#_~]{3,} ?[^-=*#_~]{1,80} ?[-=*#_~]{3,}$"
    r"|[-_=*~—–]{5,}$|- ?- ?-? ?-?$"
    r"|(?:début du (?:message|courriel) (?:réexpédié|transféré)|begin forwarded message|anfang der weitergeleiteten"
    r"|inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht).{0,40}$"
    r"|.{1,80} -{2,3} ?\d{2}[/.]\d{2}[/.]\d{4} \d{2}:\d{2}(?::\d{2})? ?-{2,3}",
    re.IGNORECASE,
)

# The headers of a quoted mail, as programs write them out.
_LABEL = re.compile(
    r"(?:(?P<sender>de la part de|de|from|von|van|da|expéditeur|från|fra|od)"
    r"|(?P<date>envoyé(?: le)?|date(?: d['’]envoi)?|sent(?: at)?|gesendet(?: am)?|datum|enviado(?: el)?|fecha|inviato"
    r"|verzonden|message du|reçu(?: le)?|data)"
    r"|(?P<subject>objet|sujet|subject|betreff|asunto|oggetto|onderwerp|assunto)"
    r"|(?P<to>à|a|to|an|aan|per|para|pour|destinataires?|copie(?: à)?|cc|cci|bcc|kopie|reply-to|répondre à|importance"
    r"|pièces? jointes?|attachments?))\*?\s?:(?:\s|\*|$)(?P<value>.*)",
    re.IGNORECASE,
)
_MAILED = re.compile(r"[^\s<>]@[^\s<>]")


def _announces_rest(texts: list[str], number: int) -> bool:
    text = texts[number]
    return bool(text) and (bool(_REST.match(text)) or _is_header_block(texts, number))


def _is_header_block(texts: list[str], number: int) -> bool:
    """Whether headers begin here, as in "De : … Envoyé : …": an address, or who and when or on what."""
    if not _LABEL.match(texts[number]):
        return False
    seen: set[str] = set()
    mailed = False
    for text in [it for it in texts[number : number + 14] if it][:8]:
        if label := _LABEL.match(text):
            seen.add(_which(label))
            mailed = mailed or bool(label["sender"] and _MAILED.search(label["value"]))
    return "sender" in seen and (mailed or bool(seen & {"date", "subject"}))


def _which(label: re.Match[str]) -> str:
    return next(name for name in ("sender", "date", "subject", "to") if label[name])


_DATED = re.compile(
    r"\b\d{1,2}[/.-]\d{1,2}[/.-](?:20)?\d\d\b|\b20\d\d-\d\d-\d\d\b|\b\d{1,2}(?::|h| h )\d\d\b|\b20\d\d\b"
    r"|\b(?:lun|mar|mer|jeu|ven|sam|dim|mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so)(?:\w{0,6})?[.,]? \d"
    r"|\b\d{1,2}(?:er)?\.? (?:jan|fév|feb|mar|avr|apr|mai|may|juin|jun|juil|jul|aoû|aug|sep|oct|okt"
    r"|nov|déc|dec|dez|dic)",
    re.IGNORECASE,
)
_MOMENT = re.compile(r"\b(?:20)\d\d\b.{1,12}\b\d{1,2}[:h.]\d\d\b")
_OPENS = re.compile(
    r"(?:le|on|am|el|il|op|em|den|w dniu|lun|mar|mer|jeu|ven|sam|dim)\b|\d{1,4}[/. -]|.{0,80}<|.{0,60}\S@\S",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r".*\b(?:(?:a |ont )?écrit|wrote|escribió|ha scritto|escreveu|skrev|napisał\(?a?\)?)\b"
    r"(?: (?:le|on|il|el) .{4,60}?)?\s?:$"
    r"|(?:am|op)\b.*\b(?:schrieb|schreef)\b.{0,120}:$|.*\b(?:schrieb|schreef)\s?:$",
    re.IGNORECASE,
)


def _after_attribution(texts: list[str], number: int) -> int:
    """Where what "Le … a écrit :" announces begins, when that stands here, wrapped or not; 0 when it does not.

    A person's own "Le client a écrit : …" bears no date or address, and goes on after its colon. In any language, a
    line that ends with a colon and bears an address, or a day and an hour, announces a quote.
    """
    if texts[number].endswith((":", "：")) and (_MAILED.search(texts[number]) or _MOMENT.search(texts[number])):
        return number + 1
    if not _OPENS.match(texts[number]):
        return 0
    joined, end = "", number
    for _ in range(_WRAPPED):
        if end < len(texts) and not texts[end]:
            end += 1  # some programs leave a line empty within it
        if end >= len(texts) or texts[end].startswith(">") or len(joined) > _LOOKED_AT:
            return 0
        joined = f"{joined} {texts[end]}".strip()
        end += 1
        if _WROTE.match(joined):
            return end if _DATED.search(joined) or _MAILED.search(joined) else 0
        if not (_DATED.search(joined) or "<" in joined):
            return 0
    return 0


# -- signatures

_SIGNATURE = re.compile(
    r"--\s?$|—\s?—$"
    r"|(?:envoyé|expédié|rédigé) (?:depuis|de|à partir d[eu’']|avec|via|par|sur) ?"
    r"(?:mon |ma |my |un |une |le |la |l['’]|de )?"
    r"(?:appli|outlook|yahoo|gmail|proton|messagerie|mail|orange|spark|bluemail|iphone|ipad|android|galaxy|samsung|huawei"
    r"|xiaomi|redmi|oneplus|pixel|mobile|smartphone|téléphone|appareil|tablette|webmail|courrier|mac|blackberry|windows|sfr"
    r"|free|la poste|laposte|k-9|typeapp|fairphone|nokia|wiko|sony|workspace|thunderbird|poste)"
    r"|(?:sent|gesendet|enviado|inviato|verzonden|verstuurd|von meine[mr]|enviada) "
    r"(?:from|with|via|mit|von|desde|da|dal|vanaf|met|iphone|ipad|de) ?.{0,60}(?:gesendet)?$"
    r"|(?:téléchargez|télécharger|obtenez|obtenir|get) .{0,20}\b(?:outlook|bluemail|typeapp|yahoo|spark)\b"
    r"|yahoo mail ?:|pensez à l['’]environnement|(?:p )?avant d['’]imprimer"
    r"|n['’]imprimez|p think before|please consider the env"
    r"|(?:merci de )?(?:penser|pensons) à l['’]environnement"
    r"|garanti sans virus|l['’]absence de virus|cet e-?mail a été vérifié",
    re.IGNORECASE,
)

# What programs and gateways put in, on one line; the sender's words may go on below it.
_NOTICE = re.compile(
    r"\[(?:cid|image|inline image)\s?:.*\]$|\[?(?:external|externe|extérieur)\]?$"
    r"|\[?(?:attention|caution|warning|prudence)\]? ?[:!-].{0,60}\b(?:extern|extérieur|outside|expéditeur inconnu)"
    r"|(?:ce (?:message|courriel|mail|e-?mail)|this (?:message|e-?mail)) "
    r"(?:provient|vient|a été envoyé|originated|came|is)"
    r".{0,20}\b(?:de l['’]extérieur|d['’]un expéditeur externe|extern|from outside)"
    r"|vous n['’]obtenez pas souvent d['’]e-?mail",
    re.IGNORECASE,
)

_POSTSCRIPT = re.compile(r"p\.?\s?-?s\.?\s?[:.\-–]", re.IGNORECASE)

# A farewell on a line of its own; what stands below it is who he is.
_CLOSING = re.compile(
    r"(?:(?:merci|bonne journée|bonne soirée|bonne réception|bon week-end|d['’]avance"
    r"|par avance|et|à vous|,|!|\.|-)\s*){0,4}"
    r"(?:(?:bien|très|plus)? ?cordialement|c(?:or)?d(?:ia)?l?t|bien (?:à (?:vous|toi)|cdlt|amicalement)|amicalement"
    r"|(?:sincères|meilleures|respectueuses|cordiales|mes|nos)? ?(?:sincères )?salutations(?: distinguées)?"
    r"|respectueusement"
    r"|sincèrement|(?:je vous prie|nous vous prions|veuillez) d?['’]?(?:agréer|croire|recevoir)\b.{0,120}"
    r"|(?:kind|best|warm)? ?regards|sincerely|yours|mit freundlichen grüßen|mit freundlichen gruessen|viele grüße|mfg"
    r"|(?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?|atentamente|cordiali saluti|distinti saluti"
    r"|met vriendelijke groet(?:en)?|atenciosamente)\b[^\d@?]{0,40}$",
    re.IGNORECASE,
)

_DISCLAIMER = re.compile(
    r"[\W_]*(?:(?:ce|cet|le présent|les informations contenues dans ce) ?(?:message|courriel|courrier|mail|e-?mail)\b"
    r"|this (?:e-?mail|message|communication)|the information (?:contained )?in this"
    r"|diese e-?mail|este (?:mensaje|correo)"
    r"|avertissement|disclaimer|avis de confidentialité|confidentialité|important\s?:)",
    re.IGNORECASE,
)
_CONFIDENTIAL = re.compile(
    r"confiden[tc]i|vertraulich|usage exclusif|intention exclusive|exclusivement (?:destiné|réservé)"
    r"|intended (?:solely|only|recip)"
    r"|par erreur|in error|destiné exclusivement|strictement (?:réservé|personnel)|décline toute responsabilité",
    re.IGNORECASE,
)


def _is_disclaimer(texts: list[str], number: int) -> bool:
    if not _DISCLAIMER.match(texts[number]):
        return False
    return bool(_CONFIDENTIAL.search(" ".join(texts[number : number + 6])))


_PHONE = r"(?:\+|\(|00)?\(?\d(?:[\s().-]*\d){8,13}"
_BARE_PHONE = re.compile(rf"{_PHONE}\W*$")
_LABELLED_PHONE = re.compile(
    r"[\W_]*(?:(?:t[ée]l(?:[ée]phone)?|t|m|mob|mobile|p|port(?:able)?|fixe|gsm|cell|standard|accueil|fax|f|bureau|office"
    rf"|phone|ld|(?:ligne )?directe?|d)\b|☎|📞|📱)[\s.:/)–-]*{_PHONE}",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    rf"\bwww\.|https?://|\S@\S+\.\w|\b\d{{5}} [A-ZÉ][\w'’-]+|\b(?:siret|siren|rcs|tva|capital)\b|{_PHONE}\W*$",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?:m\.|mme|mlle|dr|me)?\s?[A-ZÀ-Ý][\w'’.-]*"
    r"(?: (?:de|du|des|la|le|van|von|el|ben|d['’])?\s?[A-ZÀ-Ý][\w'’.-]*){0,3}"
    r"(?=$|\s?[|·•–—,/-])"
)
_GREETING = re.compile(
    r"(?:bonjour|bonsoir|salut|hello|merci|madame|monsieur|cher|chère|re-?bonjour|dear|hi)\b", re.IGNORECASE
)


def _signature_cut(lines: Sequence[Line], own: list[bool]) -> None:
    """Cut who he is at the end of each stretch of own words: name, role, telephone, without a farewell above it.

    A bare number asks for a line's status, so that a signature's must never be taken for one.
    """
    start = None
    for place in range(len(lines) + 1):
        if place < len(lines) and (own[place] or (not lines[place].text.strip() and start is not None)):
            start = place if start is None else start
        elif start is not None:
            block = _block_of_signature(lines, [it for it in range(start, place) if lines[it].text.strip()])
            for it in block:
                own[it] = False
            start = None


def _block_of_signature(lines: Sequence[Line], places: list[int]) -> list[int]:
    texts = {place: _looked_at(lines[place]) for place in places}
    tail: list[int] = []
    for place in reversed(places[-_SIGNATURE_LINES:]):
        if not _is_of_signature(texts[place]):
            break
        tail.insert(0, place)
    before = texts[places[len(places) - len(tail) - 1]] if len(tail) < len(places) else ""
    if before.endswith(":"):  # what he asks about
        return []
    for at in range(len(tail)):
        block = [texts[it] for it in tail[at:]]
        if _LABELLED_PHONE.match(block[0]) or (
            _NAME.match(block[0]) and any(map(_CONTACT.search, block)) and not _BARE_PHONE.match(block[0])
        ):
            return tail[at:]
    return []


def _is_of_signature(text: str) -> bool:
    """Whether a line can stand in a signature: a name, a role, an address, a telephone."""
    if _LABELLED_PHONE.match(text):  # "Ligne directe" begins like a command
        return True
    if _CONTACT.search(text):
        return len(text) <= 160 and not _asks(text)
    return (
        len(text) <= 70
        and text[:1].isupper()
        and text[-1] not in ".?!:;,"
        and not _GREETING.match(text)
        and not _asks(text)
    )


def _asks(text: str) -> bool:
    """Whether a line begins with a command's word."""
    word = text.split(" ", maxsplit=1)[0].strip(" ,:/")
    return text.startswith("/") or "?" in text or bool(registry.named(word))
