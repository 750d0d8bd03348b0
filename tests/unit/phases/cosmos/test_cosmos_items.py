from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson
import pytest
from doubles.strict_dynamodb import limits
from hypothesis import given, settings
from hypothesis import strategies as st

from wkms_migrate.clients.azure_cosmos import decoded
from wkms_migrate.phases.cosmos import digest, values
from wkms_migrate.phases.cosmos.items import SYSTEM, ItemMap, UnmappableError, stripped
from wkms_migrate.phases.cosmos.keys import keys_of
from wkms_migrate.phases.cosmos.size import item_bytes

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = TEXT | st.sampled_from(["", "~wkms", "~wkms:", "~wkms:x", "pk", "sk", "id2", "expireAt", "_x", "_ts2", "ttl"])
NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e308, 5e-324, -0.0, 0.1, 2**53 + 1, 2**63, 1e22, 1e126, 1e-130])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
PATHS = st.sampled_from([("/k",), ("/id",), ("/k", "/l"), ("/k/m",)])


def mapping(paths: tuple[str, ...] = ("/k",), **options: Any) -> ItemMap:
    wishes: dict[str, Any] = {"default_ttl": None, "expiry_name": "expireAt", **options}
    return ItemMap(keys=keys_of(paths), **wishes)


def numbers_in(value: Any) -> int:
    """Count numbers: how the guide pairs their digits is told but roughly, so each may be a byte more."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(numbers_in, inner)) + (isinstance(value, dict) and value.keys() == {"N"})


def table_of(rules: ItemMap) -> limits.Keys:
    """Return the keys of the table that a mapping is for."""
    roles = zip(("HASH", "RANGE"), rules.keys.attributes, strict=False)
    return limits.Keys(table=tuple((one.name, role, one.kind) for role, one in roles))


def sent(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document as it comes off the wire."""
    return decoded(json.dumps({"Documents": [document]}).encode())[0]


def deep(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"d": value}
    return value


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=6), PATHS, VALUES, st.none() | st.integers(-1, 10**6))
def test_a_document_comes_back_as_it_was(
    properties: dict[str, Any], paths: tuple[str, ...], key: Any, ttl: int | None
) -> None:
    rules = mapping(paths, default_ttl=ttl)
    document = sent({**properties, "k": key, "id": "문서", "_ts": 1_700_000_000, "_etag": "e"})
    item = orjson.loads(rules.to_item(document).json)
    assert values.canonical(rules.from_item(item)) == values.canonical(stripped(document))
    assert digest.of_item(item, rules) == digest.of_document(document, rules)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=6), PATHS, VALUES)
def test_every_item_is_one_that_the_service_takes(properties: dict[str, Any], paths: tuple[str, ...], key: Any) -> None:
    rules = mapping(paths)
    item = orjson.loads(rules.to_item(sent({**properties, "k": key, "id": "문서", "_ts": 1})).json)
    limits.check_item(item, table_of(rules))


@settings(deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_an_item_is_never_larger_than_we_say(properties: dict[str, Any]) -> None:
    item = orjson.loads(mapping().to_item(sent({**properties, "id": "1", "_ts": 1})).json)
    real = sum(len(name.encode()) + limits.size_of(value) for name, value in item.items())
    assert item_bytes(item) - numbers_in(item) <= real <= item_bytes(item) <= len(orjson.dumps(item))


@pytest.mark.parametrize("levels", [1, 30, 31, 32, 33, 90])
def test_depth(levels: int) -> None:
    document = sent({"id": "1", "k": "x", "value": deep(levels), "_ts": 1})
    made = mapping().to_item(document)
    item = orjson.loads(made.json)
    limits.check_item(item, table_of(mapping()))
    assert made.notes["depth-as-text"] == (levels > 31)
    assert mapping().from_item(item)["value"] == deep(levels)


def test_exactly_the_five_system_properties_go() -> None:
    document = dict.fromkeys(SYSTEM, "x") | {"id": "1", "k": "x", "_type": 1, "_rid2": 2, "n": {"_ts": 3}, "_ts": 5}
    back = mapping().from_item(orjson.loads(mapping().to_item(sent(document)).json))
    assert back == {"id": "1", "k": "x", "_type": 1, "_rid2": 2, "n": {"_ts": 3}}


def test_null_is_not_absent() -> None:
    item = orjson.loads(mapping().to_item(sent({"id": "1", "k": "x", "a": None, "_ts": 1})).json)
    assert item["a"] == {"NULL": True}
    assert "b" not in item


def test_numbers_go_as_they_were_sent() -> None:
    text = b'{"Documents":[{"id":"1","k":"x","_ts":1,"a":0.1,"b":36893488147419103232,"c":1.10,"d":1e400,"e":1e-7}]}'
    made = mapping().to_item(decoded(text)[0])
    item = orjson.loads(made.json)
    assert [item[name] for name in "abc"] == [{"N": "0.1"}, {"N": "36893488147419103232"}, {"N": "1.1"}]
    assert item["e"] == {"N": "1E-7"}
    assert set(item["d"]) == {"B"}
    assert made.notes == {"number-as-text": 1}
    assert mapping().from_item(item)["d"] == Decimal("1e400")


def test_a_negative_zero_is_told() -> None:
    made = mapping().to_item(sent({"id": "1", "k": "x", "z": -0.0, "_ts": 1}))
    assert made.notes == {"negative-zero": 1}
    assert orjson.loads(made.json)["z"] == {"N": "0"}


@pytest.mark.parametrize(
    ("default", "own", "expires"),
    [
        (None, 10, None),
        (-1, None, None),
        (-1, 10, 1010),
        (60, None, 1060),
        (60, -1, None),
        (60, 5, 1005),
        (60, "x", 1060),
    ],
)
def test_expiry(default: int | None, own: Any, expires: int | None) -> None:
    document = {"id": "1", "k": "x", "_ts": 1000} | ({} if own is None else {"ttl": own})
    rules = mapping(default_ttl=default)
    item = orjson.loads(rules.to_item(sent(document)).json)
    assert item.get("expireAt") == (None if expires is None else {"N": str(expires)})
    assert rules.from_item(item) == stripped(document)


def test_a_property_named_like_the_expiry_attribute_is_kept_apart() -> None:
    rules = mapping(default_ttl=60)
    document = sent({"id": "1", "k": "x", "expireAt": "mine", "_ts": 1})
    item = orjson.loads(rules.to_item(document).json)
    assert item["expireAt"] == {"N": "61"}
    assert rules.from_item(item)["expireAt"] == "mine"


def test_large_items() -> None:
    document = sent({"id": "1", "k": "x", "text": "규정 " * 100_000, "n": 0.1, "_ts": 1})
    made = mapping(default_ttl=60).to_item(document)
    item = orjson.loads(made.json)
    assert set(item) == {"id", "k", "expireAt", "~wkms"}
    assert made.notes == {"large-item": 1}
    assert mapping(default_ttl=60).from_item(item) == stripped(document)
    with pytest.raises(UnmappableError) as caught:
        mapping(large_items="dead-letter").to_item(document)
    assert caught.value.code == "too-large"


def test_the_edge_of_400_kb() -> None:
    def size_of(length: int) -> tuple[int, values.Notes]:
        made = mapping().to_item(sent({"id": "1", "k": "x", "text": "a" * length, "_ts": 1}))
        item = orjson.loads(made.json)
        return sum(len(name.encode()) + limits.size_of(value) for name, value in item.items()), made.notes

    fits = 400 * 1024 - len("idktext") - 2
    assert size_of(fits) == (400 * 1024, {})
    assert size_of(fits + 1)[1] == {"large-item": 1}


@pytest.mark.parametrize("where", ["text", "k", "id"])
def test_what_is_no_unicode_text_is_refused(where: str) -> None:
    document = {"id": "1", "k": "x", "_ts": 1} | {where: "\ud800"}
    with pytest.raises(UnmappableError) as caught:
        mapping().to_item(sent(document))
    assert caught.value.code == "not-unicode"


def test_a_difference_of_any_kind_changes_the_digest() -> None:
    base = {"id": "1", "k": "x", "a": [1, 2], "n": None, "_ts": 1}
    rules = mapping(default_ttl=60)
    others = [
        {**base, "a": [2, 1]},
        {**base, "n": 0},
        {**base, "n": ""},
        {**base, "_ts": 2},
        {**base, "k": "y"},
        {**base, "b": None},
    ]
    del (without := dict(base))["n"]
    prints = {digest.of_document(sent(one), rules).digest for one in (base, without, *others)}
    assert len(prints) == len(others) + 2
    same = {**base, "_etag": "other", "a": [1.0, 2e0]}
    assert digest.of_document(sent(same), rules) == digest.of_document(sent(base), rules)


def test_equal_sums_need_equal_bags() -> None:
    rules = mapping()
    prints = [digest.of_document(sent({"id": str(number), "k": "x", "_ts": 1}), rules) for number in range(50)]
    left, right, doubled = digest.Digest(), digest.Digest(), digest.Digest()
    for one in prints:
        left.add(one)
    for one in reversed(prints):
        right.add(one)
    for one in (*prints, prints[0], prints[0]):
        doubled.add(one)
    assert left.differing(right) == []
    assert left.text == right.text
    assert left.differing(doubled) == [prints[0].bucket]
    halves = digest.Digest()
    for half in (prints[:25], prints[25:]):
        part = digest.Digest()
        for one in half:
            part.add(one)
        halves.merge(part)
    assert (halves.count, halves.text) == (50, left.text)
