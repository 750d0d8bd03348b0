"""What the cosmos commands look up beside the change feed: items by id, and the programs kept in a container."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from wkms_migrate import retry
from wkms_migrate.clients.azure_cosmos import Database, decoded, told

Kind: TypeAlias = Literal["stored procedure", "trigger", "function"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A program kept in a container. `when` and `on` are of a trigger: Pre or Post, and the operation."""

    kind: Kind
    name: str
    body: str
    when: str = ""
    on: str = ""


def items(database: Database, container: str, id: str) -> list[dict[str, Any]]:
    """Return the items with this id, one per partition key that has it, with their numbers as they were sent."""
    proxy = database.container(container)
    bodies: list[bytes] = []

    def ask() -> None:
        bodies.clear()
        with told(container):
            answers = proxy.query_items(
                "SELECT * FROM c WHERE c.id = @id",
                parameters=[{"name": "@id", "value": id}],
                enable_cross_partition_query=True,
                raw_response_hook=lambda one: bodies.append(one.http_response.body()),
            )
            for _ in answers:
                pass

    retry.call(ask)
    return [item for body in bodies if b'"Documents"' in body for item in decoded(body)]


def scripts(database: Database, container: str) -> list[Script]:
    """Return the stored procedures, triggers and user-defined functions of a container."""
    kept = database.container(container).scripts

    def listed(ask: Callable[[], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
        def asked() -> list[dict[str, Any]]:
            with told(container):
                return list(ask())

        return retry.call(asked)

    procedures = [
        Script(kind="stored procedure", name=one["id"], body=one.get("body", ""))
        for one in listed(kept.list_stored_procedures)
    ]
    triggers = [
        Script(
            kind="trigger",
            name=one["id"],
            body=one.get("body", ""),
            when=one.get("triggerType", ""),
            on=one.get("triggerOperation", ""),
        )
        for one in listed(kept.list_triggers)
    ]
    functions = [
        Script(kind="function", name=one["id"], body=one.get("body", ""))
        for one in listed(kept.list_user_defined_functions)
    ]
    return [*procedures, *triggers, *functions]
