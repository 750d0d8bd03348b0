"""Which data set the source holds: its name, the guard that it is a lab's source, and what it is expected to hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from wkms_migrate.config import Settings
from wkms_migrate.errors import Interrupted, Refused
from wkms_migrate.lab.seed.scale import SEED, Scale

Tell: TypeAlias = Callable[[str], None]
Expected: TypeAlias = dict[str, Any]
T = TypeVar("T")

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_MODULUS = 1 << 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What there is to seed and where. `stopping` is set when another part failed or the user asked to stop."""

    settings: Settings
    scale: Scale
    dataset: str
    tell: Tell
    stopping: Event

    def until_stopped(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items; raise `Interrupted` between two of them once the job is to stop."""
        for item in items:
            if self.stopping.is_set():
                raise Interrupted(
                    "Seeding was stopped.", hint="Run the same command again: unfinished parts are redone."
                )
            yield item


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One store of the source.

    `marker` reads the id of the data set that the store holds whole, or None; `fill` empties the store, writes the
    data set, sets the marker last, and returns what is there now: counts and digests, made from the data and not by
    reading the store back.
    """

    name: str
    marker: Callable[[Settings], str | None]
    fill: Callable[[Job], Expected]


def dataset_id(scale_name: str) -> str:
    """Return the id of a data set: other generators, words or scales have another."""
    hasher = blake2b(f"{SEED}/{scale_name}".encode(), digest_size=8)
    folder = Path(__file__).parent
    for path in sorted((*folder.glob("*.py"), *folder.glob("*.yaml"), *folder.glob("*.sql"))):
        hasher.update(path.name.encode() + b"\x00" + path.read_bytes())
    return hasher.hexdigest()


def refuse_real_clouds(settings: Settings) -> None:
    """Raise `Refused` unless every store of the source is on this machine: seeding empties it first."""
    azure = settings.azure
    hosts = {
        "azure.mysql.host": azure.mysql.host,
        "azure.storage.blob_endpoint": urlsplit(azure.storage.blob_endpoint or "").hostname,
        "azure.storage.queue_endpoint": urlsplit(azure.storage.queue_endpoint or "").hostname,
        "azure.cosmos.endpoint": urlsplit(azure.cosmos.endpoint or "").hostname,
    }
    real = [f"{key} ({host or 'not set'})" for key, host in hosts.items() if host not in LOOPBACK]
    if real:
        raise Refused(
            f"Only a source on this machine is seeded, for seeding empties it first: {', '.join(real)}.",
            hint="Run `wkms-migrate lab up` and use --env lab.",
        )


class OrderFreeDigest:
    """A digest of a bag of items that no order changes and in which doubles do not cancel."""

    __slots__ = ("_sum", "count")

    def __init__(self) -> None:
        self._sum = 0
        self.count = 0

    def add(self, item: bytes) -> None:
        """Take one more item in."""
        self._sum = (self._sum + int.from_bytes(sha256(item).digest()[:16], "big")) % _MODULUS
        self.count += 1

    def as_expected(self) -> Expected:
        """Return count and digest."""
        return {"count": self.count, "digest": f"{self._sum:032x}"}


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def plain(expected: Mapping[str, OrderFreeDigest]) -> Expected:
    """Return digests by name, ready to be written down."""
    return {name: digest.as_expected() for name, digest in expected.items()}
