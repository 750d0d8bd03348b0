"""Which blobs are taken, and under which keys; the same rules say which objects of the bucket are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.blob.globs import pattern
from wkms_migrate.phases.blob.mapping import CONTROL, KEY_BYTES, Left, left
from wkms_migrate.phases.blob.place import Place
from wkms_migrate.phases.blob.renames import read_renames
from wkms_migrate.phases.blob.settings import BlobSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The rules of one container; made by `select`."""

    place: Place
    prefixes: tuple[str, ...]
    include: tuple[re.Pattern[str], ...]
    exclude: tuple[re.Pattern[str], ...]
    names: frozenset[str] | None
    after: datetime | None
    before: datetime | None
    renames: Mapping[str, str]
    originals: Mapping[str, str]
    past_prefix: str
    past: bool
    folders: bool

    @property
    def also(self) -> tuple[str, ...]:
        """What the source's listing must show beside the current blobs."""
        return ("snapshots", "versions") if self.past else ()

    @property
    def source_prefix(self) -> str:
        """What the names of all chosen blobs begin with; they alone are listed."""
        return self.prefixes[0] if len(self.prefixes) == 1 and not self.renames else ""

    @property
    def target_prefix(self) -> str:
        """What the keys of all their objects begin with."""
        return self.place.prefix + ("" if self.past else self.source_prefix)

    @property
    def room(self) -> int:
        """The bytes that a name may have."""
        return KEY_BYTES - len(self.place.prefix.encode())

    def key(self, blob: Blob) -> str:
        """Return the key of a blob; a snapshot or an earlier version has its time behind the name."""
        name = self.renames.get(blob.name, blob.name)
        return f"{self.place.prefix}{self.past_prefix}{name}@{blob.past}" if blob.past else f"{self.place.prefix}{name}"

    def listed(self, blobs: Iterable[Blob]) -> Iterator[tuple[str, Blob, Left]]:
        """Yield key, blob and the reason to leave it. Two blobs for one key are both left, under keys of their own."""
        given = list(self.renames.values())
        twice = {key for key in given if given.count(key) > 1} if len(set(given)) < len(given) else set()
        keys, met, waiting = set(given), set[str](), list[Blob]()
        for blob in blobs:
            if self.renames.get(blob.name, blob.name) != blob.name and not blob.past:
                waiting.append(blob)
                continue
            if blob.name in keys and not blob.past:
                met.add(blob.name)
            yield self.key(blob), blob, self.reason(blob)
        for blob in waiting:
            renamed = self.renames[blob.name]
            if renamed in met or renamed in twice:
                yield f"\0{blob.name}", blob, "collision"
            else:
                yield self.key(blob), blob, self.reason(blob)

    def reason(self, blob: Blob) -> Left:
        """Return why the blob is not copied, or an empty string."""
        if not (self._takes(blob.name) and self._in_time(blob)):
            return "unselected"
        return left(blob, self.key(blob), folders=self.folders)

    def holds(self, key: str) -> bool:
        """Say whether an object of this key is one of those that are compared."""
        if key.startswith(CONTROL) or not key.startswith(self.place.prefix):
            return False
        name = key[len(self.place.prefix) :]
        if self.past and name.startswith(self.past_prefix):
            name = name[len(self.past_prefix) :].rpartition("@")[0]
        return self._takes(self.originals.get(name, name))

    def _takes(self, name: str) -> bool:
        if self.prefixes and not name.startswith(self.prefixes):
            return False
        if self.names is not None and name not in self.names:
            return False
        if self.include and not any(one.fullmatch(name) for one in self.include):
            return False
        return not any(one.fullmatch(name) for one in self.exclude)

    def _in_time(self, blob: Blob) -> bool:
        if self.after is None and self.before is None:
            return True
        changed = parsedate_to_datetime(blob.last_modified)
        late_enough = self.after is None or changed >= self.after
        return late_enough and (self.before is None or changed < self.before)


def select(settings: BlobSettings, place: Place) -> Selection:
    """Return the rules as they are configured. Raises `ConfigError` for a file that cannot be read."""
    renames = read_renames(settings.renames)
    return Selection(
        place=place,
        prefixes=settings.prefixes,
        include=tuple(pattern(glob) for glob in settings.include),
        exclude=tuple(pattern(glob) for glob in settings.exclude),
        names=_names(settings.files_from),
        after=_utc(settings.modified_after),
        before=_utc(settings.modified_before),
        renames=renames,
        originals={key: name for name, key in renames.items()},
        past_prefix=settings.past_prefix,
        past=settings.past == "copy",
        folders=settings.folder_stubs == "copy",
    )


def _names(path: Path | None) -> frozenset[str] | None:
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # names may hold the other ends of lines
        return frozenset(name for line in lines if (name := line.removesuffix("\r")))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"phases.blob.files_from: {path} cannot be read: {error}.", hint="It is text in UTF-8, one name a line."
        ) from error


def _utc(when: datetime | None) -> datetime | None:
    return when.replace(tzinfo=UTC) if when and when.tzinfo is None else when
