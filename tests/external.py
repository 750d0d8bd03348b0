"""Parts that a test needs from outside: skipped without them on a laptop, failed without them in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """End the test: this machine lacks something. In CI (`CI=true`) that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def need(program: str) -> str:
    """Return the path of a program, or end the test."""
    return shutil.which(program) or missing(f"{program} is not on the PATH; `make setup` gets what the tests need")


def need_korean_font() -> None:
    """End the test where no font has Korean letters."""
    found = (
        subprocess.run(["fc-list", ":lang=ko"], capture_output=True, check=False).stdout
        if shutil.which("fc-list")
        else b""
    )
    if not found.strip():
        missing("no Korean font is installed (apt-get install fontconfig fonts-nanum)")
