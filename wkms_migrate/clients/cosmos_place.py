"""Where items live in the hash space of a container: their effective partition keys, as the SDK computes them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

from wkms_migrate.clients import importing
from wkms_migrate.clients.azure_cosmos import Container

# Returns an effective partition key in upper-case hexadecimal for the levels of a key; an object is "not there".
Place: TypeAlias = Callable[[list[Any]], str]
HELD = 65_536  # keys that are held, for items of the same one come again and again


def placing(container: Container) -> Place:
    """Return how the place of a partition key of this container is found."""
    with importing:
        from azure.cosmos.partition_key import NonePartitionKeyValue, PartitionKey

    policy = container.properties["partitionKey"]
    paths = list(policy["paths"])
    # Containers from before partition keys had versions are of version 1, and do not name it.
    key = PartitionKey(paths[0] if len(paths) == 1 else paths, policy.get("kind", "Hash"), policy.get("version", 1))

    def part(level: Any) -> Any:
        if isinstance(level, dict):
            return NonePartitionKeyValue
        if isinstance(level, (int, Decimal)) and not isinstance(level, bool):
            return float(level)
        return level

    @lru_cache(maxsize=HELD, typed=True)
    def found(*levels: Any) -> str:
        return str(key._get_effective_partition_key_string(levels)).upper()  # noqa: SLF001 (has no public name)

    return lambda levels: found(*map(part, levels))
