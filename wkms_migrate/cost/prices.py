"""Dated price snapshots: `config/prices/*.yaml`, one file per provider and region."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from wkms_migrate.cost.fields import STRICT, Amount, Source, Status
from wkms_migrate.cost.loading import read
from wkms_migrate.cost.ranges import ZERO, Range
from wkms_migrate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from pathlib import Path

Commitment = Literal["on-demand", "one-year", "three-year"]
COMMITMENTS: tuple[Commitment, ...] = get_args(Commitment)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRow:
    """The price of every unit above a monthly quantity, up to the next tier."""

    __pydantic_config__ = STRICT

    above: Amount
    price: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplift:
    """What a price of another region is multiplied with, for want of the region's own price."""

    __pydantic_config__ = STRICT

    low: Amount
    base: Amount
    high: Amount
    basis: str

    def range(self) -> Range:
        """Return the factor as a range."""
        return Range(self.low, self.base, self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """One row as written in a snapshot. `basis` says how a figure that is on no page was derived."""

    __pydantic_config__ = STRICT

    sku: str
    service: str
    unit: str
    status: Status
    price: Amount | None = None
    tiers: tuple[TierRow, ...] = ()
    source: str = ""
    uplift: str = ""
    basis: str = ""

    def __post_init__(self) -> None:
        given = (self.price is not None) + bool(self.tiers)
        if self.status == "missing" and given:
            raise ValueError(f"{self.sku} is missing, so it cannot have a price; set its status, or remove the price")
        if self.status != "missing" and (given != 1 or not self.source):
            raise ValueError(f"{self.sku} needs one price (or tiers) and a source; without them its status is missing")
        starts = [tier.above for tier in self.tiers]
        if starts and (starts[0] != 0 or starts != sorted(set(starts))):
            raise ValueError(f"the tiers of {self.sku} must begin above 0 and ascend")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A whole price file."""

    __pydantic_config__ = STRICT

    provider: str
    region: str
    currency: str
    sources: dict[str, Source]
    prices: tuple[PriceRow, ...]
    uplifts: dict[str, Uplift] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in self.prices:
            _known(row.source, self.sources, "source", row.sku)
            _known(row.uplift, self.uplifts, "uplift", row.sku)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The price of one unit (`price` per unit) above a monthly quantity."""

    above: Decimal
    price: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one unit of a SKU costs; no tiers when the price is missing."""

    provider: str
    region: str
    currency: str
    sku: str
    service: str
    unit: str
    status: Status
    tiers: tuple[Tier, ...]
    source: Source | None
    basis: str


Prices: TypeAlias = dict[str, Price]


def load(paths: Iterable[Path]) -> Prices:
    """Return the prices of all files by SKU. A SKU that occurs twice is ambiguous, hence an error."""
    prices: Prices = {}
    for path in paths:
        snapshot = read(path, Snapshot)
        for row in snapshot.prices:
            if row.sku in prices:
                raise ConfigError(
                    f"{path}: the price of {row.sku} is given twice.",
                    hint="Keep the row that applies, remove the other.",
                )
            prices[row.sku] = _price(snapshot, row)
    return prices


def committed(prices: Prices, sku: str, commitment: Commitment) -> Price | None:
    """Return the price of `sku` bought for a term where it can be, else on demand; None for an unknown SKU.

    A row `SKU@one-year` or `SKU@three-year` is the price for that term.
    """
    return prices.get(f"{sku}@{commitment}") or prices.get(sku)


def longest_terms(prices: Prices) -> Prices:
    """Return the prices with that of the longest term in the place of each on demand."""
    found = dict(prices)
    for commitment in COMMITMENTS[1:]:
        found |= {sku: term for sku in prices if (term := prices.get(f"{sku}@{commitment}")) is not None and term.tiers}
    return found


def near(prices: Prices, sku: str) -> str:
    """Return the SKUs that look most like `sku`."""
    return ", ".join(get_close_matches(sku, prices, n=3)) or "none"


def unknown(sku: str) -> Price:
    """Return the missing price of a SKU that no list holds."""
    return Price(
        provider="",
        region="",
        currency="",
        sku=sku,
        service=sku,
        unit="",
        status="missing",
        tiers=(),
        source=None,
        basis="",
    )


def _price(snapshot: Snapshot, row: PriceRow) -> Price:
    factor = snapshot.uplifts[row.uplift].range() if row.uplift else Range.exactly(1)
    rows = row.tiers or (() if row.price is None else (TierRow(above=ZERO, price=row.price),))
    basis = [row.basis, snapshot.uplifts[row.uplift].basis if row.uplift else ""]
    return Price(
        provider=snapshot.provider,
        region=snapshot.region,
        currency=snapshot.currency,
        sku=row.sku,
        service=row.service,
        unit=row.unit,
        status=row.status,
        tiers=tuple(Tier(above=tier.above, price=factor.times(tier.price)) for tier in rows),
        source=snapshot.sources[row.source] if row.source else None,
        basis="; ".join(part for part in basis if part),
    )


def _known(name: str, names: Mapping[str, object], kind: str, sku: str) -> None:
    if name and name not in names:
        raise ValueError(f"{sku} names the {kind} {name!r}, which the file does not define")
