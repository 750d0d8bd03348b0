"""Which formats a report has, and how its files get into a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wkms_migrate.errors import WkmsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMATS = ("html", "xlsx", "md", "json", "csv", "pdf")
USUAL = ("html", "xlsx", "md", "json", "csv")  # pdf needs a program and a font that not every machine has
QUICK = ("html", "json")  # what every run leaves behind
OF_NO_LANGUAGE = ("json", "csv")


def write(folder: Path, contents: Mapping[str, str | bytes]) -> list[Path]:
    """Write contents by file name, each whole or not at all; return their paths in order."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_replace(folder / name, content) for name, content in contents.items()]
    except OSError as error:
        raise WkmsError(
            f"The report folder {folder} cannot be written: {error.strerror or error}.",
            hint="Free space, fix the permissions, or choose another folder.",
        ) from error


def _replace(path: Path, content: str | bytes) -> Path:
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content.encode() if isinstance(content, str) else content)
    return draft.replace(path)
