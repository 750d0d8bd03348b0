from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wkms_migrate.phases.cosmos.keys import ABSENT, KeyTooLongError, from_text, keys_of, to_text

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.text("~#%:subnz12", max_size=6)
NUMBER = st.integers(-(10**17), 10**17) | st.decimals(allow_nan=False, allow_infinity=False)
KEY = TEXT | st.none() | st.booleans() | NUMBER | st.just(ABSENT)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, (int, Decimal)) and isinstance(right, (int, Decimal)):
        return isinstance(left, bool) == isinstance(right, bool) and left == right
    return type(left) is type(right) and (left is right or left == right)


@settings(deadline=None)
@given(KEY)
def test_a_key_text_can_be_read_back(value: Any) -> None:
    text = to_text(value)
    assert text
    assert same(from_text(text), value)


@settings(deadline=None)
@given(KEY, KEY)
def test_different_values_have_different_texts(left: Any, right: Any) -> None:
    assert (to_text(left) == to_text(right)) == same(left, right)


@settings(deadline=None)
@given(st.tuples(KEY, KEY, TEXT), st.tuples(KEY, KEY, TEXT))
def test_joined_keys_are_injective(left: tuple[Any, Any, str], right: tuple[Any, Any, str]) -> None:
    keys = keys_of(("/a", "/b"))

    def of(values: tuple[Any, Any, str]) -> dict[str, str]:
        held = {"a": values[0], "b": values[1]}
        return keys.of({**{k: v for k, v in held.items() if v is not ABSENT}, "id": values[2]})

    assert (of(left) == of(right)) == all(map(same, left, right))


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("/departmentId",), ("departmentId", "id")),
        (("/id",), ("id",)),
        (("/userId", "/sessionId"), ("pk", "sk")),
        (("/a/b",), ("pk", "sk")),
        (('/"부서 코드"',), ("부서 코드", "id")),
    ],
)
def test_names_of_key_attributes(paths: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert keys_of(paths).names == names


def test_ordinary_strings_stand_for_themselves() -> None:
    assert keys_of(("/departmentId",)).of({"departmentId": "인사팀#1", "id": "문서%1"}) == {
        "departmentId": "인사팀#1",
        "id": "문서%1",
    }
    assert keys_of(("/u", "/s")).of({"u": "1", "s": "a#b", "id": "m"}) == {"pk": "1#a%23b", "sk": "m"}


@settings(deadline=None)
@given(TEXT, TEXT)
def test_long_joined_keys_stay_different(left: str, right: str) -> None:
    assume(left != right)
    keys = keys_of(("/u", "/s"))
    long = "가" * 600
    first, second = ({"u": long, "s": long + text, "id": "1"} for text in (left, right))
    assert keys.of(first)["pk"] != keys.of(second)["pk"]
    assert len(keys.of(first)["pk"].encode()) <= 2048


def test_a_long_single_key_is_refused_for_nothing_would_keep_it() -> None:
    keys = keys_of(("/k",))
    assert keys.of({"k": "x" * 2048, "id": "1"})["k"] == "x" * 2048
    with pytest.raises(KeyTooLongError):
        keys.of({"k": "x" * 2049, "id": "1"})


def test_objects_and_lists_count_as_absent() -> None:
    keys = keys_of(("/k",))
    texts = [keys.of({"id": "1", **more})["k"] for more in ({}, {"k": {}}, {"k": []}, {"k": {"a": 1}})]
    assert texts == ["~u:"] * 4
