"""The ways to write a container into its table, what each takes and costs, and which one is chosen.

BatchWriteItem     any table; billed by write units, again for each index
ImportTable        a new table, from S3; billed by the bytes loaded, no write units
StartBulkPutItems  a table that is there, from S3; billed by the bytes put

From S3 only above a size that is worth the detour, and only with a bucket to stage in. Times are those of the write
units that the table gives; how long the service takes to load from S3 is not known beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from wkms_migrate import assets
from wkms_migrate.cost import prices
from wkms_migrate.errors import ConfigError

Way: TypeAlias = Literal["batch", "import", "bulk"]
Wanted: TypeAlias = Literal["auto", "batch", "import", "bulk"]

WORTH_BYTES: Final = 1_000_000_000
ON_DEMAND_UNITS: Final = 4000  # per second, of a new table on demand; more once it has taken more
UNIT_BYTES: Final = 1024
MILLION: Final = 1_000_000
GB: Final = 1_000_000_000
NAMES: Final = {"batch": "BatchWriteItem", "import": "ImportTable", "bulk": "StartBulkPutItems"}
SKUS: Final = {"batch": "aws.dynamodb.write", "import": "aws.dynamodb.import-gb", "bulk": "aws.dynamodb.bulk-put"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What is to be written: items, their bytes, and write units without those of the indexes."""

    items: int
    bytes: int
    units: int
    indexes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a way takes. `seconds` and `cost` are None where nobody can tell; `why_not` says why it cannot be gone."""

    way: Way
    seconds: float | None
    cost: Decimal | None
    currency: str
    why_not: str = ""

    @property
    def text(self) -> str:
        """One line for people."""
        if self.why_not:
            return f"{NAMES[self.way]}: {self.why_not}"
        time = "time is the service's" if self.seconds is None else f"{self.seconds:,.0f} s at least"
        cost = "price not in the list" if self.cost is None else f"{self.cost:.2f} {self.currency}"
        return f"{NAMES[self.way]}: {time}, {cost}"


def estimates(size: Size, *, is_there: bool, staged: bool, rate: float | None) -> list[Estimate]:
    """Return what each way takes. `rate` is write units per second; None for a table on demand."""
    listed = prices.load(sorted((assets.path("config") / "prices").glob("aws-*.yaml")))
    units = size.units * (1 + size.indexes)
    quantities = {
        "batch": Decimal(units) / MILLION,
        "import": Decimal(size.bytes) / GB,
        "bulk": Decimal(size.bytes) / GB,
    }
    reasons = dict(_reasons(is_there=is_there, staged=staged))
    ways: tuple[Way, ...] = ("batch", "import", "bulk")
    made = []
    for way in ways:
        price = listed.get(SKUS[way]) or prices.unknown(SKUS[way])
        made.append(
            Estimate(
                way=way,
                seconds=units / (rate or ON_DEMAND_UNITS) if way == "batch" else None,
                cost=quantities[way] * price.tiers[0].price.base if price.tiers else None,
                currency=price.currency,
                why_not=reasons.get(way, ""),
            )
        )
    return made


def chosen(wanted: Wanted, size: Size, found: list[Estimate]) -> Way:
    """Return the way to go. Raises `ConfigError` when the wanted one cannot be gone."""
    by_way = {one.way: one for one in found}
    if wanted != "auto":
        if by_way[wanted].why_not:
            raise ConfigError(
                f"phases.cosmos.write_path is {wanted}: {by_way[wanted].why_not}.",
                hint="Set it to auto, or make the way free.",
            )
        return wanted
    if size.bytes < WORTH_BYTES:
        return "batch"
    open_ways: list[Way] = [way for way in ("import", "bulk") if not by_way[way].why_not]
    return open_ways[0] if open_ways else "batch"


def _reasons(*, is_there: bool, staged: bool) -> Iterator[tuple[Way, str]]:
    """Yield what stands in the way of each."""
    if is_there:
        yield "import", "the table is there already, and an import makes a new one"
    else:
        yield "bulk", "the table is not there yet"
    if not staged:
        yield "import", "phases.cosmos.staging_bucket is not set"
        yield "bulk", "phases.cosmos.staging_bucket is not set"
