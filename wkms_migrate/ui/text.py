"""Numbers and durations as people read them."""

from __future__ import annotations

KIB = 1024


def size(count: float) -> str:
    """Return bytes in binary units: `61.2 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < KIB:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= KIB
    return f"{count:.1f} TiB"


def duration(seconds: float) -> str:
    """Return `0.4 s`, `12 s`, `3 m 05 s` or `2 h 04 m`."""
    if seconds < 10:  # noqa: PLR2004 - below ten seconds the tenth is of interest
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} m"
    return f"{minutes} m {rest:02d} s" if minutes else f"{rest} s"


def share(done: int, total: int | None) -> str:
    """Return `45,000/201,345 (22 %)`, or the count alone where the total is unknown."""
    if not total:
        return f"{done:,}"
    return f"{done:,}/{total:,} ({100 * done // total} %)"


def rate(count: float, seconds: float) -> str:
    """Return how much comes a second: `1,204`, or `0.3` where it is slow."""
    each = count / max(seconds, 0.001)
    return f"{each:,.0f}" if each >= 10 else f"{each:.1f}"  # noqa: PLR2004 - below ten the tenth is of interest


def short(name: str, longest: int = 80) -> str:
    """Return a name that fits a line: its middle gives way."""
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"
