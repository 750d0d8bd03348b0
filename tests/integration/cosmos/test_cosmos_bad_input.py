"""Bad input of the phase `cosmos`: each is told with what to do, has its exit code, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cosmos_clouds
import pytest
import yaml
from cosmos_clouds import Clouds
from cosmos_driver import Move
from doubles.strict_dynamodb import StrictDynamo
from endpoints import CosmosAccount

from wkms_migrate.clients import azure_cosmos
from wkms_migrate.errors import WkmsError

pytestmark = pytest.mark.integration

WRITES = ("PutItem", "DeleteItem", "BatchWriteItem", "CreateTable", "DeleteTable", "ImportTable", "UpdateTimeToLive")
Spoil = Callable[[Clouds, Move], None]


@pytest.fixture
def strict() -> Iterator[StrictDynamo]:
    with StrictDynamo() as double:
        yield double


@pytest.fixture
def clouds(cosmos_double: CosmosAccount, strict: StrictDynamo, tmp_path: Path) -> Iterator[Clouds]:
    with cosmos_clouds.on_strict(cosmos_double, strict, tmp_path) as made:
        made.container("documents", ["/k"], [{"id": f"{n}", "k": f"{n % 3}"} for n in range(30)])
        made.table("documents", "k")
        yield made


def azure(move: Move, **changed: Any) -> None:
    values = yaml.safe_load(move.file.read_text(encoding="utf-8"))
    values["azure"]["cosmos"] |= changed
    move.file.write_text(yaml.safe_dump(values), encoding="utf-8")


def wrong_key(clouds: Clouds, _move: Move) -> None:
    (clouds.folder / "cosmos.secret").write_text("d3Jvbmc=", encoding="ascii")


def wrong_endpoint(_clouds: Clouds, move: Move) -> None:
    azure(move, endpoint="http://127.0.0.1:9/")


def no_endpoint(_clouds: Clouds, move: Move) -> None:
    azure(move, endpoint=None)


def missing_database(_clouds: Clouds, move: Move) -> None:
    azure(move, database="nowhere")


def missing_container(_clouds: Clouds, move: Move) -> None:
    move.configure(containers={"chat": "documents"})


def missing_mapping(clouds: Clouds, move: Move) -> None:
    move.configure(mapping=str(clouds.folder / "none.yaml"))


def other_keys(clouds: Clouds, move: Move) -> None:
    keys = {"hash": {"name": "pk", "paths": ["/k"]}, "range": {"name": "id", "paths": ["/id"]}}
    rules = {"version": 1, "containers": {"documents": {"table": "documents", "keys": keys}}}
    (clouds.folder / "mapping.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    move.configure(mapping=str(clouds.folder / "mapping.yaml"))


def table_with_data(clouds: Clouds, _move: Move) -> None:
    clouds.put("documents", {"k": {"S": "old"}, "id": {"S": "kept"}})


def missing_table(clouds: Clouds, _move: Move) -> None:
    clouds.dynamo.delete_table(TableName=f"{clouds.prefix}-documents")


def budget_of_nothing(_clouds: Clouds, move: Move) -> None:
    move.configure(wcu_budget="40%")


class Case(NamedTuple):
    """What is wrong, and how it is told."""

    spoil: Spoil
    code: int
    message: str
    hint: str


CASES = [
    Case(wrong_key, 1, "401", "azure.cosmos.key"),
    Case(wrong_endpoint, 1, "cannot be asked", "azure.cosmos.endpoint"),
    Case(no_endpoint, 2, "azure.cosmos.endpoint is not set", "https://"),
    Case(missing_database, 1, "404", "azure.cosmos.database"),
    Case(missing_container, 2, "chat", "documents"),
    Case(missing_mapping, 2, "cannot be read", "cosmos map"),
    Case(other_keys, 2, "do not fit", "phases.cosmos.mapping"),
    Case(table_with_data, 2, "holds items already", "append"),
    Case(missing_table, 2, "There is no table", "provision"),
    Case(budget_of_nothing, 2, "no throughput is provisioned", "wcu_budget"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.spoil.__name__)
def test_bad_input_is_told_and_nothing_is_written(
    clouds: Clouds, strict: StrictDynamo, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    monkeypatch.setattr(azure_cosmos, "CALL_SECONDS", 0.5)
    move = clouds.move()
    case.spoil(clouds, move)
    before = {name: strict.counts[name] for name in WRITES}
    with pytest.raises(WkmsError) as found:
        move.run()
    assert found.value.exit_code == case.code
    assert case.message in str(found.value)
    assert case.hint in found.value.hint
    assert "d3Jvbmc=" not in str(found.value) + found.value.hint
    assert {name: strict.counts[name] for name in WRITES} == before
