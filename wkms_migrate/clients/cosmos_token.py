"""Continuation tokens and feed ranges of the Cosmos DB SDK, taken apart and put together.

A token is base64 of JSON: the container's resource id, the mode, and for each window of the hash space the service's
own position in it. A window is half open, `(low, high)`, in effective partition keys as upper-case hexadecimal text,
from "" to "FF". The SDK widens a token to whole new partitions when one was split, so a token that is to stand for
part of a partition must be cut back to it: that is what `narrowed` does.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from wkms_migrate.errors import WkmsError

Window: TypeAlias = tuple[str, str]

WHOLE: Final[Window] = ("", "FF")
_DIGITS: Final = 32  # of one hash: 128 bits
_END: Final = 0x40 << 120  # version 2 of partition keys clears the two top bits of a hash


def feed_range(window: Window) -> dict[str, Any]:
    """Return a window as the SDK takes it."""
    low, high = window
    return {"Range": {"min": low, "max": high, "isMinInclusive": True, "isMaxInclusive": False}}


def window_of(found: Mapping[str, Any]) -> Window:
    """Return the window of a feed range as the SDK gives it."""
    bounds = found["Range"]
    return str(bounds["min"]), str(bounds["max"])


def windows(token: str) -> list[Window]:
    """Return the windows that a token goes on in; more than one after a split."""
    return [(one["range"]["min"], one["range"]["max"]) for one in _decoded(token)["continuation"]["continuation"]]


def container_of(token: str) -> str:
    """Return the resource id of the container that a token belongs to."""
    return str(_decoded(token)["containerRid"])


def narrowed(token: str, window: Window) -> str:
    """Return the token that goes on from the same place in part of its one window."""
    data = _decoded(token)
    held = data["continuation"]
    bounds = feed_range(window)["Range"]
    held["continuation"] = [{"token": held["continuation"][0]["token"], "range": bounds}]
    held["Range"] = bounds
    return base64.b64encode(json.dumps(data).encode()).decode()


def middle(window: Window) -> str | None:
    """Return the key that cuts a window in two halves of equal width; None when it is too narrow to be cut."""
    low, high = window
    first, last = _number(low), _number(high)
    cut = f"{(first + last) // 2:0{_DIGITS}X}"
    return cut if first + 1 < last and low < cut < high else None


def width(window: Window) -> float:
    """Return the share of the hash space that a window holds."""
    low, high = window
    return (_number(high) - _number(low)) / _END


def _number(key: str) -> int:
    return min(_END, int(key[:_DIGITS].ljust(_DIGITS, "0"), 16))


def _decoded(token: str) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(base64.b64decode(token, validate=True))
        if data["continuation"]["continuation"] and data["containerRid"]:
            return data
    except (binascii.Error, ValueError, KeyError, TypeError):
        pass
    raise WkmsError(
        "A continuation token of Cosmos DB cannot be read.",
        hint="The journal was edited, or written with another version of azure-cosmos. Begin anew with --redo.",
    )
