"""The account: databases, containers, throughput; and the log that lets all of it survive a restart.

Every change is one JSON line. Loading plays the lines again, so that resource ids, ETags, times and positions in the
change feed are the same after a restart. A line cut off by a crash can only be the last one, and is dropped.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import orjson

from wkms_migrate.lab.cosmos_double import epk, rid
from wkms_migrate.lab.cosmos_double.container import Container, Item
from wkms_migrate.lab.cosmos_double.message import RefusalError

DEFAULT_THROUGHPUT: Final = 400
LOG: Final = "account.ndjson"


@dataclass(slots=True)
class Database:
    """A database and its containers by name."""

    id: str
    rid: str
    ts: int
    containers: dict[str, Container] = field(default_factory=dict)


class Account:
    """Everything the double knows. Used by one thread at a time."""

    def __init__(self, *, ranges: int = 4, data: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self.databases: dict[str, Database] = {}
        self.throughput: dict[str, int] = {}
        self.skew = 0.0
        self.continuous = False
        self._clock = clock
        self._ranges = ranges
        self._log: BinaryIO | None = None
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
            self._log = self._loaded(data / LOG)

    def __enter__(self) -> Self:
        """Return the account itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._log is not None:
            self._log.close()

    def now(self) -> float:
        """Return the account's time in seconds since 1970; tests may have moved it on."""
        return self._clock() + self.skew

    def flush(self) -> None:
        """Hand what was logged to the operating system."""
        if self._log is not None:
            self._log.flush()

    def database(self, name: str) -> Database:
        """Return a database by name or resource id, or refuse with 404."""
        found = self.databases.get(name) or next((one for one in self.databases.values() if one.rid == name), None)
        if found is None:
            raise RefusalError(404, "NotFound", f"There is no database {name}.")
        return found

    def container(self, database: str, name: str) -> Container:
        """Return a container by name or resource id, or refuse with 404."""
        known = self.database(database).containers
        found = known.get(name) or next((one for one in known.values() if one.rid == name), None)
        if found is None:
            raise RefusalError(404, "NotFound", f"There is no container {name} in {database}.", substatus=1003)
        return found

    def containers(self) -> Iterator[Container]:
        """Yield every container."""
        for database in self.databases.values():
            yield from database.containers.values()

    def create_database(self, name: str) -> Database:
        """Make a database, or refuse with 409."""
        if name in self.databases:
            raise RefusalError(409, "Conflict", f"Database {name} exists.")
        self._apply({"op": "database", "id": name, "number": _new_number(), "ts": int(self.now())})
        return self.databases[name]

    def delete_database(self, name: str) -> None:
        """Delete a database with all it holds."""
        self.database(name)
        self._apply({"op": "drop-database", "id": name})

    def create_container(self, database: str, properties: Mapping[str, Any], throughput: int | None) -> Container:
        """Make a container, or refuse with 409. A name used again gets a new resource id."""
        name = properties["id"]
        if name in self.database(database).containers:
            raise RefusalError(409, "Conflict", f"Container {name} exists in {database}.")
        self._apply(
            {
                "op": "container",
                "number": _new_number(),
                "database": database,
                "properties": dict(properties),
                "throughput": throughput or DEFAULT_THROUGHPUT,
                "ranges": self._ranges,
                "ts": int(self.now()),
            }
        )
        return self.databases[database].containers[name]

    def replace_container(self, database: str, properties: Mapping[str, Any]) -> Container:
        """Change what may be changed of a container: its TTL and its policies."""
        self._apply({"op": "replace-container", "database": database, "properties": dict(properties)})
        return self.container(database, properties["id"])

    def delete_container(self, database: str, name: str) -> None:
        """Delete a container with all it holds."""
        self.container(database, name)
        self._apply({"op": "drop-container", "database": database, "id": name})

    def split(self, container: Container, id: str | None, settling: int) -> None:
        """Split a range of a container in the middle of its keys; the widest one when none is named."""
        named = [one for one in container.ranges if one.id == id]
        if id is not None and not named:
            raise RefusalError(404, "NotFound", f"There is no range {id}.")
        parent = max(named or container.ranges, key=lambda one: epk.width(one.low, one.high))
        cut = epk.middle(parent.low, parent.high)
        change = {"op": "split", "container": container.rid, "range": parent.id, "cut": cut}
        container.split(parent.id, cut, settling)
        self._note(change)

    def keep_all(self, *, on: bool) -> None:
        """Switch continuous backup, and with it the feed of all versions and deletes, on or off."""
        self._apply({"op": "backup", "on": on})

    def sweep(self, container: Container) -> None:
        """Delete what has expired, as the service does in the background."""
        for item in container.expired(self.now()):
            self.drop(container, item, expired=True)

    def put(self, container: Container, document: Mapping[str, Any], ts: int | None = None) -> Item:
        """Write a document; `ts` sets its time of last change, which only imports do."""
        item = container.put(document, int(self.now()) if ts is None else ts)
        self._note({"op": "put", "container": container.rid, "item": orjson.Fragment(item.body)})
        return item

    def restore(self, container: Container, item: Item) -> None:
        """Put an item back with the system properties that it had."""
        container.place(orjson.loads(item.body), item.epk)
        self._note({"op": "put", "container": container.rid, "item": orjson.Fragment(item.body)})

    def drop(self, container: Container, item: Item, *, expired: bool = False) -> None:
        """Delete an item."""
        ts = int(self.now())
        container.drop(item, ts, expired=expired)
        gone = {"key": item.epk, "id": item.id, "ts": ts, "expired": expired}
        self._note({"op": "drop", "container": container.rid, **gone})

    def reset(self) -> None:
        """Forget everything."""
        self._apply({"op": "reset"})

    def _apply(self, change: dict[str, Any]) -> None:
        self._play(change, {})
        self._note(change)

    def _note(self, change: Mapping[str, Any]) -> None:
        if self._log is not None:
            self._log.write(orjson.dumps(change, option=orjson.OPT_APPEND_NEWLINE))

    def _loaded(self, path: Path) -> BinaryIO:
        whole = 0
        by_rid: dict[str, Container] = {}
        if path.exists():
            with path.open("rb") as file:
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._play(orjson.loads(line), by_rid)
                    whole += len(line)
        log = path.open("ab")
        log.truncate(whole)
        return log

    def _play(self, change: Mapping[str, Any], by_rid: dict[str, Container]) -> None:
        match change["op"]:
            case "put":
                container = by_rid[change["container"]]
                container.place(change["item"], epk.of(container.parts_of(change["item"])))
            case "drop":
                container = by_rid[change["container"]]
                item = container.items[change["key"], change["id"]]
                container.drop(item, change.get("ts", 0), expired=change.get("expired", False))
            case "split":
                by_rid[change["container"]].split(change["range"], change["cut"], 0)
            case "database":
                self.databases[change["id"]] = Database(change["id"], rid.database(change["number"]), change["ts"])
            case "container":
                made = self._made_container(change)
                by_rid[made.rid] = made
            case "replace-container":
                self._replace(change)
            case _:
                self._remove(change)

    def _made_container(self, change: Mapping[str, Any]) -> Container:
        database = self.databases[change["database"]]
        name = rid.container(database.rid, change["number"])
        system = {
            "_rid": name,
            "_ts": change["ts"],
            "_self": f"dbs/{database.rid}/colls/{name}/",
            "_etag": f'"{change["number"]:08x}-0000-0000-0000-{change["ts"]:012x}"',
            "_docs": "docs/",
            "_sprocs": "sprocs/",
            "_triggers": "triggers/",
            "_udfs": "udfs/",
            "_conflicts": "conflicts/",
        }
        container = Container(name, {**change["properties"], **system}, change["ranges"])
        container.keep_all(on=self.continuous)
        database.containers[change["properties"]["id"]] = container
        self.throughput[name] = change["throughput"]
        return container

    def _replace(self, change: Mapping[str, Any]) -> None:
        container = self.container(change["database"], change["properties"]["id"])
        kept = {name: value for name, value in container.properties.items() if name.startswith("_")}
        container.properties = {**change["properties"], "partitionKey": container.properties["partitionKey"], **kept}

    def _remove(self, change: Mapping[str, Any]) -> None:
        match change["op"]:
            case "backup":
                self.continuous = change["on"]
                for container in self.containers():
                    container.keep_all(on=self.continuous)
            case "drop-database":
                del self.databases[change["id"]]
            case "drop-container":
                del self.databases[change["database"]].containers[change["id"]]
            case "reset":
                self.databases.clear()
                self.throughput.clear()
                self.continuous = False


def _new_number() -> int:
    """Return a number for a resource id that no earlier database or container of this name had."""
    return secrets.randbits(31)
