from __future__ import annotations

import pytest
from cost_cases import BUNDLED

from wkms_migrate.cost.loading import read
from wkms_migrate.cost.prices import Snapshot
from wkms_migrate.cost.quantities import Assumptions
from wkms_migrate.errors import ConfigError

GOOD = """\
provider: Example
region: here
currency: USD
sources:
  page: { title: Price page, date: 2026-11-01 }
prices:
  - { sku: a, service: A, unit: hour, price: "0.5", status: list, source: page }
  - { sku: b, service: B, unit: hour, status: missing }
"""


def problems(tmp_path, old, new):
    assert old in GOOD
    path = tmp_path / "prices.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        read(path, Snapshot)
    assert str(path) in raised.value.message
    return raised.value.problems


def test_a_sound_file_is_read(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert [row.sku for row in read(path, Snapshot).prices] == ["a", "b"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"0.5"', "0.5", "line 7: prices.0.price: write the number in quotes"),
        ('"0.5"', '"0,5"', "line 7: prices.0.price: '0,5' is not a decimal number"),
        ('"0.5"', '"-1"', "line 7: prices.0.price: -1 must be 0 or more"),
        ('"0.5"', '"NaN"', "line 7: prices.0.price: NaN must be 0 or more"),
        ("status: list", "status: cheap", "line 7: prices.0.status: "),
        ("unit: hour, price", "untit: hour, price", "line 7: prices.0.untit: Unexpected keyword argument"),
        ("currency: USD", "currency: USD\ncurrency: KRW", "line 4: currency: the key occurs twice"),
        ("2026-11-01", "soon", "line 5: sources.page.date: "),
        ("region: here\n", "", "line 1: region: "),
    ],
)
def test_a_fault_is_told_with_its_line_and_key(tmp_path, old, new, expected):
    assert any(problem.startswith(expected) for problem in problems(tmp_path, old, new))


def test_all_faults_are_told_at_once(tmp_path):
    text = GOOD.replace('"0.5"', "0.5").replace("status: missing", "status: gone")
    path = tmp_path / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        read(path, Snapshot)
    assert len(raised.value.problems) == 2


@pytest.mark.parametrize(
    ("text", "expected"), [("", "is empty"), ("a: [", "is not valid YAML"), (None, "cannot be read")]
)
def test_a_file_that_is_no_yaml_is_refused(tmp_path, text, expected):
    path = tmp_path / "prices.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=expected):
        read(path, Snapshot)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ('{ currency: KRW, source: "BOK", date: 2026-11-20 }', "exchange.rate: Field required"),
        ('{ currency: KRW, rate: "1465.50", source: "BOK" }', "exchange.date: Field required"),
        ('{ currency: KRW, rate: "1465.50", date: 2026-11-20 }', "exchange.source: Field required"),
    ],
)
def test_a_second_currency_without_rate_source_or_day_is_refused_with_its_line(tmp_path, written, problem):
    text = (BUNDLED / "assumptions.yaml").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("# exchange:")]
    path = tmp_path / "assumptions.yaml"
    path.write_text(text.replace(line, f"exchange: {written}"), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read(path, Assumptions)
    assert refused.value.problems == (f"line {text.splitlines().index(line) + 1}: {problem}",)
