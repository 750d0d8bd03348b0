"""Ansible playbooks, run by ansible-runner without what it leaves behind.

Left to itself ansible-runner writes variables, command and the whole environment to disk, takes over SIGINT, and
kills in a way that leaves workers and remote commands running. Here everything lives in a private folder that goes
away, the environment is picked name by name, and stopping means one SIGINT to ansible-playbook and time to end, then
one to what it left on the servers. A playbook lets that be found by `environment: {WKMS_PLAY: "{{ wkms_play }}"}`.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from wkms_migrate.errors import Interrupted, WkmsError

GRACE_SECONDS = 20.0  # a task that was asked to stop may end what it holds on the server
_POLL_SECONDS = 0.1
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, mode 0700
_FOLDER = "wkms-ansible-"
_PASSED_ON = frozenset({"HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SSH_AUTH_SOCK", "TZ", "USER"})
_STATUS = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_on_skipped": "skipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A server and how to log in. Without `known_hosts` a new host key is accepted once and then held to."""

    name: str
    address: str
    user: str
    port: int = 22
    key: Path | None = None
    known_hosts: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task that ended on one host. `status` is ok, changed, skipped, failed or unreachable."""

    host: str
    name: str
    status: str
    message: str


@dataclass(slots=True)
class _Play:
    """What is learned while a playbook runs."""

    on_task: Callable[[Task], None]
    changed: int = 0
    failures: list[Task] = field(default_factory=list)

    def take(self, event: Mapping[str, Any]) -> bool:
        """Take one event of ansible-runner; False keeps it from writing the event to a file."""
        data = event.get("event_data", {})
        if event["event"] == "playbook_on_stats":
            self.changed = sum(data.get("changed", {}).values())
        elif status := _STATUS.get(event["event"]):
            result = data.get("res", {})
            changed = status == "ok" and result.get("changed", False)
            task = Task(
                host=data["host"],
                name=data.get("task", ""),
                status="changed" if changed else status,
                message=_message(result),
            )
            if status in {"failed", "unreachable"} and not data.get("ignore_errors"):
                self.failures.append(task)
            self.on_task(task)
        return False


def play(
    playbook: Path,
    hosts: Sequence[Host],
    variables: Mapping[str, object],
    *,
    tags: Sequence[str] = (),
    stop: threading.Event | None = None,
    on_task: Callable[[Task], None] = lambda _: None,
) -> int:
    """Run a playbook on `hosts` (group `wkms`) and return the number of changes it made.

    `variables` may hold secrets: they are in a file of mode 0600, in memory where the machine has such a folder, and
    only until this returns. Raises `WkmsError` with the task that failed, `Interrupted` when `stop` was set.
    """
    learned = _Play(on_task)
    parent = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(gettempdir())
    _sweep(parent)
    with TemporaryDirectory(prefix=f"{_FOLDER}{os.getpid()}-", dir=parent) as folder:
        private = Path(folder)
        _write(private / "inventory" / "hosts.json", _inventory(hosts))
        _write(private / "variables.json", {**variables, "wkms_play": private.name})
        try:
            code = _run(playbook, private, tags, learned, stop)
        finally:
            _close_connections(private, end_tasks=stop is not None and stop.is_set())
    if stop is not None and stop.is_set():
        raise Interrupted("The playbook was stopped.", hint="Run the same command again to go on.")
    if code != 0:
        raise _failure(learned)
    return learned.changed


def _sweep(parent: Path) -> None:
    """Remove the folders of processes that were killed before they could: secrets are in them."""
    for folder in parent.glob(f"{_FOLDER}*"):
        owner = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if not owner.isdecimal() or not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _run(playbook: Path, private: Path, tags: Sequence[str], learned: _Play, stop: threading.Event | None) -> int:
    from ansible_runner import Runner, RunnerConfig

    config = RunnerConfig(
        private_data_dir=str(private),
        playbook=str(playbook),
        inventory=str(private / "inventory" / "hosts.json"),
        cmdline=f"-e @{private / 'variables.json'}",
        tags=",".join(tags) or None,
        quiet=True,
    )
    config.prepare()
    config.env = _environment(config.env, private, playbook)
    config.pexpect_timeout = _POLL_SECONDS  # how often it asks whether to stop
    runner = Runner(config, event_handler=learned.take, cancel_callback=_Stopper(private, stop).should_kill)
    runner.run()
    return int(runner.rc)


class _Stopper:
    """Answers ansible-runner's question whether to kill: not before ansible-playbook had its time to end."""

    def __init__(self, private: Path, stop: threading.Event | None) -> None:
        self._private = private
        self._stop = stop
        self._deadline: float | None = None

    def should_kill(self) -> bool:
        if self._stop is None or not self._stop.is_set():
            return False
        if self._deadline is None:
            self._deadline = time.monotonic() + GRACE_SECONDS
            for pid in _children_with(str(self._private)):
                os.kill(pid, signal.SIGINT)
        return time.monotonic() > self._deadline


def _children_with(word: str) -> list[int]:
    """Return children of this process that have the word on their command line (Linux: by /proc)."""
    found: list[int] = []
    for listing in Path("/proc/self/task").glob("*/children"):
        for pid in listing.read_text(encoding="ascii").split():
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:  # it ended meanwhile
                continue
            if word.encode() in command:
                found.append(int(pid))
    return found


def _environment(prepared: Mapping[str, str], private: Path, playbook: Path) -> dict[str, str]:
    """Return what ansible-playbook may see: ansible-runner keeps a copy of it in a file."""
    kept = {name: value for name, value in prepared.items() if name in _PASSED_ON or name.startswith("AWX_")}
    plugins = ("ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_RETRY_FILES_ENABLED")
    kept |= {name: prepared[name] for name in plugins}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | {
        "ANSIBLE_FORKS": "10",
        "ANSIBLE_HOME": str(private / "home"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_PYTHON_INTERPRETER": "auto_silent",
        "ANSIBLE_ROLES_PATH": str(playbook.parent / "roles"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(private / "ssh"),
        "ANSIBLE_TIMEOUT": "20",
    }


def _inventory(hosts: Sequence[Host]) -> dict[str, Any]:
    return {"wkms": {"hosts": {host.name: _host_variables(host) for host in hosts}}}


def _host_variables(host: Host) -> dict[str, Any]:
    options = "-o ServerAliveInterval=15 -o StrictHostKeyChecking=" + ("yes" if host.known_hosts else "accept-new")
    if host.known_hosts:
        options += f" -o UserKnownHostsFile={host.known_hosts}"
    variables: dict[str, Any] = {
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": host.user,
        "ansible_ssh_common_args": options,
    }
    if host.key:
        variables["ansible_ssh_private_key_file"] = str(host.key)
        variables["ansible_ssh_common_args"] += " -o IdentitiesOnly=yes"
    return variables


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)


def _close_connections(private: Path, *, end_tasks: bool) -> None:
    """End the connections that ssh keeps open for the next task: there is none. First, by them, what still runs."""
    for socket in (private / "ssh").glob("*"):
        ssh = ["ssh", "-o", f"ControlPath={socket}"]
        if end_tasks:
            script = shlex.quote(_END_TASKS.format(mark=f"WKMS_PLAY={private.name}"))
            subprocess.run([*ssh, "server", f"sudo -n sh -c {script}"], capture_output=True, check=False, timeout=60)
        subprocess.run([*ssh, "-O", "exit", "server"], capture_output=True, check=False, timeout=10)


# A task without a terminal does not end with its connection. It gets SIGINT, which apt and Compose take as a wish to
# come to a clean end, and ten seconds.
_END_TASKS = """
marked() {{
  for process in /proc/[0-9]*; do
    tr '\\0' '\\n' < $process/environ 2>/dev/null | grep -qxF {mark} && echo ${{process#/proc/}}
  done
}}
kill -INT $(marked)
left=50
while [ -n "$(marked)" ] && [ $left -gt 0 ]; do left=$((left - 1)); sleep 0.2; done
"""


def _message(result: Mapping[str, Any]) -> str:
    failed = [item for item in result.get("results", ()) if isinstance(item, Mapping) and item.get("failed")]
    inner = failed[0] if failed else result
    parts = [str(inner.get(name) or "").strip() for name in ("msg", "stderr", "stdout")]
    return "\n".join(dict.fromkeys(part for part in parts if part))


def _failure(learned: _Play) -> WkmsError:
    if not learned.failures:
        return WkmsError("ansible-playbook failed before its first task.", hint="The log of the run has its output.")
    last = learned.failures[-1]
    if last.status == "unreachable":
        return WkmsError(
            f"{last.host} cannot be reached: {last.message}",
            hint="Check its address, the SSH user, the key and the security group.",
        )
    return WkmsError(
        f"On {last.host} the task '{last.name}' failed: {last.message}",
        hint="Correct the cause and run the phase again: what is done stays done.",
    )
