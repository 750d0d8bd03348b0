"""Globs on blob names: `*` and `?` stay within a folder, `**` crosses folders, `[…]` is one of these characters."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)
_MEANS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def pattern(glob: str) -> re.Pattern[str]:
    """Return what matches whole names. `**/*.pdf` also takes a PDF that is in no folder."""
    return re.compile("".join(_one(token) for token in _TOKEN.findall(glob)), re.DOTALL)


def _one(token: str) -> str:
    if token in _MEANS:
        return _MEANS[token]
    if token.startswith("[") and len(token) > 1:
        inner = token[1:-1].replace("\\", r"\\").replace("[", r"\[")
        return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(token)
