"""Requests on items: point operations, transactional batches, queries and feeds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from wkms_migrate.lab.cosmos_double import epk, feed, sql
from wkms_migrate.lab.cosmos_double.account import Account
from wkms_migrate.lab.cosmos_double.container import Container, Item, Parts, check_document, check_parts
from wkms_migrate.lab.cosmos_double.message import RefusalError, Reply, Request

MAX_BATCH: Final = 100
MAX_BATCH_BYTES: Final = 2 * 1024 * 1024
FAILED_DEPENDENCY: Final = 424
CREATED: Final = 201


def answer(request: Request, account: Account, container: Container, name: str | None) -> Reply:
    """Answer a request on a container's items (`name` None) or on one of them, by its id or resource id."""
    name = None if name is None else container.named(name)
    match request.method, name:
        case "GET", None:
            return _read_feed(request, account, container)
        case "POST", None:
            return _post(request, account, container)
        case "GET", str():
            item = _found(account, container, _required(request, container), name)
            return _one(container, item, 200, charge=1.0)
        case "PUT", str():
            return _replace(request, account, container, name)
        case "DELETE", str():
            item = _found(account, container, _required(request, container), name)
            _check_match(item, request.header("if-match"))
            account.drop(container, item)
            return Reply(status=204, charge=5.0)
        case _:
            raise RefusalError(405, "MethodNotAllowed", f"The double does not know {request.method} on items.")


def parts_of(request: Request, container: Container) -> Parts | None:
    """Return the partition key that a request names: all levels or a prefix of them; None when it names none."""
    text = request.header("x-ms-documentdb-partitionkey")
    if text is None:
        return None
    try:
        values = orjson.loads(text.replace("'", '"'))
    except orjson.JSONDecodeError as error:
        raise RefusalError(400, "BadRequest", f"{text} is no partition key.") from error
    if not isinstance(values, list) or len(values) > len(container.paths):
        raise RefusalError(400, "BadRequest", f"{text} does not fit the container's partition key.")
    return tuple(epk.UNDEFINED if value == {} else value for value in values)


def _read_feed(request: Request, account: Account, container: Container) -> Reply:
    scope = feed.scope_of(request, container, parts_of(request, container))
    incremental = (request.header("a-im") or "").lower()
    if not incremental:
        return feed.query(request, container, scope, feed.WHOLE, account.now())
    if incremental == "full-fidelity feed":
        account.sweep(container)
        return feed.all_changes(request, container, scope)
    return feed.changes(request, container, scope, account.now())


def _post(request: Request, account: Account, container: Container) -> Reply:
    if request.is_true("x-ms-cosmos-is-query-plan-request"):
        return _plan(request)
    if request.is_true("x-ms-cosmos-is-batch-request"):
        return _batch(request, account, container)
    if request.is_true("x-ms-documentdb-isquery"):
        return _query(request, account, container)
    document = check_document(request.json(), len(request.body))
    parts = _required(request, container)
    how = "Upsert" if request.is_true("x-ms-documentdb-is-upsert") else "Create"
    status, item = _write(account, container, {"operationType": how, "resourceBody": document}, parts)
    return _one(container, item, status, charge=_write_charge(item))


def _query(request: Request, account: Account, container: Container) -> Reply:
    body = request.json()
    parameters = {one["name"]: one["value"] for one in body.get("parameters") or ()}
    asked = sql.parse(body["query"], parameters)
    parts = parts_of(request, container)
    everywhere = parts is None and request.header("x-ms-documentdb-partitionkeyrangeid") is None
    if everywhere and not request.is_true("x-ms-documentdb-query-enablecrosspartition"):
        raise RefusalError(400, "BadRequest", "Cross partition query is required but disabled.")
    if everywhere and asked.count and len(container.ranges) > 1:
        raise RefusalError(
            400, "BadRequest", "An aggregate over several ranges is put together by the client.", substatus=1004
        )
    return feed.query(request, container, feed.scope_of(request, container, parts), asked, account.now())


def _plan(request: Request) -> Reply:
    """Tell the client how to put a query over several ranges together: a count is asked of each range and added up."""
    text = request.json()["query"]
    asked = sql.parse(text, dict.fromkeys(re.findall(r"@\w+", text)))
    info = {
        "distinctType": "None",
        "orderBy": [],
        "orderByExpressions": [],
        "groupByExpressions": [],
        "groupByAliases": [],
        "groupByAliasToAggregateType": {},
        "aggregates": ["Count"] if asked.count else [],
        "rewrittenQuery": sql.partial_of(text) if asked.count else "",
        "hasSelectValue": asked.value or asked.count,
        "hasNonStreamingOrderBy": False,
    }
    everything = {"min": epk.MIN, "max": epk.MAX, "isMinInclusive": True, "isMaxInclusive": False}
    plan = {"partitionedQueryExecutionInfoVersion": 2, "queryInfo": info, "queryRanges": [everything]}
    return Reply(body=orjson.dumps(plan))


def _replace(request: Request, account: Account, container: Container, name: str) -> Reply:
    document = check_document(request.json(), len(request.body))
    operation = {
        "operationType": "Replace",
        "id": name,
        "resourceBody": document,
        "ifMatch": request.header("if-match"),
    }
    status, item = _write(account, container, operation, _required(request, container))
    return _one(container, item, status, charge=_write_charge(item))


def _write(account: Account, container: Container, operation: Mapping[str, Any], parts: Parts) -> tuple[int, Item]:
    """Create, upsert or replace; return the status and the item as it is now."""
    document = operation["resourceBody"]
    if container.parts_of(document) != parts:
        raise RefusalError(
            400, "BadRequest", "The partition key of the request is not the one of the item.", substatus=1001
        )
    check_parts(parts)
    known = container.find(parts, document["id"], account.now())
    match operation["operationType"]:
        case "Create" if known is not None:
            raise RefusalError(409, "Conflict", f"There is an item {document['id']} with this partition key.")
        case "Replace":
            if known is None or document["id"] != operation["id"]:
                raise RefusalError(404, "NotFound", f"There is no item {operation['id']} with this partition key.")
            _check_match(known, operation.get("ifMatch"))
    return 200 if known is not None else CREATED, account.put(container, document)


def _batch(request: Request, account: Account, container: Container) -> Reply:
    """Run a transactional batch: all operations on one partition key happen, or none."""
    operations = request.json()
    parts = _required(request, container)
    if not isinstance(operations, list) or not 0 < len(operations) <= MAX_BATCH:
        raise RefusalError(400, "BadRequest", f"A batch holds 1 to {MAX_BATCH} operations.")
    if len(request.body) > MAX_BATCH_BYTES:
        raise RefusalError(413, "RequestEntityTooLarge", "A batch holds at most 2 MB.")
    before: dict[str, Item | None] = {}
    results: list[dict[str, Any]] = []
    for operation in operations:
        try:
            results.append(_operate(account, container, operation, parts, before))
        except RefusalError as refusal:
            _undo(account, container, parts, before)
            failed = [{"statusCode": FAILED_DEPENDENCY, "requestCharge": 0.0} for _ in operations]
            failed[len(results)] = {"statusCode": refusal.status, "requestCharge": 1.0}
            return Reply(status=207, body=orjson.dumps(failed))
    charge = sum(result["requestCharge"] for result in results)
    return Reply(body=orjson.dumps(results), charge=round(charge, 2))


def _operate(
    account: Account,
    container: Container,
    operation: Mapping[str, Any],
    parts: Parts,
    before: dict[str, Item | None],
) -> dict[str, Any]:
    """Do one operation of a batch; `before` keeps what each item was when the batch began."""
    kind = operation.get("operationType")
    if kind in ("Create", "Upsert", "Replace"):
        document = check_document(operation.get("resourceBody"), len(orjson.dumps(operation.get("resourceBody"))))
        before.setdefault(document["id"], container.find(parts, document["id"], account.now()))
        status, item = _write(account, container, operation, parts)
        return _outcome(item, status, _write_charge(item))
    if kind not in ("Read", "Delete"):
        raise RefusalError(400, "BadRequest", f"The double does not know the batch operation {kind}.")
    item = _found(account, container, parts, operation["id"])
    if kind == "Read":
        return _outcome(item, 200, 1.0)
    _check_match(item, operation.get("ifMatch"))
    before.setdefault(item.id, item)
    account.drop(container, item)
    return {"statusCode": 204, "requestCharge": 5.0}


def _undo(account: Account, container: Container, parts: Parts, before: Mapping[str, Item | None]) -> None:
    """Bring the items of a failed batch back as they were."""
    for name, item in before.items():
        now = container.find(parts, name, account.now())
        if now is not None and now is not item:
            account.drop(container, now)
        if item is not None and now is not item:
            account.restore(container, item)


def _outcome(item: Item, status: int, charge: float) -> dict[str, Any]:
    body = orjson.Fragment(item.body)
    return {"statusCode": status, "requestCharge": charge, "eTag": item.etag, "resourceBody": body}


def _required(request: Request, container: Container) -> Parts:
    parts = parts_of(request, container)
    if parts is None or len(parts) != len(container.paths):
        raise RefusalError(400, "BadRequest", "The request must name the whole partition key.")
    return parts


def _found(account: Account, container: Container, parts: Parts, id: str) -> Item:
    item = container.find(parts, id, account.now())
    if item is None:
        raise RefusalError(404, "NotFound", f"There is no item {id} with this partition key.")
    return item


def _check_match(item: Item, wanted: str | None) -> None:
    if wanted is not None and wanted not in ("*", item.etag):
        raise RefusalError(412, "PreconditionFailed", "The item was changed since: its ETag is another.")


def _one(container: Container, item: Item, status: int, *, charge: float) -> Reply:
    home = container.range_of(item.epk)
    headers = {"etag": item.etag, "lsn": str(item.lsn), "x-ms-session-token": f"{home.id}:-1#{home.lsn}"}
    return Reply(status=status, body=item.body, charge=charge, headers=headers)


def _write_charge(item: Item) -> float:
    """About what a write costs on the service with default indexing: five units, and five more per KB."""
    return round(5.0 + 5.0 * (len(item.body) // 1024), 2)
