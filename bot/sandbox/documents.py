"""The PDFs that the synthetic operator delivers: invoices, a contract, a company extract. One page each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from bot.sandbox.pictures import NAVY, TEAL, WHITE

_GREY = (96, 104, 116)
_LIGHT = (238, 243, 247)
_VAT_PERCENT = 20


@dataclass(frozen=True)
class Company:
    """An invented company; `siren` is obviously invented too."""

    name: str
    siren: str
    address: str
    town: str


@dataclass(frozen=True)
class Item:
    """A line of an invoice; prices in cents, without tax."""

    label: str
    quantity: int
    unit_price: int

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_price


@dataclass(frozen=True)
class Invoice:
    """`month` as `2026-10`; amounts in cents; `summary` pairs a name with a text."""

    number: str
    month: str
    day: date
    seller: Company
    buyer: Company
    items: tuple[Item, ...]
    summary: tuple[tuple[str, str], ...] = ()

    @property
    def without_tax(self) -> int:
        return sum(item.amount for item in self.items)

    @property
    def tax(self) -> int:
        return (self.without_tax * _VAT_PERCENT + 50) // 100

    @property
    def with_tax(self) -> int:
        return self.without_tax + self.tax


def euros(cents: int) -> str:
    """`1 234,56 €`, with no-break spaces."""
    return f"{cents // 100:,}".replace(",", "\u00a0") + f",{cents % 100:02d}\u00a0€"


def invoice_pdf(invoice: Invoice, logo: bytes | None = None, banner: bytes | None = None) -> bytes:
    """:param logo: PNG at the top, beside the seller's name. :param banner: PNG at the foot."""
    pdf = _page(f"Facture {invoice.number}", invoice.seller.name, invoice.day)
    _seller(pdf, invoice.seller, logo)
    pdf.set_xy(120, 15)
    _text(pdf, 70, 9, "FACTURE", 20, bold=True, color=NAVY, align="R")
    for label, value in (
        ("Numéro", invoice.number),
        ("Date", f"{invoice.day:%d/%m/%Y}"),
        ("Période", _month_in_french(invoice.month)),
    ):
        pdf.set_x(120)
        _text(pdf, 70, 5.5, f"{label} : {value}", 10, align="R")
    _addressee(pdf, invoice.buyer)

    pdf.set_xy(20, 92)
    _table(
        pdf,
        ("Désignation", "Quantité", "Prix unitaire HT", "Montant HT"),
        [(item.label, str(item.quantity), euros(item.unit_price), euros(item.amount)) for item in invoice.items],
        (85, 22, 33, 30),
    )
    pdf.ln(3)
    for label, cents in (
        ("Total HT", invoice.without_tax),
        (f"TVA {_VAT_PERCENT} %", invoice.tax),
        ("Total TTC", invoice.with_tax),
    ):
        last = label == "Total TTC"
        pdf.set_x(125)
        pdf.set_fill_color(*(TEAL if last else _LIGHT))
        color = WHITE if last else NAVY
        _text(pdf, 33, 7, label, 10, bold=last, color=color, fill=True, stay=True)
        _text(pdf, 32, 7, euros(cents), 10, bold=last, color=color, align="R", fill=True)
    if invoice.summary:
        pdf.ln(8)
        _text(pdf, 170, 7, "Vos consommations du mois", 12, bold=True, color=NAVY)
        _table(pdf, ("Usage", "Total"), invoice.summary, (110, 60))
    if banner:
        pdf.image(banner, x=45, y=262, w=120)
    _footer(pdf, "Copie à consulter - document de démonstration, sans valeur.")
    return bytes(pdf.output())


def specimen_pdf(title: str, author: Company, day: date, articles: Sequence[tuple[str, str]]) -> bytes:
    """A document of headed paragraphs, crossed by the word SPÉCIMEN."""
    pdf = _page(title, author.name, day)
    with pdf.local_context(fill_opacity=0.16), pdf.rotation(52, 105, 160):
        pdf.set_xy(15, 145)
        _text(pdf, 180, 30, "SPÉCIMEN", 92, bold=True, color=TEAL, align="C")
    pdf.set_xy(20, 20)
    _text(pdf, 170, 12, title, 20, bold=True, color=NAVY)
    _text(pdf, 170, 6, f"{author.name} - {day:%d/%m/%Y}", 10, color=_GREY)
    pdf.ln(6)
    for heading, paragraph in articles:
        _text(pdf, 170, 8, heading, 12, bold=True, color=NAVY)
        pdf.set_font("Helvetica", "", 10.5)
        pdf.set_text_color(0)
        pdf.multi_cell(170, 5.5, paragraph, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(3)
    _footer(pdf, "Spécimen - document de démonstration, sans valeur.")
    return bytes(pdf.output())


def _page(title: str, author: str, day: date) -> FPDF:
    pdf = FPDF(format="A4")
    pdf.core_fonts_encoding = "windows-1252"  # latin-1, the default, has no euro sign
    # The clock would make each copy another file.
    pdf.set_creation_date(datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
    pdf.set_title(title)
    pdf.set_author(author)
    pdf.set_lang("fr-FR")
    pdf.set_margins(20, 15, 20)
    pdf.set_auto_page_break(False)
    pdf.add_page()
    return pdf


def _seller(pdf: FPDF, seller: Company, logo: bytes | None) -> None:
    left = 20.0
    if logo:
        pdf.image(logo, x=20, y=14, w=20)
        left = 44
    pdf.set_xy(left, 15)
    _text(pdf, 80, 7, seller.name, 15, bold=True, color=NAVY)
    for line in (seller.address, seller.town, f"SIREN {seller.siren} (fictif)"):
        pdf.set_x(left)
        _text(pdf, 80, 4.8, line, 9.5, color=_GREY)


def _addressee(pdf: FPDF, buyer: Company) -> None:
    pdf.set_fill_color(*_LIGHT)
    pdf.rect(105, 48, 85, 32, style="F")
    pdf.set_fill_color(*TEAL)
    pdf.rect(105, 48, 1.5, 32, style="F")
    pdf.set_xy(111, 52)
    _text(pdf, 76, 6.5, buyer.name, 12, bold=True, color=NAVY)
    for line in (buyer.address, buyer.town, f"SIREN {buyer.siren} (fictif)"):
        pdf.set_x(111)
        _text(pdf, 76, 5.2, line, 10)


def _table(pdf: FPDF, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
    pdf.set_fill_color(*NAVY)
    for place, (width, cell) in enumerate(zip(widths, head, strict=True)):
        last = place == len(head) - 1
        _text(pdf, width, 8, cell, 9.5, bold=True, color=WHITE, align="R" if place else "L", fill=True, stay=not last)
    for number, row in enumerate(rows):
        pdf.set_fill_color(*(_LIGHT if number % 2 else WHITE))
        for place, (width, cell) in enumerate(zip(widths, row, strict=True)):
            _text(pdf, width, 7, cell, 10, align="R" if place else "L", fill=True, stay=place < len(row) - 1)


def _footer(pdf: FPDF, text: str) -> None:
    pdf.set_xy(20, 283)
    _text(pdf, 170, 5, text, 8, color=_GREY, align="C")


def _text(
    pdf: FPDF,
    width: float,
    height: float,
    text: str,
    size: float,
    *,
    bold: bool = False,
    color: tuple[int, int, int] = (0, 0, 0),
    align: str = "L",
    fill: bool = False,
    stay: bool = False,
) -> None:
    """A cell; `stay` leaves the next one on the same line."""
    pdf.set_font("Helvetica", "B" if bold else "", size)
    pdf.set_text_color(*color)
    following = (XPos.RIGHT, YPos.TOP) if stay else (XPos.LMARGIN, YPos.NEXT)
    pdf.cell(width, height, text, align=align, fill=fill, new_x=following[0], new_y=following[1])


_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def _month_in_french(month: str) -> str:
    year, number = month.split("-")
    return f"{_MONTHS[int(number) - 1]} {year}"
