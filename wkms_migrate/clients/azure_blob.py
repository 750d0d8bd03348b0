"""Azure Blob Storage, read only: containers, listings, and pinned ranges of blobs."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import msgspec

from wkms_migrate.clients import azure_access, azure_pages
from wkms_migrate.clients.azure_access import AccessList
from wkms_migrate.clients.azure_origin import origin
from wkms_migrate.clients.http_origin import Origin, Request, ServiceError
from wkms_migrate.clients.http_readiness import Ask
from wkms_migrate.clients.structured_body import ASKED, read_body
from wkms_migrate.errors import WkmsError

if TYPE_CHECKING:
    from wkms_migrate.config import Storage

PAGE = "5000"  # the most that the service lists at once
TAGS_REFUSED = frozenset({"AuthorizationPermissionMismatch", "FeatureNotSupported", "InvalidQueryParameterValue"})
HEADER_FIELDS = {
    "Content-Type": "Content-Type",
    "Content-Encoding": "Content-Encoding",
    "Content-Language": "Content-Language",
    "Content-Disposition": "Content-Disposition",
    "Cache-Control": "Cache-Control",
}


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """A blob as the listing shows it. `etag` is without quotes, `content_md5` in base64, `size` in bytes.

    `posix` says that it is of a Data Lake (hierarchical namespace), where it has an owner and an access list.
    """

    name: str
    etag: str
    size: int
    kind: str = "BlockBlob"
    last_modified: str = ""
    content_md5: str = ""
    tier: str = ""
    tier_inferred: bool = False
    tier_changed: str = ""
    archive_status: str = ""
    folder: bool = False
    posix: bool = False
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    snapshot: str = ""
    version: str = ""
    deleted: bool = False

    @property
    def past(self) -> str:
        """When this was the content, for a snapshot or an earlier version; empty for the blob as it is now."""
        return self.snapshot or self.version


class Changed(WkmsError):
    """The blob is not any more what the listing showed."""


class BlobService:
    """One storage account. Every call tries again while the failure may pass."""

    def __init__(self, account: str, origin: Origin, base_path: str) -> None:
        self.account = account
        self.origin = origin
        self._base = base_path.rstrip("/")
        self._without_tags: set[str] = set()

    def containers(self) -> Iterator[str]:
        """Yield the names of all containers, without the service's own (`$logs` and such are not listed)."""
        for page in self._pages("", {"comp": "list", "maxresults": PAGE}):
            yield from (_text(item, "Name") for item in page.iter("Container"))

    def blobs(
        self, container: str, *, prefix: str = "", tags: bool = True, also: tuple[str, ...] = ()
    ) -> Iterator[Blob]:
        """Yield the current blobs of a container; `also` takes the service's words snapshots, versions, deleted.

        With their index tags, unless these credentials may not read them; `lists_tags` says so afterwards.
        """
        for page in self._listing(container, prefix, also, tags=tags and self.lists_tags(container)):
            yield from (_blob(item, versions="versions" in also) for item in page.iter("Blob"))

    def access_lists(self, container: str, prefix: str = "") -> Iterator[AccessList]:
        """Yield owner and access list of each file and folder of a Data Lake."""
        query = {"restype": "container", "comp": "list", "maxresults": PAGE, "include": azure_access.INCLUDE}
        for page in self._pages(container, {**query, "prefix": prefix} if prefix else query):
            yield from map(_access_list, page.iter("Blob"))

    def lists_tags(self, container: str) -> bool:
        """Say whether index tags can be listed, as far as it was tried."""
        return container not in self._without_tags

    def forgo_tags(self, container: str) -> None:
        """Take it as tried, and refused, that index tags are listed."""
        self._without_tags.add(container)

    def find(self, container: str, name: str, *, tags: bool = True) -> Blob | None:
        """Return one blob as it is now, or None when it is gone."""
        first = next(self.blobs(container, prefix=name, tags=tags), None)  # nothing sorts before the prefix itself
        return first if first and first.name == name else None

    def read(
        self, container: str, blob: Blob, into: bytearray | memoryview, offset: int = 0, *, every_page: bool = False
    ) -> int:
        """Fill the buffer from `offset` of exactly this version of the blob; return the content's CRC64.

        Of a page blob only the pages that hold anything are read, unless `every_page` is asked for. Raises `Changed`
        when it was overwritten, deleted or archived since.
        """

        def read(part: bytearray | memoryview, begin: int) -> int:
            request = self._reading(container, blob, begin, len(part))
            return self.origin.stream(request, lambda response: read_body(response, part))

        try:
            if blob.kind != "PageBlob" or every_page or not len(into):
                return read(into, offset)
            path, past = self._place(container, blob)
            written = azure_pages.spans(self.origin, path, past, blob.etag, (offset, offset + len(into)))
            return azure_pages.fill(memoryview(into), offset, written, read)
        except ServiceError as error:
            if error.code in {"ConditionNotMet", "BlobNotFound", "BlobArchived", "InvalidRange"}:
                raise Changed(f"{blob.name!r} was changed while it was read.") from error
            raise

    def asking(self, container: str, blob: Blob) -> Ask:
        """Return what asks for all of exactly this version; the answer is for `structured_body.read_body`."""
        return Ask(self.origin, self._reading(container, blob, 0, blob.size))

    def thaw(self, container: str, name: str, *, tier: str, priority: str) -> None:
        """Ask for an archived blob in an online tier: the one write to the source. Takes hours; see `archive_status`.

        `priority` is Standard or High. A blob that is being rehydrated already stays as it was asked for first.
        """
        headers = {"x-ms-access-tier": tier, "x-ms-rehydrate-priority": priority}
        request = Request(
            method="PUT", path=f"{self._base}/{container}/{name}", query={"comp": "tier"}, headers=headers
        )
        try:
            self.origin.call(request)
        except ServiceError as error:
            if error.code != "BlobBeingRehydrated":
                raise

    def heed(self, throttled: Callable[[], None]) -> None:
        """Call `throttled` from now on whenever the service says that it is busy."""
        self.origin.heed(throttled)

    def close(self) -> None:
        """Close the connections."""
        self.origin.close()

    def _reading(self, container: str, blob: Blob, begin: int, length: int) -> Request:
        path, past = self._place(container, blob)
        headers = {"If-Match": f'"{blob.etag}"', **ASKED}
        if blob.size:
            headers["x-ms-range"] = f"bytes={begin}-{begin + length - 1}"
        return Request(method="GET", path=path, query=past, headers=headers)

    def _place(self, container: str, blob: Blob) -> tuple[str, Mapping[str, str]]:
        """Return path and query of a blob, or of its snapshot or version."""
        past = {"snapshot": blob.snapshot} if blob.snapshot else {"versionid": blob.version} if blob.version else {}
        return f"{self._base}/{container}/{blob.name}", past

    def _listing(self, container: str, prefix: str, also: tuple[str, ...], *, tags: bool) -> Iterator[ET.Element]:
        include = ",".join(("metadata", *(("tags",) if tags else ()), *also))
        query = {"restype": "container", "comp": "list", "maxresults": PAGE, "include": include}
        pages = self._pages(container, {**query, "prefix": prefix} if prefix else query)
        try:
            yield next(pages)
        except ServiceError as error:
            if not tags or error.code not in TAGS_REFUSED:
                raise
            self._without_tags.add(container)
            pages = self._listing(container, prefix, also, tags=False)
        yield from pages

    def _pages(self, container: str, query: Mapping[str, str]) -> Iterator[ET.Element]:
        marker = ""
        while True:
            asked = {**query, "marker": marker} if marker else query
            answer = self.origin.call(Request(method="GET", path=f"{self._base}/{container}", query=asked))
            page = ET.fromstring(answer.body)  # noqa: S314 - the answer of the signed-in service
            yield page
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return


def connect(storage: Storage, stop: threading.Event | None = None) -> BlobService:
    """Return the account of the configuration. `stop` ends a wait between tries."""
    endpoint = storage.blob_endpoint or f"https://{storage.account}.blob.core.windows.net"
    service = origin(storage, "Azure Blob Storage", endpoint, stop)
    return BlobService(storage.account, service, urllib.parse.urlsplit(endpoint).path)


def _blob(item: ET.Element, *, versions: bool) -> Blob:
    """Read a blob in one pass: a listing is read for every blob, several times in a run."""
    parts = {part.tag: part for part in item}
    facts = {child.tag: child.text or "" for child in parts["Properties"]}
    metadata = {child.tag: child.text or "" for child in parts.get("Metadata", ())}
    own = {tag: part.text or "" for tag, part in parts.items()}
    past = versions and own.get("IsCurrentVersion", "").lower() != "true"
    return Blob(
        name=_name(parts["Name"]),
        etag=facts.get("Etag", "").strip('"'),
        size=int(facts.get("Content-Length") or 0),
        kind=facts.get("BlobType", "BlockBlob"),
        last_modified=facts.get("Last-Modified", ""),
        content_md5=facts.get("Content-MD5", ""),
        tier=facts.get("AccessTier", ""),
        tier_inferred=facts.get("AccessTierInferred", "").lower() == "true",
        tier_changed=facts.get("AccessTierChangeTime", ""),
        archive_status=facts.get("ArchiveStatus", ""),
        folder=facts.get("ResourceType") == "directory" or metadata.get("hdi_isfolder", "").lower() == "true",
        posix="ResourceType" in facts,
        headers={name: facts[tag] for tag, name in HEADER_FIELDS.items() if facts.get(tag)},
        metadata=metadata,
        tags={_text(tag, "Key"): _text(tag, "Value") for tag in parts["Tags"].iter("Tag")} if "Tags" in parts else {},
        snapshot=own.get("Snapshot", ""),
        version=own.get("VersionId", "") if past else "",
        deleted=own.get("Deleted", "").lower() == "true",
    )


def _access_list(item: ET.Element) -> AccessList:
    parts = {part.tag: part for part in item}
    return azure_access.access_list(_name(parts["Name"]), parts["Properties"])


def _name(name: ET.Element) -> str:
    """Return the name; the service percent-encodes names that XML cannot hold, and says so."""
    text = name.text or ""
    return urllib.parse.unquote(text) if name.get("Encoded") == "true" else text


def _text(item: ET.Element, tag: str) -> str:
    return item.findtext(tag) or ""
