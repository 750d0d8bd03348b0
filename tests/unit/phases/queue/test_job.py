from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients.sqs import Letter
from wkms_migrate.phases.queue.job import batched


@given(st.lists(st.integers(0, 40), max_size=60))
def test_batches_keep_order_and_both_limits(sizes):
    letters = [Letter(key=str(index), body="x" * size) for index, size in enumerate(sizes)]
    batches = list(batched(letters, 100))
    assert [letter for batch in batches for letter in batch] == letters
    assert all(len(batch) <= 10 and sum(letter.size for letter in batch) <= 100 for batch in batches)
    assert all(batches)
