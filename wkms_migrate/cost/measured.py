"""Quantities that the assess phase measured on the live source, under the names of `config/assumptions.yaml`."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wkms_migrate.events import Json

STORED_GB = Decimal(2**30)  # storage is billed in units of 2^30 bytes, by AWS and by Azure
SENT_GB = Decimal(10**9)  # the larger count for what is sent
THOUSAND = Decimal(1000)
STEP = Decimal("0.000001")
MEASURED = {  # quantity: the totals of the inventory that it is the sum of, and how many of them make one unit
    "document_gb": (("blob_bytes",), STORED_GB),
    "move_gb": (("blob_bytes", "mysql_bytes"), SENT_GB),
    "move_thousand_objects": (("blobs",), THOUSAND),
}


def from_inventory(outputs: Mapping[str, Json]) -> dict[str, Decimal]:
    """Return what the outputs of the assess phase tell; what was not looked at (None) is left to the assumptions.

    Not told by an inventory, and always assumed: traffic, requests, tokens, instances, throughput, the size of NoSQL
    items. The size of the MySQL data is not that of the disk, which is set aside and billed as such.
    """
    totals = outputs.get("totals") or {}
    found = {}
    for quantity, (names, unit) in MEASURED.items():
        counts = [count for name in names if (count := totals.get(name)) is not None]
        if len(counts) == len(names):
            found[quantity] = (Decimal(sum(counts)) / unit).quantize(STEP, ROUND_HALF_UP)
    return found
