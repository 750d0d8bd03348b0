"""Definitions of tables and stored objects on both ends, as they are, stated as comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import bodies, catalog, objects, shape
from wkms_migrate.phases.mysql.catalog import Table, literals
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.translation import Translation
from wkms_migrate.plan import StepRun, digest_of

# What makes up an object besides its name and its owner. Types and modes print differently between families.
FACTS = {
    "PROCEDURE": (
        "SELECT routine_schema AS s, routine_name AS n, routine_definition, security_type, is_deterministic,"
        " sql_data_access, routine_comment FROM information_schema.routines"
        " WHERE routine_type = 'PROCEDURE' AND routine_schema IN ({})"
    ),
    "FUNCTION": (
        "SELECT routine_schema AS s, routine_name AS n, routine_definition, security_type, is_deterministic,"
        " sql_data_access, routine_comment FROM information_schema.routines"
        " WHERE routine_type = 'FUNCTION' AND routine_schema IN ({})"
    ),
    "VIEW": (
        "SELECT v.table_schema AS s, v.table_name AS n, MIN(v.security_type) AS security,"
        " MIN(v.check_option) AS checked,"
        " GROUP_CONCAT(c.column_name, ' ', c.data_type ORDER BY c.ordinal_position) AS columns"
        " FROM information_schema.views v JOIN information_schema.columns c"
        " ON c.table_schema = v.table_schema AND c.table_name = v.table_name WHERE v.table_schema IN ({}) GROUP BY s, n"
    ),
    "TRIGGER": (
        "SELECT trigger_schema AS s, trigger_name AS n, action_statement, action_timing, event_manipulation,"
        " LOWER(event_object_table) AS tab FROM information_schema.triggers WHERE trigger_schema IN ({})"
    ),
    "EVENT": (
        "SELECT event_schema AS s, event_name AS n, event_definition, event_type, execute_at, interval_value,"
        " interval_field, starts, ends, on_completion, time_zone, event_comment"
        " FROM information_schema.events WHERE event_schema IN ({})"
    ),
}

# The fact that is the body of an object that has one: read from SHOW CREATE, where it is as it was written.
BODIES = {
    "PROCEDURE": "routine_definition",
    "FUNCTION": "routine_definition",
    "TRIGGER": "action_statement",
    "EVENT": "event_definition",
}

Facts = dict[tuple[str, str], dict[str, Any]]


def compare_tables(run: StepRun, source: Session, target: Session, words: Translation, tables: Sequence[Table]) -> None:
    """Compare definitions of tables that are on both ends, and the next values that were to be kept."""
    texts = shape.whole(source, target, words, tables)
    for table in tables:
        run.verified(table.id, "definition", *difference(*texts[table.id]))
    kept = run.context.output("mysql", "next_values")
    counting = [table for table in tables if table.id in kept]
    found = catalog.definitions(target, [table.on_target for table in counting])
    for table in counting:
        wanted = int(kept[table.id])
        run.verified(table.id, "next value", wanted, min(wanted, found[table.on_target.id].next_value))


def difference(source: str, target: str) -> tuple[str, str]:
    """Return the first line in which two definitions differ, for both; a digest of the whole where none does."""
    for ours, theirs in zip_longest(source.splitlines(), target.splitlines(), fillvalue=""):
        if ours != theirs:
            return ours, theirs
    return digest_of(source), digest_of(target)


def compare_objects(
    run: StepRun, source: Session, target: Session, words: Translation, settings: MysqlSettings
) -> None:
    """Compare names of each kind, then each object's text. With `append` the target may hold more than came."""
    left = run.context.output("mysql", "objects_left")
    for session in (source, target):
        session.run("SET SESSION group_concat_max_len = 1000000")
    for kind in objects.KINDS:
        ours = facts(source, kind, settings.schemas)
        theirs = facts(target, kind, sorted({words.schema(name) for name in settings.schemas}))
        wanted = {
            (words.schema(schema).lower(), name): known
            for (schema, name), known in ours.items()
            if f"{kind.lower()} {schema}.{name}" not in left
        }
        _compare_names(run, kind, set(wanted), set(theirs), more=settings.on_existing == "append")
        for place in sorted(wanted.keys() & theirs.keys()):
            name = f"{kind.lower()} {'.'.join(place)}"
            run.verified(name, "definition", *difference(*told(wanted[place], theirs[place], words)))


def _compare_names(
    run: StepRun, kind: str, ours: set[tuple[str, str]], theirs: set[tuple[str, str]], *, more: bool
) -> None:
    present = theirs & ours if more else theirs
    for schema in sorted({schema for schema, _ in ours | present}):
        names = [", ".join(sorted(name for place, name in one if place == schema)) for one in (ours, present)]
        run.verified(schema, f"{kind.lower()}s", *names)


def facts(session: Session, kind: str, schemas: Sequence[str]) -> Facts:
    """Return what makes up each object of one kind, by schema in lower case and name."""
    records = session.records(FACTS[kind].format(literals(session, schemas)))
    if fact := BODIES.get(kind):
        shown = session.batch([f"SHOW CREATE {kind} {quoted(one['s'])}.{quoted(one['n'])}" for one in records])
        for record, (create, *_) in zip(records, shown, strict=True):
            text = objects.text_of(kind, create)
            record[fact] = record[fact] if text is None else bodies.of(kind, text) or text
    return {(str(record["s"]).lower(), str(record["n"])): record for record in records}


def told(ours: Mapping[str, Any], theirs: Mapping[str, Any], words: Translation) -> tuple[str, str]:
    """Return the facts about an object on both ends as texts that are equal when the objects are."""
    lines = [[f"{name}: {one[name]}" for name in ours if name not in {"s", "n"}] for one in (ours, theirs)]
    lines[0] = [words.collated(line) for line in lines[0]]
    if not words.same_family:  # a view's columns have types of the other family
        lines = [[line for line in one if not line.startswith("columns: ")] for one in lines]
    return "\n".join(lines[0]), "\n".join(lines[1])
