"""Ask AWS itself whether what Terraform put out is there and as it was meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wkms_migrate.clients import aws
from wkms_migrate.phases.provision import existing

if TYPE_CHECKING:
    from wkms_migrate.config import Aws
    from wkms_migrate.events import Json
    from wkms_migrate.plan import StepRun

MISSING = "missing"


def run(run: StepRun) -> Mapping[str, Json]:
    """Compare every output with the service that has it."""
    outputs = run.context.output("provision", "wkms")
    keys = run.context.output("provision", "table_keys")
    settings = run.context.settings.aws
    _buckets(run, settings, outputs["buckets"])
    run.check_stop()
    _tables(run, settings, outputs["tables"], keys)
    _queues(run, settings, outputs["queues"])
    run.check_stop()
    _database(run, settings, outputs["database"])
    _machines(run, settings, outputs["vm_hosts"])
    return {}


def _buckets(run: StepRun, settings: Aws, buckets: Mapping[str, str]) -> None:
    s3 = aws.client(settings, "s3")
    for name in buckets.values():
        there = aws.found(frozenset({"404", "NoSuchBucket"}), s3.head_bucket, Bucket=name) is not None
        if run.verified(f"s3://{name}", "bucket", "there", "there" if there else MISSING):
            block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
            run.verified(f"s3://{name}", "public access", "blocked", "blocked" if all(block.values()) else str(block))


def _tables(run: StepRun, settings: Aws, tables: Mapping[str, str], keys: Mapping[str, Any]) -> None:
    dynamodb = aws.client(settings, "dynamodb")
    for key, name in tables.items():
        answer = aws.found(frozenset({"ResourceNotFoundException"}), dynamodb.describe_table, TableName=name)
        table = answer["Table"] if answer else {}
        if run.verified(f"dynamodb:{name}", "status", "ACTIVE", table.get("TableStatus", MISSING)):
            run.verified(f"dynamodb:{name}", "keys", expected_keys(keys[key]), actual_keys(table))


def expected_keys(table: Mapping[str, Any]) -> str:
    """Write the keys that a table was asked to have, e.g. `HASH departmentId S, RANGE id S`."""
    parts = [f"HASH {table['hash_key']} {table['hash_type']}"]
    if table.get("range_key"):
        parts.append(f"RANGE {table['range_key']} {table['range_type']}")
    return ", ".join(parts)


def actual_keys(table: Mapping[str, Any]) -> str:
    """Write the keys of a described table in the same way."""
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    ordered = sorted(table["KeySchema"], key=lambda one: str(one["KeyType"]))
    return ", ".join(f"{one['KeyType']} {one['AttributeName']} {types[one['AttributeName']]}" for one in ordered)


def _queues(run: StepRun, settings: Aws, queues: Mapping[str, str]) -> None:
    sqs = aws.client(settings, "sqs")
    for name, url in queues.items():
        answer = aws.found(existing.QUEUE_GONE, sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["QueueArn"])
        arn = answer["Attributes"]["QueueArn"] if answer else ""
        run.verified(f"sqs:{name}", "queue", url.rsplit("/", 1)[-1], arn.rsplit(":", 1)[-1] or MISSING)


def _database(run: StepRun, settings: Aws, database: Mapping[str, Any]) -> None:
    rds = aws.client(settings, "rds")
    name = database["identifier"]
    answer = aws.found(frozenset({"DBInstanceNotFound"}), rds.describe_db_instances, DBInstanceIdentifier=name)
    instance = answer["DBInstances"][0] if answer else {}
    if run.verified(f"rds:{name}", "status", "available", instance.get("DBInstanceStatus", MISSING)):
        endpoint = instance["Endpoint"]
        expected = f"{database['address']}:{database['port']}"
        run.verified(f"rds:{name}", "address", expected, f"{endpoint['Address']}:{endpoint['Port']}")


def _machines(run: StepRun, settings: Aws, hosts: list[Mapping[str, Any]]) -> None:
    ec2 = aws.client(settings, "ec2")
    gone = frozenset({"InvalidInstanceID.NotFound"})
    for host in hosts:
        answer = aws.found(gone, ec2.describe_instances, InstanceIds=[host["instance_id"]])
        state = answer["Reservations"][0]["Instances"][0]["State"]["Name"] if answer else MISSING
        run.verified(f"ec2:{host['name']}", "state", "running", state)
