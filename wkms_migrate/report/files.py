"""Which formats a report has, and how its files get into a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wkms_migrate.errors import WkmsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

FORMATS = ("html", "xlsx", "md", "json", "csv", "pdf")
USUAL = ("html", "xlsx", "md", "json", "csv")  # pdf needs a program and a font that not every machine has
QUICK = ("html", "json")  # what every run leaves behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """How a report is rendered, by format: without a language, or in one."""

    plain: Mapping[str, Callable[[], str]]
    worded: Mapping[str, Callable[[str], str | bytes]]


def rendered(
    stem: str,
    forms: Forms,
    langs: Sequence[str],
    formats: Sequence[str],
) -> dict[str, str | bytes]:
    """Return the contents by file name: `<stem>.<format>`, or `<stem>.<lang>.<format>` where there are words."""
    contents: dict[str, str | bytes] = {}
    for form in formats:
        if form in forms.plain:
            contents[f"{stem}.{form}"] = forms.plain[form]()
        else:
            contents |= {f"{stem}.{lang}.{form}": forms.worded[form](lang) for lang in langs}
    return contents


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
