"""A folder of prices, scenarios and assumptions with the whole way in it, for the tests of the cost report."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from cost_cases import CASES, DAY

from wkms_migrate.cost import build

ASSUMPTIONS = Path(__file__).parent / "cases" / "reports" / "assumptions.yaml"


def folder(place, change=lambda text: text):
    """Make the folder at `place`; `change` may rewrite its assumptions."""
    made = Path(place) / "config"
    shutil.copytree(CASES, made)
    (made / "assumptions.yaml").write_text(change(ASSUMPTIONS.read_text(encoding="utf-8")), encoding="utf-8")
    return made


@cache
def whole(target="after", tax=False, change=lambda text: text):
    """Build the report of the whole way."""
    with tempfile.TemporaryDirectory() as place:
        question = build.Question(baseline="before", target=target, as_of=DAY, tax=tax)
        return build.build(folder(place, change), question)
