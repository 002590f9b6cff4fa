"""The README's pictures, of invented data: `python -m tests.make_pictures`.

A client's chart, and its spreadsheet as LibreOffice shows it (Debian: libreoffice-calc-nogui, poppler-utils); without
LibreOffice the second one stays as it is.
"""

import asyncio
import io
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

from bot.sandbox.operator import Operator
from core import books, charts, daily
from core.daily_chart import DailyChart
from tests.handlers.filled import TODAY, make_pass

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


def _fill(work: Path) -> Path:
    """A store with twelve clients; October is billed."""
    root, data = work / "ftp", work / "data"
    root.mkdir()
    Operator(root, TODAY, months=2).fill()
    done = asyncio.run(make_pass(root, data))
    assert not done.error
    return data


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


def _keep(name: str, image: Image.Image) -> None:
    """A picture with as few colours as it takes to be light."""
    path = PICTURES / name
    for colours in (256, 128, 64, 32):
        image.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            break
    assert path.stat().st_size <= MOST_BYTES
    print(f"{name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
