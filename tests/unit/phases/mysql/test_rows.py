from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mysql_wire import packed

from wkms_migrate.phases.mysql import rows
from wkms_migrate.phases.mysql.catalog import Column, Table

COLUMNS = (
    Column(name="id", type="int", charset=None),
    Column(name="b", type="blob", charset=None),
    Column(name="j", type="json", charset=None),
)
TABLE = Table(schema="s", name="t", columns=COLUMNS, key=COLUMNS[:1], rows=1, bytes=1)


def unpacked(text: bytes) -> list[list[bytes | None]]:
    r"""Read lines as LOAD DATA does: fields end at a bare tab, rows at a bare line feed, \N alone is NULL."""
    found: list[list[bytes | None]] = [[]]
    field, raw, at = b"", b"", 0
    while at < len(text):
        one = text[at : at + 1]
        if one == b"\\":
            field, raw, at = field + text[at + 1 : at + 2], raw + text[at : at + 2], at + 2
            continue
        if one in {b"\t", b"\n"}:
            found[-1].append(None if raw == b"\\N" else field)
            field = raw = b""
            if one == b"\n":
                found.append([])
        else:
            field, raw = field + one, raw + one
        at += 1
    return found[:-1]


values = st.none() | st.binary(max_size=300) | st.text("\\\t\nN0", max_size=8).map(str.encode)


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.tuples(st.integers().map(lambda n: str(n).encode()), values, values), max_size=6))
def test_every_row_reads_back(wanted):
    tally = rows.Tally()
    sent = b"".join(rows.lines((packed(list(row)) for row in wanted), COLUMNS, tally))
    assert unpacked(sent) == [list(row) for row in wanted]
    assert (tally.rows, tally.bytes) == (len(wanted), len(sent))


def test_long_values_are_cut_into_blocks_a_server_takes():
    value = b"\\" * 70_000 + b"x" * (1 << 24)
    tally = rows.Tally()
    blocks = list(rows.lines([packed([b"1", value, None])] * 2, COLUMNS, tally))
    assert max(map(len, blocks)) < 1 << 20
    line = b"1\t" + b"\\\\" * 70_000 + b"x" * (1 << 24) + b"\t\\N\n"
    assert b"".join(blocks) == line * 2
    assert tally.bytes == sum(map(len, blocks))


def hashed(*rows_: list[bytes | None]) -> rows.Tally:
    tally = rows.Tally()
    assert list(rows.lines([packed(row) for row in rows_], COLUMNS, tally, hashed=True))
    return tally


def test_hashes_behind_the_columns_are_added_up_and_not_sent():
    one, two = b"00000000000000ff", b"ffffffffffffffff"
    tally = rows.Tally()
    sent = b"".join(rows.lines([packed([b"1", b"x", None, h]) for h in (one, two)], COLUMNS, tally, hashed=True))
    assert sent == b"1\tx\t\\N\n" * 2
    assert (tally.hashes, tally.unhashed) == (0xFF + 0xFFFFFFFFFFFFFFFF, 0)


def test_a_row_that_the_server_could_not_hash_is_counted():
    tally = hashed([b"1", b"0123456789abcdef", None, None], [b"2", None, None, b"0" * 15 + b"7"])
    assert (tally.hashes, tally.unhashed) == (7, 1)


@pytest.mark.parametrize(
    ("json", "loose"),
    [
        (b"1.10", True),
        (b'{"a": 1.10}', True),
        (b'{"a": [-0.5, 2]}', True),
        (b'["x", -1.5]', True),
        (b'{"a": 12345678901234567890123}', True),
        (b'{"a": 123456789012345, "b": [1, 2]}', False),
        (b'{"a": "v1.2.3", "hash": "ab1234567890123456789"}', False),
        (b'{"at": "2025-01-01 00:00:00.000000"}', False),
    ],
)
def test_json_whose_numbers_may_be_written_otherwise_is_noticed(json, loose):
    assert hashed([b"1", b"1.5", json, b"0" * 16]).loose_json is loose


def test_json_is_told_its_character_set_and_a_float_its_digits():
    assert "@c2) SET `j` = CONVERT(@c2 USING utf8mb4)" in rows.load(TABLE)
    assert rows.read(Column(name="f", type="float", charset=None)) == "CAST(`f` AS DOUBLE)"


def test_generated_columns_are_neither_read_nor_sent():
    table = Table(
        schema="s",
        name="t",
        columns=(*COLUMNS, Column(name="made", type="int", charset=None, generated=True)),
        key=(),
        rows=1,
        bytes=1,
    )
    assert "made" not in rows.select(table, "") + rows.load(table)


def test_members_that_read_alike_go_by_number():
    columns = (
        Column(name="e", type="enum", charset="utf8mb4", by_number=True),
        Column(name="f", type="enum", charset="utf8mb4"),
    )
    table = Table(schema="s", name="t", columns=columns, key=(), rows=0, bytes=0)
    assert "CAST(`e` AS UNSIGNED), `f` FROM" in rows.select(table, "")
    assert "(@c0, `f`) SET `e` = CAST(@c0 AS UNSIGNED)" in rows.load(table)
