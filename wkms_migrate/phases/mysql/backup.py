"""A logical dump of the target's schemas into the run folder, made before they are replaced.

Per schema a folder: `tables.sql` and `objects.sql` with the definitions, and per table a file in the format of
LOAD DATA (tab, backslash, line feed; binary character set), all gzipped. restore.txt says how to bring it back.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from wkms_migrate.clients.mysql import Session
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import catalog, objects, rows, servers
from wkms_migrate.phases.mysql.catalog import Table
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.snapshot import START
from wkms_migrate.plan import StepRun

RESTORE = """How to restore this backup into schema {schema}:
1. Create the schema, then run tables.sql and, last of all, objects.sql with the mysql client.
2. With SET sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', foreign_key_checks=0, time_zone='+00:00' run, for each
   unpacked file:
{loads}
"""


def run(run: StepRun) -> Mapping[str, Json]:
    """Dump the target's schemas, all tables at one point in time."""
    settings = run.context.section(MysqlSettings)
    folder = run.context.run_dir / "backup" / "mysql"
    dumped = 0
    with servers.target(run.context) as target:
        tables = catalog.tables(target, settings.schemas)
        _write_definitions(target, tables, settings, folder)
        target.run("SET SESSION character_set_results = NULL")
        target.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        target.run(START)
        for table in tables:
            dumped += _write_rows(run, target, table, folder / quote(table.schema, safe=""))
            run.progress(dumped, item=table.id)
    return {"backup": str(folder.relative_to(run.context.run_dir)), "backup_rows": dumped}


def _write_definitions(target: Session, tables: list[Table], settings: MysqlSettings, folder: Path) -> None:
    present = {str(row[0]) for row in target.rows("SELECT schema_name FROM information_schema.schemata")}
    for schema in settings.schemas:
        if schema not in present:
            continue
        home = folder / quote(schema, safe="")
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        mine = [table for table in tables if table.schema == schema]
        shown = [str(target.rows(f"SHOW CREATE TABLE {table.quoted}")[0][1]) for table in mine]
        head = f"USE {quoted(schema)};\nSET foreign_key_checks=0;\n"
        (home / "tables.sql").write_text(head + "".join(f"{text};\n" for text in shown), encoding="utf-8")
        found = objects.read(target, [schema])
        text = "".join(f"SET sql_mode='{one.sql_mode}'$$\n{one.create}$$\n" for one in found)
        (home / "objects.sql").write_text(f"USE {quoted(schema)};\nDELIMITER $$\n{text}", encoding="utf-8")
        loads = "".join(f"   {rows.load(table).replace('memory', _file(table))};\n" for table in mine)
        (home / "restore.txt").write_text(RESTORE.format(schema=schema, loads=loads), encoding="utf-8")


def _file(table: Table) -> str:
    return f"{quote(table.name, safe='')}.tsv"


def _write_rows(run: StepRun, target: Session, table: Table, home: Path) -> int:
    """Write one table; the file has its final name only when it is whole and on disk."""
    tally = rows.Tally()
    path = home / f"{_file(table)}.gz"
    part = path.with_suffix(".part")
    with part.open("wb") as raw:
        with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as packed:
            for block in rows.lines(target.stream(rows.select(table, "")), table.stored, tally):
                run.check_stop()
                packed.write(block)
        raw.flush()
        os.fsync(raw.fileno())
    part.rename(path)
    return tally.rows
