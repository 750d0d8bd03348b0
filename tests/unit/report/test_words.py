from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment, meta

from wkms_migrate.cost import audit, fields
from wkms_migrate.errors import WkmsError
from wkms_migrate.report import cost_page, page, run_report, words
from wkms_migrate.report.page import TEMPLATES

KO, EN = words.catalogue("ko"), words.catalogue("en")


def test_both_languages_say_the_same_things():
    assert sorted(KO) == sorted(EN)
    assert all(isinstance(text, str) and text.strip() for text in (*KO.values(), *EN.values()))


@pytest.mark.parametrize("key", sorted(KO))
def test_both_languages_fill_in_the_same_values(key):
    environment = page.environment("USD")
    used = [meta.find_undeclared_variables(environment.parse(text[key])) for text in (KO, EN)]
    assert used[0] == used[1]
    assert len(re.findall(r"\{\{", KO[key])) == len(re.findall(r"\{\{", EN[key]))


def test_korean_is_korean_and_english_is_not():
    hangul = re.compile("[가-힣]")
    plain = {"LCU", "RU/s", "WRU, RRU", "NoSQL"}
    assert [key for key, text in KO.items() if not hangul.search(text) and text not in plain] == []
    assert [key for key, text in EN.items() if hangul.search(text)] == []


def test_every_code_and_name_has_its_words():
    wanted = [f"notice.guide-{code}" for code, _ in audit._RULES]
    wanted += [f"area.{area}" for area in fields.AREAS] + [f"kind.{kind}" for kind in run_report.KINDS]
    wanted += [f"glossary.{term}.{part}" for term in cost_page.GLOSSARY for part in ("term", "text")]
    wanted += [f"status.{status}" for status in ("list", "billed", "estimated", "quoted", "missing")]
    assert [key for key in wanted if key not in KO] == []


def test_every_entry_is_used():
    package = Path(words.__file__).parent.parent
    sources = [*TEMPLATES.glob("*.*"), *(package / "report").glob("*.py"), *(package / "cost").glob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    groups = (
        "area",
        "status",
        "step",
        "kind",
        "count",
        "phase",
        "verdict",
        "glossary",
        "summary",
        "run.outcome",
        "finding",
        "severity",
        "unit",
        "column",
        "commitment",
        "case",
        "depends.holds",
        "run.tile",
        "run.sign",
        "notice",
        "task",
        "comparison",
        "measure",
    )
    unused = [
        key
        for key in KO
        if not key.startswith(tuple(f"{group}." for group in groups))
        and not re.search(rf"""["']{re.escape(key)}["']""", text)
    ]
    assert unused == []


def test_units_are_said_in_korean_and_currencies_stay():
    said = words.Words("ko", Environment())
    assert said.measure("USD / million tokens") == "USD / 토큰 백만 개"
    assert said.measure("100 RU/s") == "100 RU/s"


def test_every_unit_of_prices_and_assumptions_has_words():
    folder = Path(words.__file__).parents[2] / "config"
    files = [*(folder / "prices").glob("*.yaml"), folder / "assumptions.yaml"]
    found = {unit for file in files for unit in units(yaml.safe_load(file.read_text(encoding="utf-8")))}
    assert len(found) > 20
    plain = {"%", "GB", "USD", "LCU", "WRU", "RRU", "100 RU/s"}
    assert sorted(unit for unit in found - plain if f"measure.{unit}" not in KO) == []


def units(value):
    """Return every text under a key `unit`."""
    if isinstance(value, dict):
        return {str(value["unit"])} if isinstance(value.get("unit"), str) else set().union(*map(units, value.values()))
    return set().union(*map(units, value)) if isinstance(value, list) else set()


def test_an_unknown_entry_is_an_error():
    with pytest.raises(WkmsError, match=r"no entry cost\.nonsense"):
        words.Words("ko", Environment())("cost.nonsense")
