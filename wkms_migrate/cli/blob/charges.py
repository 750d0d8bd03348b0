"""What `blob plan` says of money: each charge with its price's source, and the prices that are missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wkms_migrate.cli.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wkms_migrate.cost.blob_move import Charge
    from wkms_migrate.cost.ranges import Range
    from wkms_migrate.phases.blob.forecast import Archived, Workload


def of(work: Sequence[Workload], archived: Sequence[Archived]) -> dict[str, list[Charge]]:
    """Price what is to be copied, and for each priority the rehydration of what is archived."""
    from wkms_migrate import assets
    from wkms_migrate.cost import blob_move, prices
    from wkms_migrate.cost.ranges import Range

    known = prices.load(sorted((assets.path("config") / "prices").glob("*.yaml")))
    load = blob_move.Load(
        reads=sum((one.reads for one in work), Counter[str]()),
        read_bytes=sum((one.read_bytes for one in work), Counter[str]()),
        writes=sum((one.writes for one in work), Counter[str]()),
    )
    least = sum((one.least_early for one in archived), Decimal(0))
    most = sum((one.most_early for one in archived), Decimal(0))
    thaw = blob_move.Thaw(
        objects=sum(one.objects for one in archived),
        bytes=sum(one.bytes for one in archived),
        early=Range(least, most, most),
    )
    found = {"copy": blob_move.of_copy(load, known)}
    if thaw.objects:
        found["rehydrate, priority Standard"] = blob_move.of_thaw(thaw, "Standard", known)
        found["rehydrate, priority High"] = blob_move.of_thaw(thaw, "High", known)
    return found


def say(options: Options, found: dict[str, list[Charge]]) -> None:
    """Say a sum for each thing to do and what has no price; with -v each line and where its price is from."""
    from wkms_migrate.cost import blob_move

    more = "" if options.level > 0 else " (-v: each line)"
    options.say(f"Charges, if nothing else leaves Azure this month, without storage on either end{more}:")
    for what, charges in found.items():
        lacking = list(dict.fromkeys(blob_move.missing(charges)))
        but = f", and what has no price here: {', '.join(lacking)}" if lacking else ""
        options.say(f"    {what}: {_amount(blob_move.total(charges))} {charges[0].currency or 'USD'}{but}")
        for one in charges if options.level > 0 else ():
            options.say(f"        {one.what}: {_line(one)}")


def as_data(found: dict[str, list[Charge]]) -> dict[str, Any]:
    """Return all of it as JSON can hold it."""
    return {what: [asdict(one) for one in charges] for what, charges in found.items()}


def _line(one: Charge) -> str:
    if one.amount is None:
        return f"no price of {one.sku}"
    quantity = f"{one.quantity.high:,.4f}".rstrip("0").rstrip(".")
    told = "; ".join(part for part in (one.status, one.source, one.basis) if part)
    return f"{_amount(one.amount)} {one.currency} for {quantity} × {one.unit} ({told})"


def _amount(amount: Range) -> str:
    return f"{amount.base}" if amount.exact else f"{amount.low} to {amount.high}"
