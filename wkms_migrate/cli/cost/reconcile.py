"""`cost reconcile`: a real bill against the prices on file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli.cost.asked import Folder, folder_of
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import ConfigError, VerificationFailed, WkmsError

if TYPE_CHECKING:
    from wkms_migrate.cost.reconcile import Reconciled, Reconciliation

BillFile = Annotated[
    Path, typer.Option("--bill", help="AWS Cost and Usage Report or Cost Explorer, Azure usage, or FOCUS; as CSV.")
]
Tolerance = Annotated[float, typer.Option(help="How far a price may be from the bill, in percent.", min=0)]
UNMATCHED_SHOWN = 20


@shared
def reconcile(options: Options, bill: BillFile, tolerance: Tolerance = 0.5, inputs: Folder = None) -> None:
    """Compare what was billed with what our prices make of the same use; exit 3 when a price is off.

    Rows that cannot be used are named, the others compared all the same; then it ends with exit code 2.
    """
    from wkms_migrate.cost import bills, selectors
    from wkms_migrate.cost import inputs as reading
    from wkms_migrate.cost import reconcile as reconciling
    from wkms_migrate.cost.loading import read

    folder = folder_of(inputs)
    files = reading.load(folder)
    lists = read(folder / "price-lists.yaml", selectors.PriceLists)
    found = reconciling.reconcile(bills.read(bill, files.assumptions.currency), files.prices, lists)
    limit = Decimal(str(tolerance))
    for line in _lines(found):
        options.say(line)
    error = _error(found, limit)
    options.data(_data(found), error)
    if error:
        raise error


def _error(found: Reconciliation, limit: Decimal) -> WkmsError | None:
    if found.bill.problems:
        return ConfigError(
            "Rows of the bill could not be used:",
            problems=found.bill.problems,
            hint="The others were compared. Correct these rows, or export the bill again.",
        )
    off = found.beyond(limit)
    if not off:
        return None
    return VerificationFailed(
        f"{counted(len(off), 'price differs', 'prices differ')} from the bill by more than {limit} %:"
        f" {', '.join(one.sku for one in off)}.",
        hint="Correct them in config/prices (status: billed, with the bill as source), or refresh the price lists.",
    )


def _lines(found: Reconciliation) -> list[str]:
    bill = found.bill
    lines = [_line(one, bill.currency) for one in found.matched]
    for meter, cost in found.unmatched[:UNMATCHED_SHOWN]:
        lines.append(f"  no price of ours: {meter}: {cost:,.4f} {bill.currency}")
    if len(found.unmatched) > UNMATCHED_SHOWN:
        lines.append(f"  … and {counted(len(found.unmatched) - UNMATCHED_SHOWN, 'meter')} more")
    if len(found.regions) > 1:
        lines.append(f"The bill has several regions: {', '.join(found.regions)}.")
    lines.append(
        f"{found.covered_percent:.1f} % of {found.billed:,.2f} {bill.currency} of use is covered by prices on file"
        f" ({bill.format}, {counted(len(bill.lines), 'row')}; tax, credits and fees of {bill.other:,.2f} left out)."
    )
    return lines


def _line(one: Reconciled, currency: str) -> str:
    reckoned = "no price" if one.reckoned is None else f"{one.reckoned:,.4f}"
    off = "" if one.percent is None else f" ({one.percent:+.2f} %)"
    return f"{one.sku}: {one.usage:,.4f} {one.unit}, billed {one.billed:,.4f} {currency}, ours {reckoned}{off}"


def _data(found: Reconciliation) -> dict[str, object]:
    bill = found.bill
    return {
        "format": bill.format,
        "currency": bill.currency,
        "billed": str(found.billed),
        "left_out": str(bill.other),
        "covered_percent": str(round(found.covered_percent, 2)),
        "regions": list(found.regions),
        "prices": [
            {
                "sku": one.sku,
                "usage": str(one.usage),
                "unit": one.unit,
                "billed": str(one.billed),
                "reckoned": None if one.reckoned is None else str(one.reckoned),
                "percent": None if one.percent is None else str(round(one.percent, 4)),
            }
            for one in found.matched
        ],
        "unmatched": [{"meter": meter, "cost": str(cost)} for meter, cost in found.unmatched],
        "problems": list(bill.problems),
    }
