"""Reads schema.sql as the statements of a client session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA_FILE = Path(__file__).with_name("schema.sql")


def statements(text: str) -> Iterator[str]:
    """Yield each statement of an SQL script, without its delimiter.

    Knows what `schema.sql` uses: `--` comment lines, `DELIMITER x` lines, and delimiters that end a line.
    """
    delimiter = ";"
    lines: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("DELIMITER "):
            delimiter = stripped.removeprefix("DELIMITER ")
        elif stripped.endswith(delimiter):
            lines.append(line.rstrip().removesuffix(delimiter))
            yield "\n".join(lines).strip()
            lines.clear()
        elif stripped and not stripped.startswith("--"):
            lines.append(line)
    if lines:
        message = f"the script ends inside a statement: {lines[0]}"
        raise ValueError(message)


def schema_statements() -> list[str]:
    """Return the statements of the bundled `schema.sql`."""
    return list(statements(SCHEMA_FILE.read_text(encoding="utf-8")))
