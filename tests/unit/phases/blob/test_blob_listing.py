from __future__ import annotations

import threading

import pytest

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.phases.blob.ahead import BATCH, BATCHES_HELD, ahead
from wkms_migrate.phases.blob.listing import FRESH_SECONDS, ROW_BYTES, Kept, Room, Row, row, rows
from wkms_migrate.phases.blob.mapping import fingerprint

BLOBS = [Blob(name=f"b{number}", etag=str(number), size=number) for number in range(3)]
LISTED = list(rows((one.name, one, "") for one in BLOBS))


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def kept(room: Room, *found: Row, clock: Clock | None = None) -> Kept:
    listing = Kept(room, clock=clock or Clock())
    for one in found:
        listing.add(one)
    return listing


def test_a_row_has_the_fingerprint_of_its_blob_under_its_key():
    assert row("p/b0", BLOBS[0], "archived")[:5] == ("p/b0", "b0", fingerprint(BLOBS[0], "p/b0"), 0, "archived")


def test_a_listing_is_given_once():
    listing = kept(Room(), *LISTED)
    assert [listing.take(), listing.take()] == [LISTED, None]


@pytest.mark.parametrize(("age", "given"), [(FRESH_SECONDS, LISTED), (FRESH_SECONDS + 0.1, None)])
def test_an_old_listing_is_not_given(age, given):
    clock = Clock()
    listing = kept(Room(), *LISTED, clock=clock)
    clock.seconds = age
    assert listing.take() == given


def test_an_empty_container_was_listed_too():
    assert kept(Room()).take() == []


def test_a_listing_without_room_is_not_kept_in_part():
    room = Room(2 * ROW_BYTES + 200)
    assert kept(room, *LISTED).take() is None
    assert room.left == 2 * ROW_BYTES + 200


def test_listings_share_their_room_and_give_it_back():
    room = Room()
    before = room.left
    first = kept(room, *LISTED)
    assert room.left <= before - 3 * ROW_BYTES
    first.take()
    assert room.left == before


def test_items_come_in_order_however_many():
    numbers = range(BATCHES_HELD * BATCH * 2 + 7)
    with ahead(numbers) as found:
        assert list(found) == list(numbers)


def test_reading_begins_before_anything_is_asked_for_and_stops_at_what_may_be_held():
    begun, read = threading.Event(), []

    def numbers():
        for number in range(BATCHES_HELD * BATCH * 2):
            read.append(number)
            begun.set()
            yield number

    with ahead(numbers()) as found:
        assert begun.wait(10)
        assert next(found) == 0
    assert len(read) <= (BATCHES_HELD + 1) * BATCH


def test_a_failure_is_raised_where_it_came():
    def numbers():
        yield from range(BATCH)
        raise ValueError("broke off")

    with ahead(numbers()) as found:
        assert [next(found) for _ in range(BATCH)] == list(range(BATCH))
        with pytest.raises(ValueError, match="broke off"):
            next(found)
