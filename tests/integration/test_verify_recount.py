"""Counting again on real ends: MySQL on both sides, moto's S3, Azurite's queues."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from azure.storage.queue import QueueServiceClient
from endpoints import AwsEndpoint, MysqlPair, StorageAccount

from wkms_migrate import events
from wkms_migrate.config import Root, Settings
from wkms_migrate.errors import VerificationFailed
from wkms_migrate.journal import RunState
from wkms_migrate.phases.verify.recount import recount
from wkms_migrate.plan import Context, Step, StepRun

pytestmark = pytest.mark.integration


@dataclass(slots=True)
class Migrated:
    """A small system that was migrated: two rows, two objects, an empty queue; and the journal that says so."""

    name: str
    mysql: MysqlPair
    s3: object
    queue: object
    context: Context

    def recount(self):
        stated = []
        step = Step(id="verify/data/run", summary="", run=lambda _: None)
        run = StepRun(self.context, step, stated.append, threading.Event(), {})
        recount(run)
        run.check_verified()
        return {(event.object, event.check): (event.source, event.target) for event in stated}


@pytest.fixture
def migrated(azurite: StorageAccount, moto_server: AwsEndpoint, mysql_pair: MysqlPair, tmp_path: Path) -> Migrated:
    name = f"r{uuid.uuid4().hex[:10]}"
    for server in (mysql_pair.source, mysql_pair.target):
        with server.connect(autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            cursor.execute(f"CREATE TABLE {name}.`o``dd` (id INT PRIMARY KEY)")
            cursor.execute(f"INSERT INTO {name}.`o``dd` VALUES (1), (2)")
    credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    s3 = boto3.client("s3", endpoint_url=moto_server.endpoint_url, region_name=moto_server.region, **credentials)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": moto_server.region})
    for key in ("a", "b"):
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    queue = QueueServiceClient(azurite.queue_endpoint, credential=azurite.key).create_queue(name)
    settings = Settings(Root.model_validate(_values(azurite, moto_server, mysql_pair, tmp_path)), {}, ())
    return Migrated(name, mysql_pair, s3, queue, Context(settings, _journal(name), tmp_path))


def _values(azurite, moto_server, mysql_pair, folder):
    def secret(name, value):
        (folder / name).write_text(value, encoding="utf-8")
        return f"file:{folder / name}"

    def server(end, name):
        keys = {"host": end.host, "port": end.port, "user": end.user, "ca": end.ca}
        return keys | {"password": secret(name, end.password)}

    storage = {"account": azurite.account, "queue_endpoint": azurite.queue_endpoint, "key": secret("key", azurite.key)}
    testing = secret("aws", "testing")
    return {
        "environment": "test",
        "azure": {"mysql": server(mysql_pair.source, "source"), "storage": storage},
        "aws": {
            "mysql": server(mysql_pair.target, "target"),
            "endpoint_url": moto_server.endpoint_url,
            "access_key_id": testing,
            "secret_access_key": testing,
        },
    }


def _journal(name):
    state = RunState()
    made = {"wkms": {"buckets": {"documents": name}}}
    state.apply(events.StepDone(phase="provision", step="provision/apply", digest="", seconds=1.0, result=made))
    for step, thing, check, value in (
        ("mysql/verify/x", f"{name}.o`dd", "rows", "2"),
        ("blob/verify/documents", "documents", "objects", "2"),
        ("blob/verify/documents", "documents", "names only on the target", "0"),
        (f"queue/verify/{name}", name, "left on the source", "0"),
    ):
        state.apply(events.Verified(step=step, object=thing, check=check, source=value, target=value, ok=True))
    return state


def test_an_unchanged_system_counts_the_same(migrated):
    assert migrated.recount() == {
        (f"{migrated.name}.o`dd", "rows now"): ("2", "2"),
        ("documents", "objects now"): ("2", "2"),
        (migrated.name, "left on the source now"): ("0", "0"),
    }


def test_a_row_that_came_later_is_seen(migrated):
    with migrated.mysql.source.connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {migrated.name}.`o``dd` VALUES (3)")
    with pytest.raises(VerificationFailed, match="rows now is 3 on the source and 2 on the target"):
        migrated.recount()


def test_an_object_that_went_is_seen(migrated):
    migrated.s3.delete_object(Bucket=migrated.name, Key="a")
    with pytest.raises(VerificationFailed, match="objects now is 2 on the source and 1"):
        migrated.recount()


def test_a_message_that_came_later_is_seen(migrated):
    migrated.queue.send_message("늦은 알림")
    with pytest.raises(VerificationFailed, match="left on the source now"):
        migrated.recount()
