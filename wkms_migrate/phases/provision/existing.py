"""What AWS knows of the resources that take long to make, that hold data, or that cannot be made twice.

An apply that is cut off leaves two traces that a plain second apply answers with damage or an error: a resource
marked `tainted`, which would be destroyed and made anew, and one that was made but never written to the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wkms_migrate.clients import aws

if TYPE_CHECKING:
    from wkms_migrate.config import Aws

Status = Literal["absent", "busy", "ready", "broken"]
# RDS will not leave these by itself (RDS user guide, "Viewing Amazon RDS DB instance status").
BROKEN = ("failed", "incompatible-", "inaccessible-", "insufficient-", "restore-error", "storage-full", "deleting")
QUEUE_GONE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


@dataclass(frozen=True, slots=True)
class Kind:
    """How to find a resource of one Terraform type: by `attribute`, which is also its import id.

    Where AWS chooses that attribute, a plan does not know it, and so such a resource is never taken for an orphan.
    """

    attribute: str
    service: str
    status: Callable[[Any, str], Status]


def _database(rds: Any, identifier: str) -> Status:
    answer = aws.found(frozenset({"DBInstanceNotFound"}), rds.describe_db_instances, DBInstanceIdentifier=identifier)
    if answer is None:
        return "absent"
    state = str(answer["DBInstances"][0]["DBInstanceStatus"])
    if state.startswith(BROKEN):
        return "broken"
    return "ready" if state == "available" else "busy"


def _table(dynamodb: Any, name: str) -> Status:
    answer = aws.found(frozenset({"ResourceNotFoundException"}), dynamodb.describe_table, TableName=name)
    if answer is None:
        return "absent"
    return "ready" if answer["Table"]["TableStatus"] == "ACTIVE" else "busy"


def _bucket(s3: Any, name: str) -> Status:
    # A bucket of another account answers 403: that is left to Terraform, whose error names the owner's side.
    gone = frozenset({"404", "403", "NoSuchBucket"})
    return "absent" if aws.found(gone, s3.head_bucket, Bucket=name) is None else "ready"


def _instance(ec2: Any, identifier: str) -> Status:
    gone = frozenset({"InvalidInstanceID.NotFound"})
    answer = aws.found(gone, ec2.describe_instances, InstanceIds=[identifier])
    state = answer["Reservations"][0]["Instances"][0]["State"]["Name"] if answer else "terminated"
    return {"running": "ready", "pending": "busy"}.get(state, "absent")  # type: ignore[return-value] # values above


def _volume(ec2: Any, identifier: str) -> Status:
    answer = aws.found(frozenset({"InvalidVolume.NotFound"}), ec2.describe_volumes, VolumeIds=[identifier])
    state = answer["Volumes"][0]["State"] if answer else "deleted"
    return {"creating": "busy", "available": "ready", "in-use": "ready"}.get(state, "absent")  # type: ignore[return-value] # values above


def _address(ec2: Any, identifier: str) -> Status:
    gone = frozenset({"InvalidAllocationID.NotFound"})
    return "absent" if aws.found(gone, ec2.describe_addresses, AllocationIds=[identifier]) is None else "ready"


def _queue(sqs: Any, url: str) -> Status:
    answer = aws.found(QUEUE_GONE, sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["QueueArn"])
    return "absent" if answer is None else "ready"


def _named(lookup: str, argument: str, gone: str) -> Callable[[Any, str], Status]:
    """Return how to look up something that is there, under its name, or not there; it is never half made."""

    def status(client: Any, name: str) -> Status:
        answer = aws.found(frozenset({gone}), getattr(client, lookup), **{argument: name})
        return "absent" if answer is None else "ready"

    return status


KINDS: Mapping[str, Kind] = {
    "aws_db_instance": Kind("identifier", "rds", _database),
    "aws_dynamodb_table": Kind("name", "dynamodb", _table),
    "aws_s3_bucket": Kind("bucket", "s3", _bucket),
    "aws_ebs_volume": Kind("id", "ec2", _volume),
    "aws_eip": Kind("id", "ec2", _address),
    "aws_instance": Kind("id", "ec2", _instance),
    "aws_sqs_queue": Kind("id", "sqs", _queue),
    "aws_db_subnet_group": Kind(
        "name", "rds", _named("describe_db_subnet_groups", "DBSubnetGroupName", "DBSubnetGroupNotFoundFault")
    ),
    "aws_iam_instance_profile": Kind(
        "name", "iam", _named("get_instance_profile", "InstanceProfileName", "NoSuchEntity")
    ),
    "aws_iam_role": Kind("name", "iam", _named("get_role", "RoleName", "NoSuchEntity")),
}


def status(settings: Aws, kind: str, values: Mapping[str, Any]) -> Status:
    """Return how the resource of Terraform type `kind` with these attributes stands; absent when it has no name yet."""
    known = KINDS[kind]
    name = values.get(known.attribute)
    return known.status(aws.client(settings, known.service), str(name)) if name else "absent"
