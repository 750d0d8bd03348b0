"""What an account may do, from SHOW GRANTS.

information_schema.USER_PRIVILEGES shows only USAGE to the administrator of an RDS server that got its rights by a role.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session

_NAME = r"`(?:[^`]|``)*`"
GRANT = re.compile(
    rf"(?P<verb>GRANT|REVOKE) (?P<privileges>.+?) ON (?:TABLE )?(?P<object>(?:{_NAME}|\*)\.(?:{_NAME}|\*)) (?:TO|FROM) "
)
# A role is `name`@`host` in MySQL and `name` in MariaDB.
ROLES = re.compile(rf"GRANT ((?:{_NAME}(?:@{_NAME})?,? ?)+) TO ")
COLUMNS = re.compile(r"\([^)]*\)")
# One right, many names: MariaDB's since 10.5 (https://mariadb.com/kb/en/grant/), MySQL's since 8.2.
SAME = {
    "BINLOG MONITOR": "REPLICATION CLIENT",
    "SET USER": "SET_USER_ID",
    "SET_ANY_DEFINER": "SET_USER_ID",
    "REPLICA MONITOR": "SLAVE MONITOR",
    "SHOW CREATE ROUTINE": "SHOW_ROUTINE",
    "ALL": "ALL PRIVILEGES",
}

On = tuple[tuple[str, frozenset[str]], ...]


@dataclass(frozen=True, slots=True)
class Grants:
    """Privileges by the object they are granted on, `*` or a schema name (which may hold wildcards).

    `revoked` takes some of the global ones back for one schema (partial_revokes); `inactive` are roles that are granted
    but not active, so that what they hold does not count. `literal`: % and _ in names of schemas are no wildcards, as
    on a server with partial_revokes.
    """

    on: On
    revoked: On = ()
    inactive: tuple[str, ...] = ()
    literal: bool = False

    def has(self, privilege: str, schema: str | None = None) -> bool:
        """Say whether a privilege is granted globally, or on all of this schema."""
        wanted = {SAME.get(privilege, privilege), "ALL PRIVILEGES"}
        taken = any(_is(where, schema) and wanted & privileges for where, privileges in self.revoked)
        return any(
            wanted & privileges
            for where, privileges in self.on
            if (where == "*" and not taken) or (where != "*" and self._covers(where, schema))
        )

    def _covers(self, where: str, schema: str | None) -> bool:
        return schema is not None and (_is(where, schema) if self.literal else _matches(where.lower(), schema.lower()))


def _is(where: str, schema: str | None) -> bool:
    """Compare names of schemas as a server with lower_case_table_names=1 does."""
    return schema is not None and where.lower() == schema.lower()


def _matches(pattern: str, schema: str) -> bool:
    """Compare as GRANT does: % and _ are wildcards unless a backslash is before them."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(part, re.escape(part[-1])) for part in parts)
    return re.fullmatch(expression, schema, re.DOTALL) is not None


def parse(lines: Iterable[str], inactive: tuple[str, ...] = (), *, literal: bool = False) -> Grants:
    """Read the lines of SHOW GRANTS; grants on single tables and routines are left out."""
    found: dict[str, list[tuple[str, frozenset[str]]]] = {"GRANT": [], "REVOKE": []}
    for line in lines:
        match = GRANT.match(line)
        if match is None or not match["object"].endswith(".*"):
            continue
        schema = match["object"].removesuffix(".*").removeprefix("`").removesuffix("`").replace("``", "`")
        names = [name.strip().upper() for name in COLUMNS.sub("", match["privileges"]).split(",")]
        found[match["verb"]].append((schema, frozenset(SAME.get(name, name) for name in names)))
    return Grants(tuple(found["GRANT"]), tuple(found["REVOKE"]), inactive, literal)


def read_grants(session: Session, *, is_mariadb: bool = False) -> Grants:
    """Return what the session's own account may do, roles that are active included."""
    # MariaDB shows the active role's grants with one's own, and has no USING.
    own = "SHOW GRANTS" if is_mariadb else "SHOW GRANTS FOR CURRENT_USER()"
    lines = [str(row[0]) for row in session.rows(own)]
    literal = [row[1] for row in session.rows("SHOW GLOBAL VARIABLES LIKE 'partial_revokes'")] == ["ON"]
    roles = [role for line in lines for role in granted_roles(line)]
    active = session.value("SELECT CURRENT_ROLE()") if roles else None
    if active in {None, "NONE"}:
        return parse(lines, tuple(roles), literal=literal)
    if not is_mariadb:  # these have one's own among them, without what a role gives back of what was revoked
        lines = [str(row[0]) for row in session.rows(f"SHOW GRANTS FOR CURRENT_USER() USING {active}")]
    in_use = {_bare(role) for role in str(active).split(",")}
    return parse(lines, tuple(role for role in roles if _bare(role) not in in_use), literal=literal)


def _bare(role: str) -> str:
    return role.replace("`", "").strip()


def granted_roles(line: str) -> list[str]:
    """Return the roles that a line of SHOW GRANTS grants, as it writes them."""
    match = ROLES.match(line)
    return re.findall(rf"{_NAME}(?:@{_NAME})?", match[1]) if match else []
