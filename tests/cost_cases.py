"""Folders with prices, scenarios and assumptions for the tests of costs and their reports."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from wkms_migrate.cost import build, compare, estimate, inputs, quantities

BUNDLED = Path(__file__).parents[1] / "config"
CASES = Path(__file__).parent / "cases" / "cost"
DAY = date(2026, 11, 22)


def bill(folder, name, prices=None):
    """Estimate one scenario of a folder."""
    read = inputs.load(folder)
    found = quantities.of(read.assumptions, {})
    return estimate.estimate(read.scenario(name), prices or read.prices, found, read.assumptions.currency)


def comparison(folder, before, after, prices=None):
    """Compare two scenarios of a folder."""
    goal = inputs.load(folder).assumptions.saving_goal_percent
    return compare.compare(bill(folder, before, prices), bill(folder, after, prices), goal)


def report(target="after", folder=CASES, baseline="before"):
    """Build the cost report of a folder."""
    return build.build(folder, build.Question(baseline=baseline, target=target, as_of=DAY))
