"""Quantities that the assess phase measured on the live source, under the names of `config/assumptions.yaml`."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wkms_migrate.events import Json

BYTES_PER_GB = Decimal(2**30)  # storage is billed in units of 2^30 bytes, by AWS and by Azure
STEP = Decimal("0.000001")


def from_inventory(outputs: Mapping[str, Json]) -> dict[str, Decimal]:
    """Return what the outputs of the assess phase tell; what was not looked at (None) is left to the assumptions.

    Read is the size of all blobs. The size of the MySQL data is not: billed is the disk set aside for it.
    """
    blob_bytes = (outputs.get("totals") or {}).get("blob_bytes")
    if blob_bytes is None:
        return {}
    return {"document_gb": (Decimal(blob_bytes) / BYTES_PER_GB).quantize(STEP, ROUND_HALF_UP)}
