from __future__ import annotations

import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _backend_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "stack" / "backend"))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "wkms"]:
        del sys.modules[name]
