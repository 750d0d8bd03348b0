"""What the target holds in schemas that are to be replaced, dumped into the run folder: `mysql load` restores it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, dump, servers
from wkms_migrate.phases.mysql.dump_store import Folder
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun

# Everything, under its own name, and as quickly as can be: selection and pace are about the source.
ALL: Mapping[str, Json] = {
    "include": (),
    "exclude": (),
    "where": {},
    "rename": {},
    "max_rate_mib": None,
    "max_threads_running": None,
    "max_replica_lag_seconds": None,
}


def run(run: StepRun) -> Mapping[str, Json]:
    """Dump the target's schemas, all tables at one point in time."""
    settings = run.context.section(MysqlSettings)
    return back_up(run, [catalog.on_target(settings, name) for name in settings.schemas])


def back_up(run: StepRun, schemas: Sequence[str]) -> Mapping[str, Json]:
    """Dump these schemas of the target as they are; one that is not there is no fault."""
    folder = _folder(run)
    settings = run.context.section(MysqlSettings).model_copy(update={**ALL, "schemas": tuple(schemas)})
    result = dump.write(run, lambda: servers.target(run.context), settings, Folder(folder))
    return {"backup": str(folder.relative_to(run.context.run_dir)), "backup_rows": result["dump_rows"]}


def _folder(run: StepRun) -> Path:
    """Return a folder that no earlier backup has: what is there now may be what is left of what that one saved."""
    home = run.context.run_dir / "backup"
    if "folder" in run.cursors:
        return home / str(run.cursors["folder"])
    folder = next(path for number in count(1) if not (path := home / f"mysql-{number}").exists())
    folder.mkdir(parents=True, mode=0o700)
    run.checkpoint(folder.name, key="folder")
    return folder
