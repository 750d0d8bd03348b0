from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wkms_migrate.phases.cosmos import pack
from wkms_migrate.phases.cosmos.items import ItemMap, UnmappableError
from wkms_migrate.phases.cosmos.keys import keys_of
from wkms_migrate.phases.cosmos.pack import Packed, Packer

T = TypeVar("T")


def mapping(*paths: str, ttl: int | None = None, **rules: Any) -> ItemMap:
    return ItemMap(keys=keys_of(paths or ("/d",)), default_ttl=ttl, expiry_name="expireAt", **rules)


def packed(text: str | bytes, rules: ItemMap) -> Packed:
    return Packer(rules).pack(msgspec.Raw(text.encode() if isinstance(text, str) else text))


def same(text: str | bytes, rules: ItemMap) -> None:
    """Hold that a document packed as text is the item that the mapping makes of it, and that the same is said of it."""
    raw = text.encode() if isinstance(text, str) else text
    packer = Packer(rules)
    for _ in range(2):  # once by its properties, and then by the shape that it has shown
        agree(raw, rules, packer)


def agree(raw: bytes, rules: ItemMap, packer: Packer) -> None:
    wanted = outcome(lambda: rules.to_item(pack.document_of(raw)))
    found = outcome(lambda: packer.pack(msgspec.Raw(raw)))
    if isinstance(wanted, str) or isinstance(found, str):
        assert wanted == found
        return
    assert found.key == wanted.key
    assert canonical(orjson.loads(found.json)) == canonical(orjson.loads(wanted.json))
    assert (found.mapped.notes if found.mapped else {}) == wanted.notes


def outcome(make: Callable[[], T]) -> T | str:
    """Return what is made, or the code of the reason why it cannot be."""
    try:
        return make()
    except UnmappableError as reason:
        return reason.code


def canonical(value: Any) -> Any:
    """Return attributes with their numbers as numbers: DynamoDB stores 1.10 as 1.1."""
    if isinstance(value, list):
        return [canonical(one) for one in value]
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get("N"), str):
            return ("N", Decimal(value["N"]))
        return {name: canonical(one) for name, one in value.items()}
    return value


SYSTEM = '"_rid":"r","_self":"s","_etag":"e","_attachments":"a","_ts":1700000000,"_lsn":7'
NUMBERS = ["0", "-0", "-0.0", "-0.5", "1.10", "1e300", "1E-7", "1.2e-05", "5e-324", "12345678901234567890", "-0e0"]
NUMBERS += ["1" * 39, "0." + "1" * 40, "1e126", "9.9e125", "-1e-131", "100", "1e2"]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_alone_in_a_list_and_in_a_vector(number: str) -> None:
    for value in (number, f"[{number}]", f"[0.25,{number},-1]", f'[{number},"x"]', f'{{"n":{number}}}'):
        same(f'{{"id":"1","d":"x","v":{value},{SYSTEM}}}', mapping())


VALUES = ["true", "false", "null", '""', '"가\\n\\u00e9\\ud55c"', "[]", "{}", "[[]]", '[null,true,"a",{"b":[1]}]']
VALUES += ['{"":0,"~wkms":1,"~wkms:x":2}', '"\\ud83d\\ude00"', '"\\ud800"', "[ 1 , 2 ]", "[" * 40 + "1" + "]" * 40]
VALUES += ['{"a":' * 35 + "[1,2]" + "}" * 35]


@pytest.mark.parametrize("value", VALUES)
def test_every_kind_of_value(value: str) -> None:
    same(f'{{"id":"1","d":"x","v":{value},{SYSTEM}}}', mapping())


KEYS = [
    '"a"',
    '""',
    '"~x"',
    "1",
    "true",
    "null",
    "{}",
    "[1]",
    '"\\u007ea"',
    '"' + "k" * 2049 + '"',
    '"' + "가" * 600 + '"',
]


@pytest.mark.parametrize("key", KEYS)
def test_every_kind_of_key(key: str) -> None:
    for rules in (mapping("/d"), mapping("/id"), mapping("/d", "/e"), mapping("/d/e")):
        same(f'{{"id":"1","d":{key},"e":"#%",{SYSTEM}}}', rules)
    same(f'{{"id":"1",{SYSTEM}}}', mapping("/d"))


@pytest.mark.parametrize("ttl", ["", ',"ttl":60', ',"ttl":-1', ',"ttl":null', ',"ttl":"60"', ',"expireAt":"mine"'])
@pytest.mark.parametrize("default", [None, -1, 3600])
def test_expiry(ttl: str, default: int | None) -> None:
    same(f'{{"id":"1","d":"x"{ttl},{SYSTEM}}}', mapping(ttl=default))


def test_rules_of_the_mapping_are_kept() -> None:
    text = f'{{"id":"1","d":"x","g":null,"huge":1e300,"v":[0.1,0.2],{SYSTEM}}}'
    same(text, mapping(index_keys={"g": "S"}))
    same(text, mapping(out_of_range="clamp"))
    same(text, mapping(out_of_range="fail"))
    same(text, mapping(vectors={("v",): "packed"}))


@pytest.mark.parametrize("policy", ["compress", "split", "dead-letter"])
def test_a_large_item_takes_the_way_of_its_policy(policy: str) -> None:
    text = orjson.dumps({"id": "1", "d": "x", "t": "취업규칙 " * 40_000, "_ts": 1})
    same(text, mapping(large_items=policy))
    if policy != "dead-letter":
        assert packed(text, mapping(large_items=policy)).mapped is not None


def test_notes_of_one_document_are_not_those_of_the_next() -> None:
    packer = Packer(mapping())
    noted = packer.pack(msgspec.Raw(b'{"id":"1","d":"x","v":-0.0}'))
    plain = packer.pack(msgspec.Raw(b'{"id":"2","d":"x","v":1}'))
    assert noted.mapped is not None
    assert noted.mapped.notes == {"negative-zero": 1}
    assert plain.mapped is None


scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8"), max_size=8)
documents = st.dictionaries(
    texts | st.sampled_from(["_ts", "_type", "expireAt", "d", "id"]),
    st.recursive(
        scalars | texts, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_size=6,
)


@settings(deadline=None)  # patterns are made
@given(documents, texts, texts)
def test_any_document_is_packed_as_it_is_mapped(document: dict[str, Any], key: str, name: str) -> None:
    text = msgspec.json.encode({**document, "d": key, "id": name or "1", "_ts": 1700000000})
    same(text, mapping("/d"))
    same(text, mapping("/id"))
    same(text, mapping("/d", "/id"))
    same(text, mapping("/d", ttl=60))


ALIKE = [
    '"a"',
    '"a,\\"b\\\\"',
    '"%s %b %"',
    '"\\u00e9"',
    '"~x"',
    '""',
    "7",
    "-0.5",
    "-0",
    "1" * 19,
    "1e-7",
    "1e-99",
    "true",
    "false",
    "null",
    "[]",
    '["a","b"]',
    '["a\\","]',
    '["%d"]',
    "[1,2.5]",
    "[1e-05,-1E+9]",
    "[1e99,0]",
    "[1,-0.0]",
    '[1,"a"]',
    "[[1],[2]]",
    '{"%s":1}',
    '{"%s":"x"}',
    '{"%s":[{"b":null}]}',
]


@pytest.mark.parametrize("first", ALIKE)
def test_a_document_is_held_against_the_shape_of_another(first: str) -> None:
    for second in ALIKE:
        for rules in (mapping("/d"), mapping("/d", "/e")):
            packer = Packer(rules)
            for value in (first, second, first):
                agree(f'{{"id":"1","d":"x","e":"y","v":{value},{SYSTEM}}}'.encode(), rules, packer)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from(ALIKE)] * 3, st.sampled_from(["", ',"ttl":9', ',"ttl":[1]'])), max_size=12))
def test_documents_of_few_shapes_are_packed_as_they_are_mapped(drawn: list[tuple[str, ...]]) -> None:
    """One packer for all of them, so that each is tried against the shapes of those before it."""
    for rules in (mapping("/d"), mapping("/d", "/e"), mapping("/d", ttl=60), mapping("/id", ttl=-1)):
        packer = Packer(rules)
        for number, (key, other, value, ttl) in enumerate(drawn):
            text = f'{{"id":"{number}","d":{key},"e":{other},"v%":{value},"expireAt":"x","pk":1{ttl},{SYSTEM}}}'
            agree(text.encode(), rules, packer)


@pytest.mark.parametrize("ttl", [None, 60])
def test_documents_alike_are_packed_by_their_shape(monkeypatch: pytest.MonkeyPatch, ttl: int | None) -> None:
    def text(number: int) -> bytes:
        values = f'"t":"제목 {number}","n":{number}.5,"l":["a","{number}"],"v":[0.{number},1e-05],"m":{{"b":true}}'
        return f'{{"id":"{number}","d":"x","e":"y",{values},{SYSTEM}}}'.encode()

    for rules in (mapping("/d", ttl=ttl), mapping("/d", "/e", ttl=ttl)):
        packer = Packer(rules)
        agree(text(1), rules, packer)
        with monkeypatch.context() as patch:
            patch.setattr(Packer, "_by_property", None)
            agree(text(23), rules, packer)


def test_documents_without_a_common_shape_are_not_tried_for_ever() -> None:
    packer = Packer(mapping())
    for number in range(1000):
        agree(b'{"id":"1","d":"x","a%d":1}' % number, mapping(), packer)
    assert not packer._shapes._known
