"""Debian from the mirror that this machine is configured for: a bare root file system, and single packages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from wkms_migrate import process
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import apt, cache
from wkms_migrate.lab.docker_engine import Say, docker, has_image

# Every image is shipped to the VM: what no server misses stays behind.
_UNNEEDED = ("var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/doc/*", "usr/share/locale/*", "usr/share/man/*")


def base_image(say: Say) -> str:
    """Return the name of an image that holds a bare Debian; made once, kept as an archive for other engines."""
    source = apt.mirror()
    name = f"wkms-lab/debian-root:{source.suite}"
    if not has_image(name):
        docker("import", str(_root_archive(source, say)), name)
    return name


def package_files(package: str, suite: str) -> Path:
    """Return the folder into which a package of another suite is unpacked. Nothing is installed on this machine."""

    def fetch(into: Path) -> None:
        apt.unpack([package], suite, into / "root", dependencies=False)

    return cache.ensure(f"{package}-{suite}", fetch) / "root"


def _root_archive(source: apt.Mirror, say: Say) -> Path:
    def bootstrap(into: Path) -> None:
        say(f"Making a Debian {source.suite} root (about a minute, once)")
        root = into / "root"
        _run(["debootstrap", "--variant=minbase", f"--keyring={source.keyring}", source.suite, str(root), source.uri])
        unneeded = [f"--exclude=./{pattern}" for pattern in _UNNEEDED]
        _run(["tar", "--numeric-owner", *unneeded, "-C", str(root), "-cf", str(into / "root.tar"), "."])
        shutil.rmtree(root)

    if os.geteuid() != 0:
        raise WkmsError("Only root can make a Debian root.", hint="Run the lab as root, or go on without a VM.")
    return cache.ensure(f"debian-root-{source.suite}", bootstrap) / "root.tar"


def _run(argv: list[str], cwd: Path | None = None) -> None:
    done = process.run(argv, cwd=cwd)
    if done.code != 0:
        raise WkmsError(f"{argv[0]} failed: {' / '.join(done.tail[-3:])}", hint="Check the machine's apt sources.")
