"""Earlier versions and soft-deleted blobs, which Azurite does not have: snapshots of it, shown as Azure shows them."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from email.message import Message
from xml.etree import ElementTree as ET

from wkms_migrate.clients.http_origin import Origin, Request
from wkms_migrate.clients.shared_key import shared_key

NOT_SIGNED = {"authorization", "host", "content-length", "x-ms-date", "connection"}

PROXIED = {"versions", "deleted", "permissions"}  # words that Azurite does not know, or takes otherwise


class Versions:
    """What a test has made a version or deleted. `blob` is container/name everywhere."""

    def __init__(self, upstream: str, key: str) -> None:
        self._base = urllib.parse.urlsplit(upstream).path
        self._sign = shared_key(self._base.strip("/"), key) if key else None
        self._origin = Origin("Azurite", upstream, self._sign) if self._sign else None
        self._kept: dict[str, list[str]] = {}
        self._gone: set[str] = set()
        self._soft: set[str] = set()

    def keep(self, blob: str) -> str:
        """Make what the blob is now an earlier version; return its id. The test then writes the current one."""
        assert self._origin, "the proxy needs the account's key to keep versions"
        answer = self._origin.call(Request(method="PUT", path=f"{self._base}/{blob}", query={"comp": "snapshot"}))
        self._kept.setdefault(blob, []).append(answer.headers["x-ms-snapshot"])
        return self._kept[blob][-1]

    def delete(self, blob: str) -> str:
        """Delete the blob as an account with versions does: its content is an earlier version from now on."""
        self._gone.add(blob)
        return self.keep(blob)

    def soft_delete(self, blob: str) -> None:
        """Delete the blob as an account with soft deletion does: shown only to those who ask for deleted ones."""
        self._gone.add(blob)
        self._soft.add(blob)

    def close(self) -> None:
        """Close the connections."""
        if self._origin:
            self._origin.close()

    def is_gone(self, target: str) -> bool:
        """Say whether this asks for a deleted blob as it is now."""
        path, _, query = target.partition("?")
        asks_for_past = "versionid=" in query or "snapshot=" in query
        return self._blob(path) in self._gone and not asks_for_past

    def rewritten(self, method: str, target: str, headers: Message) -> tuple[str, Mapping[str, str]] | None:
        """Return the request as Azurite understands it, signed anew; None when it is the same."""
        path, _, query = target.partition("?")
        fields = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        words = fields.get("include", "").split(",")
        if not self._sign or not ("versionid" in fields or PROXIED & set(words)):
            return None
        if version := fields.pop("versionid", ""):
            fields["snapshot"] = version
        if fields.get("comp") == "list":
            past = {"snapshots"} if {"versions", "deleted", "snapshots"} & set(words) else set()
            fields["include"] = ",".join(sorted({*words} - PROXIED | past)) or "metadata"
        own = {name: value for name, value in headers.items() if name.lower() not in NOT_SIGNED}
        request = Request(method=method, path=urllib.parse.unquote(path), query=fields, headers=own)
        return f"{path}?{urllib.parse.urlencode(fields, quote_via=urllib.parse.quote)}", self._sign(request)

    def shown(self, target: str, listing: bytes) -> bytes:
        """Return a listing with versions and deleted blobs as they were asked for."""
        if not (self._kept or self._gone):
            return listing
        path, _, query = target.partition("?")
        asked = dict(urllib.parse.parse_qsl(query)).get("include", "").split(",")
        document = ET.fromstring(listing)
        blobs = document.find("Blobs")
        for blob in list(blobs if blobs is not None else ()):
            name = f"{self._blob(path)}/{blob.findtext('Name')}"
            if not self._show(blob, name, asked):
                blobs.remove(blob)
        return ET.tostring(document, "utf-8")

    def _show(self, blob: ET.Element, name: str, asked: list[str]) -> bool:
        snapshot = blob.find("Snapshot")
        if snapshot is not None and snapshot.text in self._kept.get(name, ()):
            snapshot.tag = "VersionId"
            return "versions" in asked
        if snapshot is not None:
            return "snapshots" in asked
        if name in self._gone:
            ET.SubElement(blob, "Deleted").text = "true"
            return name in self._soft and "deleted" in asked
        if "versions" in asked:
            ET.SubElement(blob, "VersionId").text = "9999-12-31T00:00:00.0000000Z"
            ET.SubElement(blob, "IsCurrentVersion").text = "true"
        return True

    def _blob(self, path: str) -> str:
        return urllib.parse.unquote(path).removeprefix(f"{self._base}/")
