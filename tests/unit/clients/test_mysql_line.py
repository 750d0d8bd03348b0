"""Lines of LOAD DATA: what Python makes and what was compiled are the same."""

from __future__ import annotations

import threading

import pytest
from external import missing
from hypothesis import given, settings
from hypothesis import strategies as st
from mysql_wire import packed

from wkms_migrate.clients import mysql_line
from wkms_migrate.clients.mysql_line import ESCAPED, JSON, PLAIN, append_in_python

SPECIAL = st.text("\\\t\nN0", max_size=8).map(str.encode)
NUMBERS = st.text("0123456789.-:,[ x", max_size=60).map(str.encode)
LONG = st.sampled_from([250, 251, 65_535, 65_536, 70_000, 1 << 24]).map(
    lambda size: b"\\x" * (size // 2) + b"y" * (size % 2)
)
VALUES = st.none() | st.binary(max_size=40) | SPECIAL | NUMBERS | LONG
ROWS = st.lists(st.tuples(VALUES, st.sampled_from([PLAIN, ESCAPED, JSON])), min_size=1, max_size=8)


@pytest.fixture(params=["python", "compiled"])
def append(request):
    if request.param == "python":
        return append_in_python
    if not mysql_line.IS_COMPILED:
        missing("the inner loop was not compiled; `make setup` does it where there is a C compiler")
    return mysql_line.append


@settings(deadline=None, max_examples=300)
@given(row=ROWS, before=st.binary(max_size=8), behind=st.lists(VALUES, max_size=2))
def test_both_ways_give_the_same(row, before, behind):
    if not mysql_line.IS_COMPILED:
        missing("the inner loop was not compiled")
    wire, columns = packed([value for value, _ in row] + behind), bytes(kind for _, kind in row)
    one, other = bytearray(before), bytearray(before)
    assert append_in_python(one, wire, columns) == mysql_line.append(other, wire, columns)
    assert one == other


@settings(deadline=None, max_examples=300)
@given(json=NUMBERS)
def test_numbers_are_loose_where_the_pattern_finds_them(json):
    for append in {append_in_python, mysql_line.append}:
        assert append(bytearray(), packed([json]), bytes([JSON])) == bool(mysql_line.LOOSE_NUMBER.search(json))
        assert not append(bytearray(), packed([json]), bytes([ESCAPED]))


def test_only_what_may_need_it_is_escaped(append):
    lines = bytearray(b"before\n")
    append(lines, packed([b"1", b"a\\b\tc\n", None, "한글 😀".encode()]), bytes([PLAIN, ESCAPED, ESCAPED, JSON]))
    assert lines == b"before\n1\ta\\\\b\\\tc\\\n\t\\N\t" + "한글 😀\n".encode()


@pytest.mark.parametrize("value", [b"abc", b"x" * 300, b"x" * 70_000], ids=["short", "middle", "long"])
def test_a_row_that_is_cut_off_anywhere_is_refused(append, value):
    wire = packed([b"1", value])
    for size in {0, 1, 2, 3, 4, 5, len(wire) // 2, len(wire) - 1} - {len(wire)}:
        lines = bytearray(b"kept\n")
        with pytest.raises(ValueError, match="shorter"):
            append(lines, wire[:size], bytes([PLAIN, ESCAPED]))
        assert lines == b"kept\n"


def test_a_length_beyond_all_memory_is_refused(append):
    with pytest.raises(ValueError, match="shorter"):
        append(bytearray(), b"\xfe" + b"\xff" * 8 + b"x", bytes([ESCAPED]))


def test_many_threads_write_lines_of_their_own(append):
    """Long rows are written while other threads run."""
    rows = {name: packed([name.encode() * 40_000, b"\n" * 40_000]) for name in "abcd"}
    wanted = {name: name.encode() * 40_000 + b"\t" + b"\\\n" * 40_000 + b"\n" for name in rows}
    made: dict[str, bytearray] = {name: bytearray() for name in rows}

    def write(name):
        for _ in range(20):
            append(made[name], rows[name], bytes([ESCAPED, ESCAPED]))

    threads = [threading.Thread(target=write, args=(name,)) for name in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == {name: line * 20 for name, line in wanted.items()}
