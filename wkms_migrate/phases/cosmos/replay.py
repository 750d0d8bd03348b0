"""Tries dead letters again, each as the source has it now; what still cannot be brought over stays a dead letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wkms_migrate.errors import VerificationFailed
from wkms_migrate.events import Json
from wkms_migrate.phases.cosmos import compare, single
from wkms_migrate.phases.cosmos.dead import DeadLetters, Letter
from wkms_migrate.phases.cosmos.ends import Ends
from wkms_migrate.phases.cosmos.items import UnmappableError
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.plan import StepRun

EXAMPLES: Final = 3


def run(run: StepRun, work: Job) -> Mapping[str, Json]:
    """Replay the dead letters of one container. Returns what came of them under `replayed/<container>`."""
    letters = DeadLetters.of(run.context.run_dir, work.name)
    left: list[Letter] = []
    written = gone = 0
    with compare.opened(run, work) as ends:
        waiting = letters.latest(work.mapping)
        for number, identity in enumerate(waiting, 1):
            run.check_stop()
            outcome = _replay(ends, identity)
            if isinstance(outcome, Letter):
                left.append(outcome)
            written += outcome is True
            gone += outcome is False
            run.progress(number, len(waiting), "dead letters", errors=len(left), item=work.name)
        letters.replace(left)
    for one in left[:EXAMPLES]:
        run.finding(f"dead-letter-{one.code}", f"{one.document.get('id')}: {one.message}", work.name, severity="error")
    if left:
        place = letters.path.relative_to(run.context.run_dir)
        raise VerificationFailed(
            f"{work.name}: {written:,} dead letters written, {gone:,} gone from the source, {len(left):,} left.",
            hint=f"Each has its reason in {place}; change the mapping, or the item.",
        )
    return {f"replayed/{work.name}": {"written": written, "gone": gone}}


def _replay(ends: Ends, identity: bytes) -> Letter | bool:
    """Write an item as it is now; True when it is written, False when it is gone, else a letter."""
    document = compare.document_of(ends, identity)
    if document is None:
        return False
    try:
        single.write(ends, document)
    except UnmappableError as reason:
        return Letter(reason.code, str(reason), document)
    return True
