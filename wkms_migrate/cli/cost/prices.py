"""`cost prices`: the dated price snapshots: what they hold, newer ones, and what changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli.cost.asked import Folder, folder_of
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import ConfigError, Partial, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from wkms_migrate.cost.prices import Price
    from wkms_migrate.cost.refresh import PriceChange
    from wkms_migrate.cost.renew import Renewed

Only = Annotated[str | None, typer.Option(help="Show SKUs that hold this text.")]
Sources = Annotated[
    list[str] | None, typer.Option("--only", help="Refresh this price file alone, e.g. azure-koreacentral.")
]
AwsUrl = Annotated[str | None, typer.Option(help="Where the AWS price lists are, for a mirror.")]
AzureUrl = Annotated[str | None, typer.Option(help="Where the Azure Retail Prices API is, for a mirror.")]
Old = Annotated[Path, typer.Argument(help="The older price file.")]
New = Annotated[Path | None, typer.Argument(help="The newer one; that of the same region in use if left out.")]

app = typer.Typer(help="Show, refresh and compare the price lists.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Show, refresh and compare the price lists."""


@app.command()
@shared
def show(options: Options, sku: Only = None, inputs: Folder = None) -> None:
    """List every price with its unit, status, source, day and age."""
    from wkms_migrate.cost import inputs as reading

    today = datetime.now(UTC).date()
    found = [price for price in reading.load(folder_of(inputs)).prices.values() if sku is None or sku in price.sku]
    for price in found:
        options.say(_shown(price, today))
    missing = sum(price.status == "missing" for price in found)
    options.say(f"{counted(len(found), 'price')}, {missing} of them missing.")
    options.data({"prices": [_data(price, today) for price in found]})


@app.command()
@shared
def refresh(
    options: Options,
    only: Sources = None,
    aws_url: AwsUrl = None,
    azure_url: AzureUrl = None,
    inputs: Folder = None,
) -> None:
    """Ask AWS and Azure for their public prices of today; needs no account.

    A price file is replaced whole or not at all, the one before is kept in prices/history. A SKU for which no row or
    several rows fit keeps its price and is named; then it ends with exit code 5.
    """
    from wkms_migrate.clients import price_lists
    from wkms_migrate.cost import renew

    servers = renew.Servers(aws=aws_url or price_lists.AWS, azure=azure_url or price_lists.AZURE)
    folder = folder_of(inputs)
    try:
        done = renew.renew(folder, servers, datetime.now(UTC).date(), only or (), options.say)
    except PermissionError as error:
        raise Refused(
            f"{folder} cannot be written: {error.strerror}.",
            hint="Copy it to a folder of your own and name that with --inputs, here and in `cost report`.",
        ) from error
    for one in done:
        _tell(options, one)
    problems = [f"{found.sku}: {found.problem}" for one in done for found in one.problems]
    partial = None
    if problems:
        partial = Partial(
            f"{counted(len(problems), 'price stays as it was', 'prices stay as they were')}:\n  "
            + "\n  ".join(problems),
            hint="Correct their rows in price-lists.yaml, or enter the prices by hand.",
        )
    options.data({"refreshed": [_renewed(one) for one in done]}, partial)
    if partial:
        raise partial


@app.command()
@shared
def diff(options: Options, old: Old, new: New = None, inputs: Folder = None) -> None:
    """Say which prices differ between two snapshots, and by how much."""
    from wkms_migrate.cost import prices, refresh

    newer = new or folder_of(inputs) / "prices" / f"{old.name.split('.')[0]}.yaml"
    if not newer.exists():
        raise ConfigError(f"There is no {newer} to compare with.", hint="Name the newer file as the second argument.")
    changes = refresh.differences(prices.load([old]), prices.load([newer]))
    for change in changes:
        options.say(_changed(change))
    options.say(f"{counted(len(changes), 'price differs', 'prices differ')}.")
    options.data({"changes": _changes(changes)})


def _shown(price: Price, today: date) -> str:
    if not price.tiers or price.source is None:
        return f"{price.sku}: missing (per {price.unit})"
    tiers = ", ".join(
        f"{tier.price.base}{'' if len(price.tiers) == 1 else f' above {tier.above}'}" for tier in price.tiers
    )
    age = (today - price.source.date).days
    amount = f"{tiers} {price.currency} per {price.unit}"
    return f"{price.sku}: {amount}, {price.status}, {price.source.date} ({counted(age, 'day')}), {price.source.title}"


def _data(price: Price, today: date) -> dict[str, object]:
    source = price.source
    return {
        "sku": price.sku,
        "provider": price.provider,
        "region": price.region,
        "service": price.service,
        "unit": price.unit,
        "currency": price.currency,
        "status": price.status,
        "tiers": [
            {"above": str(tier.above), "low": str(tier.price.low), "base": str(tier.price.base)}
            | {"high": str(tier.price.high)}
            for tier in price.tiers
        ],
        "basis": price.basis,
        "source": source.title if source else None,
        "url": source.url if source else None,
        "date": source.date.isoformat() if source else None,
        "age_days": (today - source.date).days if source else None,
    }


def _tell(options: Options, one: Renewed) -> None:
    options.say(f"{one.path}: {counted(one.found, 'price')} read, {len(one.changes)} changed; before: {one.kept}")
    for change in one.changes:
        options.say(f"  {_changed(change)}")


def _renewed(one: Renewed) -> dict[str, object]:
    return {
        "file": str(one.path),
        "before": str(one.kept),
        "found": one.found,
        "changes": _changes(one.changes),
        "problems": {found.sku: found.problem for found in one.problems},
    }


def _changed(change: PriceChange) -> str:
    before = change.status_before if change.before is None else str(change.before)
    after = change.status_after if change.after is None else str(change.after)
    percent = "" if change.percent is None else f" ({change.percent:+.1f} %)"
    return f"{change.sku}: {before} → {after}{percent}"


def _changes(changes: Sequence[PriceChange]) -> list[dict[str, object]]:
    return [
        {
            "sku": one.sku,
            "before": None if one.before is None else str(one.before),
            "after": None if one.after is None else str(one.after),
            "percent": None if one.percent is None else str(round(one.percent, 4)),
        }
        for one in changes
    ]
