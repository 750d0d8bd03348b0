"""Routines, views, triggers and events, each made as the server shows it, in the settings it was written under."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wkms_migrate.clients.mysql import SQL_MODE, Session, SqlError, encoding_of
from wkms_migrate.errors import WkmsError
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import accounts, catalog, servers, shape, translation
from wkms_migrate.phases.mysql.accounts import Owners
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.translation import Translation
from wkms_migrate.plan import StepRun

QUOTED = r"""(?:`(?:[^`]|``)*`|"(?:[^"]|"")*")"""  # sql_mode ANSI_QUOTES shows names in double quotes
DEFINER = re.compile(rf"\bDEFINER=({QUOTED}@{QUOTED}|{QUOTED})")
EVENT_STATE = re.compile(r"(ON COMPLETION (?:NOT )?PRESERVE) (ENABLE|DISABLE ON (?:SLAVE|REPLICA)|DISABLE)\b")
NOT_THERE_YET = frozenset({1146, 1356, 1305, 1449})
NO_PRIVILEGE = 1227
KINDS = ("PROCEDURE", "FUNCTION", "VIEW", "TRIGGER", "EVENT")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object and what its text depends on. `table` is a trigger's; `origin` the schema where it comes from."""

    kind: str
    schema: str
    name: str
    create: str
    charset: str
    collation: str
    sql_mode: str = SQL_MODE
    time_zone: str = "+00:00"
    table: str = ""
    origin: str = ""

    @property
    def id(self) -> str:
        """Kind, schema and name where it comes from, for messages."""
        return f"{self.kind.lower()} {self.origin or self.schema}.{self.name}"

    @property
    def definer(self) -> str:
        """The account that it runs as, in backticks; empty without one."""
        match = DEFINER.search(self.create)
        return re.sub('["`]', "`", match[1]) if match else ""


def run(run: StepRun) -> Mapping[str, Json]:
    """Make all objects on the target. Events are made disabled; the result says which to enable at the cut-over.

    What cannot be made is a finding and in the result's `objects_left`, by id with the reason.
    """
    settings = run.context.section(MysqlSettings)
    with servers.source(run.context) as source, servers.target(run.context) as target:
        words = translation.between(source, target, settings)
        chosen = {shape.name(table) for table in catalog.selected(source, settings)}
        renamed = any(words.renames(name) for name in settings.schemas)
        found = list(read(source, settings.schemas, full_names=renamed))
        return carry(run, target, found, words, chosen)


def carry(
    run: StepRun, target: Session, found: Sequence[StoredObject], words: Translation, chosen: set[shape.Name]
) -> Mapping[str, Json]:
    """Make what can be carried of these objects; `chosen` are the tables of the source that go along."""
    reasons = {one.id: reason for one in found if (reason := _obstacle(one, words, chosen))}
    for one in found:
        if one.id in reasons:
            _leave(run, one, reasons[one.id])
    made = make(run, target, [words_of(one, words) for one in found if one.id not in reasons])
    return {**made, "objects_left": {**reasons, **made["objects_left"]}}


def _obstacle(one: StoredObject, words: Translation, chosen: set[shape.Name]) -> str:
    """Return why an object of the source cannot be carried; nothing when it can."""
    if one.table and (one.schema.lower(), one.table.lower()) not in chosen:
        return f"its table {one.schema}.{one.table} stays behind"
    if one.kind == "VIEW":
        return "" if words.view(one.create) else "a schema that gets another name is an alias in it as well"
    if old := words.names_old_schema(one.create):
        return f"its text names the schema {old}, which has another name on the target"
    return ""


def words_of(one: StoredObject, words: Translation) -> StoredObject:
    """Return the object as the target is to have it."""
    create = words.collated(one.create)
    if one.kind == "VIEW" and any(words.renames(name) for name in words.schemas):
        create = words.view(create) or create
    return replace(
        one,
        origin=one.schema,
        schema=words.schema(one.schema),
        create=create,
        sql_mode=words.sql_mode(one.sql_mode),
        collation=words.collations.get(one.collation, one.collation),
    )


def make(run: StepRun, target: Session, found: Sequence[StoredObject]) -> dict[str, Json]:
    """Make these objects on the target; the result counts them and names the events to enable at the cut-over."""
    owners = accounts.owners(target, run.context.section(MysqlSettings))
    pending = [_prepared(run, one) for one in found]
    left: dict[str, Json] = {}
    for kind in KINDS:
        left |= _make_all(run, target, owners, [one for one in pending if one.kind == kind])
    enabled = [one for one in found if one.kind == "EVENT" and _state(one) == "ENABLE" and one.id not in left]
    return {
        "objects": {kind.lower(): sum(one.kind == kind and one.id not in left for one in found) for kind in KINDS},
        "events_to_enable": [one.id for one in enabled],
        "cut_over_sql": [_enabling(one) for one in enabled],
        "objects_left": left,
    }


def read(session: Session, schemas: Sequence[str], *, full_names: bool = False) -> Iterator[StoredObject]:
    """Yield the objects of these schemas, triggers in the order in which they fire.

    With `full_names` views name the schema of everything that they use, their own included.
    """
    for schema in schemas:
        session.run(f"USE {quoted('information_schema' if full_names else schema)}")
        for kind in KINDS:
            found = names(session, kind, schema)
            tables = names(session, kind, schema, "event_object_table") if kind == "TRIGGER" else [""] * len(found)
            shown = session.batch([f"SHOW CREATE {kind} {quoted(schema)}.{quoted(name)}" for name in found])
            for name, table, records in zip(found, tables, shown, strict=True):
                yield replace(_read(kind, schema, name, records[0]), table=table)


def names(session: Session, kind: str, schema: str, column: str = "trigger_name") -> list[str]:
    """Return the names of the objects of one kind in one schema; of triggers also another column."""
    at = session.quoted(schema)
    queries = {
        "PROCEDURE": f"routine_name FROM information_schema.routines WHERE routine_schema = {at}"
        " AND routine_type = 'PROCEDURE' ORDER BY 1",
        "FUNCTION": f"routine_name FROM information_schema.routines WHERE routine_schema = {at}"
        " AND routine_type = 'FUNCTION' ORDER BY 1",
        "VIEW": f"table_name FROM information_schema.views WHERE table_schema = {at} ORDER BY 1",
        "TRIGGER": f"{column} FROM information_schema.triggers WHERE trigger_schema = {at}"
        " ORDER BY event_object_table, event_manipulation, action_timing, action_order",
        "EVENT": f"event_name FROM information_schema.events WHERE event_schema = {at} ORDER BY 1",
    }
    return [str(row[0]) for row in session.rows(f"SELECT {queries[kind]}")]


def shown(session: Session, kind: str, schema: str, name: str) -> StoredObject:
    """Return one object as the server shows it."""
    return _read(kind, schema, name, session.records(f"SHOW CREATE {kind} {quoted(schema)}.{quoted(name)}")[0])


def text_of(kind: str, record: Mapping[str, Any]) -> str | None:
    """Return the text in a record of SHOW CREATE; None where the account may not see it."""
    text = record["sql original statement"] if kind == "TRIGGER" else record[f"create {kind.lower()}"]
    return None if text is None else str(text)


def _read(kind: str, schema: str, name: str, record: Mapping[str, Any]) -> StoredObject:
    text = text_of(kind, record)
    if text is None:
        raise WkmsError(
            f"The source does not show the text of {kind.lower()} {schema}.{name}.",
            hint="Grant SHOW_ROUTINE (MySQL 8.0.20 and later) or SELECT on *.* to the source's user.",
        )
    return StoredObject(
        kind=kind,
        schema=schema,
        name=name,
        create=text,
        charset=record["character_set_client"],
        collation=record["collation_connection"],
        sql_mode=record.get("sql_mode", SQL_MODE),
        time_zone=record.get("time_zone", "+00:00"),
    )


def _prepared(run: StepRun, one: StoredObject) -> StoredObject:
    """Return the object as it is to be made: an event is made disabled."""
    if one.kind != "EVENT":
        return one
    if _state(one) == "ENABLE":
        run.finding(
            "mysql-event-disabled",
            "Made disabled, so that it does not fire on both ends.",
            one.id,
            hint=f"At the cut-over: {_enabling(one)}",
        )
    return replace(one, create=EVENT_STATE.sub(r"\1 DISABLE", one.create, count=1))


def _enabling(one: StoredObject) -> str:
    return f"ALTER EVENT {quoted(one.schema)}.{quoted(one.name)} ENABLE"


def _state(one: StoredObject) -> str:
    match = EVENT_STATE.search(one.create)
    return match[2] if match else ""


def _make_all(run: StepRun, target: Session, owners: Owners, pending: list[StoredObject]) -> dict[str, Json]:
    """Make objects of one kind, those that need others of it after these; return those whose needs never came."""
    while pending:
        waiting: list[StoredObject] = []
        reasons: dict[str, Json] = {}
        for one in pending:
            run.check_stop()
            try:
                _make_owned(run, target, owners, one)
            except SqlError as error:
                if error.code not in NOT_THERE_YET:
                    raise
                reasons[one.id] = f"it needs what the target has not: {error.message}"
                waiting.append(one)
        if len(waiting) == len(pending):
            for one in waiting:
                _leave(run, one, str(reasons[one.id]))
            return reasons
        pending = waiting
    return {}


def _leave(run: StepRun, one: StoredObject, reason: str) -> None:
    run.finding(
        "mysql-object-left",
        f"Not made on the target: {reason}.",
        one.id,
        kind="left",
        severity="warning",
        hint="Make it there by hand, in words that fit the target, before the cut-over.",
    )


def _make_owned(run: StepRun, target: Session, owners: Owners, one: StoredObject) -> None:
    """Make one object for its owner, or who is to take that one's place; else for the target's administrator."""
    wished = owners.instead.get(one.definer, one.definer)
    if not wished or wished in owners.there:
        try:
            put(target, owned(one, wished))
        except SqlError as error:
            if error.code != NO_PRIVILEGE or wished == owners.me:
                raise
        else:
            return
    run.finding(
        "mysql-definer",
        f"Objects of {wished} now run as {owners.me}: the account is not on the target, or may not be given.",
        wished,
        kind="converted",
        severity="warning",
        hint="Name another account under phases.mysql.definers, or make this one on the target before a new run.",
    )
    put(target, owned(one, owners.me))


def owned(one: StoredObject, account: str) -> StoredObject:
    """Return an object that has an owner as one of another account, which is given in backticks."""
    if one.definer == account:
        return one
    return replace(one, create=DEFINER.sub(lambda _: f"DEFINER={account}", one.create, count=1))


def put(target: Session, one: StoredObject) -> None:
    """Make one object under its own character set, sql_mode and time zone, in place of one of an earlier attempt."""
    target.run(f"DROP {one.kind} IF EXISTS {quoted(one.schema)}.{quoted(one.name)}")
    target.run(f"USE {quoted(one.schema)}")
    target.run(f"SET SESSION sql_mode='{one.sql_mode}', time_zone='{one.time_zone}'")
    target.run(f"SET character_set_client={one.charset}, collation_connection={one.collation}")
    try:
        target.run(one.create.encode(encoding_of(one.charset)))
    finally:
        if target.open:
            target.run("SET NAMES utf8mb4")
            target.run(f"SET SESSION sql_mode='{SQL_MODE}', time_zone='+00:00'")
