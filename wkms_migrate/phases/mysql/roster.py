"""Who may use a server: its accounts and roles, how they sign in, what they were granted, what they own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wkms_migrate.clients.mysql import Session, SqlError
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.mysql import accounts, privileges
from wkms_migrate.phases.mysql.catalog import literals
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.privileges import EVERYWHERE, Carriage, Grant

DEFAULT_ROLE = re.compile(r" DEFAULT ROLE (.+?) REQUIRE ", re.DOTALL)
LOCK = re.compile(r" ACCOUNT (?:UN)?LOCK\b")
SIGNS_OF_ALL_KINDS = "aA1!"  # what rules for passwords may ask for


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account or role: `id` as SHOW CREATE writes it, how it logs in, and what it was granted.

    `identified` is the clause with the hash of its password, `options` what stands behind it in SHOW CREATE USER.
    """

    id: str
    user: str
    plugin: str
    grants: tuple[Grant, ...] = ()
    default_roles: str = ""
    identified: str = ""
    options: str = ""

    @property
    def is_role(self) -> bool:
        """Whether it is a role of MariaDB, which has no host."""
        return "@" not in self.id.removeprefix(quoted(self.user))

    @property
    def is_locked(self) -> bool:
        """Whether it is made locked, since the hash of its password is not known."""
        return not (self.identified or self.is_role)

    @property
    def statement(self) -> str:
        """The statement that makes it. It holds the hash of a password, or a new one: never show it."""
        if self.is_role:
            return f"CREATE ROLE IF NOT EXISTS {self.id}"
        identified, options = self.identified, self.options
        if self.is_locked:
            identified = f" IDENTIFIED BY '{secrets.token_urlsafe(32)}{SIGNS_OF_ALL_KINDS}'"
            locked, found = LOCK.subn(" ACCOUNT LOCK", options, count=1)
            options = locked if found else f"{options} ACCOUNT LOCK"
        return f"CREATE USER IF NOT EXISTS {self.id}{identified}{options}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The accounts of a server by id, and the definers of objects that move.

    `me` is whose session read it. `literal` says that `_` and `%` in names of schemas are no wildcards in its grants.
    """

    accounts: Mapping[str, Account] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    me: str = ""
    literal: bool = False

    def concerned(self, schemas: Iterable[str], owners: Iterable[str]) -> set[str]:
        """Return who has grants on these schemas, is among `owners`, or is a role of such an account."""
        rules = Carriage(
            schemas={name: name for name in schemas},
            everywhere=frozenset(),
            known=frozenset(),
            literal_source=self.literal,
        )
        wanted = {name for name, one in self.accounts.items() if _touches(one, rules)} | set(owners)
        while more := self._roles(wanted) - wanted:
            wanted |= more
        return (wanted & self.accounts.keys()) - {self.me}

    def _roles(self, names: Iterable[str]) -> set[str]:
        known = (self.accounts[name] for name in names if name in self.accounts)
        return {grant.role for account in known for grant in account.grants if grant.role}


def read(session: Session, schemas: Sequence[str]) -> Roster:
    """Read the accounts of a server; none where they may not be read, which preflight tells."""
    return Roster(
        accounts=_every(session),
        owners=tuple(sorted(_owners(session, schemas))),
        me=accounts.current(session),
        literal=is_literal(session),
    )


def is_literal(session: Session) -> bool:
    """Say whether `_` and `%` in names of schemas are no wildcards in grants (partial_revokes)."""
    return [row[1] for row in session.rows("SHOW GLOBAL VARIABLES LIKE 'partial_revokes'")] == ["ON"]


def identified(session: Session, account: Account) -> Account:
    """Return an account with how it signs in: with the hash of its password, never to be shown."""
    if account.is_role:
        return account
    if session.rows("SHOW SESSION VARIABLES LIKE 'print_identified_with_as_hex'"):  # as text a hash may be any bytes
        session.run("SET SESSION print_identified_with_as_hex = ON")
    shown = str(session.rows(f"SHOW CREATE USER {account.id}")[0][0])
    before, found, rest = shown.partition(f"CREATE USER {account.id} ")
    if before or not found:
        raise WkmsError(
            f"{session.name} shows the account {account.id} in words that are not known.",
            hint="Set phases.mysql.users to false, and make accounts by hand.",
        )
    rest = DEFAULT_ROLE.sub(" REQUIRE ", f" {rest}", count=1)
    clause, require, options = rest.partition(" REQUIRE ")
    return replace(account, identified=clause, options=require + options)


def grants(session: Session, names: Sequence[str]) -> list[tuple[Grant, ...]]:
    """Return what each of these accounts was granted."""
    found = session.batch([f"SHOW GRANTS FOR {name}" for name in names])
    return [
        tuple(one for record in records for line in record.values() for one in privileges.read(str(line)))
        for records in found
    ]


def _every(session: Session) -> dict[str, Account]:
    try:
        rows = session.rows("SELECT user, host, plugin FROM mysql.user")
    except SqlError as error:
        if error.code in accounts.NOT_READABLE:
            return {}
        raise
    names = {accounts.named(str(user), str(host)): (str(user), str(plugin)) for user, host, plugin in rows}
    found = grants(session, list(names))
    roles = _default_roles(session)
    return {
        name: Account(id=name, user=user, plugin=plugin, grants=granted, default_roles=roles.get(name, ""))
        for (name, (user, plugin)), granted in zip(names.items(), found, strict=True)
    }


def _default_roles(session: Session) -> dict[str, str]:
    """Return the default roles of each account, as SET DEFAULT ROLE takes them."""
    try:
        rows = session.rows("SELECT user, host, default_role_user, default_role_host FROM mysql.default_roles")
    except SqlError:  # MariaDB has no such table, and one default role at most
        rows = session.rows("SELECT user, host, default_role, '' FROM mysql.user WHERE default_role <> ''")
    found: dict[str, list[str]] = {}
    for user, host, role, at in rows:
        found.setdefault(accounts.named(str(user), str(host)), []).append(accounts.named(str(role), str(at)))
    return {name: ", ".join(sorted(roles)) for name, roles in found.items()}


def _touches(account: Account, rules: Carriage) -> bool:
    return any(
        not one.role and (one.schema == EVERYWHERE or any(rules.concerns(one, name) for name in rules.schemas))
        for one in account.grants
    )


def _owners(session: Session, schemas: Sequence[str]) -> set[str]:
    """Return the accounts that own objects of these schemas."""
    names = literals(session, schemas)
    rows = session.rows(
        f"SELECT definer FROM information_schema.routines WHERE routine_schema IN ({names})"
        f" UNION SELECT definer FROM information_schema.views WHERE table_schema IN ({names})"
        f" UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema IN ({names})"
        f" UNION SELECT definer FROM information_schema.events WHERE event_schema IN ({names})"
    )
    return {accounts.written(str(row[0])) for row in rows}
