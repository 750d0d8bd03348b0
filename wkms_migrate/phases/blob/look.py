"""Look at both ends without changing anything: with a copy of the manifest, and nothing journalled."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wkms_migrate import events
from wkms_migrate.journal import RunState
from wkms_migrate.phases.blob import mirror
from wkms_migrate.phases.blob.job import Job, list_both, manifest_path, opened
from wkms_migrate.phases.blob.reconcile import adopt
from wkms_migrate.phases.blob.verify import compare_both
from wkms_migrate.plan import Context, Step, StepRun

if TYPE_CHECKING:
    from wkms_migrate.events import Json


@dataclass(frozen=True, slots=True)
class Look:
    """Both ends of a container as they are now. `foreign` are the keys of objects that came from elsewhere."""

    job: Job
    foreign: set[str]
    said: list[events.Event]

    def compare(self) -> Verdict:
        """Compare as the phase's verification does."""
        facts = compare_both(self.job)
        return Verdict(
            facts,
            [one for one in self.said if isinstance(one, events.Verified)],
            [one for one in self.said if isinstance(one, events.Finding)],
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison says."""

    facts: Mapping[str, Json]
    verified: list[events.Verified]
    findings: list[events.Finding]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs, by name: in the container only, in the bucket only, in both and not alike; and what is left."""

    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    differing: list[tuple[str, str]] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many names differ; what is left on purpose does not count."""
        return len(self.missing) + len(self.extra) + len(self.differing)


@contextmanager
def both(context: Context, container: str, place: str) -> Iterator[Look]:
    """List both ends of a container; what the run's manifest knows costs no HEAD."""
    said: list[events.Event] = []
    step = Step(id=f"blob/look/{container}", summary="", run=lambda _: None)
    fresh = Context(context.settings, RunState(), context.run_dir)
    run = StepRun(fresh, step, said.append, threading.Event(), {})
    with tempfile.TemporaryDirectory(prefix="wkms-blob-") as folder:
        manifest = Path(folder) / "manifest.sqlite"
        _copy_manifest(manifest_path(context, container), manifest)
        with opened(run, container, place, manifest) as job:
            list_both(job)
            yield Look(job, adopt(job), said)


def difference(look: Look) -> Difference:
    """Say what differs, from both listings, the manifest and the objects' own metadata."""
    found = look.job.manifest.compare()
    sizes = set(found.sizes)
    others = [(name, "changed on either side since it was copied") for name in found.changed if name not in sizes]
    return Difference(
        missing=found.missing,
        extra=found.extra,
        differing=[(name, "another size") for name in found.sizes] + others,
        left=[(name, reason) for name, _, reason in look.job.manifest.left()],
    )


def deletions(context: Context, container: str, place: str) -> Iterator[str]:
    """Say what mirror would delete, one line an object. Raises `Refused` when it would decline."""
    with both(context, container, place) as look:
        yield from mirror.preview(look.job, look.foreign)


def _copy_manifest(path: Path, into: Path) -> None:
    if path.exists():
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as old, closing(sqlite3.connect(into)) as new:
            old.backup(new)
