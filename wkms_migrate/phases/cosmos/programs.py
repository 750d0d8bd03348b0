"""Stored procedures, triggers and functions: they do not move, so each is told what takes its place."""

from __future__ import annotations

from typing import Final

from wkms_migrate.clients.cosmos_lookup import Script

_REFUSES: Final = ("throw", "abort(")
_DELETES: Final = ("deleteDocument",)
_WRITES: Final = ("createDocument", "upsertDocument", "replaceDocument", "patchDocument")


def purpose(script: Script) -> str:
    """Return what a program seems to be for, by what it calls."""
    match script.kind, script.when:
        case "trigger", "Pre":
            return "validation" if _calls(script, _REFUSES) else "defaults"
        case "trigger", _:
            return "follow-up"
        case "function", _:
            return "computation"
    if _calls(script, _DELETES):
        return "bulk delete"
    return "transaction" if _calls(script, _WRITES) else "query"


def counterpart(script: Script) -> str:
    """Return what takes a program's place on the target."""
    return _COUNTERPARTS[purpose(script)]


def _calls(script: Script, words: tuple[str, ...]) -> bool:
    return any(word in script.body for word in words)


_COUNTERPARTS: Final = {
    "validation": "a condition expression on the write, or a check in the application",
    "defaults": "the application sets them before it writes",
    "follow-up": "DynamoDB Streams and a function that reads them",
    "computation": "the application computes it, or keeps it as an attribute",
    "bulk delete": "time to live, or BatchWriteItem in the application",
    "transaction": "TransactWriteItems, at most 100 items, in any partition",
    "query": "Query in the application",
}
