"""Versions of the two servers, and whether they are two."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.phases.mysql.rules.rule import Fix, Found, source_rule, target_rule
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

OLDEST = {False: (8, 0), True: (10, 5)}


@target_rule(
    "version-family",
    "warning",
    "One end is MySQL, the other MariaDB",
    breaks="Definitions and functions that only one of them has are refused.",
    fix=Fix(
        text="Expect refused definitions, or choose the source's family; the verification compares every row anyway.",
        terraform='engine = "mysql" # or "mariadb", as the source',
    ),
)
def _version_family(survey: Survey, target: Server) -> Iterator[Found]:
    if survey.source.is_mariadb != target.is_mariadb:
        yield Found(f"The source is {survey.source.brand}, the target {target.brand}.")


@target_rule(
    "version-older",
    "error",
    "The target is older than the source",
    breaks="Newer definitions, collations and functions of the source are unknown to the target.",
    fix=Fix(
        text="Choose an engine version of the target that is not older than the source's.",
        aws="aws rds modify-db-instance --db-instance-identifier <instance> --engine-version <version>"
        " --allow-major-version-upgrade --apply-immediately",
        terraform='engine_version = "<version>"',
    ),
)
def _version_older(survey: Survey, target: Server) -> Iterator[Found]:
    source = survey.source
    if source.is_mariadb == target.is_mariadb and source.version[:2] > target.version[:2]:
        wanted = ".".join(map(str, source.version[:2]))
        yield Found(f"The source is {source.brand}, the target {target.brand}.", values={"version": wanted})


@source_rule(
    "version-untested",
    "warning",
    "The source is older than what this tool is tested with",
    breaks="Its dictionary may lack columns that definitions are read from.",
    fix=Fix(
        text="Upgrade the source first, or try the move on a copy of it.",
        az="az mysql flexible-server upgrade --resource-group <resource-group> --name <server> --version 8",
    ),
)
def _version_untested(survey: Survey) -> Iterator[Found]:
    oldest = OLDEST[survey.source.is_mariadb]
    if survey.source.version[:2] < oldest:
        yield Found(f"The source is {survey.source.brand}; tested from {'.'.join(map(str, oldest))} on.")


@target_rule(
    "same-server",
    "error",
    "Source and target are one server",
    breaks="The move would empty what it reads.",
    fix=Fix(text="Correct azure.mysql.host or aws.mysql.host, and the ports."),
)
def _same_server(survey: Survey, target: Server) -> Iterator[Found]:
    for name in ("server_uuid", "server_uid"):
        identity = survey.source.text(name)
        if identity and identity == target.text(name):
            yield Found(f"{name} is {identity} on both ends.")


RULES = (_version_family, _version_older, _version_untested, _same_server)
