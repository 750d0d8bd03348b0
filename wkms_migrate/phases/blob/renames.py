"""Names that do not fit S3: the list of what is left behind, and the file that gives new keys."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.blob.mapping import proposed_key


def read_renames(path: Path | None) -> Mapping[str, str]:
    """Read a CSV with the columns name and key; an empty key is no rename. None is no file."""
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {row["name"]: row["key"] for row in csv.DictReader(file) if row["key"]}
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise ConfigError(
            f"phases.blob.renames: {path} cannot be read: {error}.",
            hint="It is a CSV in UTF-8 whose first line has the columns name and key.",
        ) from error


def write_left(path: Path, left: Iterable[tuple[str, str]], renames: Mapping[str, str], room: int) -> None:
    """Write the (name, reason) of blobs left behind, and the renames; too long a name gets a key of `room` bytes.

    What is renamed stays in it, so that the file can be named as `renames` where it is.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "reason", "key"))
        for name, key in renames.items():
            writer.writerow((name, "renamed", key))
        for name, reason in left:  # last: what a rename did not mend gets a better key here
            writer.writerow((name, reason, proposed_key(name, room) if reason == "key-too-long" else ""))
