"""The lab's MySQL programs: a `mysqld` on the PATH, else Debian's packages unpacked in a private folder.

Debian's stable suite has no MySQL, its unstable suite has. The unpacked server is run by the loader and the libraries
that it was built for.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wkms_migrate import process
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import apt, cache

SUITE = "sid"
INSTALL = "Install MySQL 8.4 or later so that `mysqld` is on the PATH, then try again."
_OLDEST = (8, 4, 0)  # the release of the target, and the first with the privileges that its administrator has


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlBinaries:
    """How to run `mysqld`: the words before its options, its `basedir` and its version."""

    mysqld: tuple[str, ...]
    basedir: Path
    version: str


def find(emit: Callable[[str], None]) -> MysqlBinaries:
    """Return a MySQL server of at least 8.4 that can run here; unpack one when there is none."""
    if found := shutil.which("mysqld"):
        version = _version((found,))
        if version and _parts(version) >= _OLDEST:
            return MysqlBinaries(mysqld=(found,), basedir=Path(found).resolve().parents[1], version=version)
    return _unpacked(cache.ensure(f"mysql-{platform.machine()}", lambda folder: _unpack(folder, emit)))


def _unpacked(root: Path) -> MysqlBinaries:
    libraries = next((root / "usr/lib").glob("*-linux-gnu"))
    loader = next(libraries.glob("ld-linux-*.so.*"))
    mysqld = (str(loader), "--argv0", "mysqld", "--library-path", str(libraries), str(root / "usr/sbin/mysqld"))
    version = _version(mysqld)
    if version is None:
        raise WkmsError(
            f"The MySQL server unpacked in {root} does not run on this machine.",
            hint=INSTALL,
        )
    return MysqlBinaries(mysqld=mysqld, basedir=root / "usr", version=version)


def _version(mysqld: tuple[str, ...]) -> str | None:
    """Return the version, or None when this is no MySQL (MariaDB calls itself mysqld too)."""
    words = " ".join(process.run([*mysqld, "--no-defaults", "--version"], env=os.environ).tail)
    match = re.search(r"Ver (\d+\.\d+\.\d+)", words)
    return match.group(1) if match and "MariaDB" not in words else None


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _unpack(folder: Path, emit: Callable[[str], None]) -> None:
    emit(f"Fetching MySQL from Debian's {SUITE} suite (66 MB, once per machine)")
    try:
        apt.unpack(("mysql-server-core", "mysql-client-core"), SUITE, folder, dependencies=True)
    except WkmsError as error:
        raise WkmsError(f"The lab needs a MySQL server. {error.message}", hint=INSTALL) from error


if __name__ == "__main__":
    find(print)
