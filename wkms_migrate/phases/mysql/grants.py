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
    but not active, so that what they hold does not count.
    """

    on: On
    revoked: On = ()
    inactive: tuple[str, ...] = ()

    def has(self, privilege: str, schema: str | None = None) -> bool:
        """Say whether a privilege is granted globally, or on all of this schema."""
        name = SAME.get(privilege, privilege)
        taken = any(where == schema and name in privileges for where, privileges in self.revoked)
        return any(
            name in privileges or "ALL PRIVILEGES" in privileges
            for where, privileges in self.on
            if (where == "*" and not taken) or (where != "*" and schema is not None and _matches(where, schema))
        )


def _matches(pattern: str, schema: str) -> bool:
    """Compare as GRANT does: % and _ are wildcards unless a backslash is before them."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(part, re.escape(part[-1])) for part in parts)
    return re.fullmatch(expression, schema, re.DOTALL) is not None


def parse(lines: Iterable[str], inactive: tuple[str, ...] = ()) -> Grants:
    """Read the lines of SHOW GRANTS; grants on single tables and routines are left out."""
    found: dict[str, list[tuple[str, frozenset[str]]]] = {"GRANT": [], "REVOKE": []}
    for line in lines:
        match = GRANT.match(line)
        if match is None or not match["object"].endswith(".*"):
            continue
        schema = match["object"].removesuffix(".*").removeprefix("`").removesuffix("`").replace("``", "`")
        names = [name.strip().upper() for name in COLUMNS.sub("", match["privileges"]).split(",")]
        found[match["verb"]].append((schema, frozenset(SAME.get(name, name) for name in names)))
    return Grants(tuple(found["GRANT"]), tuple(found["REVOKE"]), inactive)


def read_grants(session: Session, *, is_mariadb: bool = False) -> Grants:
    """Return what the session's own account may do, roles that are active included."""
    # MariaDB shows the active role's grants with one's own, and has no USING.
    own = "SHOW GRANTS" if is_mariadb else "SHOW GRANTS FOR CURRENT_USER()"
    lines = [str(row[0]) for row in session.rows(own)]
    roles = [role for line in lines for role in granted_roles(line)]
    if not roles:
        return parse(lines)
    active = session.value("SELECT CURRENT_ROLE()")
    if active in {None, "NONE"}:
        return parse(lines, tuple(roles))
    if not is_mariadb:
        lines += [str(row[0]) for row in session.rows(f"SHOW GRANTS FOR CURRENT_USER() USING {active}")]
    in_use = {_bare(role) for role in str(active).split(",")}
    return parse(lines, tuple(role for role in roles if _bare(role) not in in_use))


def _bare(role: str) -> str:
    return role.replace("`", "").strip()


def granted_roles(line: str) -> list[str]:
    """Return the roles that a line of SHOW GRANTS grants, as it writes them."""
    match = ROLES.match(line)
    return re.findall(rf"{_NAME}(?:@{_NAME})?", match[1]) if match else []
