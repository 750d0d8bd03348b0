"""A number with what it counts, in the form that the number asks for."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Return `1 row`, `2,000 rows`; `many` is the form for more than one where it is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
