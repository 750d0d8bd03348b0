"""A Cosmos database and DynamoDB tables of a test's own, and the commands of `cosmos` run on them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import cosmos_driver
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey
from cosmos_driver import Move
from doubles.strict_dynamodb import StrictDynamo
from endpoints import AwsEndpoint, CosmosAccount

ROOT = Path(__file__).parents[1]
NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its code, its JSON document, what it told people."""

    code: int
    data: dict[str, Any]
    told: str


@dataclass(frozen=True, slots=True)
class Clouds:
    """A source database and tables on the target; both are named after the test."""

    account: CosmosAccount
    database: DatabaseProxy
    dynamo: Any
    endpoint_url: str
    folder: Path

    @property
    def prefix(self) -> str:
        return self.database.id

    def container(self, name: str, paths: Sequence[str], items: Sequence[dict[str, Any]], **options: Any) -> None:
        kind = "Hash" if len(paths) == 1 else "MultiHash"
        path = paths[0] if len(paths) == 1 else list(paths)
        self.database.create_container(name, PartitionKey(path, kind=kind), **options)
        self.fill(name, items)

    def fill(self, name: str, items: Sequence[dict[str, Any]]) -> None:
        body = "\n".join(json.dumps(item) for item in items).encode()
        self.account.control("POST", f"import/{self.database.id}/{name}", body)

    def source(self, name: str) -> ContainerProxy:
        return self.database.get_container_client(name)

    def table(self, name: str, hash_key: str, range_key: str | None = "id", kinds: str = "SS") -> str:
        keys = {hash_key: "HASH"} | ({range_key: "RANGE"} if range_key else {})
        self.dynamo.create_table(
            TableName=f"{self.prefix}-{name}",
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": kind} for key, kind in zip(keys, kinds, strict=False)
            ],
            KeySchema=[{"AttributeName": key, "KeyType": role} for key, role in keys.items()],
            BillingMode="PAY_PER_REQUEST",
        )
        return f"{self.prefix}-{name}"

    def items(self, name: str) -> list[dict[str, Any]]:
        pages = self.dynamo.get_paginator("scan").paginate(TableName=f"{self.prefix}-{name}")
        return [item for page in pages for item in page["Items"]]

    def put(self, name: str, item: dict[str, Any]) -> None:
        self.dynamo.put_item(TableName=f"{self.prefix}-{name}", Item=item)

    def delete(self, name: str, **key: str) -> None:
        typed = {attribute: {"S": value} for attribute, value in key.items()}
        self.dynamo.delete_item(TableName=f"{self.prefix}-{name}", Key=typed)

    def move(self, *tables: str, endpoint_url: str | None = None, **options: Any) -> Move:
        return cosmos_driver.prepare(
            self.account,
            endpoint_url or self.endpoint_url,
            self.folder,
            database=self.database.id,
            tables={name: f"{self.prefix}-{name}" for name in tables or ("documents",)},
            **options,
        )


@contextmanager
def opened(source: CosmosAccount, target: AwsEndpoint, folder: Path) -> Iterator[Clouds]:
    """Make a database; it and nothing else is deleted at the end, for every table has a name of its own."""
    dynamo = boto3.client(
        "dynamodb",
        endpoint_url=target.endpoint_url,
        region_name=target.region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    with CosmosClient(source.endpoint, source.key) as client:
        database = client.create_database(f"c{next(NUMBERS)}-{os.getpid()}-{folder.name[:20]}")
        yield Clouds(source, database, dynamo, target.endpoint_url, folder)
        client.delete_database(database.id)
    dynamo.close()


@contextmanager
def on_strict(source: CosmosAccount, strict: StrictDynamo, folder: Path) -> Iterator[Clouds]:
    """Do as `opened` does, with the strict double for the target."""
    with opened(source, AwsEndpoint(endpoint_url=strict.endpoint, region="ap-northeast-2"), folder) as made:
        yield made


def cosmos(move: Move, *words: str) -> Ended:
    """Run `cosmos WORDS` with --json."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("WKMS_")}
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "wkms_migrate",
            "cosmos",
            *words,
            "--config",
            move.file,
            "--json",
        ],
        cwd=move.file.parent,
        env=environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return Ended(ended.returncode, json.loads(ended.stdout) if ended.stdout else {}, ended.stderr)
