"""Tables: made from the mapping, or checked against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import cosmos_clouds
import cosmos_driver
import pytest
import yaml
from cosmos_clouds import Clouds
from doubles.strict_dynamodb import StrictDynamo
from endpoints import AwsEndpoint, CosmosAccount

from wkms_migrate.errors import ConfigError, Refused
from wkms_migrate.journal import RunState

pytestmark = pytest.mark.integration


@pytest.fixture
def clouds(cosmos_double: CosmosAccount, moto_server: AwsEndpoint, tmp_path: Path) -> Iterator[Clouds]:
    with cosmos_clouds.opened(cosmos_double, moto_server, tmp_path) as made:
        yield made


def move(clouds: Clouds, endpoint: str, known: dict[str, str], **options: Any) -> cosmos_driver.Move:
    prepared = cosmos_driver.prepare(clouds.account, endpoint, clouds.folder, database=clouds.database.id, tables=known)
    prepared.configure(**options)
    return prepared


def client(endpoint: str) -> Any:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client("dynamodb", endpoint_url=endpoint, region_name="ap-northeast-2", **keys)


def mapping(folder: Path) -> Path:
    """Write a mapping with an index."""
    rules = {
        "table": "documents",
        "keys": {
            "hash": {"name": "departmentId", "type": "S", "paths": ["/departmentId"]},
            "range": {"name": "id", "type": "S", "paths": ["/id"]},
        },
        "indexes": [{"name": "by-page", "hash": [{"name": "departmentId"}], "range": [{"name": "page", "type": "N"}]}],
    }
    path = folder / "mapping.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "containers": {"documents": rules}}), encoding="utf-8")
    return path


ITEMS = [{"id": str(number), "departmentId": "인사", "page": number or None} for number in range(40)]


def result(state: RunState) -> Any:
    return state.steps["cosmos/table/documents"].result["table/documents"]


def test_a_table_is_made_from_the_mapping_with_all_that_is_asked_for(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    wanted = {"make": True, "capacity": {"read": 50, "write": 4000}, "tags": {"team": "wkms"}, "kms_key": "alias/wkms"}
    with StrictDynamo() as strict:
        state = move(clouds, strict.endpoint, {}, mapping=str(mapping(clouds.folder)), tables=wanted).run()
        found = client(strict.endpoint).describe_table(TableName="wkms-documents")["Table"]
        backups = client(strict.endpoint).describe_continuous_backups(TableName="wkms-documents")
        tags = client(strict.endpoint).list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"]
    assert result(state) == {"name": "wkms-documents", "made": True, "path": "batch"}
    assert found["KeySchema"] == [
        {"AttributeName": "departmentId", "KeyType": "HASH"},
        {"AttributeName": "id", "KeyType": "RANGE"},
    ]
    (index,) = found["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["KeySchema"][1]) == ("by-page", {"AttributeName": "page", "KeyType": "RANGE"})
    assert found["ProvisionedThroughput"]["WriteCapacityUnits"] == 4000
    assert found["SSEDescription"]["Status"] == "ENABLED"
    assert tags == [{"Key": "team", "Value": "wkms"}]
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert found["ItemCount"] == 40


def test_a_second_run_finds_its_own_table_and_makes_nothing(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    with StrictDynamo() as strict:
        first = move(clouds, strict.endpoint, {}, tables={"make": True})
        first.run()
        first.configure(tables={"make": True, "tags": {"a": "b"}})  # makes the step pending again
        state = first.run()
        assert strict.counts["CreateTable"] == 1
    assert result(state) == {"name": "wkms-documents", "made": False, "path": "batch"}


def test_without_leave_a_missing_table_is_refused(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    with StrictDynamo() as strict:
        with pytest.raises(Refused, match="no table gone"):
            move(clouds, strict.endpoint, {"documents": "gone"}).run()
        folder = clouds.folder / "other"
        folder.mkdir()
        other = cosmos_driver.prepare(
            clouds.account, strict.endpoint, folder, database=clouds.database.id, tables={"chat": "chat"}
        )
        with pytest.raises(ConfigError, match="has no documents, but chat"):
            other.run()
        assert strict.counts["CreateTable"] == 0


def test_what_terraform_made_otherwise_is_told(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    with StrictDynamo() as strict:
        client(strict.endpoint).create_table(
            TableName="made",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("departmentId", "id")],
            KeySchema=[
                {"AttributeName": "departmentId", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        state = move(clouds, strict.endpoint, {"documents": "made"}, mapping=str(mapping(clouds.folder))).run()
    codes = {code for _, code, _ in state.findings}
    assert {"index-missing", "not-recoverable"} <= codes
    assert result(state) == {"name": "made", "made": False, "path": "batch"}
