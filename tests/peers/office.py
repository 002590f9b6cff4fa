"""LibreOffice, as somebody who opens a file has it: formulas computed anew, French formats."""

import subprocess
from pathlib import Path

from tests.peers.programs import program

_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>fr-FR</value></prop>
</item>
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop>
</item>
</oor:items>
"""


def convert(source: Path, to: str) -> Path:
    """The file in another format ("pdf", "xlsx", "csv"), in a folder `converted` beside it.

    Every formula is computed anew, whatever value the file holds for it.
    """
    office = program("soffice", "libreoffice-calc-nogui")
    profile, out = source.parent / "office-profile", source.parent / "converted"
    (profile / "user").mkdir(parents=True, exist_ok=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_SETTINGS)
    command = [str(office), f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", to]
    subprocess.run([*command, "--outdir", str(out), str(source)], check=True, capture_output=True, timeout=150)
    return out / f"{source.stem}.{to.partition(':')[0]}"
