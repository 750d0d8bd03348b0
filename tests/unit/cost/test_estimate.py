from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from cost_cases import BUNDLED, CASES, bill
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.cost import estimate, inputs, quantities
from wkms_migrate.cost.fields import AREAS, Source, Translated
from wkms_migrate.cost.prices import Price, Tier
from wkms_migrate.cost.ranges import CENT, Range
from wkms_migrate.cost.scenario import AreaNote, Scenario, ScenarioLine
from wkms_migrate.errors import ConfigError, UsageError

TEXT = Translated(ko="글", en="text")
PAGE = Source(title="page", date=date(2026, 11, 1))

figures = st.decimals(min_value=0, max_value=10_000, places=5)
maybe = st.one_of(st.none(), figures)


def price(sku, amount):
    tiers = () if amount is None else (Tier(above=Decimal(0), price=Range.exactly(amount)),)
    return Price(
        provider="p",
        region="r",
        currency="USD",
        sku=sku,
        service="s",
        unit="u",
        status="missing" if amount is None else "list",
        tiers=tiers,
        source=None if amount is None else PAGE,
        basis="",
    )


def scenario(factors):
    lines = tuple(
        ScenarioLine(key=f"line{n}", area="compute", spec=TEXT, sku=f"sku{n}", quantity=(str(factor),), charge="fixed")
        for n, factor in enumerate(factors)
    )
    outside = tuple(AreaNote(area=area, reason=TEXT) for area in AREAS if area != "compute")
    return Scenario(name="s", kind="computed", title=TEXT, summary=TEXT, lines=lines, outside=outside)


@given(st.lists(st.tuples(maybe, figures), min_size=1, max_size=30))
def test_the_total_is_the_sum_of_the_lines_or_is_not_there(rows):
    book = {f"sku{n}": price(f"sku{n}", amount) for n, (amount, _) in enumerate(rows)}
    result = estimate.estimate(scenario([factor for _, factor in rows]), book, {}, "USD")
    amounts = [line.amount for line in result.lines if line.amount is not None]
    assert result.known.base == sum((amount.base for amount in amounts), Decimal(0))
    assert all(amount == amount.rounded(CENT) for amount in amounts)
    missing = any(amount is None for amount, _ in rows)
    assert (result.total is None) is missing
    assert (result.total or result.known) == result.known


@given(figures, st.decimals(min_value=1, max_value=500, places=2))
def test_tiers_price_each_unit_once(quantity, boundary):
    tiers = (
        Tier(above=Decimal(0), price=Range.exactly(Decimal(2))),
        Tier(above=boundary, price=Range.exactly(Decimal(1))),
    )
    book = {"sku0": replace(price("sku0", Decimal(1)), tiers=tiers)}
    result = estimate.estimate(scenario([quantity]), book, {}, "USD")
    assert sum(line.quantity.base for line in result.lines) == quantity
    exact = min(quantity, boundary) * 2 + max(quantity - boundary, Decimal(0))
    assert abs(result.known.base - exact) <= CENT


def test_a_free_allowance_is_a_tier_of_its_own():
    lines = {line.key: line for line in bill(CASES, "after").lines}
    assert lines["egress/1"].amount == Range.exactly(Decimal("0.00"))
    assert lines["egress/2"].quantity == Range(Decimal(0), Decimal(20), Decimal(300))
    assert lines["egress/2"].amount == Range(Decimal("0.00"), Decimal("2.52"), Decimal("37.80"))


def test_another_currency_is_a_problem_of_its_line_and_leaves_no_total():
    book = {"sku0": replace(price("sku0", Decimal(1)), currency="KRW"), "sku1": price("sku1", Decimal(2))}
    result = estimate.estimate(scenario([1, 1]), book, {}, "USD")
    assert result.problems == (
        "Scenario s, line line0: sku0 is priced in KRW, the comparison is in USD; nothing is converted.",
    )
    assert (result.total, result.known) == (None, Range.exactly(Decimal("2.00")))


def test_an_unknown_quantity_or_sku_names_its_line_and_the_rest_is_priced():
    lines = (replace(scenario([1]).lines[0], quantity=("1", "hours")), *scenario([1, 1, 1]).lines[1:])
    book = {"sku0": price("sku0", Decimal(1)), "sku1": price("sku1", Decimal(3))}
    result = estimate.estimate(replace(scenario([1]), lines=lines), book, {}, "USD")
    assert result.problems == (
        "Scenario s, line line0: the quantity hours is unknown.",
        "Scenario s, line line2: no price list knows the SKU sku2 (near: sku1, sku0).",
    )
    assert (result.total, result.known.base) == (None, 3)


def test_what_was_measured_takes_the_place_of_what_is_assumed():
    assumptions = inputs.load(CASES).assumptions
    found = quantities.of(assumptions, {"egress_gb": Decimal(7)})
    assert found["egress_gb"].value == Range.exactly(7)
    assert (found["egress_gb"].origin, found["hours"].origin) == ("measured", "assumed")
    with pytest.raises(ConfigError, match="measures egres_gb"):
        quantities.of(assumptions, {"egres_gb": Decimal(7)})


def test_a_scenario_accounts_for_every_area_once():
    with pytest.raises(ValueError, match="say of monitoring whether"):
        replace(scenario([1]), outside=scenario([1]).outside[:-1])
    with pytest.raises(ValueError, match="compute cannot be both"):
        replace(scenario([1]), outside=(*scenario([1]).outside, AreaNote(area="compute", reason=TEXT)))
    with pytest.raises(ValueError, match="line0 occurs twice"):
        replace(scenario([1]), lines=scenario([1]).lines * 2)


def test_the_small_target_costs_what_the_facts_say():
    assert bill(BUNDLED, "aws-vm").total is not None
    lines = {line.key: line.amount.base for line in bill(BUNDLED, "aws-vm").lines}
    keys = ("app-server", "standby", "root-volume", "data-volume", "load-balancer", "load-balancer-use")
    fixed = sum(lines[key] for key in (*keys, "addresses", "snapshots"))
    assert abs(fixed - Decimal("145.74")) <= CENT, (
        "t3.large, t3.small, gp3 130 GB, ALB with 0.25 LCU, 4 IPv4, snapshots"
    )


def test_the_guide_is_no_scenario_to_compute_with():
    read = inputs.load(BUNDLED)
    with pytest.raises(UsageError, match="quoted"):
        read.scenario("guide")
    with pytest.raises(UsageError, match="no scenario aws-wm"):
        read.scenario("aws-wm")
