"""The README's pictures, of invented data: `python -m tests.make_pictures`.

The banner made from the profile and the invoice that shows it; a client's chart, and its spreadsheet as LibreOffice
shows it (Debian: libreoffice-calc-nogui, poppler-utils); the billing mail on a telephone, light and dark, as Chromium
shows it (Debian: chromium, fonts-noto-color-emoji), and so the sandbox's page. Without LibreOffice or Chromium their
pictures stay as they are.
"""

import asyncio
import base64
import io
import shutil
import subprocess
import tempfile
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import escape
from pathlib import Path

from PIL import Image, ImageOps

from bot.desk.people import TECHNICAL
from bot.desk.pictures import record_placed
from bot.house import open_house
from bot.notices.digest import notify
from bot.sandbox import pictures
from bot.sandbox.operator import Operator
from core import banner, books, charts, daily, preview
from core.daily_chart import DailyChart
from tests.handlers.filled import TODAY, make_pass, settings
from tests.page_pictures import page_pictures

PICTURES = Path(__file__).parent / "pictures"
MOST_BYTES = 150_000

MONTH, CLIENT, NAME = 202610, "dupontbtp", "Dupont BTP"

_FRENCH = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>fr-FR</value></prop>
</item></oor:items>
"""


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    made = banner.draw(pictures.PROFILE, pictures.logo())
    (PICTURES / "bandeau.png").write_bytes(made)  # the file that goes to the operator
    print(f"bandeau.png: {len(made):,} bytes")
    page = preview.draw(pictures.PROFILE, pictures.logo(), made)
    # The logo's few pixels keep their colour.
    _keep("apercu.png", _on_a_desk(Image.open(io.BytesIO(page.png))), Image.Quantize.MAXCOVERAGE)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        data = _fill(work)
        title = f"{NAME} : conso d'octobre 2026"
        chart = charts.draw(data, DailyChart(title, CLIENT, "", *daily.days_of(MONTH), (MONTH,)))
        _keep("conso.png", Image.open(io.BytesIO(chart)))
        if shutil.which("soffice") and shutil.which("pdftoppm"):
            (work / "tableur.xlsx").write_bytes(books.conso(data, CLIENT, "", (MONTH,), 0, 0))
            _keep("tableur.png", _shown(work))
        else:
            print("tableur.png: LibreOffice or pdftoppm is missing")
        if shutil.which("chromium"):
            _keep("courriel.png", _on_telephones(_billing_mail(data), work))
        else:
            print("courriel.png: Chromium is missing")
    if chromium := shutil.which("chromium"):
        for picture, image in asyncio.run(page_pictures(Path(chromium))).items():
            _keep(picture, ImageOps.expand(image, 1, "#c9d0d9"))
    else:
        print("bac-a-sable.png, reponse.png, facture.png: Chromium is missing")


def _fill(work: Path) -> Path:
    """A store with twelve clients; October is billed."""
    root, data = work / "ftp", work / "data"
    root.mkdir()
    Operator(root, TODAY, months=2).fill()
    done = asyncio.run(make_pass(root, data))
    assert not done.error
    return data


def _on_a_desk(page: Image.Image) -> Image.Image:
    """The whole page, as large as a README shows it, with an edge that tells it from a white background."""
    small = page.convert("RGB").resize((1000, round(page.height * 1000 / page.width)), Image.Resampling.LANCZOS)
    return ImageOps.expand(small, 2, "#c9d0d9")


def _shown(work: Path) -> Image.Image:
    """The first two sheets of the spreadsheet, one under the other, as they are printed."""
    profile = work / "office"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_FRENCH)
    office = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", "pdf"]
    subprocess.run([*office, "tableur.xlsx"], cwd=work, check=True, capture_output=True, timeout=120)
    subprocess.run(["pdftoppm", "-r", "96", "-l", "2", "-png", "tableur.pdf", "page"], cwd=work, check=True)
    first, second = [Image.open(path).convert("RGB") for path in sorted(work.glob("page-*.png"))[:2]]
    # Of the first, what is written above its foot; of the second, what a screen shows.
    written = ImageOps.invert(first.crop((0, 0, first.width, first.height * 9 // 10)).convert("L")).getbbox()
    assert written
    first = first.crop((0, 0, first.width, written[3]))
    second = second.crop((0, 0, second.width, second.height * 55 // 100))
    both = Image.new("RGB", (first.width, first.height + second.height), "white")
    both.paste(first, (0, 0))
    both.paste(second, (0, first.height))
    return both


def _billing_mail(data: Path) -> EmailMessage:
    """What the accountant is told of October, with the integrator's logo and colour."""
    house = open_house(settings(data))
    record_placed(house.desk, "logo", "Personnalisation/logo.png", pictures.logo())
    contact = house.people.by_id(TECHNICAL)
    assert contact
    house.own.set_profile(contact.person, "colour", pictures.PROFILE.colour)
    asyncio.run(notify(house))
    rows = house.desk.execute("SELECT payload FROM outbox WHERE channel = 'mail' ORDER BY id").fetchall()
    mails = [message_from_bytes(payload, policy=default) for (payload,) in rows]
    house.context.close()
    found = next(mail for mail in mails if "relevé de facturation" in str(mail["Subject"]))
    assert isinstance(found, EmailMessage)
    return found


def _on_telephones(mail: EmailMessage, work: Path) -> Image.Image:
    """A mail as a telephone shows it, light and dark side by side."""
    html = mail.get_body(("html",))
    assert html
    page = str(html.get_content())
    for part in mail.walk():
        if part["Content-ID"]:
            inline = base64.b64encode(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]
            page = page.replace(f"cid:{part['Content-ID'][1:-1]}", f"data:{part.get_content_type()};base64,{inline}")
    frames = "".join(
        f'<iframe width="360" height="900" srcdoc="{escape(it)}"></iframe>'
        for it in (page, page.replace("(prefers-color-scheme: dark)", "all"))
    )
    style = "body { margin: 0; display: flex; gap: 24px; align-items: start; background: white } iframe { border: 0 }"
    whole = "document.querySelectorAll('iframe').forEach(it => it.height = it.contentDocument.body.scrollHeight)"
    (work / "courriel.html").write_text(
        f'<meta charset="utf-8"><style>{style}</style><body onload="{whole}">{frames}</body>', "utf-8"
    )
    browser = ["chromium", "--headless=new", "--no-sandbox", "--hide-scrollbars", "--force-device-scale-factor=2"]
    shot = ["--window-size=744,2000", "--screenshot=courriel.png", "courriel.html"]
    subprocess.run([*browser, *shot], cwd=work, check=True, capture_output=True, timeout=120)
    shown = Image.open(work / "courriel.png").convert("RGB")
    drawn = ImageOps.invert(shown.convert("L")).getbbox()
    assert drawn
    return ImageOps.expand(shown.crop((0, 0, shown.width, drawn[3])), 2, "#c9d0d9")


def _keep(name: str, image: Image.Image, choice: Image.Quantize = Image.Quantize.MEDIANCUT) -> None:
    """A picture with as few colours as it takes to be light."""
    path = PICTURES / name
    for colours in (256, 128, 64, 32):
        image.convert("RGB").quantize(colours, choice, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            break
    assert path.stat().st_size <= MOST_BYTES
    print(f"{name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
