from __future__ import annotations

from typing import TYPE_CHECKING

from wkms_migrate.errors import WkmsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write texts by file name, each whole or not at all; return their paths in order."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_replace(folder / name, text) for name, text in texts.items()]
    except OSError as error:
        raise WkmsError(
            f"The report folder {folder} cannot be written: {error.strerror or error}.",
            hint="Free space, fix the permissions, or choose another folder.",
        ) from error


def _replace(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text, encoding="utf-8", newline="\n")
    return draft.replace(path)
