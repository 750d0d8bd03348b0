"""The machine's Docker engine: used when it runs, else installed (root on Debian), started, and later ended again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from wkms_migrate import process
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import cache, servers

Say: TypeAlias = Callable[[str], None]

PACKAGES = {"dockerd": "docker.io", "debootstrap": "debootstrap", "ssh-keygen": "openssh-client"}
_LOCK_WAIT_SECONDS = 600  # another command may be installing packages
_NAME = "dockerd"


def ensure(say: Say) -> None:
    """Make the engine answer. Raises `WkmsError` with the reason when this machine cannot run one."""
    if _answers() is None and not _missing():
        return
    with cache.exclusive(cache.folder() / "docker.lock"):
        _install(say)
        if (reason := _answers()) is None:
            return
        if os.geteuid() != 0:
            raise WkmsError(f"No Docker engine answers here: {reason}.", hint="Start it, or run the lab as root.")
        say("Starting the Docker engine")
        servers.ensure(
            servers.Server(
                name=_NAME,
                ports=(),
                command=lambda _: ["dockerd", "--log-level", "warn"],
                probe=lambda _: _answers(),
            ),
            _home(),
        )


def stop() -> bool:
    """End the engine if the lab started it and nothing runs in it any more; say whether it was ended."""
    home = _home()
    running = home.recorded(_NAME)
    if running is None or not servers.alive(running) or docker("ps", "--quiet"):
        return False
    return servers.stop(running, home)


def docker(*arguments: str, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run a docker command to its end and return what it printed. Raises `WkmsError` with its last words."""
    done = subprocess.run(
        ["docker", *arguments],
        input=stdin,
        env=None if env is None else {**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        words = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-8:])
        raise WkmsError(
            f"docker {' '.join(arguments[:2])} failed: {words}", hint="`wkms-migrate doctor` checks the engine."
        )
    return done.stdout.strip()


def has_image(name: str) -> bool:
    """Say whether the engine holds this image."""
    return bool(docker("image", "ls", "--quiet", name))


def build(tag: str, dockerfile: Path, *, context: Path | None = None, build_args: dict[str, str]) -> None:
    """Build an image with the builder that every engine has; `RUN` lines see the network as this machine does."""
    arguments = [word for name, value in build_args.items() for word in ("--build-arg", f"{name}={value}")]
    proxies = [word for name in os.environ if name.lower().endswith("_proxy") for word in ("--build-arg", name)]
    common = ["build", "--quiet", "--network", "host", "--tag", tag, *arguments, *proxies]
    plain = {"DOCKER_BUILDKIT": "0"}  # BuildKit is a separate component, which Debian 12 does not have
    if context is None:
        docker(*common, "-", stdin=dockerfile.read_text(encoding="utf-8"), env=plain)
    else:
        docker(*common, "--file", str(dockerfile), str(context), env=plain)


def _home() -> servers.Home:
    return servers.Home(cache.folder() / "docker")


def _answers() -> str | None:
    if shutil.which("docker") is None:
        return "the docker command is missing"
    done = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, check=False
    )
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no answer"])[-1]


def _missing() -> list[str]:
    return [package for program, package in PACKAGES.items() if shutil.which(program) is None]


def _install(say: Say) -> None:
    missing = _missing()
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise WkmsError(
            f"{', '.join(missing)} is not installed, and only root on Debian or Ubuntu can have it installed here.",
            hint=f"Install {' '.join(missing)}, or go on without a VM.",
        )
    say(f"Installing {', '.join(missing)}")
    _apt("install", "-y", "--no-install-recommends", *missing)


def _apt(*arguments: str) -> None:
    argv: Sequence[str] = ["apt-get", "-o", f"DPkg::Lock::Timeout={_LOCK_WAIT_SECONDS}", "-q", *arguments]
    done = process.run(argv, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if done.code != 0:
        raise WkmsError(
            f"apt-get {arguments[0]} failed: {' / '.join(done.tail[-3:])}", hint="Run `apt-get update`, then try again."
        )
