"""What the blob store holds: the documents' files with everything Azure keeps about them, and the odd ones."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from wkms_migrate.lab.seed import files
from wkms_migrate.lab.seed.draw import Draw
from wkms_migrate.lab.seed.library import ATTACHMENTS, DOCUMENTS, Document, documents
from wkms_migrate.lab.seed.people import departments
from wkms_migrate.lab.seed.scale import SEED, Scale

Kind = Literal["BlockBlob", "AppendBlob", "PageBlob"]
ARCHIVED = (101, 102)
LONG_METADATA = 103
COOL_SHARE, COLD_SHARE, TAG_SHARE = 0.10, 0.03, 0.33
PAGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One blob as it is uploaded. `headers` are content headers by the names of Azure's SDK; `tier` None: inferred."""

    container: str
    name: str
    content: bytes
    kind: Kind = "BlockBlob"
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    tier: str | None = None


def blobs(scale: Scale) -> Iterator[Blob]:
    """Yield every blob of the source."""
    for document in documents(scale):
        yield _blob(document)
    yield from _oddities()


def _blob(document: Document) -> Blob:
    draw = document.draw("properties")
    return Blob(
        container=document.container,
        name=document.blob_name,
        content=document.content(),
        headers=_headers(document, draw),
        metadata=_metadata(document),
        tags=_tags(document) if draw.chance(TAG_SHARE) else {},
        tier=_tier(document, draw),
    )


def _headers(document: Document, draw: Draw) -> dict[str, str]:
    headers = {"content_type": files.CONTENT_TYPES[document.extension], "content_language": "ko"}
    if draw.chance(0.3):
        headers["content_disposition"] = f"attachment; filename*=UTF-8''{quote(document.title, safe='')}"
    if draw.chance(0.2):
        headers["cache_control"] = "private, max-age=3600"
    return headers


def _metadata(document: Document) -> dict[str, str]:
    """Azure takes ASCII only: applications encode Korean by percent signs or as MIME words, ours does both."""
    metadata = {
        "document_id": str(document.number),
        "owner_id": str(document.owner_id),
        "title_percent": quote(document.title, safe=""),
        "Source_System": "wkms",
    }
    if document.number % 3 == 0:
        metadata["department_mime"] = f"=?UTF-8?B?{b64encode(document.topic.department.encode()).decode()}?="
    if document.number == LONG_METADATA:
        metadata["summary_percent"] = quote(document.chunks()[0], safe="")[:3_000]
    return metadata


def _tags(document: Document) -> dict[str, str]:
    return {
        "department": departments()[document.department_id].name_en,
        "year": str(document.created_at.year),
        "retention": "5 years" if document.number % 2 else "permanent",
    }


def _tier(document: Document, draw: Draw) -> str | None:
    share = draw.unit()
    if document.number in ARCHIVED:
        return "Archive"
    if share < COOL_SHARE:
        return "Cool"
    return "Cold" if share < COOL_SHARE + COLD_SHARE else None


def _oddities() -> Iterator[Blob]:
    report = '{"기간": "2026-06", "질문": 21874, "만족도": 4.10}\n' * 200
    json_type = files.CONTENT_TYPES["json"]
    yield Blob(
        container=DOCUMENTS,
        name="보고/챗봇 이용 통계 2026-06.json",
        content=files.gzipped(report.encode()),
        headers={"content_type": json_type, "content_encoding": "gzip", "content_language": "ko-KR"},
    )
    yield Blob(container=DOCUMENTS, name="보관함", content=b"", metadata={"hdi_isfolder": "true"})
    # 360 characters are a legal name on Azure; their 1,080 bytes of UTF-8 are too long for S3.
    yield Blob(container=ATTACHMENTS, name="긴이름" * 119 + ".md", content="이름이 깁니다.\n".encode())
    log = "".join(f"2026-06-30T09:{minute:02d}:00Z 첨부 업로드 완료\n" for minute in range(60))
    yield Blob(container=ATTACHMENTS, name="logs/upload.log", content=log.encode(), kind="AppendBlob")
    disk = Draw(SEED, "page blob").bytes(4_096).ljust(PAGE_BYTES, b"\x00")
    yield Blob(container=ATTACHMENTS, name="images/template.vhd", content=disk, kind="PageBlob")
