"""Parts that a test needs from outside: skipped without them on a laptop, failed without them in CI."""

from __future__ import annotations

import os
import shutil
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
