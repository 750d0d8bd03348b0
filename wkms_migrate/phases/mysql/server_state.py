"""One server as preflight sees it: version, variables, our rights, accounts. Read with few queries, changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wkms_migrate.clients.mysql import Session, SqlError
from wkms_migrate.phases.mysql.grants import Grants, read_grants

MAY_NOT_READ = frozenset({1044, 1142, 1143, 1227})
POWERS = ("super", "file", "shutdown", "create_tablespace")  # what no managed server gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account or role: `name` as `user@host`, its authentication plugin, and which of `POWERS` it has."""

    name: str
    plugin: str = ""
    powers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server: version as numbers, global variables by lower-case name, rights of our account.

    `accounts` and `time_zones` (the number of named zones it knows) are None where we may not read them; `patterns` are
    the schemas of grants that hold a wildcard %; `srids` are those of the source's columns that this server knows.
    """

    version: tuple[int, ...]
    is_mariadb: bool
    variables: Mapping[str, str]
    grants: Grants
    collations: frozenset[str]
    plugins: frozenset[str] = frozenset()
    accounts: tuple[Account, ...] | None = ()
    patterns: tuple[str, ...] = ()
    time_zones: int | None = None
    threads: int = 0
    srids: frozenset[int] = frozenset()
    user: str = ""

    @property
    def brand(self) -> str:
        """Name and version for messages."""
        return f"{'MariaDB' if self.is_mariadb else 'MySQL'} {'.'.join(map(str, self.version))}"

    def on(self, name: str) -> bool:
        """Whether a variable is switched on."""
        return self.text(name).upper() in {"ON", "1", "YES", "TRUE"}

    def text(self, name: str, default: str = "") -> str:
        """Return a variable's value, the default when the server has none of that name."""
        return self.variables.get(name, default)

    def number(self, name: str, default: int = 0) -> int:
        """Return a variable as a number, the default when the server has none of that name."""
        text = self.text(name)
        return int(text) if text.isdigit() else default

    def parts(self, name: str) -> set[str]:
        """Return the parts of a variable that is a list with commas, in upper case."""
        return {part.strip().upper() for part in self.text(name).split(",") if part.strip()}

    def modes(self) -> set[str]:
        """Return the parts of the global sql_mode."""
        return self.parts("sql_mode")


def read(session: Session, srids: Iterable[int] = ()) -> Server:
    """Read a server; `srids` are the spatial reference systems to look for."""
    text, user = session.rows("SELECT VERSION(), CURRENT_USER()")[0]
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", str(text))
    is_mariadb = "mariadb" in str(text).lower()
    zones = readable(session, "SELECT COUNT(*) FROM mysql.time_zone_name")
    return Server(
        version=tuple(int(part) for part in numbers.groups()) if numbers else (),
        is_mariadb=is_mariadb,
        variables={str(name).lower(): str(value) for name, value in session.rows("SHOW GLOBAL VARIABLES")},
        grants=read_grants(session, is_mariadb=is_mariadb),
        collations=frozenset(str(row[0]) for row in session.rows("SHOW COLLATION")),
        plugins=_plugins(session),
        accounts=_accounts(session),
        patterns=_patterns(session),
        time_zones=int(zones[0][0]) if zones else None,
        threads=int(session.rows("SHOW GLOBAL STATUS LIKE 'Threads_connected'")[0][1]),
        srids=frozenset(srids) if is_mariadb else _srids(session, sorted(srids)),  # MariaDB keeps any number
        user=str(user),
    )


def _plugins(session: Session) -> frozenset[str]:
    rows = session.rows(
        "SELECT plugin_name FROM information_schema.plugins"
        " WHERE plugin_type = 'AUTHENTICATION' AND plugin_status = 'ACTIVE'"
    )
    return frozenset(str(row[0]) for row in rows)


def _accounts(session: Session) -> tuple[Account, ...] | None:
    flags = ", ".join(f"{power}_priv" for power in POWERS)
    rows = readable(session, f"SELECT user, host, plugin, {flags} FROM mysql.user ORDER BY 1, 2")
    if rows is None:
        return None
    return tuple(
        Account(
            name=f"{user}@{host}",
            plugin=str(plugin or ""),
            powers=tuple(
                power.replace("_", " ").upper() for power, flag in zip(POWERS, given, strict=True) if _yes(flag)
            ),
        )
        for user, host, plugin, *given in rows
    )


def _patterns(session: Session) -> tuple[str, ...]:
    rows = readable(session, "SELECT DISTINCT db FROM mysql.db ORDER BY 1") or ()
    return tuple(str(row[0]) for row in rows if "%" in str(row[0]).replace("\\%", ""))


def _yes(flag: object) -> bool:
    return flag in {"Y", b"Y"}


def _srids(session: Session, wanted: list[int]) -> frozenset[int]:
    if not wanted:
        return frozenset()
    rows = session.rows(
        "SELECT srs_id FROM information_schema.st_spatial_reference_systems"
        f" WHERE srs_id IN ({', '.join(map(str, wanted))})"
    )
    return frozenset(int(row[0]) for row in rows)


def readable(session: Session, query: str) -> list[tuple[Any, ...]] | None:
    """Return the rows of a query, None when the account may not read them."""
    try:
        return session.rows(query)
    except SqlError as error:
        if error.code not in MAY_NOT_READ:
            raise
        return None
