"""The server of the lab: a container with systemd, sshd and room for Docker inside, seen as a VM by the deploy phase.

It needs no `--privileged`: systemd and a nested engine get by with a few capabilities, the cgroups, and a volume for
the inner engine (overlayfs does not lie on overlayfs).
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import cache, debian, docker_engine, servers
from wkms_migrate.lab.docker_engine import Say, docker

USER = "wkms"
_LABEL = "wkms-lab"  # of the container; its value is the folder of the lab
_DOCKERFILE = Path(__file__).parent / "images" / "vm.Dockerfile"
_CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "NET_RAW", "MKNOD", "SETFCAP", "SYS_PTRACE")
_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Vm:
    """How to reach the VM from this machine, and this machine (`gateway`) from inside the VM."""

    name: str
    host: str
    ssh_port: int
    http_port: int
    user: str
    key: Path
    known_hosts: Path
    gateway: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why there is no VM on this machine; the deploy phase is then skipped with this reason."""

    reason: str


def ensure(lab_dir: Path, say: Say) -> Vm | Unavailable:
    """Return the lab's VM, answering on SSH; built and started when needed."""
    if not sys.platform.startswith("linux"):
        return Unavailable("The VM of the lab needs Linux.")
    try:
        docker_engine.ensure(say)
        remove_abandoned(say)
        return _running(lab_dir, say)
    except WkmsError as error:
        return Unavailable(error.message)


def connect(lab_dir: Path, vm: Vm, ports: tuple[int, ...]) -> None:
    """Make these loopback ports of this machine reachable from inside the VM, at `vm.gateway` and the same port."""
    home = servers.Home(lab_dir)
    name = "forwarder-" + "-".join(map(str, ports))
    _stop_forwarders(home, keep=name)
    servers.ensure(
        servers.Server(
            name=name,
            ports=(),
            command=lambda _: [sys.executable, "-m", "wkms_migrate.lab.forwarder", vm.gateway, *map(str, ports)],
            probe=lambda _: _closed(vm.gateway, ports),
        ),
        home,
    )


def stop(lab_dir: Path) -> bool:
    """Stop the VM and what belongs to it; its disk stays. Says whether it was running."""
    _stop_forwarders(servers.Home(lab_dir))
    name = _name(lab_dir)
    was_running = _engine_answers() and _state(name) == "running"
    if was_running:
        docker("stop", "--time", "20", name)
    docker_engine.stop()
    return was_running


def remove(lab_dir: Path) -> None:
    """Stop the VM and delete it with its disk."""
    _stop_forwarders(servers.Home(lab_dir))
    name = _name(lab_dir)
    if not _engine_answers():
        return
    if _state(name):
        docker("rm", "--force", "--volumes", name)
    docker("volume", "rm", "--force", name)
    docker_engine.stop()


def remove_abandoned(say: Say) -> None:
    """Delete the VMs, with their disks, whose lab's folder is gone: no other command would ever find them again."""
    with cache.exclusive(cache.folder() / "vms.lock"):
        listed = docker(
            "ps", "--all", "--filter", f"label={_LABEL}", "--format", f'{{{{.Names}}}} {{{{.Label "{_LABEL}"}}}}'
        )
        for name, _, lab_dir in (line.partition(" ") for line in listed.splitlines()):
            if not Path(lab_dir).exists():
                say(f"Removing the VM of a lab that is gone: {lab_dir}")
                docker("rm", "--force", "--volumes", name)
                docker("volume", "rm", "--force", name)


def _running(lab_dir: Path, say: Say) -> Vm:
    name = _name(lab_dir)
    if _state(name) != "running":
        _start(name, lab_dir, say)
    _wait_until_booted(name)
    key = _ssh_key(lab_dir)
    _admit(name, key)
    ssh_port, http_port = _published(name, 22), _published(name, 80)
    vm = Vm(
        name=name,
        host=servers.HOST,
        ssh_port=ssh_port,
        http_port=http_port,
        user=USER,
        key=key,
        known_hosts=_known_hosts(name, ssh_port, lab_dir),
        gateway=docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}", name),
    )
    _wait_for_ssh(vm)
    return vm


def _start(name: str, lab_dir: Path, say: Say) -> None:
    if _state(name):
        say("Starting the VM")
        docker("start", name)
        return
    recipe = blake2b(_DOCKERFILE.read_bytes() + debian.base_name().encode(), digest_size=6)
    image = f"wkms-lab/vm:{recipe.hexdigest()}"
    if not docker_engine.has_image(image):
        say("Building the image of the VM")
        docker_engine.build(image, _DOCKERFILE, build_args={"BASE": debian.base_image(say)})
    say("Starting the VM")
    docker(
        *("run", "--detach", "--name", name, "--hostname", "wkms-vm-1", "--label", f"{_LABEL}={lab_dir.resolve()}"),
        *("--publish", f"{servers.HOST}::22", "--publish", f"{servers.HOST}::80"),
        *("--tmpfs", "/run", "--tmpfs", "/run/lock"),
        *("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
        *("--volume", f"{name}:/var/lib/docker"),
        *(word for capability in _CAPABILITIES for word in ("--cap-add", capability)),
        *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
        image,
    )


def _wait_until_booted(name: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (state := _exec(name, "systemctl", "is-system-running")) not in {"running", "degraded"}:
        if time.monotonic() > deadline:
            raise WkmsError(
                f"The VM did not boot: systemd says {state or 'nothing'}.", hint=f"See `docker logs {name}`."
            )
        time.sleep(_POLL_SECONDS)


def _admit(name: str, key: Path) -> None:
    """Let the key in."""
    public = key.with_suffix(".pub").read_text(encoding="ascii")
    target = f"/home/{USER}/.ssh/authorized_keys"
    docker(
        *("exec", "--interactive", name, "install", "-m", "0600", "-o", USER, "-g", USER, "/dev/stdin", target),
        stdin=public,
    )


def _ssh_key(lab_dir: Path) -> Path:
    key = lab_dir / "secrets" / "vm_key"
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "wkms-lab", "-f", str(key)]
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return key.resolve()


def _known_hosts(name: str, port: int, lab_dir: Path) -> Path:
    path = (lab_dir / "secrets" / "vm_known_hosts").resolve()
    kind, key, *_ = _exec(name, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()
    path.write_text(f"[{servers.HOST}]:{port} {kind} {key}\n", encoding="ascii")
    return path


def _wait_for_ssh(vm: Vm) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    argv = [
        *(
            "ssh",
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=5",
            "-o",
            f"UserKnownHostsFile={vm.known_hosts}",
        ),
        *("-i", str(vm.key), "-p", str(vm.ssh_port), f"{vm.user}@{vm.host}", "sudo", "-n", "true"),
    ]
    while (done := subprocess.run(argv, capture_output=True, text=True, check=False)).returncode != 0:
        if time.monotonic() > deadline:
            raise WkmsError(
                f"The VM does not answer on SSH: {done.stderr.strip()}.", hint="Run `wkms-migrate lab reset`."
            )
        time.sleep(_POLL_SECONDS)


def _stop_forwarders(home: servers.Home, keep: str = "") -> None:
    for file in (home.path / "pids").glob("forwarder-*.json"):
        running = home.recorded(file.stem)
        if running and file.stem != keep:
            servers.stop(running, home)


def _closed(address: str, ports: tuple[int, ...]) -> str | None:
    for port in ports:
        try:
            socket.create_connection((address, port), timeout=2).close()
        except OSError as error:
            return f"{address}:{port}: {error.strerror or error}"
    return None


def _name(lab_dir: Path) -> str:
    return f"wkms-lab-{blake2b(str(lab_dir.resolve()).encode(), digest_size=4).hexdigest()}"


def _engine_answers() -> bool:
    try:
        docker("version", "--format", "{{.Server.Version}}")
    except (WkmsError, FileNotFoundError):
        return False
    return True


def _state(name: str) -> str:
    """Return `running`, `exited`, … or nothing when there is no such container."""
    return docker("ps", "--all", "--filter", f"name=^{name}$", "--format", "{{.State}}")


def _exec(name: str, *argv: str) -> str:
    done = subprocess.run(["docker", "exec", name, *argv], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _published(name: str, port: int) -> int:
    ports: Mapping[str, Any] = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", name))
    return int(ports[f"{port}/tcp"][0]["HostPort"])
