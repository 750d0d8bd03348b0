"""The lines that Terraform prints with `-json`, as facts.

Format: https://developer.hashicorp.com/terraform/internals/machine-readable-ui, major version 1. Unknown types and
properties are skipped, as that page asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from wkms_migrate.errors import WkmsError

UI_MAJOR = "1"
STATUS: Mapping[str, Literal["started", "running", "done", "failed"]] = {
    "apply_start": "started",
    "apply_progress": "running",
    "apply_complete": "done",
    "apply_errored": "failed",
}
NO_CHANGE = frozenset({"no-op", "noop", "read"})


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """Terraform means to do `action` (create, update, replace, delete, …) to `address`."""

    address: str
    action: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A change of one resource began, goes on, ended or failed; `seconds` since it began."""

    address: str
    action: str
    status: Literal["started", "running", "done", "failed"]
    seconds: float


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or a warning, with the resource it is about, if any."""

    severity: str
    summary: str
    detail: str
    address: str

    def __str__(self) -> str:
        about = f" ({self.address})" if self.address else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.summary}{about}{detail}"


@dataclass(frozen=True, slots=True)
class Text:
    """Anything that is not an event: a line on stderr, a message of another kind."""

    text: str


Event: TypeAlias = PlannedChange | Operation | Diagnostic | Text


def parse(line: str) -> Event | None:
    """Return the fact in one line; None for a kind of event that nobody here reads."""
    message = _object(line)
    if message is None:
        return Text(line) if line.strip() else None
    kind = str(message.get("type", ""))
    if kind == "version":
        _check_version(str(message.get("ui", "")))
    if kind == "planned_change":
        return _planned(message.get("change", {}))
    if kind in STATUS:
        return _operation(STATUS[kind], message.get("hook", {}))
    if kind == "diagnostic":
        return _diagnostic(message.get("diagnostic", {}))
    return None


def _object(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _check_version(ui: str) -> None:
    if ui.partition(".")[0] != UI_MAJOR:
        raise WkmsError(
            f"Terraform speaks version {ui} of its event format; this program reads version {UI_MAJOR}.",
            hint="Use Terraform 1.x, or a newer wkms-migrate.",
        )


def _planned(change: Mapping[str, Any]) -> PlannedChange | None:
    action = str(change.get("action", ""))
    return None if action in NO_CHANGE else PlannedChange(_address(change), action)


def _operation(status: Literal["started", "running", "done", "failed"], hook: Mapping[str, Any]) -> Operation | None:
    action = str(hook.get("action", ""))
    if action in NO_CHANGE:
        return None
    return Operation(_address(hook), action, status, float(hook.get("elapsed_seconds", 0)))


def _diagnostic(diagnostic: Mapping[str, Any]) -> Diagnostic:
    return Diagnostic(
        severity=str(diagnostic.get("severity", "error")),
        summary=str(diagnostic.get("summary", "")),
        detail=str(diagnostic.get("detail", "")).strip(),
        address=str(diagnostic.get("address", "")),
    )


def _address(holder: Mapping[str, Any]) -> str:
    return str(holder.get("resource", {}).get("addr", ""))
