"""The ways to write a container into its table, what reading it and each way take and cost, and which one is chosen.

BatchWriteItem     any table; billed by write units, again for each index, or by the hours of those provisioned
ImportTable        a new table, from S3; billed by the uncompressed bytes loaded, indexes are free
StartBulkPutItems  a table that is there, from S3; billed by the bytes put, again for each index

From S3 only above a size that is worth the detour, and only with a bucket to stage in. Times are those of the units
that are provisioned or allowed; how long the service takes to load from S3 is not known beforehand. Prices are those of
the dated price list; one that it has not is named and never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from wkms_migrate import assets
from wkms_migrate.cost import prices
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.cosmos.settings import Wanted

Way: TypeAlias = Literal["batch", "import", "bulk"]
Step: TypeAlias = Literal["read", "batch", "import", "bulk"]

WORTH_BYTES: Final = 1_000_000_000
ON_DEMAND_UNITS: Final = 4000  # per second, of a new table on demand; more once it has taken more
MILLION: Final = 1_000_000
GB: Final = 1_000_000_000
HOUR: Final = 3600
NAMES: Final = {"batch": "BatchWriteItem", "import": "ImportTable", "bulk": "StartBulkPutItems", "read": "Reading"}
UNITS: Final = ("million write units", "aws.dynamodb.write")
HOURS: Final = ("write unit hours", "aws.dynamodb.wcu")
LOADED: Final = ("GB loaded", "aws.dynamodb.import-gb")
PUT: Final = ("GB put", "aws.dynamodb.bulk-put")
READ: Final = ("hours of 100 RU/s", "azure.cosmos.100ru")
SERVERLESS: Final = ("million RU", "azure.cosmos.serverless-ru")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What is to be moved: items, their bytes in the table and in its indexes, those of the DynamoDB JSON to load.

    `units` are write units, indexes included; `read_units` are request units.
    """

    items: int
    bytes: int
    loaded_bytes: int
    units: int
    index_bytes: int = 0
    read_units: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Units per second: those that are provisioned, None on demand, and those that a budget allows, None for all."""

    provisioned: float | None = None
    allowed: float | None = None

    @property
    def units(self) -> float | None:
        """The lower of both; None when there is neither."""
        return min((one for one in (self.provisioned, self.allowed) if one is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where items go. `is_there` is None while nobody has looked; `staged` says that there is a bucket to load from."""

    is_there: bool | None
    staged: bool
    rate: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a way takes. `seconds` and `cost` are None where nobody can tell; `why_not` says why it cannot be gone.

    The cost is that of so much (`quantity`) of `unit`, which the price list calls `sku`.
    """

    way: Step
    quantity: Decimal
    unit: str
    sku: str
    seconds: float | None
    cost: Decimal | None
    currency: str
    why_not: str = ""

    @property
    def text(self) -> str:
        """One line for people."""
        time = "time is the service's" if self.seconds is None else f"about {self.seconds:,.0f} s"
        cost = f"no price in the list for {self.sku}" if self.cost is None else f"{self.cost:.2f} {self.currency}"
        closed = f" (not now: {self.why_not})" if self.why_not else ""
        return f"{NAMES[self.way]}: {self.quantity:,.3f} {self.unit}, {time}, {cost}{closed}"


def estimates(size: Size, table: Table) -> list[Estimate]:
    """Return what each way to write takes."""
    units = Decimal(size.units)
    rate = table.rate.units or ON_DEMAND_UNITS
    hours = table.rate.provisioned is not None
    reasons: dict[Step, str] = dict(_reasons(table))
    found = [
        _estimate("batch", units / HOUR if hours else units / MILLION, *(HOURS if hours else UNITS), size.units / rate),
        _estimate("import", Decimal(size.loaded_bytes) / GB, *LOADED),
        _estimate("bulk", Decimal(size.bytes + size.index_bytes) / GB, *PUT),
    ]
    return [replace(one, why_not=reasons.get(one.way, "")) for one in found]


def reading(size: Size, rate: Rate | None) -> Estimate:
    """Return what reading takes; of provisioned throughput its cost is a share, of serverless a price by the unit."""
    units = Decimal(size.read_units)
    if rate is None:
        unseen = "the throughput may not be seen with this sign-in"
        return replace(_estimate("read", units / HOUR / 100, *READ), why_not=unseen)
    seconds = size.read_units / rate.units if rate.units else None
    if rate.provisioned is None:
        return _estimate("read", units / MILLION, *SERVERLESS, seconds)
    return _estimate("read", units / HOUR / 100, *READ, seconds)


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


def _reasons(table: Table) -> Iterator[tuple[Way, str]]:
    """Yield what stands in the way of each; the last one counts."""
    if table.is_there:
        yield "import", "the table is there already, and an import makes a new one"
    elif table.is_there is not None:
        yield "bulk", "the table is not there yet"
    if not table.staged:
        yield "import", "phases.cosmos.staging_bucket is not set"
        yield "bulk", "phases.cosmos.staging_bucket is not set"


def _estimate(way: Step, quantity: Decimal, unit: str, sku: str, seconds: float | None = None) -> Estimate:
    listed = prices.load(sorted((assets.path("config") / "prices").glob("*.yaml")))
    price = listed.get(sku) or prices.unknown(sku)
    cost = quantity * price.tiers[0].price.base if price.tiers else None
    return Estimate(way=way, quantity=quantity, unit=unit, sku=sku, seconds=seconds, cost=cost, currency=price.currency)
