"""What the workbook that checks RIOs says of a row (see `core.rio_model`), by formulas and by core, in the same words.

Formulas of Excel 2010 and LibreOffice: no array entry, no later function. Arrays stand within SUMPRODUCT alone, so that
no spreadsheet takes one value of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from core import rio, rio_words
from core.numbers import NumberError, msisdn, show
from core.rio import Fault, Verdict

#: What a row is found to be. The last two: its number cannot be read; it has a number and no RIO.
RIGHT, WRONG, NO_NUMBER, ODD_NUMBER, NO_RIO = (
    "Juste",
    "Faux",
    "Sans numéro",
    "Numéro illisible",
    "Sans RIO",
)

#: Why, where `core.rio_words` has no words for it.
NO_RIO_WHY = "Il n'y a pas de RIO sur cette ligne."
FIGURE_WHY = "Le tableur a fait de ce RIO un nombre, des signes sont perdus : le ressaisir."

#: What to do then.
KEEP_THE_LINE = "Ne pas résilier la ligne avant son portage."
O_OR_ZERO = "Confusion probable entre O et 0 : {} serait juste. À confirmer avec le client."
WRITE_NUMBER = "Écrire en colonne B le numéro de la ligne à porter."
MEND_NUMBER = "Corriger le numéro : sans lui, la clé ne se vérifie pas."
ASK_RIO = "Le client l'obtient en appelant le 3179 depuis cette ligne."

_NBSP = "\u00a0"
_NOTHING = "–"
_UNREAD = "numéro illisible"


@dataclass(frozen=True)
class Said:
    """What the workbook says of a row, column by column. `read`: number and RIO as understood; `line`: operator and
    offer; each on two lines."""

    verdict: str = ""
    why: str = ""
    then: str = ""
    read: str = ""
    line: str = ""


def said(number: str | int, code: str | int) -> Said:
    """What the workbook says of a row, by `core.rio` instead of formulas.

    :param number: as written in its cell; `code`: likewise. An int is a cell that holds a number, not a text.
    """
    written = _tidied(number)
    signs = rio.check(_tidied(code)).rio
    try:
        canonical, refusal = msisdn(written) if written else "", ""
    except NumberError as error:
        canonical, refusal = "", _sentence(str(error))
    if not signs:
        if not written:
            return Said()
        told = (ODD_NUMBER, refusal, MEND_NUMBER) if refusal else (NO_RIO, NO_RIO_WHY, ASK_RIO)
        return Said(*told, _read(canonical, written, signs))
    verdict = rio.check(signs, canonical)
    read = _read(canonical, written, signs)
    if isinstance(code, int):
        return Said(WRONG, FIGURE_WHY, rio_words.ASK_AGAIN, read)
    if verdict.fault:
        then = O_OR_ZERO.format(verdict.correction) if verdict.correction else rio_words.ASK_AGAIN
        return Said(WRONG, rio_words.fault(verdict), then, read)
    line = "\n".join(filter(None, (verdict.operator, rio_words.QUALITIES[verdict.quality])))
    if verdict.right:
        return Said(RIGHT, rio_words.RIGHT, KEEP_THE_LINE, read, line)
    if refusal:
        return Said(ODD_NUMBER, refusal, MEND_NUMBER, read, line)
    return Said(NO_NUMBER, rio_words.UNVERIFIABLE, WRITE_NUMBER, read, line)


def _tidied(written: str | int) -> str:
    """A cell's text with single spaces, without the apostrophe that spreadsheets are made to keep a text by."""
    return " ".join(str(written).split()).lstrip("'").strip()


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _read(canonical: str, written: str, signs: str) -> str:
    number = show(canonical).replace(" ", _NBSP) if canonical else _UNREAD if written else _NOTHING
    grouped = _NBSP.join((signs[:2], signs[2], signs[3:9], signs[9:])) if len(signs) == 12 else signs[:20]
    return f"{number}\n{grouped or _NOTHING}"


# -- The steps from what was written to what is said

#: Name, title, formula. In any formula here, [name] stands for the cell of that step in the same row; [@number] and
#: [@rio] for those that people write in, [@verdict] for the verdict's.
Step = tuple[str, str, str]

_DIGITS = "0123456789"
_FIXED_LETTERS = "FGHIJKLMNOPQRSTUVWXYZ"
_OVERSEAS = ("0690", "0691", "0692", "0693", "0694", "0696", "0697", "0639")
_MAINLAND_EXAMPLES = "063998"

#: What core holds for a space, as far as a cell can hold it.
_SPACES = [
    *(f"CHAR({code})" for code in (9, 10, 13)),
    *(f'"{chr(code)}"' for code in range(0xA0, 0x3001) if chr(code).isspace()),
]
_NUMBER_SEPARATORS = " .-_/()'\u2019"
_RIO_SEPARATORS = " .-_/:;,()"

#: Signs that a key is made of, at most: 9 of the RIO, 14 of the number. What is shorter gets A before it, whose value
#: is 0. So each place has its own weight in each of the three sums: 1, a power of 2, a power of 4 (mod 37).
_LONGEST = 23
_BY_2 = [pow(2, _LONGEST - 1 - place, 37) for place in range(_LONGEST)]
_BY_4 = [pow(4, _LONGEST - 1 - place, 37) for place in range(_LONGEST)]

#: What all rows use, in the sheet of the steps: the alphabet; codes and names of operators; each choice among six
#: places (1 where O and 0 are exchanged), one a row and one a column, and what each is worth.
ALPHABET_CELL = "$B$1"
OPERATORS = f"$AJ$6:$AK${5 + len(rio.MAINLAND_OPERATORS)}"
DOWN, DOWN_WORTH = "$AM$6:$AR$69", "$AS$6:$AS$69"
ACROSS, ACROSS_WORTH = "$AU$6:$DF$11", "$AU$12:$DF$12"

#: A fault's code in the formulas is its place here, from 1 on; 0 is none.
_FAULTS: tuple[Fault, ...] = ("length", "signs", "operator", "quality", "reference", "key")
_FIGURE = len(_FAULTS) + 1


def steps() -> tuple[Step, ...]:
    """All that is worked out of a row, each from those before."""
    return (*_of_number(), *_of_rio(), *_of_correction(), *_of_line())


def _of_number() -> tuple[Step, ...]:
    """As `core.numbers.msisdn`."""

    def is_m2m(cell: str) -> str:
        return f'AND(LEN({cell})=13,LEFT({cell},2)="70")'

    return (
        ("number cell", "Numéro écrit", _text_of("[@number]")),
        ("text", "Numéro épuré", _without_apostrophe("[number cell]")),
        # Figures that a spreadsheet has cut: 3,36123E+10.
        ("mantissa", "Avant E", 'IFERROR(SUBSTITUTE(LEFT([text],FIND("E",UPPER([text]))-1),",","."),"")'),
        ("exponent", "Après E", 'IFERROR(MID([text],FIND("E",UPPER([text]))+1,999),"")'),
        ("power", "Puissance", 'MID([exponent],1+(LEFT([exponent],1)="+"),999)'),
        (
            "figure",
            "Abîmé",
            'IF([text]="","",AND([mantissa]<>"",[power]<>"",LEFT([mantissa],1)<>".",RIGHT([mantissa],1)<>".",'
            + _without('SUBSTITUTE([mantissa],".","",1)&[power]', _DIGITS)
            + '=""))',
        ),
        # 612345678.0; then +33 (0)6…
        (
            "whole",
            "Sans ,0",
            'IF(AND(OR(RIGHT([text],2)=".0",RIGHT([text],2)=",0"),'
            'OR(AND(LEN([text])=11,LEFT([text],1)<>"0"),AND(LEN([text])=13,LEFT([text],2)="33")),'
            + _without("LEFT([text],MAX(LEN([text])-2,0))", _DIGITS)
            + '=""),LEFT([text],MAX(LEN([text])-2,0)),[text])',
        ),
        ("head", "Avant (0)", 'IFERROR(TRIM(LEFT([whole],FIND("(0)",[whole])-1)),"")'),
        ("country", "Pays", 'IF(LEFT([head],1)="+",MID([head],2,9),IF(LEFT([head],2)="00",MID([head],3,9),""))'),
        (
            "bare",
            "Sans séparateurs",
            _without(
                "IF(AND(OR(LEN([country])=2,LEN([country])=3),"
                + _without("[country]", _DIGITS)
                + '=""),[head]&MID([whole],FIND("(0)",[whole]&"(0)")+3,999),[whole])',
                _NUMBER_SEPARATORS,
            ),
        ),
        ("abroad", "International", 'IF([text]="","",OR(LEFT([bare],1)="+",LEFT([bare],2)="00"))'),
        ("plain", "Sans +", 'MID([bare],1+(LEFT([bare],1)="+"),999)'),
        ("digits", "Sans 00", 'IF([text]="","",IF(AND([abroad],LEFT([plain],2)="00"),MID([plain],3,999),[plain]))'),
        ("odd", "Autres signes", f'IF([text]="","",OR([digits]="",{_without("[digits]", _DIGITS)}<>""))'),
        (
            "code",
            "Indicatif",
            'IF([text]="","",IF(LEFT([digits],2)="33",2,IF(OR(LEFT([digits],3)="590",LEFT([digits],3)="594",'
            'LEFT([digits],3)="596",LEFT([digits],3)="262"),3,0)))',
        ),
        ("national", "National", 'IF([text]="","",MID([digits],1+[code],999))'),
        (
            "number",
            "Numéro lu",
            'IF([text]="","",IF([odd],"",'
            f'IF(AND([code]>0,OR(LEN([national])=9,AND([code]=2,{is_m2m("[national]")}))),"0"&[national],'
            'IF(AND([code]>0,LEN([national])=10,LEFT([national],1)="0"),[national],'
            'IF([abroad],"",'
            'IF(AND(LEFT([digits],1)="0",OR(LEN([digits])=10,AND(LEN([digits])=14,LEFT([digits],2)="07"))),[digits],'
            f'IF(AND(LEFT([digits],1)<>"0",OR(LEN([digits])=9,{is_m2m("[digits]")})),"0"&[digits],"")))))))',
        ),
        (
            "refusal",
            "Numéro refusé",
            'IF(OR([text]="",[number]<>""),"",'
            f"IF([figure],{_refusal('1E1')},IF([odd],{_refusal('abc')},{_refusal('12')})))",
        ),
    )


def _of_rio() -> tuple[Step, ...]:
    """As `core.rio.check`."""
    values = f"FIND(MID([signs],{_across(range(1, _LONGEST + 1))},1),{ALPHABET_CELL})-1"

    def gap(place: int, total: str) -> str:
        return f'IF([signs]="","",MOD(FIND(MID([likely],{place},1),{ALPHABET_CELL})-1-SUMPRODUCT({total}),37))'

    return (
        ("rio cell", "RIO écrit", _text_of("[@rio]")),
        ("rio", "RIO lu", f"UPPER({_without(_without_apostrophe('[rio cell]'), _RIO_SEPARATORS)})"),
        ("mobile", "Mobile", 'IF([rio]="","",OR(LEFT([number],2)="06",LEFT([number],2)="07"))'),
        ("form", "Forme", f'IF([rio]="","",{_form("[rio]")})'),
        # A sign whose place allows only one of O and 0 is taken for that one; a right RIO has none to take.
        (
            "likely",
            "RIO vraisemblable",
            'IF(OR([number]="",LEN([rio])<>12),"",IF([mobile],SUBSTITUTE(LEFT([rio],2),"O","0")&MID([rio],3,10),'
            'IF(MID([rio],3,1)="0",REPLACE([rio],3,1,"O"),[rio])))',
        ),
        (
            "signs",
            "Signes de la clé",
            f'IF([likely]="","",IF({_form("[likely]")}>0,"",RIGHT("AAAA"&LEFT([likely],9)&[number],{_LONGEST})))',
        ),
        # Of each sign of the key: what is written, less what it should be.
        ("gap 0", "Écart 1", gap(10, values)),
        ("gap 1", "Écart 2", gap(11, f"({values})*{_across(_BY_2)}")),
        ("gap 2", "Écart 3", gap(12, f"({values})*{_across(_BY_4)}")),
        (
            "fault",
            "Faute",
            f'IF([rio]="","",IF(ISNUMBER([@rio]),{_FIGURE},IF([form]>0,[form],IF([number]="",0,'
            f"IF([gap 0]+[gap 1]+[gap 2]>0,{_FAULTS.index('key') + 1},0)))))",
        ),
    )


def _of_correction() -> tuple[Step, ...]:
    """The RIO with the fewest exchanges of O and 0 that make it right: every choice of places is tried at once.

    What an exchange adds to the sums does not depend on the others. So each choice among places 7 to 12 (one a row)
    meets each among places 1 to 6 (one a column), and of those that together fill the gaps the worthiest is taken. The
    worth of both is 4096 for each place left alone; among equals, more for earlier places: core's own order.
    """
    sums = (([1] * _LONGEST, 1), (_BY_2, pow(2, 4, 37)), (_BY_4, pow(4, 4, 37)))

    def exchanged(places: str) -> str:
        """What an exchange at each place adds to a value: 12 where an O becomes 0, -12 where a 0 becomes O."""
        return f'12*((MID([doubtful],{places},1)="O")-(MID([doubtful],{places},1)="0"))'

    def missing(which: int) -> str:
        """What choices among the first six places leave of a gap. Weights are those of a number of 10 digits."""
        weights, farther = sums[which]
        filled = f"MMULT({exchanged(_across(range(1, 7)))}*{_across(weights[4:10])},{ACROSS})"
        return f"MOD([gap {which}]-{filled}*IF(LEN([number])=14,{farther},1),37)*{37**which}"

    def brought(which: int) -> str:
        """What choices among the last six bring: three places of the reference, three of the key itself."""
        weights, farther = sums[which]
        reference = f"{_down([*weights[10:13], 0, 0, 0])}*IF(LEN([number])=14,{farther},1)"
        own = _down(-1 if place == 3 + which else 0 for place in range(6))
        return f"MOD(MMULT({DOWN},{exchanged(_down(range(7, 13)))}*({reference}+{own})),37)*{37**which}"

    fits = f"{'+'.join(map(missing, range(3)))}={'+'.join(map(brought, range(3)))}"
    corrected = "&".join(
        f"IF(MOD(INT(MOD([worth],4096)/{2 ** (12 - place)}),2)=0,MID([likely],{place},1),"
        f'IF(MID([likely],{place},1)="O","0","O"))'
        for place in range(1, 13)
    )
    return (
        (
            "doubtful",
            "Signes douteux",
            f'IF([signs]="","",IF(OR([fault]=0,[fault]={_FIGURE}),"",'
            'IF([mobile],"AAA",LEFT([likely],2)&"A")&MID([likely],4,9)))',
        ),
        (
            "worth",
            "Meilleur choix",
            f'IF([doubtful]="","",SUMPRODUCT(MAX(({fits})*({ACROSS_WORTH}+{DOWN_WORTH}))))',
        ),
        ("correction", "Proposition", f'IF([doubtful]="","",IF([worth]=0,"",{corrected}))'),
    )


def choices() -> list[tuple[list[int], int, int]]:
    """The choices among six places: places exchanged (0 or 1), worth among the first six, worth among the last."""
    bits = [[choice >> (5 - place) & 1 for place in range(6)] for choice in range(64)]
    return [
        (places, (13 - sum(places)) * 4096 + choice * 64, choice - sum(places) * 4096)
        for choice, places in enumerate(bits)
    ]


def _of_line() -> tuple[Step, ...]:
    """What a RIO without fault says of its line."""
    overseas = f'ISNUMBER(FIND("/"&LEFT([number],4)&"/","/{"/".join(_OVERSEAS)}/"))'
    looks_mobile = f'AND({_two_digits("[rio]")},OR(MID([rio],3,1)="P",MID([rio],3,1)="E"))'
    words = {name: quoted(word) for name, word in rio_words.QUALITIES.items()}
    return (
        (
            "operator",
            "Opérateur",
            'IF([rio]="","",IF(OR([fault]>0,[number]="",NOT([mobile])),"",'
            f'IF(AND({overseas},LEFT([number],6)<>"{_MAINLAND_EXAMPLES}"),"",'
            f'IFERROR(VLOOKUP(LEFT([rio],2),{OPERATORS},2,FALSE),""))))',
        ),
        (
            "quality",
            "Offre",
            f'IF([rio]="","",IF([fault]>0,"",IF(IF([number]="",{looks_mobile},[mobile]),'
            f'IF(MID([rio],3,1)="E",{words["entreprise"]},{words["particulier"]}),{words["fixe"]})))',
        ),
    )


def _form(cell: str) -> str:
    """The code of the first fault of a form, in core's order; 0 without one."""
    third = f"MID({cell},3,1)"
    known = f"SUMPRODUCT(ISNUMBER(FIND(MID({cell},{_across(range(1, 13))},1),{ALPHABET_CELL}))*1)"
    rules: tuple[tuple[str, Fault], ...] = (
        (f"LEN({cell})<>12", "length"),
        (f"{known}<12", "signs"),
        (f'ISNUMBER(FIND("+",LEFT({cell},2)))', "operator"),
        (f'{third}="+"', "quality"),
        (f"AND([mobile],NOT({_two_digits(cell)}))", "operator"),
        (f'AND([mobile],{third}<>"P",{third}<>"E")', "quality"),
        (
            f"AND(NOT([mobile]),ISERROR(FIND({third},{quoted(_FIXED_LETTERS)})),"
            f'OR([number]<>"",NOT({_two_digits(cell)}),{third}<>"E"))',
            "quality",
        ),
        (f'ISNUMBER(FIND("+",MID({cell},4,6)))', "reference"),
    )
    return "".join(f"IF({rule},{_FAULTS.index(fault) + 1}," for rule, fault in rules) + "0" + ")" * len(rules)


# -- What is said of a row


def answers() -> tuple[tuple[str, str], ...]:
    """Title and formula of each column beside what was written, from D on."""
    unlike_wrong = (
        (RIGHT, quoted(rio_words.RIGHT), quoted(KEEP_THE_LINE)),
        (NO_NUMBER, quoted(rio_words.UNVERIFIABLE), quoted(WRITE_NUMBER)),
        (NO_RIO, quoted(NO_RIO_WHY), quoted(ASK_RIO)),
        (ODD_NUMBER, "[refusal]", quoted(MEND_NUMBER)),
    )
    why = "".join(f"IF([@verdict]={quoted(verdict)},{words}," for verdict, words, _ in unlike_wrong)
    then = "".join(f"IF([@verdict]={quoted(verdict)},{words}," for verdict, _, words in unlike_wrong)
    end = ")" * (len(unlike_wrong) + 1)
    before, after = map(quoted, O_OR_ZERO.split("{}"))
    mend = f'IF([correction]="",{quoted(rio_words.ASK_AGAIN)},{before}&[correction]&{after})'
    pairs = [f"MID([number],{place},2)" for place in range(1, 15, 2)]
    spaced = '&" "&'.join(pairs)
    number = f'SUBSTITUTE(TRIM({spaced})," ",{quoted(_NBSP)})'
    grouped = f"&{quoted(_NBSP)}&".join(f"MID([rio],{at},{long})" for at, long in ((1, 2), (3, 1), (4, 6), (10, 3)))
    return (
        (
            "Verdict",
            f'IF(AND([rio]="",[text]=""),"",IF([rio]="",IF([number]="",{quoted(ODD_NUMBER)},{quoted(NO_RIO)}),'
            f'IF([fault]>0,{quoted(WRONG)},IF([number]<>"",{quoted(RIGHT)},'
            f'IF([text]="",{quoted(NO_NUMBER)},{quoted(ODD_NUMBER)})))))',
        ),
        ("Explication", f'IF([@verdict]="","",{why}CHOOSE([fault],{_fault_words()}){end}'),
        ("Que faire", f'IF([@verdict]="","",{then}{mend}{end}'),
        (
            "Lu comme",
            f'IF([@verdict]="","",IF([number]<>"",{number},IF([text]="",{quoted(_NOTHING)},{quoted(_UNREAD)}))'
            f'&CHAR(10)&IF([rio]="",{quoted(_NOTHING)},IF(LEN([rio])=12,{grouped},LEFT([rio],20))))',
        ),
        ("Opérateur, offre", 'IF([operator]="",[quality],[operator]&CHAR(10)&[quality])'),
    )


def _fault_words() -> str:
    """What CHOOSE takes for each fault: core's words, and those of a RIO that became a number."""

    def words(fault: Fault, number: str) -> str:
        before, eleven, after = rio_words.fault(Verdict("A" * 11, number, False, fault)).partition("11")
        return f"{quoted(before)}&LEN([rio])&{quoted(after)}" if eleven else quoted(before)

    told = []
    for fault in _FAULTS:
        mobile, other = words(fault, "0600000000"), words(fault, "")
        told.append(mobile if mobile == other else f"IF([mobile],{mobile},{other})")
    return ",".join((*told, quoted(FIGURE_WHY)))


def _refusal(sample: str) -> str:
    """Core's words for a number of that kind, around the one that was written."""
    try:
        msisdn(sample)
    except NumberError as error:
        before, after = _sentence(str(error)).split(f" {sample} ")
        return f"{quoted(before + ' ')}&[text]&{quoted(' ' + after)}"
    raise AssertionError(sample)


# -- Words of formulas


def _text_of(cell: str) -> str:
    """A cell's text with single spaces; a whole number with all of its digits."""
    spaced = f'IF(ISNUMBER({cell}),IF({cell}=INT({cell}),TEXT({cell},"0"),{cell}&""),{cell}&"")'
    for space in _SPACES:
        spaced = f'SUBSTITUTE({spaced},{space}," ")'
    return f'IFERROR(TRIM({spaced}),"#ERREUR")'


def _without_apostrophe(cell: str) -> str:
    return f'TRIM(MID({cell},1+(LEFT({cell},1)="\'")+(LEFT({cell},2)="\'\'"),999))'


def _without(text: str, signs: str) -> str:
    for sign in signs:
        text = f'SUBSTITUTE({text},"{sign}","")'
    return text


def _two_digits(cell: str) -> str:
    return f"SUMPRODUCT(ISNUMBER(FIND(MID({cell},{{1,2}},1),{quoted(_DIGITS)}))*1)=2"


def quoted(words: str) -> str:
    return '"' + words.replace('"', '""') + '"'


def _across(values: Iterable[int]) -> str:
    return f"{{{','.join(map(str, values))}}}"


def _down(values: Iterable[int]) -> str:
    return f"{{{';'.join(map(str, values))}}}"
