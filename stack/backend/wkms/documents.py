"""Documents: found by title in MySQL, read from S3."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from botocore.exceptions import ClientError
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import StreamingResponse

from wkms import backends
from wkms.cache import kept

router = APIRouter(prefix="/api/v1/documents")

LIST_SECONDS = 10
CHUNK = 256 * 1024
_LIST = """
SELECT d.id, d.title, d.category, p.name AS department, u.name AS owner, d.size_bytes, d.blob_container,
       d.blob_name, d.created_at, d.updated_at
  FROM documents d JOIN departments p ON p.id = d.department_id JOIN users u ON u.id = d.owner_id
 WHERE d.id > %s AND d.title LIKE %s ESCAPE '|'
 ORDER BY d.id LIMIT %s
"""


@router.get("")
async def find(
    request: Request,
    query: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """List documents whose title holds `query`, by id; `next` is the `after` of the following page, or null."""
    held = backends.of(request)

    async def read() -> dict[str, Any]:
        rows = await held.rows(_LIST, after, f"%{_literal(query)}%", limit + 1)
        page = [_plain(row) for row in rows[:limit]]
        return {"items": page, "next": page[-1]["id"] if len(rows) > limit else None}

    answer: dict[str, Any] = await kept(request, f"documents:{after}:{limit}:{query}", LIST_SECONDS, read)
    return answer


@router.get("/{document_id}/content")
async def content(request: Request, document_id: int) -> StreamingResponse:
    """Stream a document as it lies in S3."""
    held = backends.of(request)
    rows = await held.rows("SELECT blob_container, blob_name FROM documents WHERE id = %s", document_id)
    bucket = held.settings.buckets.get(rows[0]["blob_container"]) if rows else None
    if bucket is None:
        raise HTTPException(404, "There is no such document.")
    name = rows[0]["blob_name"]
    try:
        found = await held.blocking(held.s3.get_object, Bucket=bucket, Key=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchBucket"}:
            raise HTTPException(404, "The content of this document is not in the store.") from error
        raise
    headers = {
        "Content-Length": str(found["ContentLength"]),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name.rpartition('/')[2], safe='')}",
    }
    return StreamingResponse(_chunks(held, found["Body"]), media_type="application/octet-stream", headers=headers)


async def _chunks(held: backends.Backends, body: Any) -> AsyncIterator[bytes]:
    try:
        while chunk := await held.blocking(body.read, CHUNK):
            yield chunk
    finally:
        body.close()


def _literal(text: str) -> str:
    """Return the text for LIKE, where it stands for itself."""
    for special in "|%_":
        text = text.replace(special, f"|{special}")
    return text


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
