"""Compute a workbook again with LibreOffice, from a copy that holds no computed value."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import openpyxl

ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse">
<value>0</value></prop></item></oor:items>
"""


def program():
    """Return LibreOffice, or None where it is not installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def recomputed(content, folder, change=None):
    """Return a workbook with the values that LibreOffice computes, after `change` was made to it.

    Saved by openpyxl, which keeps formulas and drops their values: what is read back was computed.
    """
    book = openpyxl.load_workbook(io.BytesIO(content))
    if change:
        change(book)
    source = Path(folder) / "in" / "book.xlsx"
    profile = Path(folder) / "profile"
    for place in (source.parent, profile / "user"):
        place.mkdir(parents=True, exist_ok=True)
    book.save(source)
    (profile / "user" / "registrymodifications.xcu").write_text(ALWAYS)
    argv = [program(), f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", "xlsx"]
    subprocess.run(
        [*argv, "--outdir", str(folder), str(source)], check=True, capture_output=True, timeout=120, env=os.environ
    )
    return openpyxl.load_workbook(Path(folder) / "book.xlsx", data_only=True)
