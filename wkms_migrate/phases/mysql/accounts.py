"""Accounts of a server: their names, and who owns what on the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session, SqlError
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.settings import MysqlSettings

NOT_READABLE = frozenset({1142, 1143, 1044, 1227})
# Accounts of the servers and the services themselves.
RESERVED = frozenset(
    {
        "root", "mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys", "azure_superuser", "rdsadmin",
        "rdsrepladmin", "rdsproxyadmin", "rdstopmgr", "rds_superuser_role", "event_scheduler", "PUBLIC",
    }
)  # fmt: skip
RESERVED_PREFIXES = ("AWS_", "rds_", "azure_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Who may own objects on the target: our own account, which accounts are there, and who takes whose place."""

    me: str
    there: set[str]
    instead: Mapping[str, str]


def owners(target: Session, settings: MysqlSettings) -> Owners:
    """Return who may own objects on the target."""
    me = current(target)
    instead = {written(old): written(new) for old, new in settings.definers.items()}
    return Owners(me=me, there=everyone(target) | {me}, instead=instead)


def current(session: Session) -> str:
    """Return the account of a session, as SHOW CREATE writes it."""
    return written(str(session.value("SELECT CURRENT_USER()")))


def written(text: str) -> str:
    """Return `user@host` as SHOW CREATE writes it."""
    user, _, host = text.rpartition("@")
    return f"{quoted(user)}@{quoted(host)}"


def named(user: str, host: str) -> str:
    """Return an account as SHOW CREATE writes it; a role of MariaDB has no host."""
    return f"{quoted(user)}@{quoted(host)}" if host else quoted(user)


def everyone(session: Session) -> set[str]:
    """Return the accounts of a server, as SHOW CREATE writes them; none when they may not be read."""
    try:
        return {named(str(user), str(host)) for user, host in session.rows("SELECT user, host FROM mysql.user")}
    except SqlError as error:
        if error.code in NOT_READABLE:
            return set()
        raise


def is_reserved(user: str) -> bool:
    """Say whether an account of this name belongs to a server or a service."""
    return not user or user in RESERVED or user.startswith(RESERVED_PREFIXES)
