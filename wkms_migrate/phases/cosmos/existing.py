"""The table before the copy: its keys must fit the mapping, and it must be empty unless the configuration allows."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import orjson

from wkms_migrate.clients.dynamodb import Definition, Dynamo
from wkms_migrate.clients.dynamodb_write import Writer
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.keys import Keys
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.plan import StepRun


def check(found: Definition, job: Job) -> None:
    """Refuse a table whose keys are not those that the container's partition key becomes."""
    keys = job.mapping.keys
    wanted = [(attribute.name, attribute.kind) for attribute in keys.attributes]
    if [found.hash_key, *([found.range_key] if found.range_key else [])] == wanted:
        return
    raise Refused(
        f"The keys of table {found.name} do not fit container {job.name} with partition key"
        f" {', '.join(job.container.key_paths)}: they are {_keys(found)}, and must be {described(keys)}.",
        hint=f"Set `{job.table_key} = {{ {_in_terraform(keys)} }}` in the variable `tables` of the Terraform root, and"
        " run `wkms-migrate phase provision` again; or set phases.cosmos.mapping to a file that fits the table.",
    )


def described(keys: Keys) -> str:
    """Write the keys of a mapping, e.g. `HASH departmentId S, RANGE id S`."""
    roles = zip(("HASH", "RANGE"), keys.attributes, strict=False)
    return ", ".join(f"{role} {attribute.name} {attribute.kind}" for role, attribute in roles)


def _in_terraform(keys: Keys) -> str:
    parts = []
    for role, attribute in zip(("hash", "range"), keys.attributes, strict=False):
        parts.append(f'{role}_key = "{attribute.name}"')
        if attribute.kind != "S":
            parts.append(f'{role}_type = "{attribute.kind}"')
    return ", ".join(parts)


def make_room(run: StepRun, dynamo: Dynamo, writer: Writer, table: str, job: Job) -> None:
    """Refuse, keep or replace the items that are in the table before anything is written."""
    if dynamo.is_empty(table):
        return
    match run.context.section(CosmosSettings).on_existing:
        case "append":
            run.finding("table-not-empty", f"{table} held items before the copy; they were kept.", job.name)
        case "replace":
            backup = _free(run.context.run_dir / "backup" / "cosmos", table)
            count = _back_up(run, dynamo, table, backup)
            _delete_all(run, dynamo, writer, table, job.mapping.keys)
            run.finding(
                "table-replaced",
                f"{table} held {counted(count, 'item')}, now deleted and kept in"
                f" {backup.relative_to(run.context.run_dir)}.",
                job.name,
                severity="warning",
            )
        case _:
            raise Refused(
                f"Table {table} holds items already, and this run did not write them.",
                hint="Set phases.cosmos.on_existing to `append` to keep them, or to `replace` to back them up and"
                " delete them.",
            )


def _back_up(run: StepRun, dynamo: Dynamo, table: str, path: Path) -> int:
    """Write every item as DynamoDB JSON; the file has its name only when it is whole and on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    count = 0
    with part.open("wb") as raw:
        with gzip.open(raw, "wb", compresslevel=6) as file:
            for items in dynamo.scan(table, 0, 1):
                run.check_stop()
                file.write(b"".join(orjson.dumps({"Item": item}) + b"\n" for item in items))
                count += len(items)
                run.progress(count, unit="items backed up")
        raw.flush()
        os.fsync(raw.fileno())
    part.replace(path)
    return count


def _delete_all(run: StepRun, dynamo: Dynamo, writer: Writer, table: str, keys: Keys) -> None:
    for items in dynamo.scan(table, 0, 1, keys.names):
        run.check_stop()
        writer.delete(items)


def _free(folder: Path, table: str) -> Path:
    """Return a path that no earlier backup has."""
    number = 1
    while (path := folder / f"{table}-{number}.ndjson.gz").exists():
        number += 1
    return path


def _keys(found: Definition) -> str:
    range_part = f", RANGE {' '.join(found.range_key)}" if found.range_key else ""
    return f"HASH {' '.join(found.hash_key)}{range_part}"
