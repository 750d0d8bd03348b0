"""Drives the installed command as a user does, and looks at both ends with eyes of its own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import boto3
import pymysql
import yaml
from azure.cosmos import CosmosClient
from azure.storage.blob import BlobServiceClient
from boto3.dynamodb.types import TypeDeserializer

WKMS = [sys.executable, "-m", "wkms_migrate"]
DATABASE = "wkms"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@dataclass(frozen=True)
class Lab:
    """A lab in a folder of its own, and what its overlay says of the servers."""

    cwd: Path

    @property
    def environ(self):
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("WKMS_", "AWS_"))}
        own = {"PYTHONPATH": str(Path(__file__).parents[1]), "TF_CLI_CONFIG_FILE": os.devnull}
        # What a killed drain has taken is waited for this long; Azurite deletes a page of 32 in a second or two.
        return kept | own | {"WKMS_PHASES__QUEUE__HIDDEN_SECONDS": "30"}

    @cached_property
    def overlay(self):
        return yaml.safe_load((self.cwd / ".lab" / "endpoints.yaml").read_text(encoding="utf-8"))

    @property
    def run_dir(self):
        return self.cwd / "runs" / self.overlay["run"]

    def call(self, *words, timeout=1200, environ=None):
        ended = subprocess.run(
            [*WKMS, *words],
            cwd=self.cwd,
            env=self.environ | (environ or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def run_until(self, reached: Callable[[dict], bool], *, sign: int = signal.SIGKILL) -> Ended:
        """Run the whole migration and send it a signal as soon as an event is the wanted one."""
        child = subprocess.Popen(
            [*WKMS, "run", "--yes", "--jsonl"],
            cwd=self.cwd,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        lines = []
        for line in child.stdout:
            lines.append(line)
            if reached(json.loads(line)):
                child.send_signal(sign)
                break
        else:
            raise AssertionError(f"the run ended and what was waited for never came: {child.communicate()[1][-2000:]}")
        rest, err = child.communicate(timeout=600)
        return Ended(child.returncode, "".join(lines) + rest, err)

    def secret(self, reference):
        return Path(reference.removeprefix("file:")).read_text(encoding="ascii").strip()

    # The two ends, each read in the plainest way that there is.

    def mysql(self, side):
        login = self.overlay[side]["mysql"]
        return pymysql.connect(
            host=login["host"],
            port=login["port"],
            user=login["user"],
            password=self.secret(login["password"]),
            ssl={"ca": login["ca"]},
            charset="utf8mb4",
            init_command="SET time_zone = '+00:00'",
        )

    def blobs(self):
        storage = self.overlay["azure"]["storage"]
        return BlobServiceClient(storage["blob_endpoint"], credential=self.secret(storage["key"]))

    def cosmos(self):
        account = self.overlay["azure"]["cosmos"]
        return CosmosClient(account["endpoint"], self.secret(account["key"])).get_database_client(DATABASE)

    def aws(self, service):
        aws = self.overlay["aws"]
        return boto3.client(
            service,
            region_name="ap-northeast-2",
            endpoint_url=aws["endpoint_url"],
            aws_access_key_id=self.secret(aws["access_key_id"]),
            aws_secret_access_key=self.secret(aws["secret_access_key"]),
        )


def table_digests(connection):
    """Return {table: (rows, sum of row CRCs)} over every stored column, invisible ones too, but for JSON.

    A server writes JSON anew when it reads it (1.10 becomes 1.1), so that its text is not the same on both ends.
    """
    digests = {}
    with connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION group_concat_max_len = 1000000")
        cursor.execute(
            "SELECT table_name, GROUP_CONCAT(CONCAT('IFNULL(HEX(CAST(`', column_name, '` AS BINARY)),''NULL'')')"
            " ORDER BY ordinal_position SEPARATOR ', ') FROM information_schema.columns"
            " JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_schema = %s AND table_type = 'BASE TABLE' AND generation_expression = ''"
            " AND data_type <> 'json' GROUP BY table_name",
            (DATABASE,),
        )
        for table, columns in cursor.fetchall():
            cursor.execute(
                f"SELECT COUNT(*), COALESCE(SUM(CRC32(CONCAT_WS(':', {columns}))), 0) FROM `{DATABASE}`.`{table}`"
            )
            digests[table] = cursor.fetchone()
    return digests


def json_values(connection, table, column):
    """Return the parsed JSON of a column by id."""
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT id, {column} FROM `{DATABASE}`.`{table}`")
        return {key: json.loads(text) for key, text in cursor.fetchall() if text is not None}


def blob_hashes(service, container, *, skip):
    """Return {name: sha256} of a container, without the names and tiers that cannot go."""
    client = service.get_container_client(container)
    return {
        blob.name: hashlib.sha256(client.download_blob(blob.name, decompress=False).readall()).hexdigest()
        for blob in client.list_blobs(include=["metadata"])
        if not skip(blob)
    }


def object_hashes(s3, bucket):
    hashes = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for one in page.get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"]
            hashes[one["Key"]] = hashlib.sha256(body.read()).hexdigest()
    return hashes


def table_items(dynamodb, table, attributes):
    """Return these attributes of every item of a table, as plain values.

    The others are not turned into values, embeddings above all; a scan that leaves them out is slow in moto.
    """
    plain = TypeDeserializer()
    items = []
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        items += [
            {name: plain.deserialize(item[name]) for name in attributes if name in item} for item in page["Items"]
        ]
    return items


def queue_messages(sqs, url):
    """Receive a queue to its end; return how often each of the source's message ids is there, with its body."""
    seen = Counter()
    while True:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=3600,
            WaitTimeSeconds=0,  # the queue's own is 20 s, which its end would cost
            MessageAttributeNames=["All"],
        )
        if not answer.get("Messages"):
            return seen
        for message in answer["Messages"]:
            attributes = message.get("MessageAttributes", {})
            seen[attributes["azure.messageId"]["StringValue"], message["Body"]] += 1
