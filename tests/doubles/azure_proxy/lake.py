"""A hierarchical namespace, which Azurite does not have: listings that show what is a file, and whose it is."""

from __future__ import annotations

import urllib.parse
from xml.etree import ElementTree as ET


class Lake:
    """What a test has given an owner: by name of the blob, the values of Owner, Group, Permissions and Acl."""

    def __init__(self) -> None:
        self._owned: dict[str, tuple[str, str, str, str]] = {}

    def own(self, name: str, owner: str, group: str, permissions: str, acl: str) -> None:
        """Show the blob as one of a Data Lake from now on."""
        self._owned[name] = (owner, group, permissions, acl)

    def shown(self, target: str, listing: bytes) -> bytes:
        """Return a listing as an account with a hierarchical namespace gives it."""
        if not self._owned:
            return listing
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
        document = ET.fromstring(listing)
        for blob in document.iter("Blob"):
            self._show(blob, whose="permissions" in query.get("include", "").split(","))
        return ET.tostring(document, "utf-8")

    def _show(self, blob: ET.Element, *, whose: bool) -> None:
        facts = self._owned.get(blob.findtext("Name") or "")
        properties = blob.find("Properties")
        if facts is None or properties is None:
            return
        folder = blob.find("Metadata/hdi_isfolder") is not None
        ET.SubElement(properties, "ResourceType").text = "directory" if folder else "file"
        if whose:
            for tag, value in zip(("Owner", "Group", "Permissions", "Acl"), facts, strict=True):
                ET.SubElement(properties, tag).text = value
