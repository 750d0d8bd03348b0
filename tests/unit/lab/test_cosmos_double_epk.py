from __future__ import annotations

from itertools import pairwise

import pytest
from azure.cosmos.partition_key import PartitionKey, _Undefined
from hypothesis import given, settings
from hypothesis import strategies as st

from wkms_migrate.lab.cosmos_double import epk

KEY_PART = st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53) | st.text(max_size=64)


@settings(deadline=None)
@given(KEY_PART)
def test_hashes_as_the_sdk_does(part: epk.KeyPart) -> None:
    assert epk.of([part]) == PartitionKey._get_effective_partition_key_for_hash_partitioning_v2([part])


@settings(deadline=None)
@given(st.lists(KEY_PART, min_size=1, max_size=3))
def test_hashes_hierarchical_keys_as_the_sdk_does(parts: list[epk.KeyPart]) -> None:
    assert epk.of(parts) == PartitionKey._get_effective_partition_key_for_multi_hash_partitioning_v2(parts)


def test_an_absent_value_is_not_null() -> None:
    expected = PartitionKey._get_effective_partition_key_for_hash_partitioning_v2([_Undefined()])
    assert epk.of([epk.UNDEFINED]) == expected != epk.of([None])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 16])
def test_ranges_cover_the_hash_space_without_gap_or_overlap(count: int) -> None:
    ranges = epk.equal_ranges(count)
    assert len(ranges) == count
    assert (ranges[0][0], ranges[-1][1]) == ("", "FF")
    assert all(left[1] == right[0] and left[0] < left[1] for left, right in pairwise(ranges))
