"""The steps of the mysql phase, in their order; they change with what is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wkms_migrate.clients import target_database
from wkms_migrate.counted import counted
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import backup, data, indexes, objects, preflight, schema, servers, users, verify
from wkms_migrate.phases.mysql.patience import Work, patient, patient_once_met
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import Context, Step, digest_of

# Settings that another choice of makes the whole move another one, and steps that depend on accounts as well.
CHOICES = {"schemas", "include", "exclude", "rename", "where", "on_existing", "collations"}
OWNED = frozenset({"users", "objects", "grants", "verify"})

StepWork = Work[Mapping[str, Json]]


def plan(context: Context) -> Iterator[Step]:
    """Plan the copy. The source is asked for sizes only while something is still to be done."""
    settings = context.section(MysqlSettings)
    source = context.settings.azure.mysql
    chosen = settings.model_dump(include=CHOICES)
    digest = digest_of(chosen, source.host, source.port, target_database.name(context))
    owned = digest_of(digest, settings.users, settings.definers)
    names = ", ".join(settings.schemas)
    stages: list[list[tuple[str, str, StepWork]]] = [
        [
            (
                "preflight",
                f"Check both servers before moving {names}",
                patient_once_met(preflight.run, servers.source, servers.target),
            )
        ],
        [("schema", f"Make the tables of {names}", _waiting(schema.run))],
        [("data", f"Copy the rows of {names} from one snapshot", data.run)],
        [
            ("indexes", "Add indexes and foreign keys", _waiting(indexes.run)),
            ("verify/rows", "Compare the rows on both ends", _waiting(verify.rows)),
        ],
        [("objects", "Make views, routines, triggers and events (disabled)", _waiting(objects.run))],
        [("verify", "Compare definitions and objects on both ends", _waiting(verify.run))],
    ]
    if settings.users:
        stages.insert(5, [("grants", "Grant accounts and roles what they had", _waiting(users.grant))])
        stages.insert(4, [("users", "Make accounts and roles, with their password hashes", _waiting(users.make))])
    if settings.on_existing == "replace":
        stages.insert(1, [("backup", f"Back up what the target has in {names}", patient(backup.run, servers.target))])
    for stage, work in enumerate(stages):
        for what, summary, run in work:
            yield Step(
                id=f"mysql/{what}",
                summary=summary,
                run=run,
                digest=owned if what in OWNED else digest,
                stage=stage,
                preview=(lambda: _sizes(context, settings)) if what == "data" else None,
            )


def _waiting(work: StepWork) -> StepWork:
    return patient(work, servers.source, servers.target)


def _sizes(context: Context, settings: MysqlSettings) -> Iterator[str]:
    from wkms_migrate.phases.mysql import catalog

    with servers.source(context) as session:
        for table in catalog.selected(session, settings):
            yield f"{table.id}: about {counted(table.rows, 'row')}, {table.bytes / (1 << 20):,.1f} MiB"
