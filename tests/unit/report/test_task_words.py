from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from jinja2 import Environment

from wkms_migrate import phases
from wkms_migrate.report.words import Words, catalogue

PACKAGE = Path(phases.__file__).parent.parent
PHASES = PACKAGE / "phases"
KO = catalogue("ko")
LISTED = {  # where a step's name is a field of a list: how that list is written
    "mysql": (PHASES / "mysql" / "steps.py", r'\("([a-z/]+)", f?"[A-Z]'),
    "mysql-load": (PHASES / "mysql" / "load.py", r'\("([a-z/]+)", f?"[A-Z]'),
    "deploy": (PHASES / "deploy" / "steps.py", r'step\(\d, "([a-z/]+)"'),
    "assess": (PHASES / "assess" / "__init__.py", r'\(\s*"([a-z]+)",\s*f"'),
}


def calls(name):
    """Return the arguments by name of every call of `name` in the package."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            function = node.func if isinstance(node, ast.Call) else None
            if getattr(function, "id", getattr(function, "attr", None)) == name:
                yield node


def beginning(node):
    """Return the constant text that a string begins with."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) else ""


def written_steps():
    for call in calls("Step"):
        for keyword in call.keywords:
            text = beginning(keyword.value) if keyword.arg == "id" else ""
            if "/" in text.strip("/"):
                yield text.rstrip("/")
    for phase, (path, pattern) in LISTED.items():
        names = re.findall(pattern, path.read_text(encoding="utf-8"))
        assert len(names) > 3, path
        yield from (f"{phase}/{name}" for name in names)


def words():
    return Words("ko", Environment(autoescape=True))


def test_every_step_has_words():
    ours = {step for step in written_steps() if not step.endswith("/look")}
    assert len(ours) > 35
    assert [step for step in sorted(ours) if words().task(step, "recorded") == "recorded"] == []


def test_every_comparison_has_words():
    names = {call.args[1].value for call in calls("verified") if isinstance(call.args[1], ast.Constant)}
    assert len(names) > 35
    assert [name for name in sorted(names) if f"comparison.{name}" not in KO] == []


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("blob/copy/인사팀", "컨테이너 복사: 인사팀"),
        ("blob/copy/a/b", "컨테이너 복사: a/b"),
        ("blob/copy/<b>", "컨테이너 복사: &lt;b&gt;"),
        ("mysql/verify", "정의와 객체 비교"),
        ("mysql/verify/rows", "행 비교"),
        ("cosmos-repair/chat", "컨테이너의 항목 복구: chat"),
        ("toy/step/one", "Play"),
    ],
)
def test_a_step_is_said_by_the_longest_beginning_of_its_id(step, said):
    assert str(words().task(step, "Play")) == said


def test_a_step_without_words_and_record_is_its_id():
    assert words().task("toy/step/one", "") == "toy/step/one"


def test_a_comparison_without_words_stays_as_it_was_recorded():
    assert words().comparison("GET /health") == "GET /health"
