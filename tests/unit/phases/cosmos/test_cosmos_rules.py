"""Mappings that a file asks for: keys of any make, vectors, indexes, bodies elsewhere, numbers out of range."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from doubles.strict_dynamodb import limits
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wkms_migrate.clients.azure_cosmos import decoded
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.cosmos import diff, digest, float32, large, mapping_file, numbers, values
from wkms_migrate.phases.cosmos.items import ItemMap, Mapped, UnmappableError, stripped
from wkms_migrate.phases.cosmos.keys import KeyAttribute, Keys, keys_of
from wkms_migrate.phases.cosmos.large import DamagedBodyError, Place
from wkms_migrate.phases.cosmos.reader import DamagedItemError, Reader

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def rules(**options: Any) -> ItemMap:
    wishes: dict[str, Any] = {"keys": keys_of(("/k",)), "default_ttl": None, "expiry_name": "expireAt", **options}
    return ItemMap(**wishes)


def sent(document: dict[str, Any]) -> dict[str, Any]:
    return decoded(json.dumps({"Documents": [{"_ts": 1, **document}]}).encode())[0]


def key_of(name: str, *paths: str, kind: str = "S") -> KeyAttribute:
    return KeyAttribute(name=name, sources=tuple(tuple(path.split("/")) for path in paths), kind=kind)  # type: ignore[arg-type]


def there(mapped: Mapped) -> dict[tuple[str, ...], Any]:
    """Return a table that holds the parts of an item."""
    parts = [orjson.loads(part) for part in mapped.parts]
    return {(part["k"]["S"], part["id"]["S"]): part for part in parts}


def fetching(mapped: Mapped) -> large.Fetch:
    held = there(mapped)

    def fetch(place: Place) -> bytes:
        if mapped.object is not None:
            assert (place.bucket, place.key) == (mapped.object.bucket, mapped.object.key)
            return mapped.object.body
        found = [held[key["k"]["S"], key["id"]["S"]] for key in place.parts]
        return b"".join(base64.b64decode(part["~wkms"]["B"]) for part in found)

    return fetch


# keys


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(SCALARS, SCALARS, TEXT), min_size=2, max_size=2))
def test_keys_that_hold_every_level_and_the_id_are_injective(names: list[tuple[Any, Any, str]]) -> None:
    keys = Keys(paths=(("a",), ("b",)), hash=key_of("h", "a"), range=key_of("r", "b", "id"))
    assert not keys.left_out
    first, second = (sent({"a": a, "b": b, "id": name}) for a, b, name in names)
    same = values.canonical([first[n] for n in "ab"] + [first["id"]]) == values.canonical(
        [second[n] for n in "ab"] + [second["id"]]
    )
    assert (keys.of(first) == keys.of(second)) == same


@settings(max_examples=200, deadline=None)
@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False), TEXT)
def test_a_number_may_stay_one_in_the_key(number: Any, text: str) -> None:
    mapping = rules(keys=Keys(paths=(("n",),), hash=key_of("n", "n", kind="N"), range=key_of("id", "id")))
    document = sent({"n": number, "id": "1", "text": text})
    if numbers.storable(document["n"]) is None:
        with pytest.raises(UnmappableError):
            mapping.to_item(document)
        return
    item = orjson.loads(mapping.to_item(document).json)
    limits.check_item(item, limits.Keys(table=(("n", "HASH", "N"), ("id", "RANGE", "S"))))
    assert values.canonical(mapping.from_item(item)) == values.canonical(stripped(document))
    respelled = {**item, "n": {"N": limits.written(item["n"]["N"])}}
    assert digest.of_item(respelled, mapping) == digest.of_document(document, mapping)


@pytest.mark.parametrize("value", ["7", None, True, [], 1e300])
def test_what_is_no_number_is_refused_by_a_key_of_numbers(value: Any) -> None:
    mapping = rules(keys=Keys(paths=(("n",),), hash=key_of("n", "n", kind="N"), range=key_of("id", "id")))
    with pytest.raises(UnmappableError) as caught:
        mapping.to_item(sent({"n": value, "id": "1"}))
    assert caught.value.code == "key-type"


# vectors


@settings(max_examples=300, deadline=None)
@example([104.27589416503906])  # needs nine digits
@given(st.lists(FLOATS, min_size=1, max_size=20))
def test_the_fewest_digits_name_the_same_float(vector: list[float]) -> None:
    packed = float32.packed(vector)  # type: ignore[arg-type] # floats are numbers enough
    assert packed is not None
    texts = float32.texts(packed)
    assert struct.pack(f"<{len(vector)}f", *map(float, texts)) == struct.pack(
        f"<{len(vector)}f", *(one + 0.0 if one else 0.0 for one in vector)
    )
    assert all(len(Decimal(text).normalize().as_tuple().digits) <= 9 for text in texts)


@pytest.mark.parametrize("form", ["float32", "packed"])
@settings(max_examples=200, deadline=None)
@given(
    vector=st.lists(FLOATS | st.floats(allow_nan=False, allow_infinity=False) | TEXT, max_size=8),
    rest=st.dictionaries(TEXT, SCALARS, max_size=3),
)
def test_vectors_come_back_as_32_bit_floats_keep_them(form: Any, vector: list[Any], rest: dict[str, Any]) -> None:
    mapping = rules(vectors={("meta", "v"): form})
    document = sent({**rest, "meta": {"v": vector, "x": 1}, "k": "a", "id": "1"})
    mapped = mapping.to_item(document)
    item = orjson.loads(mapped.json)
    assert digest.of_item(item, mapping) == digest.of_document(document, mapping)
    kept = mapping.kept(stripped(document))
    assert values.canonical(mapping.kept(mapping.from_item(item))) == values.canonical(kept)
    told = mapped.notes["vector-rounded"] + mapped.notes["negative-zero"]
    assert (values.canonical(kept) == values.canonical(stripped(document))) or told


def test_forms_of_a_vector_by_size() -> None:
    vector = [struct.unpack("f", struct.pack("f", 1 / (n + 3)))[0] for n in range(1536)]
    sizes = {
        form: len(rules(vectors={("v",): form} if form else {}).to_item(sent({"v": vector, "k": "a", "id": "1"})).json)
        for form in ("", "float32", "packed")
    }
    assert sizes["packed"] < sizes["float32"] < sizes[""] * 0.75


# numbers out of range


@settings(max_examples=300, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_clamped_number_is_the_nearest_that_fits(number: Decimal) -> None:
    found = Decimal(numbers.clamped(number))
    assert numbers.storable(found) is not None
    if numbers.storable(number) is not None:
        assert found == number
    elif number.adjusted() > numbers.MAX_EXPONENT:
        assert abs(found) == numbers.LARGEST
    elif number.adjusted() < numbers.MIN_EXPONENT:
        assert abs(found) in (0, numbers.SMALLEST)


@pytest.mark.parametrize(
    ("number", "stored"), [(1e300, "9." + "9" * 37 + "E+125"), (5e-324, "0"), (-1e200, "-9." + "9" * 37 + "E+125")]
)
def test_clamping_is_told_and_both_ends_agree_on_it(number: float, stored: str) -> None:
    mapping = rules(out_of_range="clamp")
    document = sent({"k": "a", "id": "1", "deep": [{"n": number}]})
    mapped = mapping.to_item(document)
    item = orjson.loads(mapped.json)
    assert mapped.notes == {"number-clamped": 1}
    assert item["deep"]["L"][0]["M"]["n"] == {"N": stored}
    assert digest.of_item(item, mapping) == digest.of_document(document, mapping)


def test_a_number_out_of_range_may_be_refused() -> None:
    with pytest.raises(UnmappableError) as caught:
        rules(out_of_range="fail").to_item(sent({"k": "a", "id": "1", "n": [1e300]}))
    assert caught.value.code == "number-out-of-range"


# indexes


@settings(max_examples=200, deadline=None)
@given(SCALARS | st.just("가" * 400), SCALARS)
def test_an_index_never_makes_the_service_refuse_an_item(title: Any, rank: Any) -> None:
    mapping = rules(index_keys={"title": "S", "rank": "N"})
    document = sent({"k": "a", "id": "1", "title": title, "rank": rank})
    item = orjson.loads(mapping.to_item(document).json)
    keys = limits.Keys(table=(("k", "HASH", "S"), ("id", "RANGE", "S")), indexes=((("title", "S"), ("rank", "N")),))
    limits.check_item(item, keys)
    assert len(item.get("title", {"S": ""})["S"].encode()) <= 1024
    assert values.canonical(mapping.from_item(item)) == values.canonical(stripped(document))


# bodies elsewhere


@pytest.mark.parametrize("policy", ["split", "offload"])
def test_a_body_elsewhere_comes_back_whole_or_not_at_all(policy: Any) -> None:
    import random

    text = random.Random(1).randbytes(450_000).hex()
    mapping = rules(large_items=policy, bucket="b", container="c", default_ttl=60, index_keys={"t": "S"})
    document = sent({"k": "a", "id": "~odd", "t": "x", "text": text, "n": 0.1})
    mapped = mapping.to_item(document)
    head = orjson.loads(mapped.json)
    assert len(mapped.parts) == (2 if policy == "split" else 0)
    table = limits.Keys(table=(("k", "HASH", "S"), ("id", "RANGE", "S")), indexes=((("t", "S"),),))
    for item in (head, *map(orjson.loads, mapped.parts)):
        limits.check_item(item, table)
        assert item["expireAt"] == {"N": "61"}
        assert mapping.keys.is_part(item) == (item is not head)
    assert head["t"] == {"S": "x"}
    assert mapping.from_item(head, fetching(mapped)) == stripped(document)
    assert digest.of_item(head, mapping, fetching(mapped)) == digest.of_document(document, mapping)
    with pytest.raises(DamagedBodyError):
        mapping.from_item(head, lambda place: fetching(mapped)(place)[:-1])
    with pytest.raises(DamagedBodyError):
        mapping.from_item(head, lambda _: large.body_of({"id": "another"}))
    with pytest.raises(DamagedBodyError):
        mapping.from_item(head)


# the reader of the application


class Table:
    """A table of boto3's resource that holds these items."""

    def __init__(self, items: Mapping[tuple[str, ...], Any]) -> None:
        self.items = items

    def get_item(self, Key: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        found = self.items.get(tuple(Key.values()))
        return {} if found is None else {"Item": resource(found)}


def resource(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as boto3's resource gives it."""
    return {name: _python(value) for name, value in item.items()}


def _python(attribute: dict[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return Decimal(value)
        case "B":
            return base64.b64decode(value)
        case "L":
            return [_python(inner) for inner in value]
        case "M":
            return resource(value)
        case "NULL":
            return None
        case _:
            return value


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(TEXT | st.sampled_from(["", "~wkms", "pk", "expireAt"]), SCALARS | st.lists(SCALARS), max_size=5),
    SCALARS | st.just({}),
    st.sampled_from([("/k",), ("/id",), ("/k", "/l")]),
)
def test_the_reader_reads_what_the_mapping_wrote(properties: dict[str, Any], key: Any, paths: tuple[str, ...]) -> None:
    mapping = rules(keys=keys_of(paths), default_ttl=60)
    document = sent({**properties, "k": key, "id": "문서"})
    item = orjson.loads(mapping.to_item(document).json)
    hash_name, *rest = mapping.keys.names
    joined = () if mapping.keys.are_plain else mapping.keys.names
    reader = Reader(hash_name=hash_name, range_name=rest[0] if rest else None, joined=joined)
    assert values.canonical(reader.document(resource(item))) == values.canonical(stripped(document))


@pytest.mark.parametrize("policy", ["compress", "split", "offload"])
def test_the_reader_puts_large_items_together(policy: Any) -> None:
    import random

    text = "가" * 300_000 if policy == "compress" else random.Random(1).randbytes(450_000).hex()
    document = sent({"k": "a", "id": "1", "text": text, "n": 0.1})
    mapped = rules(large_items=policy, bucket="b", container="c").to_item(document)
    body = mapped.object.body if mapped.object else b""
    s3 = SimpleNamespace(get_object=lambda **_: {"Body": SimpleNamespace(read=lambda: body)})
    head = resource(orjson.loads(mapped.json))
    reader = Reader(hash_name="k", range_name="id", table=Table(there(mapped)), s3=s3)
    assert reader.document(head) == stripped(document)
    assert not reader.is_part(head)
    for part in mapped.parts:
        assert reader.is_part(resource(orjson.loads(part)))
    if policy == "split":
        with pytest.raises(DamagedItemError):
            Reader(hash_name="k", range_name="id", table=Table({})).document(head)


def test_the_reader_unpacks_vectors_and_leaves_the_applications_own_items() -> None:
    document = sent({"k": "a", "id": "1", "v": [0.5, 0.1, -3e-8], "huge": 1e300})
    item = orjson.loads(rules(vectors={("v",): "packed"}).to_item(document).json)
    reader = Reader(hash_name="k", range_name="id")
    found = reader.document(resource(item))
    assert [struct.pack("f", one) for one in found["v"]] == [struct.pack("f", one) for one in (0.5, 0.1, -3e-8)]
    assert found["huge"] == Decimal("1e300")
    own = {"k": "a", "id": "2", "raw": b"bytes", "list": [Decimal(1)]}
    assert reader.document(own) == own


def test_the_reader_can_be_copied_out() -> None:
    text = Path(values.__file__).with_name("reader.py").read_text("utf-8")
    assert "wkms_migrate" not in text
    assert "boto3" not in {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}


# differences


@settings(max_examples=200, deadline=None)
@given(st.recursive(SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(TEXT, one, max_size=3)))
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    read = values.decoded(json.dumps(value).encode())
    assert list(diff.differences(read, values.decoded(values.canonical(read)))) == []


def test_places_are_told_by_path() -> None:
    source = {"a": [1, {"b c": None}], "same": Decimal("1.0"), "n": 1, "gone": 0}
    target = {"a": [1, {"b c": False}, 3], "same": 1, "n": True}
    told = {one.path: (one.source, one.target) for one in diff.differences(source, target)}
    assert told == {
        '$.a[1]["b c"]': ("null", "false"),
        "$.a[2]": ("(absent)", "3"),
        "$.n": ("1", "true"),
        "$.gone": ("0", "(absent)"),
    }


# the file


def test_all_problems_of_a_file_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        mapping_file.parsed({"version": 2, "containers": {"c": {"keys": {}}}}, Path("m.yaml"))
    assert len(caught.value.problems) == 3
    assert any(problem.startswith("containers.c.keys.hash") for problem in caught.value.problems)
