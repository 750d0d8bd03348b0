from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.phases.assess.storage import Tally

BLOBS = st.builds(
    Blob,
    name=st.text(min_size=1, max_size=400),
    etag=st.just("e"),
    size=st.integers(0, 2**40),
    tier=st.sampled_from(["Hot", "Cool", "Archive", ""]),
    kind=st.sampled_from(["BlockBlob", "PageBlob", "AppendBlob"]),
)


@given(st.lists(BLOBS), st.integers(1, 7))
def test_sums_are_those_of_the_blobs(blobs, keep):
    tally = Tally(keep)
    for blob in blobs:
        tally.add(blob)
    told = tally.told("documents")
    assert told["blobs"] == len(blobs) == sum(told["tiers"].values()) == sum(told["kinds"].values())
    assert told["bytes"] == sum(blob.size for blob in blobs)
    largest = sorted((blob.size for blob in blobs), reverse=True)[:keep]
    assert [one["bytes"] for one in told["largest"]] == largest
    assert tally.archived == sum(blob.tier == "Archive" for blob in blobs)


def test_names_are_measured_in_bytes_not_letters():
    tally = Tally(1)
    tally.add(Blob(name="가" * 341 + "a", etag="e", size=1))
    assert tally.too_long == 0
    tally.add(Blob(name="가" * 342, etag="e", size=1))
    assert tally.too_long == 1
