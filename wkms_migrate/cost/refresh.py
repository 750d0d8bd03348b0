"""New prices into a snapshot: what was found replaces the row, what was not stays as it is and is named."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wkms_migrate.cost.fields import Source
from wkms_migrate.cost.prices import PriceRow, Snapshot, TierRow
from wkms_migrate.cost.ranges import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

    from wkms_migrate.cost.prices import Price, Prices
    from wkms_migrate.cost.selectors import Found

HISTORY = "history"
HEADER = """\
# Prices of {provider} in {region}, in {currency}, before tax and credits; made by `wkms-migrate cost prices refresh`.
# status: list (price page or price file) | billed (read off an invoice) | estimated (derived, see basis)
#         | quoted (somebody's word) | missing (not known: no price, and never taken for 0).
# Prices are written in quotes, so that no digit is lost. The snapshot before this one is in the folder history.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """A SKU whose price is another one in the newer snapshot; None: not known, or not there, on that side."""

    sku: str
    before: Decimal | None
    after: Decimal | None
    status_before: str
    status_after: str

    @property
    def percent(self) -> Decimal | None:
        """By how much it rose, in percent; None where either is not known or was 0."""
        if not self.before or self.after is None:
            return None
        return (self.after - self.before) / self.before * 100


def merged(snapshot: Snapshot, found: Iterable[Found], sources: Mapping[str, Source]) -> Snapshot:
    """Return the snapshot with every price that was found; `sources` holds its page by SKU."""
    fresh = {one.sku: one for one in found if not one.problem}
    rows = tuple(_row(row, fresh[row.sku], sources[row.sku]) if row.sku in fresh else row for row in snapshot.prices)
    pages = {_page(sources[sku]): sources[sku] for sku in fresh}
    used = {row.source for row in rows}
    kept = {name: source for name, source in (snapshot.sources | pages).items() if name in used}
    return replace(snapshot, prices=rows, sources=kept)


def differences(before: Prices, after: Prices) -> tuple[PriceChange, ...]:
    """Return every SKU that costs something else, or became known or unknown, in the order of their names."""
    changes = []
    for sku in sorted(before.keys() | after.keys()):
        one, other = before.get(sku), after.get(sku)
        if _tiers(one) != _tiers(other) or (one is None) != (other is None):
            changes.append(
                PriceChange(
                    sku=sku,
                    before=_last(one),
                    after=_last(other),
                    status_before=one.status if one else "absent",
                    status_after=other.status if other else "absent",
                )
            )
    return tuple(changes)


def write(path: Path, snapshot: Snapshot, day: date) -> Path:
    """Put the snapshot in the place of the one at `path`, which is kept in `history`; return where it is kept.

    The new file is complete on the disk before it takes the old one's name.
    """
    kept = path.parent / HISTORY / f"{path.stem}.before-{day.isoformat()}.yaml"
    kept.parent.mkdir(exist_ok=True)
    number = 1
    while kept.exists():
        number += 1
        kept = kept.with_name(f"{path.stem}.before-{day.isoformat()}.{number}.yaml")
    kept.write_bytes(path.read_bytes())
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text(snapshot))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return kept


def text(snapshot: Snapshot) -> str:
    """Return the snapshot as a price file."""
    lines = [
        HEADER.format(provider=snapshot.provider, region=snapshot.region, currency=snapshot.currency)
        + f"provider: {_plain(snapshot.provider)}\nregion: {_plain(snapshot.region)}\ncurrency: {snapshot.currency}",
        "\nsources:",
    ]
    for name, source in snapshot.sources.items():
        fields = {"title": _plain(source.title), "date": source.date.isoformat(), "url": _plain(source.url)}
        lines.append(f"  {name}: {_flow({key: value for key, value in fields.items() if value != _plain('')})}")
    if snapshot.uplifts:
        lines.append("\nuplifts:")
    for name, uplift in snapshot.uplifts.items():
        bounds = {key: _plain(str(getattr(uplift, key))) for key in ("low", "base", "high")}
        lines.append(f"  {name}: {_flow(bounds | {'basis': _plain(uplift.basis)})}")
    lines += ["\nprices:", *(f"  - {_flow(_fields(row))}" for row in snapshot.prices)]
    return "\n".join(lines) + "\n"


def _row(row: PriceRow, found: Found, source: Source) -> PriceRow:
    single = len(found.tiers) == 1 and found.tiers[0][0] == ZERO
    return replace(
        row,
        status="list",
        price=found.tiers[0][1] if single else None,
        tiers=() if single else tuple(TierRow(above=above, price=price) for above, price in found.tiers),
        source=_page(source),
        uplift="",
        basis="",
    )


def _page(source: Source) -> str:
    """Name a source by the last words of its title and its day."""
    words = "".join(letter if letter.isalnum() else "-" for letter in source.title.lower())
    return f"{words}-{source.date.isoformat()}"


def _fields(row: PriceRow) -> dict[str, str]:
    fields = {"sku": _plain(row.sku), "service": _plain(row.service), "unit": _plain(row.unit)}
    if row.price is not None:
        fields["price"] = _plain(str(row.price))
    if row.tiers:
        tiers = (_flow({"above": _plain(str(tier.above)), "price": _plain(str(tier.price))}) for tier in row.tiers)
        fields["tiers"] = f"[{', '.join(tiers)}]"
    fields["status"] = row.status
    optional = {"source": row.source, "uplift": row.uplift, "basis": row.basis}
    return fields | {key: _plain(value) for key, value in optional.items() if value}


def _flow(fields: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{key}: {value}" for key, value in fields.items()) + " }"


def _plain(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _tiers(price: Price | None) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((tier.above, tier.price.base) for tier in price.tiers) if price else ()


def _last(price: Price | None) -> Decimal | None:
    return price.tiers[-1].price.base if price and price.tiers else None
