"""Accounts that go along, and the ones that own objects."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.counted import counted
from wkms_migrate.phases.mysql.accounts import written
from wkms_migrate.phases.mysql.rules.rule import Fix, Found, NotJudged, parameter, source_rule, target_rule
from wkms_migrate.phases.mysql.server_state import Account, Server
from wkms_migrate.phases.mysql.survey import Survey

# Accounts of the servers and services themselves; none of them goes along.
OWN = frozenset(
    {
        "azure_superuser",
        "mariadb.sys",
        "mysql.infoschema",
        "mysql.session",
        "mysql.sys",
        "PUBLIC",
        "root",
        "",
    }
)
RESERVED = frozenset({"rdsadmin", "rdsrepladmin", "rds_superuser_role", "rdsproxyadmin", "rdstopmgr"})
ENTRA = "aad_auth"


def _accounts(server: Server) -> list[Account]:
    """Return the accounts of people and programs."""
    if server.accounts is None:
        raise NotJudged("the account may not read mysql.user")
    return [one for one in server.accounts if one.name.rpartition("@")[0] not in OWN]


def _moved(survey: Survey) -> list[Account]:
    if not survey.settings.users:
        return []
    return [one for one in _accounts(survey.source) if one.name != survey.source.user]


@source_rule(
    "account-entra",
    "warning",
    "An account signs in with Microsoft Entra ID",
    breaks="RDS has no such sign-in: the account cannot be made there as it is.",
    fix=Fix(
        text="Let its owner sign in with IAM on the target, and allow rds-db:connect for it.",
        sql="CREATE USER <account> IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'",
        aws="aws rds modify-db-instance --db-instance-identifier <instance> --enable-iam-database-authentication"
        " --apply-immediately",
        terraform="iam_database_authentication_enabled = true",
    ),
)
def _account_entra(survey: Survey) -> Iterator[Found]:
    for one in _moved(survey):
        if one.plugin.lower() == ENTRA:
            yield Found(f"Its plugin is {one.plugin}.", one.name, {"account": written(one.name)})


@target_rule(
    "account-plugin",
    "warning",
    "An account signs in by a plugin that the target has not",
    breaks="The account cannot be made with the password it has.",
    fix=Fix(
        text="Give it a plugin that both ends have, with a new password, on the source or after the move.",
        sql="ALTER USER <account> IDENTIFIED WITH caching_sha2_password BY '<password>'",
    ),
)
def _account_plugin(survey: Survey, target: Server) -> Iterator[Found]:
    known = target.plugins | {"", ENTRA}
    for one in _moved(survey):
        if one.plugin not in known:
            yield Found(f"The target has no {one.plugin}.", one.name, {"account": written(one.name)})


@source_rule(
    "account-power",
    "info",
    "An account has rights that RDS gives nobody",
    breaks="The account arrives without them.",
    fix=Fix(text="See what needs them; RDS has procedures for most of it, such as mysql.rds_kill."),
)
def _account_power(survey: Survey) -> Iterator[Found]:
    for one in _moved(survey):
        if one.powers:
            yield Found(f"It has {', '.join(one.powers)}.", one.name)


@source_rule(
    "account-reserved",
    "warning",
    "An account has a name that RDS keeps for itself",
    breaks="It cannot be made, or would be the service's own.",
    fix=Fix(text="Rename it on the source.", sql="RENAME USER <account> TO '<name>'@'%'"),
)
def _account_reserved(survey: Survey) -> Iterator[Found]:
    for one in _moved(survey):
        if one.name.rpartition("@")[0].lower() in RESERVED:
            yield Found("RDS has an account of this name.", one.name, {"account": written(one.name)})


@target_rule(
    "definer-missing",
    "warning",
    "Objects belong to an account that will not be on the target",
    breaks="They are made as our own account and run with its rights.",
    fix=Fix(text="Make the account, or map it: phases.mysql.definers.", sql="CREATE USER <account>"),
)
def _definer_missing(survey: Survey, target: Server) -> Iterator[Found]:
    there = {one.name for one in _accounts(target)} | {target.user}
    coming = {one.name for one in _moved(survey)}
    owned: dict[str, int] = {}
    for one in survey.moved.stored:
        definer = survey.settings.definers.get(one.definer, one.definer)
        if definer and definer not in there | coming:
            owned[definer] = owned.get(definer, 0) + 1
    for definer, count in sorted(owned.items()):
        yield Found(f"It owns {counted(count, 'object')}.", definer, {"account": written(definer)})


@target_rule(
    "partial-revokes",
    "warning",
    "The target reads % in grants on schemas as it stands",
    breaks="With partial_revokes it is no wildcard: a grant on `wkms%` fits no schema.",
    fix=parameter("partial_revokes", "<value>"),
)
def _partial_revokes(survey: Survey, target: Server) -> Iterator[Found]:
    literal = target.on("partial_revokes") and not survey.source.on("partial_revokes")
    for pattern in survey.source.patterns if survey.settings.users and literal else ():
        yield Found("There is a grant on this, and partial_revokes is ON on the target only.", pattern, {"value": "0"})


RULES = (_account_entra, _account_plugin, _account_power, _account_reserved, _definer_missing, _partial_revokes)
