"""What an account may do, from SHOW GRANTS.

information_schema.USER_PRIVILEGES shows only USAGE to the administrator of an RDS server that got its rights by a role.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session

GRANT = re.compile(
    r"GRANT (?P<privileges>.+?) ON (?:TABLE )?(?P<object>(?:`(?:[^`]|``)*`|\*)\.(?:`(?:[^`]|``)*`|\*)) TO "
)
COLUMNS = re.compile(r"\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Grants:
    """Privileges by the object they are granted on, `*.*` or a schema name (which may hold wildcards)."""

    on: tuple[tuple[str, frozenset[str]], ...]

    def has(self, privilege: str, schema: str | None = None) -> bool:
        """Say whether a privilege is granted globally, or on all of this schema."""
        return any(
            privilege in privileges or "ALL PRIVILEGES" in privileges
            for where, privileges in self.on
            if where == "*" or (schema is not None and _matches(where, schema))
        )


def _matches(pattern: str, schema: str) -> bool:
    """Compare as GRANT does: % and _ are wildcards unless a backslash is before them."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(part, re.escape(part[-1])) for part in parts)
    return re.fullmatch(expression, schema, re.DOTALL) is not None


def parse(lines: Iterable[str]) -> Grants:
    """Read the lines of SHOW GRANTS; grants on single tables and routines are left out."""
    found: list[tuple[str, frozenset[str]]] = []
    for line in lines:
        match = GRANT.match(line)
        if match is None or not match["object"].endswith(".*"):
            continue
        schema = match["object"].removesuffix(".*").strip("`").replace("``", "`")
        names = COLUMNS.sub("", match["privileges"]).split(",")
        found.append((schema, frozenset(name.strip().upper() for name in names)))
    return Grants(tuple(found))


def read_grants(session: Session) -> Grants:
    """Return what the session's own account may do, roles that are active included."""
    lines = [str(row[0]) for row in session.rows("SHOW GRANTS FOR CURRENT_USER()")]
    roles = [role for line in lines for role in _roles(line)]
    if roles and (active := session.value("SELECT CURRENT_ROLE()")) not in {None, "NONE"}:
        lines += [str(row[0]) for row in session.rows(f"SHOW GRANTS FOR CURRENT_USER() USING {active}")]
    return parse(lines)


def _roles(line: str) -> list[str]:
    match = re.match(r"GRANT ((?:`(?:[^`]|``)*`@`(?:[^`]|``)*`,?)+) TO ", line)
    return match[1].split(",") if match else []
