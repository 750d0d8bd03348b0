"""Accounts and roles with grants on what moves, made with the password hashes that they have on the source.

They are made before the objects that they own; their grants are given when everything is there that these are on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wkms_migrate.clients.mysql import Session, SqlError, SqlTransientError
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import accounts, catalog, privileges, servers
from wkms_migrate.phases.mysql.catalog import literals
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.privileges import EVERYWHERE, Carriage, Grant
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun

ADMINISTRATORS = frozenset({"SUPER", "SYSTEM_USER", "ALL PRIVILEGES"})  # on the whole server
DEFAULT_ROLE = re.compile(r" DEFAULT ROLE (.+?) REQUIRE ", re.DOTALL)
AAD = "aad_auth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account or role: `id` as SHOW CREATE writes it, how it logs in, and what it was granted."""

    id: str
    user: str
    plugin: str
    grants: tuple[Grant, ...] = ()
    default_roles: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The accounts that go along, the rules for their grants, and why others of the moved schemas stay behind."""

    carriage: Carriage
    going: Mapping[str, Account] = field(default_factory=dict)
    staying: Mapping[str, str] = field(default_factory=dict)

    def grants(self, account: Account) -> list[Grant]:
        """Return the grants that an account is to have on the target."""
        kept: dict[Grant, None] = {}
        for grant in account.grants:
            if grant.role:
                kept |= {grant: None} if grant.role in self.going else {}
            else:
                kept |= dict.fromkeys(self.carriage.carried(grant, account.grants))
        return list(kept)

    def dropped(self, account: Account) -> list[str]:
        """Return the privileges on the whole server that may not be given on the target."""
        return [
            one.privilege
            for one in account.grants
            if not one.role and one.schema == EVERYWHERE and one.privilege not in self.carriage.everywhere
        ]


def make(run: StepRun) -> Mapping[str, Json]:
    """Make accounts and roles. One that the target has already keeps its password."""
    settings = run.context.section(MysqlSettings)
    with servers.source(run.context) as source, servers.target(run.context) as target:
        people = read(source, target, settings)
        there = accounts.everyone(target)
        for name, reason in people.staying.items():
            _stay(run, name, reason)
        _as_hex(source)
        for name, account in people.going.items():
            run.check_stop()
            if name in there and name not in run.cursors:
                run.finding("mysql-user-kept", "On the target already: its password there is kept.", name)
            elif name not in there:
                run.checkpoint("begun", key=name)
                _create(target, name, _statement(source, account))
    return {"users": len(people.going), "users_left": dict(people.staying)}


def grant(run: StepRun) -> Mapping[str, Json]:
    """Give the grants and default roles. Those that the target refuses are told and in the result."""
    settings = run.context.section(MysqlSettings)
    refused: dict[str, Json] = {}
    given = 0
    with servers.source(run.context) as source, servers.target(run.context) as target:
        people = read(source, target, settings)
        for name, account in people.going.items():
            run.check_stop()
            if dropped := people.dropped(account):
                _lose(run, name, f"{', '.join(dropped)} ON *.* cannot be given by the target's administrator")
            wanted = people.grants(account)
            reasons = {str(one): _refusal(target, one.statement(name)) for one in wanted}
            failed = {text: reason for text, reason in reasons.items() if reason}
            for text, reason in failed.items():
                _lose(run, name, f"{text} was refused: {reason}")
            refused |= {name: sorted(failed)} if failed else {}
            given += len(wanted) - len(failed)
            if account.default_roles:
                _set_default_roles(target, people, account)
    return {"grants": given, "grants_refused": refused}


def compare(run: StepRun, source: Session, target: Session, settings: MysqlSettings) -> None:
    """State for every account what it was to get beside what it has of that."""
    people = read(source, target, settings)
    refused = run.context.output("mysql", "grants_refused")
    there = accounts.everyone(target)
    for name, account in people.going.items():
        if not run.verified(name, "exists", "yes", "yes" if name in there else "no"):
            continue
        wanted = {str(one) for one in people.grants(account)} - set(refused.get(name, ()))
        present = {str(one) for one in _grants(target, [name])[0]}
        run.verified(name, "grants", _list(wanted), _list(wanted & present))


def read(source: Session, target: Session, settings: MysqlSettings) -> People:
    """Read who has grants on the moved schemas, owns objects there, or is a role of such an account."""
    carriage = _carriage(source, target, settings)
    every = _every(source)
    wanted = {name for name, account in every.items() if _concerned(account, carriage)} | _owners(source, settings)
    while more := {one.role for name in wanted & every.keys() for one in every[name].grants if one.role} - wanted:
        wanted |= more
    me = accounts.current(source)
    usable = _plugins(target)
    going: dict[str, Account] = {}
    staying: dict[str, str] = {}
    for name in sorted(wanted & every.keys() - {me}):
        account = every[name]
        if accounts.is_reserved(account.user):
            continue
        if reason := _hindrance(account, usable):
            staying[name] = reason
        else:
            going[name] = account
    return People(carriage=carriage, going=going, staying=staying)


def _carriage(source: Session, target: Session, settings: MysqlSettings) -> Carriage:
    mine = [one for one in _grants(target, ["CURRENT_USER()"])[0] if one.schema == EVERYWHERE and one.option]
    return Carriage(
        schemas={name: catalog.on_target(settings, name) for name in settings.schemas},
        everywhere=frozenset(one.privilege for one in mine if not one.role),
        known=frozenset(str(row[0]).upper() for row in target.rows("SHOW PRIVILEGES")),
        literal_source=_is_literal(source),
        literal_target=_is_literal(target),
    )


def _is_literal(session: Session) -> bool:
    return [row[1] for row in session.rows("SHOW GLOBAL VARIABLES LIKE 'partial_revokes'")] == ["ON"]


def _every(source: Session) -> dict[str, Account]:
    """Return all accounts; none when they may not be read, which preflight tells."""
    try:
        rows = source.rows("SELECT user, host, plugin FROM mysql.user")
    except SqlError as error:
        if error.code in accounts.NOT_READABLE:
            return {}
        raise
    names = {accounts.named(str(user), str(host)): (str(user), str(plugin)) for user, host, plugin in rows}
    found = _grants(source, list(names))
    roles = _default_roles(source)
    return {
        name: Account(id=name, user=user, plugin=plugin, grants=grants, default_roles=roles.get(name, ""))
        for (name, (user, plugin)), grants in zip(names.items(), found, strict=True)
    }


def _grants(session: Session, names: Sequence[str]) -> list[tuple[Grant, ...]]:
    found = session.batch([f"SHOW GRANTS FOR {name}" for name in names])
    return [
        tuple(one for record in records for line in record.values() for one in privileges.read(str(line)))
        for records in found
    ]


def _default_roles(source: Session) -> dict[str, str]:
    """Return the default roles of each account, as SET DEFAULT ROLE takes them."""
    try:
        rows = source.rows("SELECT user, host, default_role_user, default_role_host FROM mysql.default_roles")
    except SqlError:  # MariaDB has no such table, and one default role at most
        rows = source.rows("SELECT user, host, default_role, '' FROM mysql.user WHERE default_role <> ''")
    found: dict[str, list[str]] = {}
    for user, host, role, at in rows:
        found.setdefault(accounts.named(str(user), str(host)), []).append(accounts.named(str(role), str(at)))
    return {name: ", ".join(sorted(roles)) for name, roles in found.items()}


def _concerned(account: Account, carriage: Carriage) -> bool:
    return any(
        not one.role and (one.schema == EVERYWHERE or any(carriage.concerns(one, name) for name in carriage.schemas))
        for one in account.grants
    )


def _owners(source: Session, settings: MysqlSettings) -> set[str]:
    """Return the accounts that own objects of the moved schemas and keep them."""
    names = literals(source, settings.schemas)
    rows = source.rows(
        f"SELECT definer FROM information_schema.routines WHERE routine_schema IN ({names})"
        f" UNION SELECT definer FROM information_schema.views WHERE table_schema IN ({names})"
        f" UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema IN ({names})"
        f" UNION SELECT definer FROM information_schema.events WHERE event_schema IN ({names})"
    )
    return {accounts.written(str(row[0])) for row in rows} - {accounts.written(name) for name in settings.definers}


def _plugins(target: Session) -> frozenset[str]:
    rows = target.rows(
        "SELECT plugin_name FROM information_schema.plugins"
        " WHERE plugin_type = 'AUTHENTICATION' AND plugin_status = 'ACTIVE'"
    )
    return frozenset(str(row[0]) for row in rows)


def _hindrance(account: Account, usable: frozenset[str]) -> str:
    """Return why an account cannot be made on the target; nothing when it can."""
    if any(one.privilege in ADMINISTRATORS and one.schema == EVERYWHERE for one in account.grants):
        return "it is an administrator of the whole source server; the target has its own"
    if account.plugin == AAD:
        return (
            "it logs in by Microsoft Entra ID, which RDS does not know: make it there with"
            " IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' and give its people rds-db:connect by IAM"
        )
    if account.plugin and account.plugin not in usable:
        return (
            f"its password is kept for {account.plugin}, which the target has not: give it a new one there, or on the"
            " source under a plugin that both have"
        )
    return ""


def _as_hex(source: Session) -> None:
    """Have hashes printed as hexadecimal numbers: as text they may hold any byte. MariaDB's are plain."""
    if source.rows("SHOW SESSION VARIABLES LIKE 'print_identified_with_as_hex'"):
        source.run("SET SESSION print_identified_with_as_hex = ON")


def _statement(source: Session, account: Account) -> str:
    """Return the statement that makes an account. It holds the hash of a password: never show it."""
    if "@" not in account.id.removeprefix(quoted(account.user)):
        return f"CREATE ROLE IF NOT EXISTS {account.id}"
    shown = str(source.rows(f"SHOW CREATE USER {account.id}")[0][0])
    shown = DEFAULT_ROLE.sub(" REQUIRE ", shown, count=1)
    return shown.replace("CREATE USER ", "CREATE USER IF NOT EXISTS ", 1)


def _create(target: Session, name: str, statement: str) -> None:
    """Run a statement that holds a hash, and keep it out of the error: that would repeat parts of what was refused."""
    try:
        target.run(statement)
    except (SqlError, SqlTransientError) as error:
        kind, code = type(error), error.code
    else:
        return
    raise kind(
        code,
        f"{target.name} refused to make the account {name} ({code}).",
        hint="Make it there by hand, or set phases.mysql.users to false to move without accounts.",
    )


def _set_default_roles(target: Session, people: People, account: Account) -> None:
    roles = [role for role in account.default_roles.split(", ") if role in people.going]
    if roles:
        word = "TO" if "`@`" in roles[0] else "FOR"  # MariaDB's roles have no host, and another word
        target.run(f"SET DEFAULT ROLE {', '.join(roles)} {word} {account.id}")


def _refusal(target: Session, statement: str) -> str:
    """Run a grant; return why it was refused, or nothing."""
    try:
        target.run(statement)
    except SqlError as error:
        return error.message
    return ""


def _stay(run: StepRun, name: str, reason: str) -> None:
    run.finding("mysql-user-left", f"Not made on the target: {reason}.", name, kind="left", severity="warning")


def _lose(run: StepRun, name: str, text: str) -> None:
    run.finding("mysql-grant-lost", f"{text}.", f"{name} {text[:60]}", kind="lost", severity="warning")


def _list(grants: set[str]) -> str:
    return "; ".join(sorted(grants)) or "none"
