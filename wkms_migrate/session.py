"""The composition root: configuration, journal, readers and engine put together for one command."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import msgspec

from wkms_migrate import __version__, assets, config, engine, events, journal, phases
from wkms_migrate.errors import Interrupted, UsageError, WkmsError
from wkms_migrate.plan import Context, Phase
from wkms_migrate.secret import Fetch, redacted
from wkms_migrate.ui.readers import Readers

if TYPE_CHECKING:
    from wkms_migrate.config import Settings
    from wkms_migrate.engine import PlannedPhase
    from wkms_migrate.journal import RunState
    from wkms_migrate.ui.readers import Reader

SAME_SIGNAL_SECONDS = 1.0  # timeout(1) and process groups deliver one wish twice


@dataclass(frozen=True, slots=True)
class Session:
    """One environment and one run of it."""

    settings: Settings
    run_dir: Path
    phases: tuple[Phase, ...]

    def state(self) -> RunState:
        """Return what the run's journal says, without taking its lock."""
        return journal.load(self.run_dir)

    def chosen(self, names: Sequence[str]) -> tuple[Phase, ...]:
        """Return the phases of these names in running order; all when none is named."""
        known = {phase.name for phase in self.phases}
        if unknown := [name for name in names if name not in known]:
            raise UsageError(
                f"There is no phase {unknown[0]!r}.", hint=f"The phases are: {', '.join(p.name for p in self.phases)}."
            )
        return tuple(phase for phase in self.phases if not names or phase.name in names)

    def context(self) -> Context:
        """Return what phases read now, outside any run."""
        return Context(self.settings, self.state(), self.run_dir)

    def plan(self, names: Sequence[str]) -> Iterator[PlannedPhase | tuple[Phase, WkmsError]]:
        """Plan phases one after the other; one that cannot be planned yields its error."""
        context = self.context()
        for phase in self.chosen(names):
            try:
                yield engine.plan(phase, context)
            except WkmsError as error:
                yield phase, error

    def open_journal(self) -> journal.Journal:
        """Take the run for this process. Raises `Locked`, or an error when its folder cannot be written."""
        return journal.Journal(self.run_dir)

    def run(
        self, book: journal.Journal, names: Sequence[str], readers: Sequence[Reader], *, redo: bool = False
    ) -> Outcome:
        """Run the pending steps of these phases. Raises the first failure after everyone was told."""
        told = Readers(readers, lambda text: print(text, file=sys.stderr))  # noqa: T201 - the readers themselves failed
        try:
            return self._run(book, _Sink(book, told, self.settings), self.chosen(names), redo=redo)
        finally:
            told.close()

    def _run(self, book: journal.Journal, sink: _Sink, chosen: tuple[Phase, ...], *, redo: bool) -> Outcome:
        started = time.monotonic()
        if redo:
            _forget(book.state, chosen)
        context = Context(self.settings, book.state, self.run_dir)
        machine = engine.Engine(context, sink, workers=self.settings.workers)
        machine.emit(self._run_started(chosen))
        code = 0
        try:
            with _stop_on_signals(machine.stopping.set):
                machine.run(chosen)
        except WkmsError as error:
            code = error.exit_code
            raise
        except BaseException:
            code = 1
            raise
        finally:
            seconds = time.monotonic() - started
            machine.emit(events.RunDone(run=self.run_dir.name, exit_code=code, ran=machine.ran, seconds=seconds))
        return Outcome(machine.ran, seconds, book.state)

    def _run_started(self, chosen: tuple[Phase, ...]) -> events.RunStarted:
        return events.RunStarted(
            run=self.run_dir.name,
            environment=self.settings.environment,
            version=__version__,
            phases=tuple(phase.name for phase in chosen),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended well: how many steps it ran, in how many seconds, and the state it left."""

    ran: int
    seconds: float
    state: RunState


@dataclass(frozen=True, slots=True)
class _Sink:
    """Where events go: secrets out, durable ones into the journal first, then everyone is told."""

    book: journal.Journal
    readers: Readers
    settings: Settings

    def __call__(self, event: events.Event) -> None:
        clean = self._clean(event)
        if not isinstance(clean, events.EPHEMERAL):
            self.book.append(clean)
        self.readers(clean)

    def _clean(self, event: events.Event) -> events.Event:
        """Free text may quote a program or a server; the rest is made by us from no secret."""
        match event:
            case events.Log() | events.Finding():
                return msgspec.structs.replace(event, text=self._redacted(event.text))
            case events.StepFailed():
                return msgspec.structs.replace(event, message=self._redacted(event.message))
            case _:
                return event

    def _redacted(self, text: str) -> str:
        return redacted(text, self.settings.secrets().values())


def open_session(
    env: str, *, file: Path | None = None, run: str | None = None, flags: Mapping[str, object] | None = None
) -> Session:
    """Read the configuration of an environment and name its run. Touches nothing."""
    loaded = phases.load()
    fetchers: dict[str, Fetch] = {}
    sections = {phase.name: phase.settings for phase in loaded}
    settings = config.load(file or config_path(env), sections, flags=flags, fetchers=fetchers)
    fetchers |= _fetchers(settings)
    return Session(settings, settings.runs_dir / (run or settings.run_name), loaded)


def config_path(env: str) -> Path:
    """Return `config/<env>.yaml` of the working directory, else the bundled one, else the first for the message."""
    local = Path("config") / f"{env}.yaml"
    if local.exists():
        return local
    bundled = assets.path("config") / f"{env}.yaml"
    return bundled if bundled.exists() else local


def _fetchers(settings: Settings) -> dict[str, Fetch]:
    """Return what reads from the clouds' vaults, signed in as the settings say."""

    def keyvault(name: str) -> str:
        from wkms_migrate.clients import secrets

        return secrets.from_keyvault(name)

    def secretsmanager(name: str) -> str:
        from wkms_migrate.clients import secrets

        return secrets.from_secretsmanager(settings.aws, name)

    from wkms_migrate.clients import tokens

    return {
        "keyvault": keyvault,
        "secretsmanager": secretsmanager,
        "entra": tokens.entra(),
        "iam": tokens.iam(settings.aws),
    }


def _forget(state: RunState, chosen: tuple[Phase, ...]) -> None:
    """Make every step of these phases pending again, without its cursors."""
    names = {phase.name for phase in chosen}
    for step in state.steps.values():
        if step.phase in names:
            step.status, step.digest, step.cursors = "pending", "", {}


@contextmanager
def _stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM stop at the next safe point, a second one at once."""
    first: float | None = None

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        if first is None:
            first = now
            stop()
        elif now - first > SAME_SIGNAL_SECONDS:  # the journal is durable at every moment: leaving loses nothing
            sys.stderr.write("\nStopped at once. Run the same command again to go on.\n")
            os._exit(Interrupted.exit_code)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
