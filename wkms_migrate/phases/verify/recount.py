"""Count again, on both ends, what the movers counted: what changed since then is seen before the switch."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_queue, mysql, s3, target_database
from wkms_migrate.phases.verify.proofs import comparisons

if TYPE_CHECKING:
    from wkms_migrate.plan import StepRun


def recount(run: StepRun) -> None:
    """Count rows of tables, objects of buckets and messages left; state each as a comparison."""
    for count in (_rows, _objects, _messages):
        run.check_stop()
        count(run)


def _rows(run: StepRun) -> None:
    tables = [check.object for check in comparisons(run.context.state, "mysql", "rows")]
    if not tables:
        return
    settings = run.context.settings
    with (
        mysql.connect(settings.azure.mysql, "source") as source,
        mysql.connect(target_database.server(run.context), "target") as target,
    ):
        for table in tables:
            run.check_stop()
            statement = f"SELECT COUNT(*) FROM {quoted(table)}"  # noqa: S608 - the name is quoted
            run.verified(table, "rows now", source.value(statement), target.value(statement))


def quoted(table: str) -> str:
    """Quote `schema.table`."""
    return ".".join(f"`{part.replace('`', '``')}`" for part in table.split(".", 1))


def _objects(run: StepRun) -> None:
    """Count the buckets that provision made and that hold nothing but what was migrated."""
    state = run.context.state
    checks = {check.object: check for check in comparisons(state, "blob", "objects")}
    alone = [check.object for check in comparisons(state, "blob", "names only on the target")]
    if not alone:
        return
    buckets = run.context.output("provision", "wkms")["buckets"]
    with closing(s3.connect(run.context.settings.aws, run.stopping)) as service:
        for container in alone:
            if container in buckets:
                found = sum(1 for _ in service.objects(buckets[container]))
                run.verified(container, "objects now", int(checks[container].target), found)


def _messages(run: StepRun) -> None:
    checks = list(comparisons(run.context.state, "queue", "left on the source"))
    if not checks:
        return
    with closing(azure_queue.connect(run.context.settings.azure.storage, run.stopping)) as service:
        for check in checks:
            run.verified(check.object, "left on the source now", 0, service.count(check.object))
