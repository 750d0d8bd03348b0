"""The body of a stored object, out of what SHOW CREATE shows.

The dictionary has bodies too, but not as they were written: MySQL undoes what is escaped in strings and garbles names
with a backtick in them, both servers drop introducers, and what utf8mb3 cannot hold is a question mark there.
"""

from __future__ import annotations

import re

from wkms_migrate.phases.mysql import ddl
from wkms_migrate.phases.mysql.objects import DEFINER, EVENT_STATE

# Behind the parameters: what is returned, a line for each characteristic (sp_show_create of either server), the body.
ROUTINE = re.compile(
    r"[^\n]*\n(?:    (?:LANGUAGE \w+|(?:NOT )?DETERMINISTIC|CONTAINS SQL|NO SQL|READS SQL DATA|MODIFIES SQL DATA"
    r"|SQL SECURITY \w+|COMMENT [^\n]*)\n)*",
    re.ASCII,
)
EVENT = re.compile(rf"{EVENT_STATE.pattern}(?: COMMENT {ddl.STRING})? DO ", re.DOTALL)


def of(kind: str, create: str) -> str | None:
    """Return the body, of a trigger the whole text but for its owner; None for a text of another shape."""
    if kind == "TRIGGER":
        return DEFINER.sub("", create, count=1)
    head = EVENT.search(create) if kind == "EVENT" else _routine(create)
    return create[head.end() :] if head else None


def _routine(create: str) -> re.Match[str] | None:
    brackets = ddl.brackets(create)
    return ROUTINE.match(create, brackets[1] + 1) if brackets else None
