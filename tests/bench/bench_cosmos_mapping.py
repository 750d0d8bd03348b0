"""The mapping of Cosmos documents at length: 100,000 documents come back as they were, a million keys are told apart.

SCALE=0.01 makes it short. Each document goes to its item and back by the mapping, and is compared as canonical JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wkms_migrate.clients.azure_cosmos import decoded
from wkms_migrate.phases.cosmos import digest, values
from wkms_migrate.phases.cosmos.items import ItemMap, stripped
from wkms_migrate.phases.cosmos.keys import ABSENT, KeyAttribute, Keys, keys_of, to_text

SCALE = float(os.environ.get("SCALE", "1"))
DOCUMENTS = max(1, int(100_000 * SCALE))
KEYS_EACH = 100
KEY_RUNS = max(1, int(1_000_000 / KEYS_EACH * SCALE))
AT_LENGTH: Mapping[str, Any] = {
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text("~#%:subnz12p", max_size=6)
NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e308, 5e-324, -0.0, 0.1, 2**53 + 1, 2**63, 1e22, 1e126, 1e-130])
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
PATHS = st.sampled_from([("/k",), ("/id",), ("/k", "/l"), ("/k/m",), ("/k", "/l", "/m")])
THREE = Keys(
    paths=(("a",), ("b",), ("c",)),
    hash=KeyAttribute(name="h", sources=(("a",), ("b",))),
    range=KeyAttribute(name="r", sources=(("c",), ("id",))),
)


@pytest.mark.timeout(7200)
@settings(max_examples=DOCUMENTS, **AT_LENGTH)
@given(st.dictionaries(TEXT, VALUES, max_size=4), PATHS, VALUES, st.none() | st.integers(-1, 10**6))
def test_documents_come_back(properties: dict[str, Any], paths: tuple[str, ...], key: Any, ttl: int | None) -> None:
    rules = ItemMap(keys=keys_of(paths), default_ttl=ttl, expiry_name="expireAt")
    text = json.dumps({"Documents": [{**properties, "k": key, "id": "문서", "_ts": 1_700_000_000}]})
    document = decoded(text.encode())[0]
    item = orjson.loads(rules.to_item(document).json)
    assert values.canonical(rules.from_item(item)) == values.canonical(stripped(document))
    assert digest.of_item(item, rules) == digest.of_document(document, rules)


@pytest.mark.parametrize("keys", [keys_of(("/a",)), keys_of(("/a", "/b", "/c")), THREE], ids=["one", "joined", "split"])
@pytest.mark.timeout(7200)
@settings(max_examples=max(1, KEY_RUNS // 3), **AT_LENGTH)
@given(found=st.lists(st.tuples(*[SCALARS | st.just(ABSENT)] * 3, TEXT), min_size=KEYS_EACH, max_size=KEYS_EACH))
def test_keys_are_told_apart(keys: Keys, found: list[tuple[Any, Any, Any, str]]) -> None:
    by_key: dict[tuple[str, ...], tuple[str, ...]] = {}
    by_name: dict[tuple[str, ...], tuple[str, ...]] = {}
    for a, b, c, name in found:
        held = {key: one for key, one in zip("abc", (a, b, c), strict=True) if one is not ABSENT}
        document = decoded(json.dumps({"Documents": [{**held, "id": name}]}).encode())[0]
        named = tuple(to_text(document.get(path[0], ABSENT)) for path in (*keys.paths, ("id",)))
        key = tuple(keys.of(document).values())
        assert by_key.setdefault(key, named) == named
        assert by_name.setdefault(named, key) == key
        back: dict[str, Any] = {}
        keys.restore(keys.of(document), back)
        assert all(values.canonical(one) == values.canonical(document[name]) for name, one in back.items())
