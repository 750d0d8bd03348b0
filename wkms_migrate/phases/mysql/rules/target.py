"""Whether the target is ready to take data: empty, writable, open to loads and to safe connections only."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.counted import counted
from wkms_migrate.phases.mysql.rules.rule import Fix, Found, parameter, target_rule
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey


@target_rule(
    "target-not-empty",
    "error",
    "A schema of the target holds objects",
    breaks="What is there could be mixed with what arrives.",
    fix=Fix(
        text="Set phases.mysql.on_existing to append or replace (which backs them up first), or drop them.",
        sql="DROP DATABASE <schema>",
    ),
)
def _target_not_empty(survey: Survey, _target: Server) -> Iterator[Found]:
    if survey.settings.on_existing == "refuse":
        for schema, count in survey.present.items():
            yield Found(f"The target's schema holds {counted(count, 'object')}.", schema, {"schema": f"`{schema}`"})


@target_rule(
    "target-triggers",
    "error",
    "Triggers of the target would fire for every row that is added",
    breaks="They change rows or other tables while the copy writes.",
    fix=Fix(text="Drop them before the move; they are made again at its end if the source has them."),
)
def _target_triggers(survey: Survey, _target: Server) -> Iterator[Found]:
    if survey.settings.on_existing == "append" and survey.target_triggers:
        yield Found(f"The target's schemas have {survey.target_triggers} triggers.")


@target_rule(
    "target-read-only",
    "error",
    "The target takes no writes",
    breaks="Nothing can be made on it.",
    fix=parameter("read_only", "0", "Is it a read replica? Promote it, or set read_only = 0 in its parameter group."),
)
def _target_read_only(_survey: Survey, target: Server) -> Iterator[Found]:
    for name in ("super_read_only", "read_only"):
        may = target.grants.has("CONNECTION_ADMIN") or target.grants.has("SUPER")
        if target.on(name) and (name == "super_read_only" or not may):
            yield Found(f"{name} is ON.")
            return


@target_rule(
    "local-infile",
    "error",
    "The target refuses LOAD DATA LOCAL",
    breaks="No row can be loaded.",
    fix=parameter("local_infile", "1", "Set local_infile = 1 in the RDS parameter group, for the time of the move."),
)
def _local_infile(_survey: Survey, target: Server) -> Iterator[Found]:
    if not target.on("local_infile"):
        yield Found("local_infile is OFF on the target.")


@target_rule(
    "secure-transport",
    "warning",
    "The target lets in connections without TLS, the source does not",
    breaks="Programs that forget TLS go on unseen, with their data in the open.",
    fix=parameter("require_secure_transport", "1"),
)
def _secure_transport(survey: Survey, target: Server) -> Iterator[Found]:
    if survey.source.on("require_secure_transport") and not target.on("require_secure_transport"):
        yield Found("require_secure_transport is ON on the source and OFF on the target.")


@target_rule(
    "tls-version",
    "warning",
    "The target speaks no TLS version that clients of the source may use",
    breaks="Programs with an old TLS library cannot connect after the move.",
    fix=Fix(text="Update the clients; RDS for MySQL 8.4 has TLS 1.2 and 1.3 only."),
)
def _tls_version(survey: Survey, target: Server) -> Iterator[Found]:
    gone = survey.source.parts("tls_version") - target.parts("tls_version")
    if gone and target.parts("tls_version"):
        yield Found(f"Only the source has {', '.join(sorted(gone))}.")


RULES = (_target_not_empty, _target_triggers, _target_read_only, _local_infile, _secure_transport, _tls_version)
