"""The lab's MySQL programs: a `mysqld` on the PATH, else Debian's packages unpacked in a private folder.

Debian's stable suite has no MySQL, its unstable suite has. Nothing is installed into the system: apt works with its
own state, from the mirror this machine already uses, with or without root. The unpacked server is run by the loader
and the libraries that it was built for.
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
from wkms_migrate.lab import cache

SUITE = "sid"
_PACKAGES = ("mysql-server-core", "mysql-client-core")
_UNUSED = ("perl", "libperl")  # needed by scripts of the package only
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
            hint="Install MySQL 8.4 or later so that `mysqld` is on the PATH, then try again.",
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
    apt = folder / "apt"
    _prepare_apt(apt, _mirror())
    _apt_get(apt, "update")
    _apt_get(apt, "install", "--yes", "--no-install-recommends", "--download-only", *_PACKAGES)
    for package in sorted((apt / "archives").glob("*.deb")):
        if not package.name.startswith(_UNUSED):
            _checked(["dpkg-deb", "--extract", str(package), str(folder)], dict(os.environ))
    shutil.rmtree(apt)


@dataclass(frozen=True, slots=True)
class Mirror:
    """A Debian archive of this machine's own apt configuration."""

    uri: str
    keyring: str


def _mirror() -> Mirror:
    """Return the archive that this machine takes its main suite from."""
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian" or not shutil.which("apt-get"):
        raise WkmsError(
            "The lab needs a MySQL server, and only Debian's archive can be unpacked by itself.",
            hint="Install MySQL 8.4 or later so that `mysqld` is on the PATH, then try again.",
        )
    fields = "$(CREATED_BY)|$(RELEASE)|$(REPO_URI)|$(SIGNED_BY)"
    listed = process.run(["apt-get", "indextargets", "--format", fields], env=os.environ).tail
    for line in listed:
        created_by, suite, uri, keyring = line.split("|", 3)
        if created_by == "Packages" and suite == release.get("VERSION_CODENAME"):
            return Mirror(uri, keyring if keyring.startswith("/") else "/usr/share/keyrings/debian-archive-keyring.gpg")
    raise WkmsError(
        "apt on this machine knows no Debian archive.",
        hint="Check /etc/apt/sources.list.d, or install MySQL so that `mysqld` is on the PATH.",
    )


def _prepare_apt(apt: Path, mirror: Mirror) -> None:
    """Write an apt configuration whose every writable folder is inside `apt`, and that knows only this suite."""
    for name in ("lists/partial", "archives/partial", "log"):
        (apt / name).mkdir(parents=True)
    (apt / "status").touch()  # no package counts as installed, so all libraries are fetched too
    (apt / "sources.list").write_text(f"deb [signed-by={mirror.keyring}] {mirror.uri} {SUITE} main\n", encoding="utf-8")
    settings = {
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": apt,
        "Dir::State::Lists": apt / "lists",
        "Dir::State::Status": apt / "status",
        "Dir::Cache": apt,
        "Dir::Cache::Archives": apt / "archives",
        "Dir::Log": apt / "log",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",  # as root, apt would fetch as a user who cannot enter this folder
    }
    lines = [f'{name} "{value}";\n' for name, value in settings.items()]
    (apt / "apt.conf").write_text("".join(lines), encoding="utf-8")


def _apt_get(apt: Path, *words: str) -> None:
    environment = {**os.environ, "APT_CONFIG": str(apt / "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}
    _checked(["apt-get", "--quiet", "--option", "Debug::NoLocking=1", *words], environment)


def _checked(argv: list[str], environment: dict[str, str]) -> None:
    done = process.run(argv, env=environment)
    if done.code:
        raise WkmsError(
            f"{argv[0]} failed while MySQL was fetched:\n" + "\n".join(done.tail[-8:]),
            hint="Check that `apt-get update` works, or install MySQL so that `mysqld` is on the PATH.",
        )


if __name__ == "__main__":
    find(print)
