from __future__ import annotations

import ast
import re
from pathlib import Path

from wkms_migrate import phases
from wkms_migrate.report.words import catalogue

PHASES = Path(phases.__file__).parent
PREFLIGHT = Path(__file__).parents[3] / "docs" / "mysql-preflight.md"


def codes():
    """Return the codes of findings that phases write out in full."""
    for path in PHASES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "finding":
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant):
                    yield first.value


def test_every_finding_has_words_in_both_languages():
    rules = re.findall(r"^\| \[([a-z0-9-]+)\]", PREFLIGHT.read_text(encoding="utf-8"), re.MULTILINE)
    wanted = {*codes(), *(f"mysql-{rule}" for rule in rules)}
    assert len(wanted) > 100
    assert sorted(code for code in wanted if f"finding.{code}.says" not in catalogue("ko")) == []
