"""Debian from the mirror that this machine is configured for: a bare root file system, and single packages."""

from __future__ import annotations

import os
import shutil
from hashlib import blake2b
from pathlib import Path

from wkms_migrate import process
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import apt, cache
from wkms_migrate.lab.docker_engine import Say, docker, has_image

# Every image is shipped to the VM: what no server misses stays behind, now and when packages are added.
_DOCUMENTATION = ("usr/share/doc/*", "usr/share/locale/*", "usr/share/man/*")
_UNNEEDED = ("var/cache/apt/*", "var/lib/apt/lists/*", *_DOCUMENTATION)
# Made for a lab, the root need not survive a power cut while a package is installed.
_DPKG = "force-unsafe-io\n" + "".join(f"path-exclude=/{pattern}\n" for pattern in _DOCUMENTATION)


def base_image(say: Say) -> str:
    """Return the name of an image that holds a bare Debian; made once, kept as an archive for other engines."""
    name = base_name()
    if not has_image(name):
        docker("import", str(_root_archive(apt.mirror(), name.rpartition(":")[2], say)), name)
    return name


def base_name() -> str:
    """Return the name of the image of a bare Debian; another way of making it gives another name."""
    recipe = blake2b(f"{_DPKG}{_UNNEEDED}".encode(), digest_size=4).hexdigest()
    return f"wkms-lab/debian:{apt.mirror().suite}-{recipe}"


def package_files(package: str, suite: str) -> Path:
    """Return the folder into which a package of another suite is unpacked. Nothing is installed on this machine."""

    def fetch(into: Path) -> None:
        apt.unpack([package], suite, into / "root", dependencies=False)

    return cache.ensure(f"{package}-{suite}", fetch) / "root"


def _root_archive(source: apt.Mirror, version: str, say: Say) -> Path:
    def bootstrap(into: Path) -> None:
        say(f"Making a Debian {source.suite} root (about a minute, once)")
        root = into / "root"
        _run(["debootstrap", "--variant=minbase", f"--keyring={source.keyring}", source.suite, str(root), source.uri])
        (root / "etc/dpkg/dpkg.cfg.d/lab").write_text(_DPKG, encoding="ascii")
        unneeded = [f"--exclude=./{pattern}" for pattern in _UNNEEDED]
        _run(["tar", "--numeric-owner", *unneeded, "-C", str(root), "-cf", str(into / "root.tar"), "."])
        shutil.rmtree(root)

    if os.geteuid() != 0:
        raise WkmsError("Only root can make a Debian root.", hint="Run the lab as root, or go on without a VM.")
    return cache.ensure(f"debian-{version}", bootstrap) / "root.tar"


def _run(argv: list[str], cwd: Path | None = None) -> None:
    done = process.run(argv, cwd=cwd)
    if done.code != 0:
        raise WkmsError(f"{argv[0]} failed: {' / '.join(done.tail[-3:])}", hint="Check the machine's apt sources.")
