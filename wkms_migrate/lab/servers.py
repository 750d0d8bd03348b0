"""Detached servers on loopback: start once, probe, find again after this process is gone, end exactly these.

A running server is a file `pids/<name>.json`. It names the process by pid, boot and start time, so that a pid which
the system has given to another process is never signalled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import msgspec

from wkms_migrate.errors import WkmsError
from wkms_migrate.plan import digest_of

Ports: TypeAlias = Mapping[str, int]
Say: TypeAlias = Callable[[str], None]

HOST = "127.0.0.1"
_ATTEMPTS = 3  # a free port may be taken by another process between the choice and the bind
_POLL_SECONDS = 0.05
_TAIL_LINES = 12
_TAIL_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What to start. `command` gives argv for the chosen ports; `probe` gives None when ready, else the reason."""

    name: str
    ports: tuple[str, ...]
    command: Callable[[Ports], Sequence[str]]
    probe: Callable[[Ports], str | None]
    env: Mapping[str, str] = field(default_factory=dict)
    patience: float = 60.0


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A server that was started: its process, its ports, how, and since when (UTC seconds since 1970)."""

    name: str
    pid: int
    identity: str
    ports: dict[str, int]
    digest: str
    since: float


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds pid files and logs of a set of servers."""

    path: Path

    def pid_file(self, name: str) -> Path:
        """Return the file that names the running process."""
        return self.path / "pids" / f"{name}.json"

    def log(self, name: str) -> Path:
        """Return the file that takes what the server prints."""
        return self.path / "logs" / f"{name}.log"

    def recorded(self, name: str) -> Running | None:
        """Return what was last started under this name, alive or not."""
        try:
            return msgspec.json.decode(self.pid_file(name).read_bytes(), type=Running)
        except (FileNotFoundError, msgspec.DecodeError):  # never started, or by a version that wrote other files
            return None


def ensure(server: Server, home: Home, say: Say | None = None) -> Running:
    """Return the server, ready; start it if it does not run. Raises `WkmsError` with its last log lines.

    One that runs with another command or environment than asked for is ended and started anew.
    """
    if found := current(server, home):
        _await_ready(server, found, home)
        return found
    last = home.recorded(server.name)
    if last:
        stop(last, home)
    if say:
        say(f"Starting {server.name}")
    ports = last.ports if last and _all_free(last.ports) else _choose(server)
    for attempt in range(_ATTEMPTS):
        running = _spawn(server, ports, home)
        try:
            _await_ready(server, running, home)
        except WkmsError:
            stop(running, home)
            if attempt + 1 == _ATTEMPTS or "in use" not in tail(home.log(server.name)).lower():
                raise
            ports = _choose(server)
        else:
            break
    return running


def current(server: Server, home: Home) -> Running | None:
    """Return the server if it runs, with the command and environment asked for."""
    last = home.recorded(server.name)
    return last if last and alive(last) and last.digest == _digest(server, last.ports) else None


def stop(running: Running, home: Home, grace: float = 20.0) -> bool:
    """End one server: SIGTERM, `grace` seconds, SIGKILL, to its whole session. Returns whether it was alive."""
    was_alive = alive(running)
    if was_alive:
        _signal(running, signal.SIGTERM)
        if not _gone_within(running, grace):
            _signal(running, signal.SIGKILL)
            _gone_within(running, grace)
    home.pid_file(running.name).unlink(missing_ok=True)
    return was_alive


def alive(running: Running) -> bool:
    """Tell whether this very process still runs; a zombie, or another process under its pid, does not count.

    A child of this process is asked after by waiting for it: its state is a zombie's while its last threads still end.
    """
    try:
        ended = os.waitpid(running.pid, os.WNOHANG)[0] != 0
    except ChildProcessError:  # it was started by an earlier command: init reaps it
        ended = _state(running.pid) in "ZX"
    return not ended and _identity(running.pid) == running.identity


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """Return the last lines of a log, however long it has grown."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def free_port() -> int:
    """Return a loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether nothing listens on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: connections in TIME_WAIT may stay
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file's content so that a reader sees the old or the new, never half of it."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)


def _choose(server: Server) -> dict[str, int]:
    return {name: free_port() for name in server.ports}


def _all_free(ports: Ports) -> bool:
    return all(is_free(port) for port in ports.values())


def _spawn(server: Server, ports: Mapping[str, int], home: Home) -> Running:
    log, pid_file = home.log(server.name), home.pid_file(server.name)
    for file in (log, pid_file):
        file.parent.mkdir(parents=True, exist_ok=True)
    argv = [str(word) for word in server.command(ports)]
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        pid = os.posix_spawnp(
            argv[0],
            argv,
            {**os.environ, **server.env},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGXFSZ],  # Python ignores some; a server should not
        )
    except OSError as error:
        raise WkmsError(
            f"{server.name} cannot be started: {argv[0]}: {error.strerror}.", hint="Run `make setup`, then try again."
        ) from error
    finally:
        os.close(output)
    running = Running(
        name=server.name,
        pid=pid,
        identity=_identity(pid),
        ports=dict(ports),
        digest=_digest(server, ports),
        since=time.time(),
    )
    write_atomically(pid_file, msgspec.json.encode(running))
    return running


def _digest(server: Server, ports: Ports) -> str:
    return digest_of([str(word) for word in server.command(ports)], dict(server.env))


def _await_ready(server: Server, running: Running, home: Home) -> None:
    deadline = time.monotonic() + server.patience
    while (reason := server.probe(running.ports)) is not None:
        if not alive(running):
            problem = f"{server.name} ended while it was starting"
        elif time.monotonic() > deadline:
            problem = f"{server.name} is not ready after {server.patience:.0f} s ({reason})"
        else:
            time.sleep(_POLL_SECONDS)
            continue
        log = home.log(server.name)
        raise WkmsError(
            f"{problem}. Its last lines:\n{tail(log)}",
            hint=f"The whole log is {log}. `wkms-migrate lab reset` starts anew.",
        )


def _signal(running: Running, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended on its own meanwhile
        os.killpg(running.pid, number)


def _gone_within(running: Running, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(running):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _identity(pid: int) -> str:
    """Return what tells this process from any other that had or will have its pid; empty when it is gone."""
    fields = _stat(pid)
    if not fields:
        return ""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{fields[19]}"  # field 22 of proc(5), when it started


def _state(pid: int) -> str:
    """Return the letter for a process's state, X when it is gone."""
    return (_stat(pid) or ["X"])[0]


def _stat(pid: int) -> list[str]:
    """Return what proc(5) has in a process's stat from its field 3 on, nothing when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return stat.rpartition(")")[2].split()  # the name before it may hold spaces
