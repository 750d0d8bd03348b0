"""Which planned changes are let through. Reads Terraform's plan as JSON; knows no cloud."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from wkms_migrate.errors import Refused

# Types whose destruction loses data, or an address that others were told.
STATEFUL = frozenset(
    {
        "aws_db_instance",
        "aws_dynamodb_table",
        "aws_ebs_volume",
        "aws_eip",
        "aws_instance",
        "aws_s3_bucket",
        "aws_sqs_queue",
    }
)
SIGNS = {
    ("create",): "+",
    ("update",): "~",
    ("delete",): "-",
    ("delete", "create"): "-/+",
    ("create", "delete"): "+/-",
}
IDLE = (("no-op",), ("read",))


def changes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the managed resources that the plan changes."""
    for resource in plan.get("resource_changes", ()):
        if resource.get("mode") == "managed" and tuple(resource["change"]["actions"]) not in IDLE:
            yield resource


def destroyed(plan: Mapping[str, Any], allowed: Collection[str]) -> list[str]:
    """Return the addresses of stateful resources that the plan would destroy or replace without permission."""
    return [
        resource["address"]
        for resource in changes(plan)
        if "delete" in resource["change"]["actions"]
        and resource["type"] in STATEFUL
        and resource["address"] not in allowed
    ]


def check(plan: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Raise `Refused` when the plan would lose data."""
    if lost := destroyed(plan, allowed):
        raise Refused(
            f"Terraform would destroy or replace what holds data: {', '.join(lost)}.",
            hint="Undo the change that asks for it. If it is meant, save the data first and add the address to "
            "phases.provision.allow_destroy.",
        )


def lines(plan: Mapping[str, Any], allowed: Collection[str]) -> Iterator[str]:
    """Yield the plan for people: one line per change, then the count, then what would be refused."""
    counts = {"add": 0, "change": 0, "destroy": 0}
    for resource in changes(plan):
        actions = tuple(resource["change"]["actions"])
        counts["add"] += "create" in actions
        counts["change"] += "update" in actions
        counts["destroy"] += "delete" in actions
        yield f"{SIGNS.get(actions, '?')} {resource['address']}"
    yield ", ".join(f"{count} to {verb}" for verb, count in counts.items())
    for address in destroyed(plan, allowed):
        yield f"refused: {address} holds data and is not in phases.provision.allow_destroy"
