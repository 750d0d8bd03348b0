"""ListObjectVersions: every version of every key, the newest first, and the marker of a key that was deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from doubles.strict_s3.answers import document

if TYPE_CHECKING:
    from doubles.strict_s3.server import Handler
    from doubles.strict_s3.store import Bucket, Object

MARKER = "deleted"  # the version id of every delete marker


def list_versions(handler: Handler, bucket: str, _: str, __: bytes) -> None:
    query = handler.query
    prefix, most = query.get("prefix", ""), int(query.get("max-keys", "1000"))
    after = query.get("key-marker", ""), query.get("version-id-marker", "")
    every = [one for one in _entries(handler.server.double.store.bucket(bucket)) if one[0].startswith(prefix)]
    ids = [(key, item.version if item else MARKER) for key, item, _ in every]
    begin = ids.index(after) + 1 if after in ids else 0
    page, more = every[begin : begin + most], len(every) > begin + most
    text = "<EncodingType>url</EncodingType>" if query.get("encoding-type") else ""
    text += "".join(_entry(handler, *one) for one in page)
    if more:
        key, version = ids[begin + most - 1]
        text += f"<NextKeyMarker>{handler.named(key)}</NextKeyMarker>"
        text += f"<NextVersionIdMarker>{version}</NextVersionIdMarker>"
    handler.answer(200, document("ListVersionsResult", f"<IsTruncated>{str(more).lower()}</IsTruncated>{text}"))


def _entries(place: Bucket) -> Iterator[tuple[str, Object | None, bool]]:
    """Yield key, object (None for a delete marker) and whether it is the latest."""
    for key in sorted({*place.objects, *place.versions}, key=str.encode):
        current = place.objects.get(key)
        yield key, current, True
        for item in reversed(place.versions.get(key, [])):
            yield key, item, False


def _entry(handler: Handler, key: str, item: Object | None, latest: bool) -> str:
    kind = "Version" if item else "DeleteMarker"
    facts = f"<ETag>&quot;{escape(item.etag)}&quot;</ETag><Size>{len(item.data)}</Size>" if item else ""
    version = item.version if item else MARKER
    return (
        f"<{kind}><Key>{handler.named(key)}</Key><VersionId>{version}</VersionId>"
        f"<IsLatest>{str(latest).lower()}</IsLatest>{facts}</{kind}>"
    )
