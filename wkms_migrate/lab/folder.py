"""The folder of one lab, `.lab` in the working directory: secrets, data, logs and pid files."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wkms_migrate.lab.servers import Home


def token() -> str:
    """Return a random secret of letters, digits, `-` and `_`: it needs no quoting anywhere."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class LabFolder:
    """Where everything of one lab is. The path is absolute, so that what is written holds for any working directory."""

    path: Path

    @property
    def home(self) -> Home:
        """Where its servers leave pid files and logs."""
        return Home(self.path)

    @property
    def overlay(self) -> Path:
        """The part of the configuration that the lab writes."""
        return self.path / "endpoints.yaml"

    def data(self, name: str) -> Path:
        """Return where a server keeps its data."""
        return self.path / "data" / name

    def secret(self, name: str, make: Callable[[], str] = token) -> Path:
        """Return the file of a secret (0600); made up when it is asked for the first time."""
        file = self.path / "secrets" / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = file.with_suffix(".partial")
            partial.touch(mode=0o600)
            partial.write_text(make(), encoding="ascii")
            partial.replace(file)
        return file
