"""The lab's MySQL programs: a `mysqld` on the PATH, else Debian's packages unpacked in a private folder, else MariaDB.

Debian's stable suite has no MySQL, its unstable suite has. An unpacked server is run by the loader and the libraries
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
INSTALL = "Install MySQL 8.4 or later, or MariaDB, so that `mysqld` or `mariadbd` is on the PATH, then try again."
_OLDEST = (8, 4, 0)  # the release of the target, and the first with the privileges that its administrator has


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlBinaries:
    """How to run a server: the words before its options, its `basedir`, its version, and whether it is MariaDB."""

    mysqld: tuple[str, ...]
    basedir: Path
    version: str
    mariadb: bool = False


def find(emit: Callable[[str], None]) -> MysqlBinaries:
    """Return a MySQL server of at least 8.4 that can run here, unpacked when there is none, else a MariaDB server.

    `emit` is told when it is MariaDB, and why. Raises `WkmsError` when neither can be had.
    """
    if found := _installed("mysqld", mariadb=False):
        return found
    try:
        return _unpacked("mysql", ("mysql-server-core", "mysql-client-core"), SUITE, emit)
    except WkmsError as error:
        emit(f"No MySQL server can be had, so the lab runs MariaDB in its place: {error.message}")
        return mariadb(emit)


def mariadb(emit: Callable[[str], None]) -> MysqlBinaries:
    """Return a MariaDB server that can run here; unpack the one of this machine's own suite when there is none."""
    for name in ("mariadbd", "mysqld"):
        if found := _installed(name, mariadb=True):
            return found
    try:
        return _unpacked("mariadb", ("mariadb-server-core",), apt.mirror().suite, emit)
    except WkmsError as error:
        raise WkmsError(f"The lab needs a MySQL server. {error.message}", hint=INSTALL) from error


def _installed(name: str, *, mariadb: bool) -> MysqlBinaries | None:
    path = shutil.which(name)
    found = _identified((path,), Path(path).resolve().parents[1]) if path else None
    if found is None or found.mariadb != mariadb or (not mariadb and _parts(found.version) < _OLDEST):
        return None
    return found


def _unpacked(server: str, packages: tuple[str, ...], suite: str, emit: Callable[[str], None]) -> MysqlBinaries:
    def fetch(folder: Path) -> None:
        emit(f"Fetching {', '.join(packages)} from Debian's {suite} suite (once per machine)")
        apt.unpack(packages, suite, folder, dependencies=True)

    root = cache.ensure(f"{server}-{platform.machine()}", fetch)
    libraries = next((root / "usr/lib").glob("*-linux-gnu"))
    places = (libraries, root / "lib" / libraries.name)  # the second before Debian merged them
    loader = next(loader for place in places for loader in place.glob("ld-linux-*.so.*"))
    library_path = ":".join(map(str, places))
    mysqld = (str(loader), "--argv0", "mysqld", "--library-path", library_path, str(root / "usr/sbin/mysqld"))
    found = _identified(mysqld, root / "usr")
    if found is None:
        raise WkmsError(f"The server unpacked in {root} does not run on this machine.", hint=INSTALL)
    return found


def _identified(mysqld: tuple[str, ...], basedir: Path) -> MysqlBinaries | None:
    """Return what a program says it is (MariaDB calls itself mysqld too); None when it does not run."""
    words = " ".join(process.run([*mysqld, "--no-defaults", "--version"], env=os.environ).tail)
    match = re.search(r"Ver (\d+\.\d+\.\d+)", words)
    if match is None:
        return None
    return MysqlBinaries(mysqld=mysqld, basedir=basedir, version=match.group(1), mariadb="MariaDB" in words)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


if __name__ == "__main__":
    find(print)
