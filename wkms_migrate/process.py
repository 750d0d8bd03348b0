"""Run a program: stream its lines, keep secrets out of them, end it with everything it started."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from wkms_migrate.errors import Interrupted, WkmsError

REDACTED = "********"
GRACE_SECONDS = 30.0  # a program that was asked to stop may finish what it holds, e.g. Terraform its state
TAIL_LINES = 40
_POLL_SECONDS = 0.1
_DONE = None


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended: its exit code and its last lines (both streams, secrets removed)."""

    code: int
    tail: tuple[str, ...]


def redact(line: str, secrets: Sequence[str]) -> str:
    """Return the line without any of the secrets."""
    for secret in secrets:
        if secret:
            line = line.replace(secret, REDACTED)
    return line


def run(  # noqa: PLR0913 - each is one independent wish about the program
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    secrets: Sequence[str] = (),
    stop: threading.Event | None = None,
    timeout: float | None = None,
    grace: float = GRACE_SECONDS,
) -> Finished:
    """Run a program to its end, handing each line of both its streams to `on_line` as it comes.

    `env` is the whole environment; `stdin` is a file to read from, else there is nothing to read. When `stop` is set
    the program gets one SIGINT, `grace` seconds, then SIGKILL with all its children, and `Interrupted` is raised.
    `timeout` in seconds ends it the same way with an error.
    """
    child = _start(argv, env, cwd, stdin)
    lines = _streams(child)
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        for line in _lines(lines, stop, deadline):
            clean = redact(line, secrets)
            tail.append(clean)
            if on_line:
                on_line(clean)
        if stop is not None and stop.is_set() and child.poll() is None:
            _end(child, lines, grace, on_line, secrets)
            raise Interrupted(f"{argv[0]} was stopped.", hint="Run the same command again to go on.")
        if deadline is not None and time.monotonic() >= deadline and child.poll() is None:
            _end(child, lines, grace, on_line, secrets)
            raise WkmsError(
                f"{argv[0]} did not end within {timeout:.0f} s.", hint="The log of the run has its last lines."
            )
        return Finished(child.wait(), tuple(tail))
    finally:
        _kill_group(child)
        child.wait()


def _start(
    argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None, stdin: Path | None
) -> subprocess.Popen[str]:
    try:
        with (stdin or Path(os.devnull)).open("rb") as read:
            return subprocess.Popen(
                list(argv),
                env=None if env is None else dict(env),
                cwd=cwd,
                stdin=read,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
    except FileNotFoundError as error:
        missing = cwd if cwd is not None and not cwd.exists() else argv[0]
        raise WkmsError(f"{missing} was not found.", hint="`wkms-migrate doctor` says how to get it.") from error
    except PermissionError as error:
        raise WkmsError(f"{argv[0]} may not be run: {error.strerror}.", hint="Check its permissions.") from error


def _streams(child: subprocess.Popen[str]) -> queue.Queue[str | None]:
    """Return a queue that both of the program's streams are read into, each ending with `_DONE`."""
    lines: queue.Queue[str | None] = queue.Queue()
    for stream in (child.stdout, child.stderr):
        threading.Thread(target=_read, args=(stream, lines), daemon=True).start()
    return lines


def _read(stream: IO[str] | None, lines: queue.Queue[str | None]) -> None:
    with contextlib.suppress(ValueError), stream or contextlib.nullcontext():  # closed under us: the program is gone
        for line in stream or ():
            lines.put(line.rstrip("\n"))
    lines.put(_DONE)


def _lines(lines: queue.Queue[str | None], stop: threading.Event | None, deadline: float | None) -> Iterator[str]:
    """Yield lines until both streams end, or it is time to stop."""
    streams = 2
    while streams:
        if stop is not None and stop.is_set():
            return
        if deadline is not None and time.monotonic() >= deadline:
            return
        try:
            line = lines.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if line is _DONE:
            streams -= 1
        else:
            yield line


def _end(
    child: subprocess.Popen[str],
    lines: queue.Queue[str | None],
    grace: float,
    on_line: Callable[[str], None] | None,
    secrets: Sequence[str],
) -> None:
    """Ask once, wait, then kill. Lines that come meanwhile are still handed on."""
    child.send_signal(signal.SIGINT)
    deadline = time.monotonic() + grace
    while child.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(queue.Empty):
            line = lines.get(timeout=_POLL_SECONDS)
            if line is not _DONE and on_line:
                on_line(redact(line, secrets))
    _kill_group(child)


def _kill_group(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
