"""Going on after an apply that was cut off: nothing that lives is destroyed, nothing that was made is made twice."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wkms_migrate.errors import Interrupted, Refused, WkmsError
from wkms_migrate.phases.provision import existing, policy

if TYPE_CHECKING:
    from pathlib import Path

    from wkms_migrate.config import Aws

ADOPT_FILE = "adopt.tf"
POLL_SECONDS = 10.0
WAIT_SECONDS = 2700.0  # longer than RDS takes to make an instance


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource by Terraform type and address, with its attributes as far as they are known."""

    kind: str
    address: str
    attributes: Mapping[str, Any]


def tainted(state: Mapping[str, Any]) -> Iterator[Resource]:
    """Yield the resources of a stored state that the next plan would replace, of the kinds that can be looked at."""
    for resource in state.get("resources", ()):
        if resource["mode"] != "managed" or resource["type"] not in existing.KINDS:
            continue
        for instance in resource["instances"]:
            if instance.get("status") == "tainted":
                yield Resource(resource["type"], _address(resource, instance), instance["attributes"])


def _address(resource: Mapping[str, Any], instance: Mapping[str, Any]) -> str:
    base = ".".join(part for part in (resource.get("module"), resource["type"], resource["name"]) if part)
    key = instance.get("index_key")
    return base if key is None else f"{base}[{json.dumps(key)}]"


def created(plan: Mapping[str, Any]) -> Iterator[Resource]:
    """Yield what the plan creates, of the kinds whose name is known beforehand."""
    for resource in policy.changes(plan):
        if resource["change"]["actions"] == ["create"] and resource["type"] in existing.KINDS:
            yield Resource(resource["type"], resource["address"], resource["change"]["after"])


def orphans(plan: Mapping[str, Any], settings: Aws, begun: Collection[str]) -> list[Resource]:
    """Return what the plan creates although it is there. Raise `Refused` for one that no apply of this step began."""
    there = [one for one in created(plan) if existing.status(settings, one.kind, one.attributes) != "absent"]
    if strange := [one for one in there if one.address not in begun]:
        names = ", ".join(f"{one.address} ({_name(one)})" for one in strange)
        raise Refused(
            f"These are on AWS already, but not in Terraform's state: {names}.",
            hint="If another installation owns them, choose another name_prefix. If they are yours, restore the "
            "state file (phases.provision.state_dir) or bring them in with `terraform import`.",
        )
    return there


def adopt(folder: Path, resources: Collection[Resource]) -> None:
    """Make the next plan in `folder` take these resources into the state instead of creating them."""
    blocks = [f"import {{\n  to = {one.address}\n  id = {json.dumps(_name(one))}\n}}\n" for one in resources]
    (folder / ADOPT_FILE).write_text("\n".join(blocks), encoding="utf-8")


def _name(resource: Resource) -> str:
    return str(resource.attributes[existing.KINDS[resource.kind].attribute])


def settled(settings: Aws, resource: Resource, stop: threading.Event) -> existing.Status:
    """Wait while AWS still works on the resource; return how it stands then."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (status := existing.status(settings, resource.kind, resource.attributes)) == "busy":
        if time.monotonic() > deadline:
            raise WkmsError(
                f"AWS still works on {resource.address} after {WAIT_SECONDS / 60:.0f} minutes.",
                hint="Look at it in the AWS console; run the same command again when it is available.",
            )
        if stop.wait(POLL_SECONDS):
            raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")
    return status
