"""Which row of a provider's price list is the price of which SKU: `config/price-lists.yaml`."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

from wkms_migrate.cost.fields import STRICT, Amount
from wkms_migrate.errors import WkmsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Rows = Iterable[dict[str, str]]

PREAMBLE = 5  # lines of an AWS price file before its header: format, disclaimer, publication date, version, offer
NOT_LIST = ("Spot", "Low Priority")  # of Azure's skuName: not the price of a machine that stays
HOURS = Decimal(8760)  # of a year; Azure tells what a whole term costs
EIGHT = Decimal("0.00000001")
YEARS = {"one-year": 1, "three-year": 3}
CHANGED = "The provider's price list has changed its shape; the prices on file stay as they are."


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """What a row must say, column by column, to be the price of `sku`; `times` turns its unit into ours.

    `SKU@one-year` and `SKU@three-year` are reservations: of AWS standard ones with nothing paid upfront.
    """

    __pydantic_config__ = STRICT

    sku: str
    where: dict[str, str]
    unit: str
    times: Amount = Decimal(1)
    offer: str = ""
    region: str = ""

    @property
    def years(self) -> int:
        """For how many years it is bought; 0 on demand."""
        return YEARS.get(self.sku.partition("@")[2], 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The selectors of one provider and region, for the price file named `snapshot`."""

    __pydantic_config__ = STRICT

    provider: Literal["AWS", "Azure"]
    snapshot: str
    region: str
    select: tuple[Selector, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLists:
    """The whole of `config/price-lists.yaml`."""

    __pydantic_config__ = STRICT

    lists: tuple[PriceList, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The price of a SKU: (above, price) per tier; or why there is none."""

    sku: str
    tiers: tuple[tuple[Decimal, Decimal], ...] = ()
    problem: str = ""


def aws_rows(path: Path) -> tuple[date, Iterator[dict[str, str]]]:
    """Return the publication day of an AWS price file, and its rows.

    Raises:
        WkmsError: it does not begin as such a file does, or a row has another number of columns than the header.

    """
    with path.open(encoding="utf-8", newline="") as file:
        head = [row for row, _ in zip(csv.reader(file), range(PREAMBLE), strict=False)]
    told = {row[0]: row[1] for row in head if len(row) > 1}
    if "Publication Date" not in told:
        raise WkmsError(f"{path.name} is no AWS price file: no publication date.", hint=CHANGED)
    try:
        published = date.fromisoformat(told["Publication Date"][:10])
    except ValueError:
        raise WkmsError(f"{path.name}: its publication date is no day.", hint=CHANGED) from None
    return published, _aws_rows(path)


def _aws_rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        for _ in range(PREAMBLE):
            next(reader)
        header = next(reader)
        if not {"PricePerUnit", "Unit", "TermType", "StartingRange", "Currency"} <= set(header):
            raise WkmsError(f"{path.name}: columns are missing.", hint=CHANGED)
        for row in reader:
            if len(row) != len(header):
                raise WkmsError(
                    f"{path.name}, line {reader.line_num}: {len(row)} of {len(header)} columns.", hint=CHANGED
                )
            yield dict(zip(header, row, strict=True))


def aws(selectors: tuple[Selector, ...], rows: Rows) -> list[Found]:
    """Return the price of each SKU, on demand or for its term, read in one pass."""
    wanted = [(one, (_aws_term(one.years) | one.where).items()) for one in selectors]
    candidates: dict[str, list[dict[str, str]]] = {one.sku: [] for one in selectors}
    for row in rows:
        if row["Currency"] == "USD":
            for one, told in wanted:
                if all(row.get(column) == value for column, value in told):
                    candidates[one.sku].append(row)
    return [_price(one, [_aws_tier(row) for row in candidates[one.sku]]) for one in selectors]


def _aws_term(years: int) -> dict[str, str]:
    if not years:
        return {"TermType": "OnDemand"}
    return {
        "TermType": "Reserved",
        "LeaseContractLength": f"{years}yr",
        "PurchaseOption": "No Upfront",
        "OfferingClass": "standard",
    }


def _azure_term(years: int) -> dict[str, str]:
    if not years:
        return {"type": "Consumption"}
    return {"type": "Reservation", "reservationTerm": "1 Year" if years == 1 else f"{years} Years"}


def azure_filter(selector: Selector, region: str) -> str:
    """Return the OData filter that asks for the rows of a selector; values are quoted as OData wants them."""
    kind = _azure_term(selector.years)["type"]
    asked = {"armRegionName": selector.region or region, "priceType": kind, **selector.where}
    return " and ".join(f"{column} eq '{value.replace(chr(39), chr(39) * 2)}'" for column, value in asked.items())


def azure(selector: Selector, rows: Iterable[dict[str, Any]], region: str) -> Found:
    """Return the price of a SKU, as you go or for a term; Windows, Spot and Dev/Test are no list price of ours."""
    told = _azure_term(selector.years) | selector.where
    fitting = [
        row
        for row in rows
        if row.get("armRegionName") == (selector.region or region)
        and "Windows" not in str(row.get("productName"))
        and not any(word in str(row.get("skuName")) for word in NOT_LIST)
        and all(row.get(column) == value for column, value in told.items())
    ]
    hourly = Decimal(1) / (HOURS * selector.years) if selector.years else Decimal(1)
    return _price(replace(selector, times=selector.times * hourly), [_azure_tier(row) for row in fitting])


_Tier = tuple[str, str, str, str]  # identity of the meter, above, price, unit


def _aws_tier(row: dict[str, str]) -> _Tier:
    return row.get("SKU", ""), row["StartingRange"] or "0", row["PricePerUnit"], row["Unit"]


def _azure_tier(row: dict[str, Any]) -> _Tier:
    if "retailPrice" not in row or row.get("currencyCode") != "USD":
        raise WkmsError("A row of the price list has no retailPrice in USD.", hint=CHANGED)
    above, price = row.get("tierMinimumUnits") or 0, row["retailPrice"]
    return str(row.get("meterId", "")), str(above), str(price), str(row.get("unitOfMeasure"))


def _price(selector: Selector, tiers: list[_Tier]) -> Found:
    """Turn the rows that fit into one price. None, two meters, two prices of a tier, or a strange unit: a problem."""
    rows = sorted(set(tiers))
    units = {unit for *_, unit in rows}
    if not rows:
        return Found(sku=selector.sku, problem="no row fits")
    if len({meter for meter, *_ in rows}) > 1:
        return Found(sku=selector.sku, problem=f"{len(rows)} rows fit, of several meters")
    if units != {selector.unit}:
        return Found(sku=selector.sku, problem=f"is priced per {', '.join(sorted(units))}, not per {selector.unit}")
    try:
        found = sorted((Decimal(above), _scaled(price, selector)) for _, above, price, _ in rows)
    except InvalidOperation:
        return Found(sku=selector.sku, problem="its price is no number")
    if any(price < 0 or not price.is_finite() for _, price in found):
        return Found(sku=selector.sku, problem="its price is below 0")
    if len({above for above, _ in found}) < len(found):
        return Found(sku=selector.sku, problem="a tier has two prices")
    return Found(sku=selector.sku, tiers=tuple(found))


def _scaled(price: str, selector: Selector) -> Decimal:
    """Return a price in our unit; what is divided over a term is rounded to eight digits after the point."""
    scaled = Decimal(price) * selector.times
    return scaled.quantize(EIGHT) if selector.years else scaled
