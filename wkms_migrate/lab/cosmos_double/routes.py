"""The REST surface: which resource a path means, and what each method does to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from wkms_migrate.lab.cosmos_double import items, rid
from wkms_migrate.lab.cosmos_double.account import Account, Database
from wkms_migrate.lab.cosmos_double.container import Container
from wkms_migrate.lab.cosmos_double.feed import listing
from wkms_migrate.lab.cosmos_double.message import NOT_MODIFIED, RefusalError, Reply, Request

PROGRAMS: Final = {"sprocs": "StoredProcedures", "triggers": "Triggers", "udfs": "UserDefinedFunctions"}
DEFAULT_INDEXING: Final = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}


def answer(request: Request, account: Account) -> Reply:
    """Answer a request on any resource, or raise `RefusalError`."""
    match request.segments:
        case ():
            return _account(request)
        case ("dbs", *rest):
            return _databases(request, account, rest)
        case ("offers", *rest):
            return _offers(request, account, rest)
        case _:
            raise _no_route(request)


def _account(request: Request) -> Reply:
    """Describe the account. It advertises the address that the client used, so it can stand behind a forwarder."""
    place = {"name": "Korea Central", "databaseAccountEndpoint": f"http://{request.headers['host']}/"}
    policy = {"asyncReplication": False, "minReplicaSetSize": 3, "maxReplicasetSize": 4}
    return _json(
        {
            "_self": "",
            "id": "cosmos-double",
            "_rid": "cosmos-double",
            "media": "//media/",
            "addresses": "//addresses/",
            "_dbs": "//dbs/",
            "writableLocations": [place],
            "readableLocations": [place],
            "enableMultipleWriteLocations": False,
            "userReplicationPolicy": policy,
            "systemReplicationPolicy": policy,
            "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
            "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
            "queryEngineConfiguration": "{}",
        }
    )


def _databases(request: Request, account: Account, path: list[str]) -> Reply:
    match request.method, path:
        case "GET", []:
            return listing("Databases", "", map(_database, account.databases.values()))
        case "POST", [] if request.is_true("x-ms-documentdb-isquery"):
            return listing("Databases", "", _named(request, map(_database, account.databases.values())))
        case "POST", []:
            return _json(_database(account.create_database(_named_body(request)["id"])), 201)
        case "GET", [name]:
            return _json(_database(account.database(name)))
        case "DELETE", [name]:
            account.delete_database(name)
            return Reply(status=204)
        case _, [name, "colls", *rest]:
            return _containers(request, account, name, rest)
        case _:
            raise _no_route(request)


def _containers(request: Request, account: Account, database: str, path: list[str]) -> Reply:
    match request.method, path:
        case "GET", []:
            return _container_listing(account.database(database), None)
        case "POST", [] if request.is_true("x-ms-documentdb-isquery"):
            return _container_listing(account.database(database), request)
        case "POST", []:
            throughput = int(request.header("x-ms-offer-throughput") or 0)
            made = account.create_container(database, _properties(request), throughput)
            return _json(made.properties, 201)
        case "GET", [name]:
            return _json(account.container(database, name).properties)
        case "PUT", [name]:
            return _json(account.replace_container(database, {**_named_body(request), "id": name}).properties)
        case "DELETE", [name]:
            account.delete_container(database, name)
            return Reply(status=204)
        case _, [name, kind, *rest]:
            return _inside(request, account, account.container(database, name), [kind, *rest])
        case _:
            raise _no_route(request)


def _inside(request: Request, account: Account, container: Container, path: list[str]) -> Reply:
    intended = request.header("x-ms-cosmos-intended-collection-rid")
    if intended is not None and intended != container.rid:
        raise RefusalError(
            400, "BadRequest", "The container was made anew: its resource id is another.", substatus=1024
        )
    match request.method, path:
        case "GET", ["pkranges"]:
            return _ranges(request, container)
        case "GET", [kind] if kind in PROGRAMS:
            return listing(PROGRAMS[kind], container.rid, container.programs.get(kind, ()))
        case "POST", [kind] if kind in PROGRAMS:
            program = _named_body(request)
            container.programs.setdefault(kind, []).append(program)
            return _json(program, 201)
        case _, ["docs"]:
            return items.answer(request, account, container, None)
        case _, ["docs", name]:
            return items.answer(request, account, container, name)
        case _:
            raise _no_route(request)


def _ranges(request: Request, container: Container) -> Reply:
    """List the partition-key ranges; to whoever has seen them, those that splits have made since, or 304."""
    etag = f'"{container.splits}"'
    seen = (request.header("if-none-match") or "").strip('"')
    since = int(seen) if seen.isdigit() else -1
    if since == container.splits:
        return Reply(status=NOT_MODIFIED, headers={"etag": etag})
    found = [
        {
            "_rid": rid.partition(container.rid, int(one.id)),
            "id": one.id,
            "_etag": f'"{index:08x}-0000-0000-0000-000000000000"',
            "minInclusive": one.low,
            "maxExclusive": one.high,
            "ridPrefix": index,
            "_self": f"dbs/{rid.database_of(container.rid)}/colls/{container.rid}/pkranges/{one.id}/",
            "throughputFraction": 1 / len(container.ranges),
            "status": "online",
            "parents": list(one.parents),
            "_ts": container.properties["_ts"],
            "lsn": one.lsn,
        }
        for index, one in enumerate(container.ranges)
        if one.born > since
    ]
    reply = listing("PartitionKeyRanges", container.rid, found)
    return Reply(body=reply.body, headers={**reply.headers, "etag": etag})


def _offers(request: Request, account: Account, path: list[str]) -> Reply:
    offers = [_offer(account, container) for container in account.containers()]
    match request.method, path:
        case "GET", []:
            return listing("Offers", "", offers)
        case "POST", []:
            wanted = {parameter["value"] for parameter in request.json().get("parameters", ())}
            return listing("Offers", "", [offer for offer in offers if offer["resource"] in wanted])
        case _:
            raise _no_route(request)


def _offer(account: Account, container: Container) -> dict[str, Any]:
    throughput = account.throughput[container.rid]
    return {
        "id": container.rid.lower(),
        "_rid": container.rid.lower(),
        "_self": f"offers/{container.rid.lower()}/",
        "resource": container.properties["_self"],
        "offerResourceId": container.rid,
        "offerType": "Invalid",
        "offerVersion": "V2",
        "content": {"offerThroughput": throughput, "offerIsRUPerMinuteThroughputEnabled": False},
    }


def _properties(request: Request) -> dict[str, Any]:
    """Return the properties of a container to be made, with the service's defaults."""
    body = _named_body(request)
    key = body.get("partitionKey")
    if not isinstance(key, dict) or not key.get("paths"):
        raise RefusalError(400, "BadRequest", "A container needs a partition key.")
    kind = key.get("kind", "Hash")
    if key.get("version") != 2 or kind not in ("Hash", "MultiHash"):  # noqa: PLR2004
        raise RefusalError(400, "BadRequest", "The double hashes by partition key version 2 (Hash, MultiHash) only.")
    if (kind == "Hash") != (len(key["paths"]) == 1):
        raise RefusalError(400, "BadRequest", "Hash takes one path, MultiHash two or three.")
    conflicts = {"mode": "LastWriterWins", "conflictResolutionPath": "/_ts", "conflictResolutionProcedure": ""}
    defaults = {"indexingPolicy": DEFAULT_INDEXING, "conflictResolutionPolicy": conflicts}
    return {**defaults, **body, "partitionKey": {"paths": key["paths"], "kind": kind, "version": 2}}


def _named_body(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict) or not isinstance(body.get("id"), str) or not body["id"]:
        raise RefusalError(400, "BadRequest", "The body must be an object with an id.")
    return body


def _database(database: Database) -> dict[str, Any]:
    return {
        "id": database.id,
        "_rid": database.rid,
        "_self": f"dbs/{database.rid}/",
        "_etag": f'"{database.ts:08x}-0000-0000-0000-000000000000"',
        "_colls": "colls/",
        "_users": "users/",
        "_ts": database.ts,
    }


def _container_listing(database: Database, request: Request | None) -> Reply:
    found = [container.properties for container in database.containers.values()]
    return listing("DocumentCollections", database.rid, found if request is None else _named(request, found))


def _named(request: Request, values: Any) -> list[Mapping[str, Any]]:
    """Answer the one query that the SDK makes on databases and containers: by id."""
    wanted = [parameter["value"] for parameter in request.json().get("parameters", ())]
    return [value for value in values if not wanted or value["id"] in wanted]


def _json(value: Any, status: int = 200) -> Reply:
    headers = {"etag": value["_etag"]} if "_etag" in value else {}
    return Reply(status=status, body=orjson.dumps(value), headers=headers)


def _no_route(request: Request) -> RefusalError:
    path = "/".join(request.segments)
    return RefusalError(405, "MethodNotAllowed", f"The double does not know {request.method} /{path}.")
