"""The inventory as one file: what was found, and what each service becomes on AWS."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from wkms_migrate import assets
from wkms_migrate.errors import ConfigError

if TYPE_CHECKING:
    from wkms_migrate.events import Json
    from wkms_migrate.plan import StepRun

MAPPING = "config/mapping.yaml"
LOOKS = ("mysql", "blob", "queue", "cosmos")
SCHEMA_VERSION = 1


class Text(BaseModel):
    """A sentence in both languages of the reports."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ko: str
    en: str


class Service(BaseModel):
    """One row of the service mapping.

    `choice` tells the default from an option; `phase` is the one that moves it, None when people do; `found_by` is
    the look that tells whether the source has it, None when nothing here can tell.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: Literal["compute", "database", "ai", "storage", "monitoring"]
    azure: str
    aws: str
    choice: Literal["default", "option"]
    phase: str | None = None
    found_by: Literal["mysql", "blob", "queue", "cosmos"] | None = None
    way: Text
    note: Text


def services() -> list[dict[str, Json]]:
    """Return the service mapping, checked. Raises `ConfigError` naming what is wrong in the file."""
    import yaml
    from pydantic import ValidationError

    path = assets.path(MAPPING)
    try:
        rows = TypeAdapter(list[Service]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8"))["services"])
    except (yaml.YAMLError, KeyError, TypeError, ValidationError) as error:
        raise ConfigError(f"{path} cannot be used: {error}", hint="Restore it from the installed version.") from error
    return [row.model_dump() for row in rows]


def run(run: StepRun) -> Mapping[str, Json]:
    """Write `report/inventory.json` into the run folder; return where it is and the totals."""
    import msgspec

    found = run.context.state.outputs("assess")
    inventory = {
        "schema_version": SCHEMA_VERSION,
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **{look: found.get(look) for look in LOOKS},
        "services": [_with_presence(service, found) for service in services()],
    }
    path = run.context.run_dir / "report" / "inventory.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(inventory), indent=2))
    return {"inventory_file": str(path.relative_to(run.context.run_dir)), "totals": totals(found)}


def _with_presence(service: Mapping[str, Json], found: Mapping[str, Json]) -> dict[str, Json]:
    """Add whether the source has the service: True, False, or None where nothing looked."""
    look = found.get(service["found_by"] or "")
    return {**service, "present": None if look is None else present(service["found_by"], look)}


def present(name: str, look: Mapping[str, Json]) -> bool:
    """Say whether a look found anything to move."""
    return bool(look[{"mysql": "schemas", "blob": "containers", "queue": "queues", "cosmos": "containers"}[name]])


def totals(found: Mapping[str, Json]) -> dict[str, Json]:
    """Return the figures a reader wants first; None for what was not looked at, never 0."""
    asked = {
        "mysql_tables": ("mysql", "tables"),
        "mysql_rows": ("mysql", "rows"),
        "mysql_bytes": ("mysql", "bytes"),
        "blobs": ("blob", "blobs"),
        "blob_bytes": ("blob", "bytes"),
        "cosmos_items": ("cosmos", "items"),
        "queue_messages": ("queue", "messages"),
    }
    return {name: (found.get(look) or {}).get(key) for name, (look, key) in asked.items()}
