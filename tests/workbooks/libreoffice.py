"""LibreOffice as a third reader: it opens a workbook, computes all formulas, and saves it as its own."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.workbooks.reading import calamine_sheets

# Told to, it computes formulas anew instead of believing what is stored.
SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop>
</item>
</oor:items>
"""

SECONDS = 150

WITHIN = 1e-14
"""Numbers are saved with fifteen digits."""

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
LINE_ENDS = re.compile("\r\n|\n\r|\r")


def convert(path: Path, folder: Path, kind: str = "xlsx") -> Path:
    """Have LibreOffice open a file and save it into a folder, which is made.

    Args:
        kind: ending of the new file.
    """
    program = shutil.which("soffice") or shutil.which("libreoffice")
    assert program, "LibreOffice is missing: apt-get install libreoffice-calc-nogui"
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(SETTINGS)
    command = [program, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore"]
    done = subprocess.run(
        [*command, "--convert-to", kind, "--outdir", folder, path],
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    made = folder / f"{path.stem}.{kind}"
    assert made.exists(), f"LibreOffice saved nothing: {done.stdout} {done.stderr}"
    return made


def read(path: Path, folder: Path, titles: Iterable[str]) -> dict[str, list[list[Any]]]:
    """The rows of sheets as LibreOffice has them; an empty cell is ''.

    Texts are as `saved` has them.
    """
    sheets = calamine_sheets(convert(path, folder), titles)
    return {
        title: [list(map(_with_one_line_end, row)) for row in sheets[title]] for title in sheets
    }


def saved(arrives: object) -> object:
    """What is read of a value that LibreOffice has saved.

    It knows one kind of line breaks, and no booleans apart from their format. Where two things that look
    like escapes share an underscore, it marks only the first, and none that a control character completes.
    """
    if isinstance(arrives, bool):
        return int(arrives)
    if not isinstance(arrives, str):
        return arrives
    marked = ESCAPE.sub(r"_x005F_x\1_", arrives)
    stored = CONTROL.sub(lambda match: f"_x{ord(match[0]):04x}_", marked)
    return _with_one_line_end(ESCAPE.sub(lambda match: chr(int(match[1], 16)), stored))


def _with_one_line_end(value: Any) -> Any:
    return LINE_ENDS.sub("\n", value) if isinstance(value, str) else value
