"""The phases, in running order. A new one is a file here with a `PHASE`, and its name in `PHASES`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wkms_migrate.plan import Phase

PHASES = (
    "assess",
    "provision",
    "mysql",
    "blob",
    "cosmos",
    "queue",
    "deploy",
    "verify",
)


def load() -> tuple[Phase, ...]:
    """Import and return every phase. Not done at start-up, so that `--help` stays quick."""
    return tuple(import_module(f"wkms_migrate.phases.{name}").PHASE for name in PHASES)
