from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wkms_migrate.clients.azure_cosmos import Container
from wkms_migrate.clients.cosmos_place import placing
from wkms_migrate.lab.cosmos_double import epk
from wkms_migrate.phases.cosmos.ranges import Ranges

LEVEL = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=40)
ABSENT: dict[str, Any] = {}


def container(paths: list[str], **policy: Any) -> Container:
    held = {"paths": paths, "kind": "Hash" if len(paths) == 1 else "MultiHash", "version": 2} | policy
    return Container(name="c", rid="r", key_paths=tuple(paths), default_ttl=None, properties={"partitionKey": held})


def own(level: Any) -> epk.KeyPart:
    return epk.UNDEFINED if level == ABSENT else float(level) if isinstance(level, Decimal) else level


@settings(deadline=None)
@given(st.lists(LEVEL | st.just(ABSENT) | st.decimals(-10, 10, places=3), min_size=1, max_size=3))
def test_a_key_lies_where_an_independent_count_puts_it(levels: list[Any]) -> None:
    place = placing(container([f"/{number}" for number in range(len(levels))]))
    assert place(levels) == epk.of([own(level) for level in levels])


def test_equal_numbers_are_one_key_and_what_only_looks_alike_is_not() -> None:
    place = placing(container(["/k"]))
    assert place([1]) == place([Decimal("1.0")]) == place([1.0])
    assert len({place([one]) for one in (1, True, "1", None, ABSENT)}) == 5


def test_containers_from_before_versions_have_their_own_places() -> None:
    policy = {"partitionKey": {"paths": ["/k"], "kind": "Hash"}}
    old = Container(name="c", rid="r", key_paths=("/k",), default_ttl=None, properties=policy)
    found = placing(old)(["부서"])
    assert found == found.upper()
    assert found.startswith("05C1")  # a number, which the hash is written as
    assert found != placing(container(["/k"]))(["부서"])


@pytest.mark.parametrize("count", [1, 4, 16])
def test_every_item_lies_in_the_range_that_holds_its_key(count: int) -> None:
    windows = epk.equal_ranges(count)
    ranges = Ranges(tuple(windows), placing(container(["/k"])))
    for number in range(300):
        key = epk.of([f"부서{number}"])
        low, high = ranges.of(orjson.dumps([f"부서{number}", "id"]))
        assert low <= key < high
