"""What our own accounts may do on each end."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.phases.mysql.rules.rule import Fix, Found, source_rule, target_rule
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

TARGET_NEEDS = (
    "CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "SELECT", "INSERT", "DELETE",
)  # fmt: skip
BY_KIND = {"view": "CREATE VIEW", "routine": "CREATE ROUTINE", "trigger": "TRIGGER", "event": "EVENT"}
GRANT = "GRANT <privilege> ON <where> TO <account>"


def _grant(text: str) -> Fix:
    return Fix(text=text, sql=GRANT)


def _missing(server: Server, privilege: str, schema: str | None) -> Found:
    where = "*.*" if schema is None else f"`{schema.replace('`', '``')}`.*"
    values = {"privilege": privilege, "where": where, "account": _account(server.user)}
    return Found(f"The account has no {privilege}.", schema or "*", values)


def _account(user: str) -> str:
    name, _, host = user.rpartition("@")
    return f"'{name}'@'{host}'" if name else "<account>"


@source_rule(
    "source-privilege",
    "error",
    "The source's account may not read what is to be moved",
    breaks="Tables stay behind, or the move stops half way. Without TRIGGER or EVENT, such objects are not even seen.",
    fix=_grant("Grant it on the source, as its administrator; or accept this if there are no such objects."),
)
def _source_privilege(survey: Survey) -> Iterator[Found]:
    # Whether there are triggers and events cannot be known without the right to them.
    wanted = ["SELECT", "TRIGGER", "EVENT", *(["SHOW VIEW"] if survey.moved.count("view") else [])]
    for schema in survey.settings.schemas:
        for privilege in wanted:
            if not survey.source.grants.has(privilege, schema):
                yield _missing(survey.source, privilege, schema)


@source_rule(
    "routine-privilege",
    "error",
    "The source's account may not see the text of routines",
    breaks="Routines of others are not seen at all, or without their text, and stay behind.",
    fix=_grant("Grant SHOW_ROUTINE (MySQL 8.0.20 and later), or SELECT on *.*; or accept this if there are none."),
)
def _routine_privilege(survey: Survey) -> Iterator[Found]:
    grants = survey.source.grants
    if not (grants.has("SHOW_ROUTINE") or grants.has("SELECT")):
        yield _missing(survey.source, "SELECT" if survey.source.is_mariadb else "SHOW_ROUTINE", None)


@source_rule(
    "binlog-position-privilege",
    "warning",
    "The source's account may not read the position of the binary log",
    breaks="The snapshot needs LOCK TABLES, and where it stands is not recorded.",
    fix=_grant("Grant it on the source, as its administrator."),
)
def _binlog_position_privilege(survey: Survey) -> Iterator[Found]:
    if not survey.source.grants.has("REPLICATION CLIENT"):
        name = "BINLOG MONITOR" if survey.source.is_mariadb else "REPLICATION CLIENT"
        yield _missing(survey.source, name, None)


@source_rule(
    "snapshot-privilege",
    "error",
    "The source's account can take no snapshot",
    breaks="Without reading the binary log's position or locking tables, rows of two tables are of two moments.",
    fix=_grant("Grant it on the source, or set phases.mysql.inconsistent if nobody writes."),
)
def _snapshot_privilege(survey: Survey) -> Iterator[Found]:
    grants = survey.source.grants
    if survey.settings.inconsistent or grants.has("RELOAD"):
        return
    if grants.has("REPLICATION CLIENT") and survey.source.on("log_bin"):
        return
    for schema in survey.settings.schemas:
        if not grants.has("LOCK TABLES", schema):
            yield _missing(survey.source, "LOCK TABLES", schema)


@target_rule(
    "target-privilege",
    "error",
    "The target's account may not make what is to be moved",
    breaks="Tables, rows or objects are refused.",
    fix=_grant("Grant it on the target, as the instance's master user."),
)
def _target_privilege(survey: Survey, target: Server) -> Iterator[Found]:
    needed = [*TARGET_NEEDS, *(privilege for kind, privilege in BY_KIND.items() if survey.moved.count(kind))]
    for schema in survey.target_schemas:
        for privilege in needed:
            if not target.grants.has(privilege, schema):
                yield _missing(target, privilege, schema)


@target_rule(
    "user-privilege",
    "warning",
    "The target's account may not make accounts",
    breaks="Users, roles and their grants stay behind.",
    fix=_grant("Grant it on the target, or set phases.mysql.users to false."),
)
def _user_privilege(survey: Survey, target: Server) -> Iterator[Found]:
    if survey.settings.users and not target.grants.has("CREATE USER"):
        yield _missing(target, "CREATE USER", None)


@target_rule(
    "definer-privilege",
    "warning",
    "The target's account may not give objects to others",
    breaks="Views, routines, triggers and events of other accounts are made as our own, and run with its rights.",
    fix=_grant("Grant it on the target; RDS gives it from 8.0.36 on. Or map owners with phases.mysql.definers."),
)
def _definer_privilege(survey: Survey, target: Server) -> Iterator[Found]:
    definers = {survey.settings.definers.get(one.definer, one.definer) for one in survey.moved.stored if one.definer}
    others = sorted(definers - {target.user})
    if others and not (target.grants.has("SET_USER_ID") or target.grants.has("SUPER")):
        name = "SET USER" if target.is_mariadb else "SET_ANY_DEFINER" if target.version >= (8, 2) else "SET_USER_ID"
        found = _missing(target, name, None)
        yield Found(f"{found.evidence} Owners: {', '.join(others[:5])}.", "*", found.values)


@source_rule(
    "source-role-inactive",
    "warning",
    "A role of the source's account is not active",
    breaks="Privileges that come by the role do not count.",
    fix=Fix(text="Make it a default role, or activate_all_roles_on_login.", sql="SET DEFAULT ROLE <role> TO <account>"),
)
def _source_role_inactive(survey: Survey) -> Iterator[Found]:
    yield from _inactive(survey.source)


@target_rule(
    "target-role-inactive",
    "warning",
    "A role of the target's account is not active",
    breaks="Privileges that come by the role do not count.",
    fix=Fix(
        text="Make it a default role, or set activate_all_roles_on_login in the parameter group.",
        sql="SET DEFAULT ROLE <role> TO <account>",
    ),
)
def _target_role_inactive(_survey: Survey, target: Server) -> Iterator[Found]:
    yield from _inactive(target)


def _inactive(server: Server) -> Iterator[Found]:
    for role in server.grants.inactive:
        yield Found("Granted, but not active.", role, {"role": role, "account": _account(server.user)})


RULES = (
    _source_privilege,
    _routine_privilege,
    _binlog_position_privilege,
    _snapshot_privilege,
    _target_privilege,
    _user_privilege,
    _definer_privilege,
    _source_role_inactive,
    _target_role_inactive,
)
