"""Conversations with the chat bot: who held one is in MySQL, what was said is in DynamoDB."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from boto3.dynamodb.types import TypeDeserializer
from fastapi import APIRouter, HTTPException, Query, Request

from wkms import backends

router = APIRouter(prefix="/api/v1/chat")

_OWNER = "SELECT user_id, title FROM chat_sessions WHERE id = %s"


@router.get("/sessions/{session_id}")
async def history(
    request: Request, session_id: UUID, limit: Annotated[int, Query(ge=1, le=200)] = 100
) -> dict[str, Any]:
    """Return what was said in a session, in the order of its keys."""
    held = backends.of(request)
    rows = await held.rows(_OWNER, str(session_id))
    if not rows:
        raise HTTPException(404, "There is no such session.")
    found = await held.blocking(
        held.dynamodb.query,
        TableName=held.settings.tables["chat"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": partition(str(rows[0]["user_id"]), str(session_id))}},
        Limit=limit,
    )
    return {
        "session_id": str(session_id),
        "title": rows[0]["title"],
        "messages": [_plain(item) for item in found["Items"]],
    }


def partition(*parts: str) -> str:
    """Return the partition key that the migration made of a hierarchical one: each part escaped, joined by `#`."""
    return "#".join(part.replace("%", "%25").replace("#", "%23") for part in parts)


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    read = TypeDeserializer().deserialize
    return {name: _json(read(value)) for name, value in item.items() if name not in {"pk", "sk"}}


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    return value
