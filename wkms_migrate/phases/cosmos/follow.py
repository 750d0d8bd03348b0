"""Follows the change feed of a container after its copy, and does to the table what was done to the container.

Where the account keeps all versions and deletes, they are read from where the copy began; every change is done again in
its order, which ends in the present whatever the copy saw. Otherwise the latest versions are read from where the copy
ended; deletions do not show in them, and `gone.delete` finds them once the source is no longer written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any, Final

from wkms_migrate.clients.azure_cosmos import ALL_VERSIONS, Database, Mode
from wkms_migrate.clients.dynamodb_write import Writer
from wkms_migrate.counted import counted
from wkms_migrate.errors import Interrupted, Refused
from wkms_migrate.events import Json
from wkms_migrate.journal import RunState, StepState
from wkms_migrate.phases.cosmos import feed, gone, job, read
from wkms_migrate.phases.cosmos.bodies import Bodies
from wkms_migrate.phases.cosmos.budget import UnitBudget
from wkms_migrate.phases.cosmos.copy import BEGUN
from wkms_migrate.phases.cosmos.dead import DeadLetters
from wkms_migrate.phases.cosmos.feed import Change
from wkms_migrate.phases.cosmos.import_table import LOAD
from wkms_migrate.phases.cosmos.items import Mapped, UnmappableError
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.read import Part, Reading, Source
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.plan import StepRun, digest_of

QUIET_ROUNDS: Final = 2  # so often nothing must have come before the feed counts as drained

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How long to follow: until nothing is left (`drain`), or, `frozen`, deletions that did not show included.

    `poll_seconds` is the pause after nothing new came; `most_gone` the share of the items of the table that may be
    found deleted.
    """

    drain: bool = False
    frozen: bool = False
    poll_seconds: float = 1.0
    most_gone: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where following goes on: the feed, tokens by low key, and a digest by which the step is known as the same."""

    mode: Mode
    tokens: Mapping[str, str | None]
    digest: str


def step_id(name: str) -> str:
    """Return the id of the step that follows a container."""
    return f"cosmos/follow/{name}"


def start(state: RunState, work: Job) -> Start:
    """Return where following goes on: where it stopped or ended, else where the copy began or ended."""
    copied = state.steps.get(f"cosmos/copy/{work.name}")
    begun = copied.cursors.get(BEGUN) if copied else None
    if copied is None or copied.status != "done" or begun is None:
        raise Refused(
            f"Container {work.name} is not copied yet in this run: there is nothing to go on from.",
            hint="Run `wkms-migrate phase cosmos` first, in the same run.",
        )
    origin = begun.get("origin", {})
    mode = feed.mode_of(work.mapping.keys, origin)
    first = origin if mode == ALL_VERSIONS else read.saved(_places(copied), dict.fromkeys(begun["pieces"]))
    base = digest_of(copied.digest, copied.finished_at, mode)
    return _gone_on(state.steps.get(step_id(work.name)), mode, first, base)


def _gone_on(known: StepState | None, mode: Mode, first: Mapping[str, str | None], base: str) -> Start:
    """Return where the last step of following stands; after one that has ended comes the next by number."""
    number, tokens = 1, first
    if known is not None and known.digest.endswith(base):
        ended = known.status == "done"
        number = int(known.digest.partition("-")[0]) + ended
        if ended:
            tokens = next(iter(known.result.values()))["tokens"]
        else:  # of the pieces that nothing came from yet, the places that it began with are the present ones
            tokens = read.saved(_places(known), known.cursors.get(BEGUN, {}).get("tokens", first))
    return Start(mode=mode, tokens=tokens, digest=f"{number}-{base}")


def _places(known: StepState) -> dict[str, Any]:
    """Return the saved places of a step by piece, without what else it has saved."""
    return {piece: cursor for piece, cursor in known.cursors.items() if piece not in (BEGUN, LOAD)}


def run(run: StepRun, work: Job, begin: Start, wish: Wish) -> Mapping[str, Json]:
    """Follow a container until told to stop, or until nothing is left. Returns counts and tokens."""
    if BEGUN not in run.cursors:
        run.checkpoint({"tokens": dict(begin.tokens)}, key=BEGUN)
    with ExitStack() as stack:
        dynamo = stack.enter_context(job.target(run))
        table = work.table(run.context)
        lanes = min(job.workers_of(run), max(1, len(begin.tokens)))
        databases = [stack.enter_context(job.source(run)) for _ in range(lanes)]
        meter = job.writing_budget(run, dynamo, table)
        following = _Following(
            run=run,
            work=work,
            mode=begin.mode,
            writer=stack.enter_context(closing(Writer(dynamo, table, workers=lanes, meter=meter, stop=run.stopping))),
            bodies=stack.enter_context(closing(Bodies(dynamo, table, run.context.settings.aws, run.stopping))),
            parts=gone.Parts(dynamo, table, work.mapping),
            budget=job.reading_budget(run, databases[0], work.name),
            tokens=dict(begin.tokens),
        )
        following.until_drained(databases, wish)
        found = gone.Found()
        if wish.frozen and begin.mode != ALL_VERSIONS:
            found = gone.delete(run, work, databases[0], dynamo, following.writer, wish.most_gone)
    run.verified(work.name, "dead letters while following", 0, following.dead)
    counts = {"puts": following.puts, "deletes": following.deletes + found.deleted, "dead": following.dead}
    return {f"followed/{work.name}": {**counts, "mode": begin.mode, "tokens": following.tokens}}


@dataclass(slots=True, kw_only=True)
class _Following:
    run: StepRun
    work: Job
    mode: Mode
    writer: Writer
    bodies: Bodies
    parts: gone.Parts
    budget: UnitBudget
    tokens: dict[str, str | None]
    puts: int = 0
    deletes: int = 0
    dead: int = 0
    _behind: dict[str, tuple[int, float]] = field(default_factory=dict)  # changes left, time of the last one
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def until_drained(self, databases: Sequence[Database], wish: Wish) -> None:
        """Apply changes round after round; stop when told to, or after rounds with nothing new."""
        quiet = 0
        while True:
            before = self.puts + self.deletes + self.dead
            self._round(databases)
            quiet = quiet + 1 if before == self.puts + self.deletes + self.dead else 0
            self._tell()
            if (wish.drain or wish.frozen) and quiet >= QUIET_ROUNDS:
                return
            if quiet and self.run.stopping.wait(wish.poll_seconds):
                raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")

    def _round(self, databases: Sequence[Database]) -> None:
        page_size = self.run.context.section(CosmosSettings).page_size
        source = Source(container=self.work.container, page_size=page_size, mode=self.mode)
        reading = Reading(self.run, source, self.budget, dict(self.tokens), steal=False)
        read.drain(reading, databases, self._land)
        self._behind.clear()

    def _land(self, part: Part) -> None:
        """Do what a page tells to the table, then save the place after it."""
        changes = feed.changes(part.page, self.mode, self.work.mapping.keys.paths) if part.page else []
        puts, deletes, dead = self._done(changes)
        with self._lock:
            self.tokens[part.piece] = part.token
            self.puts, self.deletes, self.dead = self.puts + puts, self.deletes + deletes, self.dead + dead
            if changes and part.page:
                self._behind[part.piece] = (part.page.behind, changes[-1].at)
        self.run.checkpoint({"token": part.token}, key=part.piece)
        self._tell()

    def _done(self, changes: Iterable[Change]) -> tuple[int, int, int]:
        """Do the last change of each key; return how many were put, deleted, and put aside."""
        put: dict[Key, Mapped] = {}
        away: dict[Key, dict[str, Any]] = {}
        letters = []
        keys = self.work.mapping.keys
        for change in changes:
            if change.gone:
                texts = gone.key_of(keys, change.document)
                if texts is None:
                    continue
                key = tuple(texts.values())
                put.pop(key, None)
                away[key] = keys.typed(texts)
                continue
            try:
                item = self.work.mapping.to_item(change.document)
            except UnmappableError as reason:
                letters.append((change.document, reason))
                continue
            away.pop(item.key, None)
            put[item.key] = item
        self._write(put, away)
        DeadLetters.of(self.run.context.run_dir, self.work.name).add(letters)
        return len(put), len(away), len(letters)

    def _write(self, put: Mapping[Key, Mapped], away: Mapping[Key, dict[str, Any]]) -> None:
        """Bodies come before their item, and go before it too: which ones go is seen by the item that is there."""
        self.writer.delete(self.parts.stale(put, away))
        for item in put.values():
            if item.object is not None:
                self.bodies.keep(item.object)
        self.writer.put(part for item in put.values() for part in item.parts)
        self.writer.put(item.json for item in put.values())
        self.writer.delete(away.values())

    def _tell(self) -> None:
        """Show how far behind the table is: by the age of the last change done, while there are more."""
        with self._lock:
            left = sum(count for count, _ in self._behind.values())
            oldest = min((at for count, at in self._behind.values() if count), default=None)
        lag = 0.0 if oldest is None else max(0.0, time.time() - oldest)
        behind = f"{self.work.name}: lag {lag:.0f} s, {counted(left, 'change')} left"
        self.run.progress(self.puts + self.deletes, None, "changes", errors=self.dead, item=behind)


def check_mode(begin: Start, wish: Wish, on_existing: str, name: str) -> None:
    """Refuse to look for deletions where they cannot be told from what was in the table before."""
    if wish.frozen and begin.mode != ALL_VERSIONS and on_existing == "append":
        raise Refused(
            f"The table of {name} held items before the copy (on_existing is `append`): what was deleted on the source"
            " cannot be told from them.",
            hint="Leave out --frozen and delete such items by hand; `wkms-migrate cosmos verify` names them.",
        )
