from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pypdf
import pytest
from external import missing, need_korean_font

from wkms_migrate.errors import Refused
from wkms_migrate.report import pdf

weasyprint = pytest.importorskip("weasyprint")
KOREAN = '<html lang="ko"><body style="font-family:NanumGothic">월 합계 한글</body></html>'


def text_of(content):
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def test_english_is_written_the_same_each_time():
    page = "<html><body>Monthly total $872.59</body></html>"
    assert text_of(pdf.render(page)) == "Monthly total $872.59"
    assert pdf.render(page) == pdf.render(page)


def test_korean_can_be_read_back():
    need_korean_font()
    assert text_of(pdf.render(KOREAN)).replace(" ", "") == "월합계한글"


def test_without_a_korean_font_it_is_refused(tmp_path):
    found = subprocess.run(["fc-match", "-f", "%{file}", "DejaVu Sans"], capture_output=True, check=True).stdout
    if "dejavu" not in found.decode().lower():
        missing("no font without Korean letters is installed (apt-get install fonts-dejavu-core)")
    fonts, folder = tmp_path / "fonts.conf", Path(found.decode()).parent
    places = f"<dir>{folder}</dir><cachedir>{tmp_path}/cache</cachedir>"
    fonts.write_text(f'<?xml version="1.0"?><fontconfig>{places}</fontconfig>')
    code = (
        "import sys; from wkms_migrate.report import pdf; from wkms_migrate.errors import Refused\n"
        "try:\n    pdf.render(sys.argv[1])\n"
        "except Refused as error:\n    print(error.message)\n"
    )
    argv = [sys.executable, "-c", code, KOREAN]
    ran = subprocess.run(argv, env=os.environ | {"FONTCONFIG_FILE": str(fonts)}, capture_output=True, check=True)
    assert "No font on this machine has Korean letters" in ran.stdout.decode()


def test_a_page_loads_nothing(tmp_path):
    secret = tmp_path / "x.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>secret</text></svg>')
    assert "secret" not in text_of(pdf.render(f'<html><body>a<img src="file://{secret}"></body></html>'))


def test_a_missing_library_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(Refused, match="PDF needs WeasyPrint"):
        pdf.render(KOREAN)
