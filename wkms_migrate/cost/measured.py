"""What the assess phase measured, in the quantities of the cost engine."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

BYTES_PER_GB = Decimal(10**9)


def from_inventory(outputs: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return quantities by name from the assess phase's outputs; none where nothing was assessed yet."""
    totals = outputs.get("totals") or {}
    if "blob_bytes" not in totals:
        return {}
    return {"document_gb": Decimal(totals["blob_bytes"]) / BYTES_PER_GB}
