from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wkms_migrate.phases.mysql import digest
from wkms_migrate.phases.mysql.catalog import Column
from wkms_migrate.phases.mysql.digest import MODULUS, Digest

digests = st.builds(Digest, st.integers(0, 10**12), st.integers(0, MODULUS - 1))


@settings(deadline=None)  # a busy machine is no fault
@given(digests, digests)
def test_parts_add_up_and_come_off_again(one, two):
    assert one + two == two + one
    assert (one + two) - two == one
    assert Digest.from_json((one + two).to_json()) == one + two


def test_equal_rows_do_not_cancel():
    row = Digest(1, 5)
    assert digest.total([row, row]) != Digest()


def test_a_string_says_where_it_ends_and_a_long_one_is_hashed():
    short = digest.canonical(Column(name="c", type="varchar", charset="utf8mb4"))
    assert short == "IFNULL(CONCAT(LENGTH(`c`), _binary':', CONVERT(`c` USING binary)), _binary'~')"
    assert "SHA2(" in digest.canonical(Column(name="c", type="longblob", charset=None))


def test_floats_are_compared_by_their_bits():
    for kind in ("float", "double"):
        assert "POINT(`c`, 0)" in digest.canonical(Column(name="c", type=kind, charset=None))
