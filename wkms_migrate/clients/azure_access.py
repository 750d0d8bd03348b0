"""Owners and access lists of a Data Lake, as List Blobs shows them on accounts with a hierarchical namespace.

Source: https://learn.microsoft.com/rest/api/storageservices/list-blobs (`include=permissions`, since 2020-06-12).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

INCLUDE = "permissions"


class AccessList(NamedTuple):
    """Who may do what with a file or folder: ids of owner and group, `rwxr-x---`, and POSIX entries with commas."""

    name: str
    owner: str
    group: str
    permissions: str
    acl: str


def access_list(name: str, properties: ET.Element) -> AccessList:
    """Return what the properties of a listed blob say."""
    facts = {child.tag: child.text or "" for child in properties}
    return AccessList(name, *(facts.get(tag, "") for tag in ("Owner", "Group", "Permissions", "Acl")))
