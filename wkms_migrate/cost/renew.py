"""Ask the providers for today's prices and put them into the price files."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wkms_migrate.clients import price_lists
from wkms_migrate.cost import prices, refresh, selectors
from wkms_migrate.cost.fields import Source
from wkms_migrate.cost.loading import read
from wkms_migrate.cost.selectors import PriceLists
from wkms_migrate.counted import counted
from wkms_migrate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from wkms_migrate.cost.refresh import PriceChange
    from wkms_migrate.cost.selectors import Found, PriceList


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where the price lists are asked for."""

    aws: str
    azure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A price file that was written anew; the one before is at `kept`."""

    path: Path
    kept: Path
    found: int
    changes: tuple[PriceChange, ...]
    problems: tuple[Found, ...]


def renew(
    folder: Path, servers: Servers, day: date, only: Sequence[str] = (), say: Callable[[str], None] = print
) -> list[Renewed]:
    """Refresh the price files of `folder`. A file is written after everything for it has been read, or not at all."""
    lists = read(folder / "price-lists.yaml", PriceLists).lists
    if unknown := sorted(set(only) - {one.snapshot for one in lists}):
        names = ", ".join(one.snapshot for one in lists)
        raise UsageError(f"There is no price list for {', '.join(unknown)}.", hint=f"Choose of {names}.")
    return [_renew(folder, one, servers, day, say) for one in lists if not only or one.snapshot in only]


def _renew(folder: Path, prices_of: PriceList, servers: Servers, day: date, say: Callable[[str], None]) -> Renewed:
    path = folder / "prices" / f"{prices_of.snapshot}.yaml"
    ask = _ask_aws if prices_of.provider == "AWS" else _ask_azure
    found, sources = ask(prices_of, servers, day, say)
    before = prices.load([path])
    kept = refresh.write(path, refresh.merged(read(path, prices.Snapshot), found, sources), day)
    return Renewed(
        path=path,
        kept=kept,
        found=sum(not one.problem for one in found),
        changes=refresh.differences(before, prices.load([path])),
        problems=tuple(one for one in found if one.problem),
    )


def _ask_aws(
    wanted: PriceList, servers: Servers, _day: date, say: Callable[[str], None]
) -> tuple[list[Found], dict[str, Source]]:
    """Read one file per service; its day is the day it was published."""
    found: list[Found] = []
    sources: dict[str, Source] = {}
    for offer in sorted({one.offer for one in wanted.select}):
        say(f"Reading the price list of {offer}, {wanted.region}")
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / f"{offer}.csv"
            price_lists.aws_file(servers.aws, offer, wanted.region, file)
            published, rows = selectors.aws_rows(file)
            chosen = tuple(one for one in wanted.select if one.offer == offer)
            found += selectors.aws(chosen, rows)
        source = Source(
            title=f"AWS Price List, {offer}, {wanted.region}",
            date=published,
            url=f"{price_lists.AWS}/offers/v1.0/aws/{offer}/current/{wanted.region}/index.csv",
        )
        sources |= {one.sku: source for one in chosen}
    return found, sources


def _ask_azure(
    wanted: PriceList, servers: Servers, day: date, say: Callable[[str], None]
) -> tuple[list[Found], dict[str, Source]]:
    """Ask for each SKU; an answer tells no day of its own, so it is the day of asking."""
    say(f"Asking the Azure Retail Prices API for {counted(len(wanted.select), 'price')}, {wanted.region}")
    found = []
    for one in wanted.select:
        rows = price_lists.azure_rows(servers.azure, selectors.azure_filter(one, wanted.region))
        found.append(selectors.azure(one, rows, wanted.region))
    source = Source(
        title=f"Azure Retail Prices API, {wanted.region}", date=day, url=f"{price_lists.AZURE}/api/retail/prices"
    )
    return found, {one.sku: source for one in wanted.select}
