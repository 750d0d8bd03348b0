"""The groups in which moto's tables hold their items are made once, whatever comes in between."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from wkms_migrate.lab.moto_dynamodb import Groups, quicken


@dataclass(eq=False)
class Key:
    """A key that is hashed in Python, as moto's are; `meanwhile` is what another thread does at the second time."""

    name: str
    meanwhile: Callable[[], None]
    hashed: int = 0

    def __hash__(self) -> int:
        self.hashed += 1
        if self.hashed == 2:
            self.meanwhile()
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other.name == self.name


def written_side_by_side(groups: Any) -> Any:
    """Return `groups` after two threads wrote an item of one hash key each, the second within the first's write."""

    def other() -> None:
        groups[Key("page", lambda: None)]["other"] = 2

    groups[Key("page", other)]["one"] = 1
    return groups


def test_items_of_one_hash_key_that_are_written_side_by_side_are_both_kept():
    (group,) = written_side_by_side(Groups()).values()
    assert group == {"other": 2, "one": 1}


def test_what_moto_has_by_itself_loses_one():
    (group,) = written_side_by_side(defaultdict(dict)).values()
    assert group == {"one": 1}


def test_a_copy_for_a_backup_makes_groups_too():
    copied = copy.deepcopy(Groups({"a": {"x": 1}}))
    copied["b"]["y"] = 2
    assert copied == {"a": {"x": 1}, "b": {"y": 2}}
    with pytest.raises(KeyError):
        copied["b"]["z"]


def test_tables_are_made_with_such_groups(monkeypatch):
    for owner, name in (
        (Table, "__init__"),
        (Item, "__init__"),
        (DynamoHandler, "scan"),
        (DynamoHandler, "parse_parameters"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back afterwards
    quicken()
    table = Table(
        "documents",
        account_id="123456789012",
        region="ap-northeast-2",
        schema=[{"AttributeName": "page", "KeyType": "HASH"}],
        attr=[{"AttributeName": "page", "AttributeType": "S"}],
    )
    assert isinstance(table.items, Groups)
