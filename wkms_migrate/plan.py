"""What a phase is made of: steps that are planned without side effects and run one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

import msgspec

from wkms_migrate import events
from wkms_migrate.errors import Interrupted, NotKnownYet, VerificationFailed

if TYPE_CHECKING:
    from pathlib import Path

    from wkms_migrate.config import Section, Settings
    from wkms_migrate.events import Emit, FindingKind, Json, Severity
    from wkms_migrate.journal import RunState

S = TypeVar("S", bound="Section")


@dataclass(frozen=True, slots=True)
class Context:
    """What a phase may read while it plans and runs."""

    settings: Settings
    state: RunState
    run_dir: Path

    def section(self, kind: type[S]) -> S:
        """Return the phase's own part of the configuration (`phases.<name>`), typed by its model."""
        return self.settings.section(kind)

    def output(self, phase: str, key: str) -> Json:
        """Return an output of an earlier phase; raise `NotKnownYet` while that phase is not done."""
        outputs = self.state.outputs(phase)
        if key not in outputs:
            raise NotKnownYet(
                f"{key} is known after {phase}.", hint=f"Run `wkms-migrate phase {phase}` first, or `wkms-migrate run`."
            )
        return outputs[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A unit of work that is done or not done. Its target must bear being written twice.

    `id` is `<phase>/<what>/<object>`; `digest` is of its inputs, so that a changed input makes a done step pending;
    steps of one `stage` may run at the same time; `preview` gives more lines for a plan and only reads;
    `skip` is the reason why it cannot run here.
    """

    id: str
    summary: str
    run: Callable[[StepRun], Mapping[str, Json] | None]
    digest: str = ""
    stage: int = 0
    preview: Callable[[], Iterable[str]] | None = None
    skip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One slice of the migration. `needs` names the phases whose outputs it reads."""

    name: str
    summary: str
    plan: Callable[[Context], Iterable[Step]]
    settings: type[Section]
    needs: tuple[str, ...] = ()


@dataclass(slots=True)
class StepRun:
    """What a running step sees: its context, its last checkpoints, and the means to state facts. Thread-safe."""

    context: Context
    step: Step
    emit: Emit
    stopping: threading.Event
    cursors: Mapping[str, Json]
    mismatches: list[str] = field(default_factory=list)

    def checkpoint(self, cursor: Json, key: str = "") -> None:
        """Save where to go on from. Call it after the write has landed; it is durable when this returns."""
        self.emit(events.Checkpoint(step=self.step.id, key=key, cursor=cursor))

    def progress(
        self,
        done: int,
        total: int | None = None,
        unit: str = "rows",
        *,
        bytes: int = 0,
        errors: int = 0,
        item: str = "",
    ) -> None:
        """State how far the step is, in absolute numbers. Cheap: readers sample it."""
        self.emit(
            events.Progress(step=self.step.id, done=done, total=total, unit=unit, bytes=bytes, errors=errors, item=item)
        )

    def verified(self, object: str, check: str, source: object, target: object) -> bool:
        """State one comparison of source and target; a mismatch makes the step fail at its end."""
        ok = source == target
        self.emit(
            events.Verified(
                step=self.step.id, object=object, check=check, source=str(source), target=str(target), ok=ok
            )
        )
        if not ok:
            self.mismatches.append(f"{object}: {check} is {source} on the source and {target} on the target")
        return ok

    def finding(
        self,
        code: str,
        text: str,
        object: str = "",
        *,
        kind: FindingKind = "note",
        severity: Severity = "info",
        hint: str = "",
    ) -> None:
        """State something that a reader of the report should know. Said again in the same words, it is not repeated."""
        known = self.context.state.findings.get((self.step.id, code, object))
        if known is not None and known.text == text:
            return
        self.emit(
            events.Finding(
                step=self.step.id, code=code, text=text, object=object, kind=kind, severity=severity, hint=hint
            )
        )

    def log(self, text: str) -> None:
        """Keep a line in the run's log."""
        self.emit(events.Log(step=self.step.id, text=text))

    def check_stop(self) -> None:
        """Raise `Interrupted` when the user asked to stop. Call it between batches, in every worker."""
        if self.stopping.is_set():
            raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")

    def check_verified(self) -> None:
        """Raise `VerificationFailed` when any comparison of this step did not match."""
        if self.mismatches:
            shown = "; ".join(self.mismatches[:5])
            more = f" (and {len(self.mismatches) - 5} more)" if len(self.mismatches) > 5 else ""  # noqa: PLR2004
            raise VerificationFailed(
                f"Source and target differ: {shown}{more}.",
                hint="`wkms-migrate status` lists every comparison; docs/runbook.md says what to do about each kind.",
            )


def digest_of(*parts: object) -> str:
    """Return a short digest of JSON-like values (dataclasses and pydantic models included), stable across runs."""
    hasher = blake2b(digest_size=12)
    for part in parts:
        dump = getattr(part, "model_dump", None)
        plain = dump(mode="json") if dump else part
        hasher.update(msgspec.json.encode(plain, order="deterministic", enc_hook=str))
        hasher.update(b"\x00")
    return hasher.hexdigest()
