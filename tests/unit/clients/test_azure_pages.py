"""What of a page blob is read, and that the rest comes out as zeros."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients import azure_pages
from wkms_migrate.clients.crc64 import crc64
from wkms_migrate.clients.http_origin import Request
from wkms_migrate.errors import Damaged

PAGE = azure_pages.PAGE
MIB = 1 << 20


def listed(*answers: list[list[tuple[int, int]]]) -> SimpleNamespace:
    """Stand for a service whose answers are these, each in as many pages as it has; the last one stays."""
    asked: list[Request] = []
    bodies = [(number, page, ranges) for number, pages in enumerate(answers) for page, ranges in enumerate(pages, 1)]

    def call(request: Request) -> SimpleNamespace:
        asked.append(request)
        number, page, ranges = bodies[min(len(asked), len(bodies)) - 1]
        items = "".join(f"<PageRange><Start>{a}</Start><End>{b - 1}</End></PageRange>" for a, b in ranges)
        more = f"<NextMarker>m{page}</NextMarker>" if page < len(answers[number]) else "<NextMarker />"
        return SimpleNamespace(body=f"<PageList>{items}{more}</PageList>".encode())

    return SimpleNamespace(call=call, asked=asked)


def test_the_list_of_pages_is_pinned_to_the_version_and_read_to_its_end_twice():
    pages = [[(0, 512)], [(2 * MIB, 2 * MIB + 512)]]
    service = listed(pages, pages)
    found = azure_pages.spans(service, "/c/b", {"snapshot": "s"}, "0x1", (0, 4 * MIB))
    assert found == [(0, 512), (2 * MIB, 2 * MIB + 512)]
    assert [one.query.get("marker") for one in service.asked] == [None, "m1", None, "m1"]
    assert all(one.headers["If-Match"] == '"0x1"' and one.query["snapshot"] == "s" for one in service.asked)


@pytest.mark.parametrize("wrong", [[(512, 1024)], [(0, 100)], [(1024, 2048), (0, 512)], []])
def test_a_list_that_was_damaged_is_asked_for_again(wrong):
    service = listed([wrong], [[(0, 512)]])
    assert azure_pages.spans(service, "/c/b", {}, "1", (0, MIB)) == [(0, 512)]
    assert len(service.asked) == 3


def test_answers_that_never_agree_are_damage():
    service = listed(*[[[(number * 512, number * 512 + 512)]] for number in range(9)])
    with pytest.raises(Damaged, match="list of pages"):
        azure_pages.spans(service, "/c/b", {}, "1", (0, MIB))


def test_what_is_no_list_is_damage():
    service = SimpleNamespace(call=lambda _: SimpleNamespace(body=b"<PageList><Pag"))
    with pytest.raises(Damaged):
        azure_pages.spans(service, "/c/b", {}, "1", (0, MIB))


@pytest.mark.parametrize(
    ("pages", "wanted", "expected"),
    [
        ([], (0, MIB), []),
        ([(0, MIB)], (512, 1024), [(512, 1024)]),
        ([(0, 512), (1024, 1536)], (0, MIB), [(0, 1536)]),  # close together: one request for both
        ([(0, 512), (512 + MIB, 1024 + MIB)], (0, 9 * MIB), [(0, 1024 + MIB)]),
        ([(0, 512), (1024 + MIB, 1536 + MIB)], (0, 9 * MIB), [(0, 512), (1024 + MIB, 1536 + MIB)]),
        ([(0, 512), (8 * MIB, 9 * MIB)], (MIB, 2 * MIB), []),
    ],
)
def test_spans_are_cut_and_joined(pages, wanted, expected):
    assert azure_pages.spans(listed([pages]), "/c/b", {}, "1", wanted) == expected


@given(st.lists(st.integers(0, 63), max_size=12, unique=True), st.integers(0, 63), st.integers(1, 64))
def test_the_buffer_holds_what_is_written_and_zeros(pages, first, count):
    blob = bytearray(64 * PAGE)
    for page in pages:
        blob[page * PAGE : (page + 1) * PAGE] = bytes([page + 1]) * PAGE
    begin, end = first * PAGE, min(64, first + count) * PAGE
    written = [(page * PAGE, (page + 1) * PAGE) for page in sorted(pages) if begin <= page * PAGE < end]
    read: list[tuple[int, int]] = []

    def take(into: memoryview, offset: int) -> int:
        read.append((offset, offset + len(into)))
        into[:] = blob[offset : offset + len(into)]
        return crc64(into)

    buffer = bytearray(b"\xff" * (end - begin))  # buffers are used again: what they held must not stay
    checksum = azure_pages.fill(memoryview(buffer), begin, written, take)
    assert buffer == blob[begin:end]
    assert checksum == crc64(blob[begin:end])
    assert read == written
