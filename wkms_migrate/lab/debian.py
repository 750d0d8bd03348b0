"""Debian from the mirror that this machine is configured for: a bare root file system, and single packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from wkms_migrate import process
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import cache
from wkms_migrate.lab.docker_engine import Say, docker, has_image

# Every image is shipped to the VM: what no server misses stays behind.
_UNNEEDED = ("var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/doc/*", "usr/share/locale/*", "usr/share/man/*")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where Debian packages come from, e.g. the URI of an archive and the suite `bookworm`."""

    uri: str
    suite: str


def mirror() -> Mirror:
    """Return the archive and suite of this machine, as apt is configured. Raises `WkmsError` where it is no Debian."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line
    )
    suite = release.get("VERSION_CODENAME", "").strip('"')
    if release.get("ID") == "debian" and shutil.which("apt-get"):
        listing = _output("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)")
        for line in listing.splitlines():
            uri, of_release, component = line.split(" ")
            if (of_release, component) == (suite, "main"):
                return Mirror(uri.rstrip("/"), suite)
    raise WkmsError(
        "The lab builds its VM from Debian packages, and no Debian archive is configured here.",
        hint="Run the lab on Debian, or go on without a VM.",
    )


def base_image(say: Say) -> str:
    """Return the name of an image that holds a bare Debian; made once, kept as an archive for other engines."""
    source = mirror()
    name = f"wkms-lab/debian-root:{source.suite}"
    if not has_image(name):
        docker("import", str(_root_archive(source, say)), name)
    return name


def package_files(package: str, suite: str) -> Path:
    """Return the folder into which a package of another suite is unpacked. Nothing is installed on this machine."""

    def fetch(into: Path) -> None:
        for folder in ("lists/partial", "cache/archives/partial", "deb"):
            (into / folder).mkdir(parents=True)
        (into / "status").touch()
        (into / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {mirror().uri} {suite} main\n")
        options = {
            "Dir::State": into,
            "Dir::State::lists": into / "lists",
            "Dir::State::status": into / "status",
            "Dir::Cache": into / "cache",
            "Dir::Etc::sourcelist": into / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "APT::Sandbox::User": "root",
        }
        apt = ["apt-get", "-q", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
        _run([*apt, "update"])
        _run([*apt, "download", package], cwd=into / "deb")
        for archive in (into / "deb").glob("*.deb"):
            _run(["dpkg-deb", "-x", str(archive), str(into / "root")])
        for leftover in ("lists", "cache", "deb"):
            shutil.rmtree(into / leftover)

    return cache.ensure(f"{package}-{suite}", fetch) / "root"


def _root_archive(source: Mirror, say: Say) -> Path:
    def bootstrap(into: Path) -> None:
        say(f"Making a Debian {source.suite} root (about a minute, once)")
        root = into / "root"
        _run(["debootstrap", "--variant=minbase", f"--keyring={_KEYRING}", source.suite, str(root), source.uri])
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


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
