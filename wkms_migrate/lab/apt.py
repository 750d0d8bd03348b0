"""Debian packages of any suite, unpacked into a folder: from the archive this machine uses, with or without root.

Nothing is installed into the system. apt works on lists, a cache and a status of its own, which are thrown away.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wkms_migrate import process
from wkms_migrate.errors import WkmsError

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SHOWN_LINES = 6


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where this machine's Debian packages come from: the URI of an archive, its suite (`bookworm`), its keyring."""

    uri: str
    suite: str
    keyring: Path


def mirror() -> Mirror:
    """Return the archive of this machine's main suite, as apt is configured. Raises `WkmsError` on no Debian."""
    release = platform.freedesktop_os_release()
    suite = release.get("VERSION_CODENAME", "")
    if release.get("ID") == "debian" and shutil.which("apt-get"):
        fields = "$(CREATED_BY)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)|$(SIGNED_BY)"
        targets: list[str] = []
        process.run(["apt-get", "indextargets", "--format", fields], env=os.environ, on_line=targets.append)
        for line in targets:
            created_by, of_suite, component, uri, keyring = line.split("|", 4)
            if (created_by, of_suite, component) == ("Packages", suite, "main"):
                return Mirror(uri.rstrip("/"), suite, Path(keyring) if keyring.startswith("/") else _KEYRING)
    raise WkmsError(
        "No Debian archive is configured on this machine.",
        hint="The lab unpacks programs from Debian's archive: run it on Debian, or install them yourself.",
    )


def unpack(packages: Sequence[str], suite: str, into: Path, *, dependencies: bool) -> None:
    """Fetch packages of a suite and unpack them into a folder, with all they depend on or without."""
    state = into / "apt"
    _prepare(state, mirror(), suite)
    _apt_get(state, "update")
    if dependencies:  # no package counts as installed, so everything down to the C library comes along
        _apt_get(state, "install", "--yes", "--no-install-recommends", "--download-only", *packages)
    else:
        _apt_get(state, "download", *packages)
    for package in sorted((state / "archives").glob("*.deb")):
        _checked(["dpkg-deb", "--extract", str(package), str(into)], os.environ, into)
    shutil.rmtree(state)


def _prepare(state: Path, source: Mirror, suite: str) -> None:
    """Write an apt configuration whose every writable folder is inside `state`, and that knows only this suite."""
    for name in ("lists/partial", "archives/partial", "log"):
        (state / name).mkdir(parents=True)
    (state / "status").touch()
    listed = f"deb [signed-by={source.keyring}] {source.uri} {suite} main\n"
    (state / "sources.list").write_text(listed, encoding="utf-8")
    settings = {
        "Dir::Etc::SourceList": state / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": state,
        "Dir::State::Lists": state / "lists",
        "Dir::State::Status": state / "status",
        "Dir::Cache": state,
        "Dir::Cache::Archives": state / "archives",
        "Dir::Log": state / "log",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",  # as root, apt would fetch as a user who cannot enter this folder
        "Debug::NoLocking": "1",  # nobody else knows these folders
    }
    lines = [f'{name} "{value}";\n' for name, value in settings.items()]
    (state / "apt.conf").write_text("".join(lines), encoding="utf-8")


def _apt_get(state: Path, *words: str) -> None:
    environment = {**os.environ, "APT_CONFIG": str(state / "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}
    _checked(["apt-get", "--quiet", *words], environment, state / "archives")


def _checked(argv: list[str], environment: Mapping[str, str], folder: Path) -> None:
    done = process.run(argv, env=environment, cwd=folder)
    if done.code:
        raise WkmsError(
            f"{' '.join(argv[:2])} failed:\n" + "\n".join(done.tail[-_SHOWN_LINES:]),
            hint="Check that `apt-get update` works on this machine, then try again.",
        )
