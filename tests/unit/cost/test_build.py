from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from cost_cases import BUNDLED, CASES, DAY

from wkms_migrate.cost import build, inputs, quantities, sensitivity
from wkms_migrate.cost.estimate import estimate
from wkms_migrate.cost.quantities import CONTINGENCY
from wkms_migrate.cost.ranges import CENT, ZERO, Range, total
from wkms_migrate.errors import ConfigError

PAIRS = [("azure-now", name) for name in ("aws-vm", "aws-managed", "aws-oss", "azure-vm", "keep-azure-openai")]


@pytest.fixture(scope="module")
def bundled():
    return inputs.load(BUNDLED)


def question(before="azure-now", after="aws-vm", day=DAY, tax=False):
    return build.Question(baseline=before, target=after, as_of=day, tax=tax)


def answered(read, *asked, **also):
    return build.answer(read, question(*asked, **also), {})


def test_every_total_of_10_000_random_inventories_is_the_sum_of_its_lines(bundled):
    chance = random.Random(1)
    lines = [line for one in bundled.scenarios.values() for line in one.lines]
    found = quantities.of(bundled.assumptions, {})
    for count in range(10_000):
        if count % 100 == 0:
            inventory = {
                name: replace(row, value=Range(*sorted(Decimal(chance.randrange(10**7)) / 1000 for _ in range(3))))
                for name, row in found.items()
            }
        some = SomeLines(name="random", lines=tuple(chance.sample(lines, 4)))
        bill = estimate(some, bundled.prices, inventory, "USD")
        amounts = [line.amount for line in bill.lines]
        for end in ("low", "base", "high"):
            assert getattr(bill.total, end) == sum((getattr(one, end) for one in amounts), ZERO), count
        assert all(amount == amount.rounded(CENT) for amount in amounts)


@dataclass(frozen=True)
class SomeLines:
    """Lines to be priced, without the rule that a scenario accounts for every area."""

    name: str
    lines: tuple
    regions: tuple = ()


def test_ranges_contain_every_sampled_point(bundled):
    chance = random.Random(2)
    found = quantities.of(bundled.assumptions, {})
    report = answered(bundled)
    cases = [bundled.scenarios[name] for name in ("azure-now", "aws-vm")]
    for _ in range(5_000):  # a point of each of two bills: 10,000 in all
        values = {name: sampled(chance, row.value) for name, row in found.items()}
        bills = [point_bill(one, bundled.prices, values, chance) for one in cases]
        for bill, side in zip(bills, report.scenarios, strict=False):
            assert side.total.low <= bill <= side.total.high
        assert report.comparison.saving.low <= bills[0] - bills[1] <= report.comparison.saving.high


def sampled(chance, value):
    return value.low + (value.high - value.low) * Decimal(chance.randrange(10**6)) / 10**6


def point_bill(scenario, prices, values, chance):
    """Price a scenario at one point, written out by hand: quantity by tier, times a price within its range."""
    whole = ZERO
    for line in scenario.lines:
        quantity = line.number()
        for name in line.names():
            quantity *= values[name]
        tiers = prices[line.sku].tiers
        for number, tier in enumerate(tiers):
            ceiling = tiers[number + 1].above if number + 1 < len(tiers) else quantity
            share = max(min(quantity, ceiling) - tier.above, ZERO)
            whole += (share * sampled(chance, tier.price)).quantize(CENT, ROUND_HALF_UP)
    return whole


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_every_scenario_is_complete_and_its_base_is_that_of_the_tornado(bundled, pair):
    report = answered(bundled, *pair)
    assert report.complete, [notice.code for notice in report.notices]
    nominal = report.outlook.total(36, discounted=False)
    assert report.sensitivity.saving == nominal.saving.base
    drivers = report.sensitivity.drivers
    assert [one.swing for one in drivers] == sorted((one.swing for one in drivers), reverse=True)
    for driver in drivers:
        if driver.varied == "range":
            assert nominal.saving.low <= min(driver.saving_at_low, driver.saving_at_high)
            assert max(driver.saving_at_low, driver.saving_at_high) <= nominal.saving.high


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_the_verdict_turns_at_each_threshold(bundled, pair):
    found = quantities.of(bundled.assumptions, {})
    goal = bundled.assumptions.saving_goal_percent
    case = sensitivity.Case.of(tuple(bundled.scenarios[one] for one in pair), (), bundled.prices, found)
    base = {name: row.value.base for name, row in found.items()}

    def met(threshold, value):
        if threshold.name in base:
            before, after = case.monthly(base | {threshold.name: value}, {})
        else:
            before, after = case.monthly(base, {threshold.name: value / threshold.base})
        return (before - after) / before * 100 >= goal

    thresholds = answered(bundled, *pair).sensitivity.thresholds
    assert thresholds
    for one in thresholds:
        beyond = one.value * (Decimal("1.0005") if one.holds == "up-to" else Decimal("0.9995"))
        assert met(one, one.value), one
        assert not met(one, beyond), one


def test_each_price_lost_leaves_no_total_over_time(bundled):
    used = {line.sku for name in ("azure-now", "aws-vm") for line in bundled.scenarios[name].lines}
    once = {cost.sku for cost in bundled.assumptions.movers[0].costs}
    for sku in sorted(used | once):
        lost = replace(bundled.prices[sku], tiers=(), status="missing", source=None)
        report = answered(replace(bundled, prices=bundled.prices | {sku: lost}))
        assert (report.complete, report.outlook, report.sensitivity) == (False, None, None), sku
        assert (report.comparison.saving is None) is (sku in used), sku


def test_one_off_costs_add_up_and_the_contingency_is_on_all_of_them(bundled):
    report = answered(bundled)
    *lines, contingency = report.one_off.lines
    assert contingency.key == "contingency"
    assert report.one_off.total == total([line.amount for line in report.one_off.lines])
    share = quantities.of(bundled.assumptions, {})[CONTINGENCY].value.base / 100
    assert contingency.amount.base == (sum(line.amount.base for line in lines) * share).quantize(CENT, ROUND_HALF_UP)
    dual = next(line for line in lines if line.key == "dual-running")
    assert dual.unit_price == report.comparison.target.total


def test_a_mover_without_a_price_is_shown_as_unknown_and_withholds_only_when_chosen(bundled):
    lost = replace(bundled.prices["aws.dms.hour"], tiers=(), status="missing", source=None)
    bundled = replace(bundled, prices=bundled.prices | {"aws.dms.hour": lost})
    own, managed = answered(bundled).movers
    assert (own.chosen, own.total is None, managed.chosen, managed.total) == (True, False, False, None)
    chosen = replace(bundled, assumptions=replace(bundled.assumptions, mover="managed"))
    report = answered(chosen)
    assert (report.outlook, report.one_off.total) == (None, None)
    assert "one-off-missing" in {notice.code for notice in report.notices}
    assert report.comparison.saving is not None, "the monthly saving does not depend on the mover"


def test_a_one_off_price_in_another_currency_is_missing_and_never_taken_for_ours(bundled):
    won = replace(bundled.prices["aws.s3.put"], currency="KRW", sku="won")
    book = bundled.prices | {"won": won}
    rows = tuple(
        replace(mover, costs=tuple(replace(c, sku="won") if c.sku == "aws.s3.put" else c for c in mover.costs))
        for mover in bundled.assumptions.movers
    )
    read = replace(bundled, prices=book, assumptions=replace(bundled.assumptions, movers=rows))
    report = answered(read)
    assert (report.one_off.total, report.complete) == (None, False)
    (notice,) = [one for one in report.notices if one.code == "one-off-missing"]
    assert dict(notice.values)["skus"] == "won"


def test_the_managed_movers_are_priced_and_said_to_be_estimated(bundled):
    _, managed = answered(bundled).movers
    assert [line.price.sku for line in managed.lines if line.price.status == "estimated"] == [
        "aws.datasync.gb",
        "aws.datasync.task",
        "aws.dms.hour",
        "aws.dynamodb.import-gb",
    ]
    assert managed.total == total([line.amount for line in managed.lines])


def test_mysql_8_0_on_rds_costs_its_extended_support_from_its_day_on(bundled):
    scenario = bundled.scenarios["aws-rds"]
    old = replace(
        scenario,
        lines=tuple(
            replace(line, lifecycle="rds-mysql-8.0", lifecycle_units=("2",)) if line.key == "mysql" else line
            for line in scenario.lines
        ),
    )
    read = replace(bundled, scenarios=bundled.scenarios | {"aws-rds": old})
    before = answered(read, "azure-now", "aws-rds", day=date(2026, 7, 31))
    after = answered(read, "azure-now", "aws-rds", day=date(2026, 8, 1))
    extra = after.comparison.target.total - before.comparison.target.total
    assert extra.base == Decimal("175.20")
    assert "lifecycle-surcharge" not in {notice.code for notice in before.notices}
    (notice,) = [notice for notice in after.notices if notice.code == "lifecycle-surcharge"]
    assert "8.4" in dict(notice.values)["instead"].en


def test_a_retired_load_balancer_is_named(bundled):
    scenario = bundled.scenarios["azure-vm"]
    lines = tuple(
        replace(line, lifecycle="azure-lb-basic") if line.key == "load-balancer" else line for line in scenario.lines
    )
    read = replace(bundled, scenarios=bundled.scenarios | {"azure-vm": replace(scenario, lines=lines)})
    assert "lifecycle-retired" in {notice.code for notice in answered(read, "azure-now", "azure-vm").notices}


def test_terms_are_cheaper_the_longer_and_only_where_they_are_sold(bundled):
    on_demand, one_year, three_years = answered(bundled).commitments
    assert on_demand.target.base > one_year.target.base > three_years.target.base
    assert on_demand.baseline == one_year.baseline == three_years.baseline
    assert (on_demand.lines, three_years.lines) == ((0, 0), (0, 2)), "and it says on how many lines"


def test_commitment_is_a_driver_worth_the_difference_of_the_bills_over_36_months(bundled):
    report = answered(bundled)
    (driver,) = [one for one in report.sensitivity.drivers if one.name == "commitment"]
    on_demand, *_, longest = report.commitments
    monthly = on_demand.target.base - longest.target.base
    assert driver.saving_at_low == report.sensitivity.saving
    bills = quantities.of(bundled.assumptions, {})["dual_running_months"].value.base + 1  # and half of two test months
    once = monthly * bills * Decimal("1.15")
    assert abs(driver.saving_at_high - driver.saving_at_low - monthly * 36 - once) < 1


def test_tax_is_added_to_totals_when_asked_and_changes_no_percentage(bundled):
    plain, taxed = answered(bundled), answered(bundled, tax=True)
    amount = plain.comparison.target.total
    assert plain.taxed(amount) == amount
    assert taxed.taxed(amount).base == (amount.base * Decimal("1.1")).quantize(CENT, ROUND_HALF_UP)
    assert plain.comparison.percent == taxed.comparison.percent


def test_use_grows_by_the_year_and_only_what_grows(bundled):
    rows = quantities.of(bundled.assumptions, {})
    later = quantities.after_years(rows, 2)
    assert later["queries"].value.base == rows["queries"].value.base * Decimal("1.21")
    assert later["mysql_storage_gb"] == rows["mysql_storage_gb"]
    first, last = answered(bundled).outlook.months[1], answered(bundled).outlook.months[36]
    assert last.baseline.base > first.baseline.base * 36


def test_a_second_currency_is_in_whole_units_at_its_rate():
    report = build.build(CASES, question("before", "after"))
    assert report.exchanged(Decimal("0.0005")) == 1
    assert report.exchanged(Decimal(10)) == 14_000
    assert replace(report, exchange=None).exchanged(Decimal(10)) is None


def test_an_empty_inventory_is_named(bundled):
    codes = [notice.code for notice in build.answer(bundled, question(), {"document_gb": ZERO}).notices]
    assert "empty-inventory" in codes


def test_a_line_of_another_region_is_named_and_no_saving_is_told_unless_both_are_meant(bundled):
    strange = replace(bundled.prices["aws.ipv4"], region="us-east-1")
    mixed = replace(bundled, prices=bundled.prices | {"aws.ipv4": strange})
    report = answered(mixed)
    (problem,) = report.comparison.target.problems
    assert "line addresses: aws.ipv4 is priced in us-east-1, the scenario is in ap-northeast-2" in problem
    assert (report.comparison.saving, report.complete) == (None, False)
    whole = {line.key for line in answered(bundled).comparison.target.lines if line.amount}
    assert {line.key for line in report.comparison.target.lines if line.amount} == whole - {"addresses"}

    meant = replace(mixed.scenarios["aws-vm"], regions=("ap-northeast-2", "us-east-1"))
    report = answered(replace(mixed, scenarios=mixed.scenarios | {"aws-vm": meant}))
    assert (report.comparison.target.problems, report.complete) == ((), True)
    elsewhere = replace(mixed.scenarios["aws-vm"], regions=("us-east-1",))
    report = answered(replace(mixed, scenarios=mixed.scenarios | {"aws-vm": elsewhere}))
    assert len(report.comparison.target.problems) == len(meant.lines) - 1


def test_a_one_off_cost_that_names_no_quantity_is_a_fault_of_the_file(tmp_path):
    text = (BUNDLED / "assumptions.yaml").read_text(encoding="utf-8")
    path = tmp_path / "assumptions.yaml"
    path.write_text(text.replace("quantity: [training_days,", "quantity: [trainig_days,"), encoding="utf-8")
    from wkms_migrate.cost.loading import read

    with pytest.raises(ConfigError, match="training names the quantity trainig_days"):
        read(path, quantities.Assumptions)
