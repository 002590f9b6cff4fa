"""LibreOffice, as somebody who opens a file has it: formulas computed anew, French formats."""

import os
import signal
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


_LIBRARY = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE library:library PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "library.dtd">
<library:library xmlns:library="http://openoffice.org/2000/library" library:name="Standard" library:readonly="false"
 library:passwordprotected="false"><library:element library:name="Locked"/></library:library>
"""
_MACRO = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Locked" script:language="StarBasic">
Sub Unlock(source, password, target)
  Dim how(1) As New com.sun.star.beans.PropertyValue
  how(0).Name = "Hidden" : how(0).Value = True
  how(1).Name = "Password" : how(1).Value = password
  Dim book As Object
  book = StarDesktop.loadComponentFromURL(source, "_blank", 0, how())
  Dim written(0) As New com.sun.star.beans.PropertyValue
  written(0).Name = "FilterName" : written(0).Value = "Calc MS Excel 2007 XML"
  book.storeToURL(target, written())
  book.close(True)
  StarDesktop.terminate()
End Sub
</script:module>
"""


def unlock(source: Path, password: str) -> Path:
    """The workbook (XLSX) as LibreOffice writes it again once the password opened it, beside it and without one."""
    profile, target = source.parent / "office-profile", source.with_name(f"{source.stem} ouvert.xlsx")
    # The first start fills the folder of macros anew.
    _start(profile, "--terminate_after_init")
    library = profile / "user" / "basic" / "Standard"
    (library / "script.xlb").write_text(_LIBRARY)
    (library / "Locked.xba").write_text(_MACRO)
    given = ",".join(f'"{it}"' for it in (source.as_uri(), password, target.as_uri()))
    _start(profile, f"macro:///Standard.Locked.Unlock({given})")
    return target


def _start(profile: Path, *arguments: str) -> None:
    """Wait for its end; it starts others, which go with it: a wrong password leaves it asking for ever."""
    office = program("soffice", "libreoffice-calc-nogui")
    command = [str(office), f"-env:UserInstallation={profile.as_uri()}", "--headless", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(100)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
