"""Writing by way of S3: staged pages that the service loads by itself."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import boto3
import cosmos_clouds
import cosmos_driver
import pytest
import yaml
from cosmos_clouds import Clouds
from doubles.strict_dynamodb import StrictDynamo
from endpoints import AwsEndpoint

from wkms_migrate import events
from wkms_migrate.errors import ConfigError
from wkms_migrate.journal import RunState

pytestmark = pytest.mark.integration

NUMBERS = itertools.count(1)
ITEMS = [{"id": str(number), "departmentId": f"부서-{number % 7}", "text": "규정 " * number} for number in range(300)]


def client(service: str, endpoint: str) -> Any:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client(service, endpoint_url=endpoint, region_name="ap-northeast-2", **keys)


@pytest.fixture
def bucket(moto_server: AwsEndpoint) -> Iterator[str]:
    store = client("s3", moto_server.endpoint_url)
    name = f"staging-{os.getpid()}-{next(NUMBERS)}"
    store.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    yield name
    store.close()


@pytest.fixture
def strict(moto_server: AwsEndpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictDynamo]:
    """Give DynamoDB by the double and S3 by moto, each under an address of its own, as on AWS."""
    with StrictDynamo(s3=client("s3", moto_server.endpoint_url)) as double:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", double.endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto_server.endpoint_url)
        yield double


def move(clouds: Clouds, **options: Any) -> cosmos_driver.Move:
    tables = {"documents": "documents"} if options.get("write_path") == "bulk" else {}
    prepared = cosmos_driver.prepare(clouds.account, "", clouds.folder, database=clouds.database.id, tables=tables)
    values = yaml.safe_load(prepared.file.read_text(encoding="utf-8"))
    values["aws"] |= {"endpoint_url": None, "region": "ap-northeast-2"}
    prepared.file.write_text(yaml.safe_dump(values), encoding="utf-8")
    prepared.configure(**options)
    return prepared


def checked(state: RunState) -> dict[str, tuple[str, str]]:
    return {check: (one.source, one.target) for (_, held, check), one in state.verified.items() if held == "documents"}


def table(strict: StrictDynamo) -> None:
    client("dynamodb", strict.endpoint).create_table(
        TableName="documents",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("departmentId", "id")],
        KeySchema=[{"AttributeName": "departmentId", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.mark.parametrize("way", ["import", "bulk"])
def test_everything_arrives_by_way_of_s3(
    clouds: Clouds, strict: StrictDynamo, bucket: str, moto_server: AwsEndpoint, way: str
) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    if way == "bulk":
        table(strict)
    tables = {"make": True, "tags": {"team": "wkms"}} if way == "import" else {}
    state = move(clouds, write_path=way, staging_bucket=bucket, tables=tables, page_size=50).run()
    assert checked(state)["items"] == ("300", "300")
    assert checked(state)["digest"][0] == checked(state)["digest"][1]
    assert strict.counts["BatchWriteItem"] == 0
    assert strict.counts["CreateTable"] == (0 if way == "import" else 1)
    assert client("s3", moto_server.endpoint_url).list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    told = {code: one.text for (_, code, _), one in state.findings.items()}
    assert told["write-path"].endswith(f"Chosen: {'ImportTable' if way == 'import' else 'StartBulkPutItems'}.")
    if way == "import":
        found = client("dynamodb", strict.endpoint).describe_continuous_backups(TableName="wkms-documents")
        recovery = found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
        assert strict.store.tables["wkms-documents"].tags == [{"Key": "team", "Value": "wkms"}]


def test_parts_of_large_items_go_the_same_way(clouds: Clouds, strict: StrictDynamo, bucket: str) -> None:
    noise = os.urandom(500_000).hex()
    clouds.container("documents", ["/departmentId"], [*ITEMS[:5], {"id": "big", "departmentId": "x", "text": noise}])
    options = {"write_path": "import", "staging_bucket": bucket, "tables": {"make": True}, "large_items": "split"}
    state = move(clouds, **options).run()
    assert checked(state)["items"] == ("6", "6")
    assert checked(state)["parts of large items"] == ("2", "2")
    assert strict.counts["BatchWriteItem"] == 0


def test_stopped_while_staging_it_goes_on_and_loads_once(clouds: Clouds, strict: StrictDynamo, bucket: str) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    table(strict)
    moving = move(clouds, write_path="bulk", staging_bucket=bucket, page_size=20, workers=1)
    left = 6

    class Stop(Exception):
        """Ends the run from within, as a fault would."""

    def watch(event: events.Event) -> None:
        nonlocal left
        left -= isinstance(event, events.Checkpoint)
        if not left:
            raise Stop

    with pytest.raises(Stop):
        moving.run(watch)
    assert strict.counts["StartBulkPutItems"] == 0
    state = moving.run()
    assert checked(state)["items"] == ("300", "300")
    assert strict.counts["StartBulkPutItems"] == 1


def test_a_way_that_cannot_be_gone_is_refused(clouds: Clouds, strict: StrictDynamo) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS[:3])
    table(strict)
    with pytest.raises(ConfigError, match="staging_bucket is not set"):
        move(clouds, write_path="bulk").run()
    assert strict.counts["StartBulkPutItems"] == 0


def test_after_a_load_from_s3_it_is_followed(clouds: Clouds, strict: StrictDynamo, bucket: str) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    prepared = move(clouds, write_path="import", staging_bucket=bucket, tables={"make": True}, page_size=50)
    prepared.run()
    clouds.source("documents").upsert_item({**ITEMS[0], "later": True})
    ended = cosmos_clouds.cosmos(prepared, "follow", "--drain")
    assert ended.code == 0, ended.told
    assert ended.data["results"]["followed/documents"]["puts"] == 1
    assert cosmos_clouds.cosmos(prepared, "verify").code == 0
    assert strict.counts["BatchWriteItem"] == 1
