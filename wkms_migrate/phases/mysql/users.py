"""Accounts and roles with grants on what moves, made with the password hashes that they have on the source.

They are made before the objects that they own; their grants are given when everything is there that these are on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wkms_migrate.clients.mysql import Session, SqlError, SqlTransientError
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import accounts, catalog, roster, servers
from wkms_migrate.phases.mysql.privileges import EVERYWHERE, Carriage, Grant
from wkms_migrate.phases.mysql.roster import Account, Roster
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun

ADMINISTRATORS = frozenset({"SUPER", "SYSTEM_USER", "ALL PRIVILEGES"})  # on the whole server
AAD = "aad_auth"


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
        people = read(roster.read(source, settings.schemas), target, settings)
        return make_all(run, target, people, lambda account: roster.identified(source, account))


def make_all(
    run: StepRun, target: Session, people: People, identified: Callable[[Account], Account]
) -> Mapping[str, Json]:
    """Make the accounts that go along; `identified` says how one of them signs in."""
    there = accounts.everyone(target)
    for name, reason in people.staying.items():
        _stay(run, name, reason)
    for name, account in people.going.items():
        run.check_stop()
        if name in there and name not in run.cursors:
            run.finding("mysql-user-kept", "On the target already: its password there is kept.", name)
            continue
        known = identified(account)
        if name not in there:
            run.checkpoint("begun", key=name)
            _create(target, name, known.statement)
        _tell_locked(run, known)
    return {"users": len(people.going), "users_left": dict(people.staying)}


def _tell_locked(run: StepRun, account: Account) -> None:
    if account.is_locked:
        run.finding(
            "mysql-user-locked",
            "Made locked, with a password that nobody knows: the dump holds no hashes of passwords.",
            account.id,
            kind="left",
            severity="warning",
            hint=f"ALTER USER {account.id} IDENTIFIED BY '<password>' ACCOUNT UNLOCK",
        )


def grant(run: StepRun) -> Mapping[str, Json]:
    """Give the grants and default roles. Those that the target refuses are told and in the result."""
    settings = run.context.section(MysqlSettings)
    with servers.source(run.context) as source, servers.target(run.context) as target:
        return grant_all(run, target, read(roster.read(source, settings.schemas), target, settings))


def grant_all(run: StepRun, target: Session, people: People) -> Mapping[str, Json]:
    """Give those who go along their grants and default roles."""
    refused: dict[str, Json] = {}
    given = 0
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
    people = read(roster.read(source, settings.schemas), target, settings)
    compare_all(run, target, people, run.context.output("mysql", "grants_refused"))


def compare_all(run: StepRun, target: Session, people: People, refused: Mapping[str, Json]) -> None:
    """State for those who go along what each was to get, without what was `refused`, beside what it has of that."""
    there = accounts.everyone(target)
    for name, account in people.going.items():
        if not run.verified(name, "exists", "yes", "yes" if name in there else "no"):
            continue
        wanted = {str(one) for one in people.grants(account)} - set(refused.get(name, ()))
        present = {str(one) for one in roster.grants(target, [name])[0]}
        run.verified(name, "grants", _list(wanted), _list(wanted & present))


def read(known: Roster, target: Session, settings: MysqlSettings) -> People:
    """Decide who goes along: who has grants on the moved schemas or owns objects there, and their roles."""
    kept = set(known.owners) - {accounts.written(name) for name in settings.definers}
    usable = _plugins(target)
    going: dict[str, Account] = {}
    staying: dict[str, str] = {}
    for name in sorted(known.concerned(settings.schemas, kept)):
        account = known.accounts[name]
        if accounts.is_reserved(account.user):
            continue
        if reason := _hindrance(account, usable):
            staying[name] = reason
        else:
            going[name] = account
    return People(carriage=_carriage(known, target, settings), going=going, staying=staying)


def _carriage(known: Roster, target: Session, settings: MysqlSettings) -> Carriage:
    mine = [one for one in roster.grants(target, ["CURRENT_USER()"])[0] if one.schema == EVERYWHERE and one.option]
    return Carriage(
        schemas={name: catalog.on_target(settings, name) for name in settings.schemas},
        everywhere=frozenset(one.privilege for one in mine if not one.role),
        known=frozenset(str(row[0]).upper() for row in target.rows("SHOW PRIVILEGES")),
        literal_source=known.literal,
        literal_target=roster.is_literal(target),
    )


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
