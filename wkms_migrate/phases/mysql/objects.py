"""Routines, views, triggers and events, each made as the server shows it, in the settings it was written under."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wkms_migrate.clients.mysql import SQL_MODE, Session, SqlError, encoding_of
from wkms_migrate.errors import WkmsError
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import servers
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun

QUOTED = r"""(?:`(?:[^`]|``)*`|"(?:[^"]|"")*")"""  # sql_mode ANSI_QUOTES shows names in double quotes
DEFINER = re.compile(rf"\bDEFINER=({QUOTED}@{QUOTED}|{QUOTED})")
EVENT_STATE = re.compile(r"(ON COMPLETION (?:NOT )?PRESERVE) (ENABLE|DISABLE ON (?:SLAVE|REPLICA)|DISABLE)\b")
NOT_THERE_YET = frozenset({1146, 1356, 1305, 1449})
NO_PRIVILEGE = 1227
KINDS = ("PROCEDURE", "FUNCTION", "VIEW", "TRIGGER", "EVENT")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object and what its text depends on."""

    kind: str
    schema: str
    name: str
    create: str
    charset: str
    collation: str
    sql_mode: str = SQL_MODE
    time_zone: str = "+00:00"

    @property
    def id(self) -> str:
        """Kind, schema and name, for messages."""
        return f"{self.kind.lower()} {self.schema}.{self.name}"

    @property
    def definer(self) -> str:
        """The account that it runs as, in backticks; empty without one."""
        match = DEFINER.search(self.create)
        return re.sub('["`]', "`", match[1]) if match else ""


@dataclass(frozen=True, slots=True)
class Definers:
    """Who may own objects on the target: our own account, and which accounts are there at all."""

    me: str
    there: set[str]


def run(run: StepRun) -> Mapping[str, Json]:
    """Make all objects on the target. Events are made disabled; the result says which to enable at the cut-over."""
    settings = run.context.section(MysqlSettings)
    with servers.source(run.context) as source, servers.target(run.context) as target:
        return make(run, target, list(read(source, settings.schemas)))


def make(run: StepRun, target: Session, found: Sequence[StoredObject]) -> Mapping[str, Json]:
    """Make these objects on the target; the result counts them and names the events to enable at the cut-over."""
    definers = _definers(target)
    pending = [_prepared(run, one) for one in found]
    for kind in KINDS:
        _make_all(run, target, definers, [one for one in pending if one.kind == kind])
    enabled = [one.id for one in found if one.kind == "EVENT" and _state(one) == "ENABLE"]
    return {
        "objects": {kind.lower(): sum(one.kind == kind for one in found) for kind in KINDS},
        "events_to_enable": enabled,
    }


def read(session: Session, schemas: Sequence[str]) -> Iterator[StoredObject]:
    """Yield the objects of these schemas, triggers in the order in which they fire."""
    for schema in schemas:
        session.run(f"USE {quoted(schema)}")
        for kind in KINDS:
            for name in names(session, kind, schema):
                yield shown(session, kind, schema, name)


def names(session: Session, kind: str, schema: str) -> list[str]:
    """Return the names of the objects of one kind in one schema."""
    at = session.quoted(schema)
    queries = {
        "PROCEDURE": f"routine_name FROM information_schema.routines WHERE routine_schema = {at}"
        " AND routine_type = 'PROCEDURE' ORDER BY 1",
        "FUNCTION": f"routine_name FROM information_schema.routines WHERE routine_schema = {at}"
        " AND routine_type = 'FUNCTION' ORDER BY 1",
        "VIEW": f"table_name FROM information_schema.views WHERE table_schema = {at} ORDER BY 1",
        "TRIGGER": f"trigger_name FROM information_schema.triggers WHERE trigger_schema = {at}"
        " ORDER BY event_object_table, event_manipulation, action_timing, action_order",
        "EVENT": f"event_name FROM information_schema.events WHERE event_schema = {at} ORDER BY 1",
    }
    return [str(row[0]) for row in session.rows(f"SELECT {queries[kind]}")]


def shown(session: Session, kind: str, schema: str, name: str) -> StoredObject:
    """Return one object as the server shows it."""
    record = session.records(f"SHOW CREATE {kind} {quoted(schema)}.{quoted(name)}")[0]
    text = record["sql original statement"] if kind == "TRIGGER" else record[f"create {kind.lower()}"]
    if text is None:
        raise WkmsError(
            f"The source does not show the text of {kind.lower()} {schema}.{name}.",
            hint="Grant SHOW_ROUTINE (MySQL 8.0.20 and later) or SELECT on *.* to the source's user.",
        )
    return StoredObject(
        kind=kind,
        schema=schema,
        name=name,
        create=str(text),
        charset=record["character_set_client"],
        collation=record["collation_connection"],
        sql_mode=record.get("sql_mode", SQL_MODE),
        time_zone=record.get("time_zone", "+00:00"),
    )


def _definers(target: Session) -> Definers:
    """Return who may own objects on the target."""
    me = _account(str(target.value("SELECT CURRENT_USER()")))
    return Definers(me, _accounts(target) | {me})


def _account(text: str) -> str:
    user, _, host = text.rpartition("@")
    return f"{quoted(user)}@{quoted(host)}"


def _accounts(target: Session) -> set[str]:
    """Return the accounts of a server, as SHOW CREATE writes them; none when they may not be read."""
    try:
        return {f"{quoted(user)}@{quoted(host)}" for user, host in target.rows("SELECT user, host FROM mysql.user")}
    except SqlError as error:
        if error.code in {1142, 1143}:
            return set()
        raise


def _prepared(run: StepRun, one: StoredObject) -> StoredObject:
    """Return the object as it is to be made: an event is made disabled."""
    if one.kind != "EVENT":
        return one
    if _state(one) == "ENABLE":
        run.finding(
            "mysql-event-disabled",
            "Made disabled, so that it does not fire on both ends.",
            one.id,
            hint=f"At the cut-over: ALTER EVENT {quoted(one.schema)}.{quoted(one.name)} ENABLE",
        )
    return replace(one, create=EVENT_STATE.sub(r"\1 DISABLE", one.create, count=1))


def _state(one: StoredObject) -> str:
    match = EVENT_STATE.search(one.create)
    return match[2] if match else ""


def _make_all(run: StepRun, target: Session, definers: Definers, pending: list[StoredObject]) -> None:
    """Make objects of one kind, those that need others of it after these. Raises the last refusal without progress."""
    while pending:
        waiting: list[StoredObject] = []
        refusal: SqlError | None = None
        for one in pending:
            run.check_stop()
            try:
                _make_owned(run, target, definers, one)
            except SqlError as error:
                if error.code not in NOT_THERE_YET:
                    raise
                refusal = error
                waiting.append(one)
        if refusal is not None and len(waiting) == len(pending):
            raise refusal
        pending = waiting


def _make_owned(run: StepRun, target: Session, definers: Definers, one: StoredObject) -> None:
    """Make one object for its definer; for the target's administrator where the definer is absent or refused."""
    if not one.definer or one.definer in definers.there:
        try:
            put(target, one)
        except SqlError as error:
            if error.code != NO_PRIVILEGE or one.definer == definers.me:
                raise
        else:
            return
    run.finding(
        "mysql-definer",
        f"Objects of {one.definer} now run as {definers.me}: the account is not on the target, or may not be given.",
        one.definer,
        kind="converted",
        severity="warning",
        hint="Make the account on the target before the move to keep it, then start a new run.",
    )
    put(target, replace(one, create=DEFINER.sub(lambda _: f"DEFINER={definers.me}", one.create, count=1)))


def put(target: Session, one: StoredObject) -> None:
    """Make one object under its own character set, sql_mode and time zone, in place of one of an earlier attempt."""
    if one.name in names(target, one.kind, one.schema):
        target.run(f"DROP {one.kind} {quoted(one.schema)}.{quoted(one.name)}")
    target.run(f"USE {quoted(one.schema)}")
    target.run(f"SET SESSION sql_mode='{one.sql_mode}', time_zone='{one.time_zone}'")
    target.run(f"SET character_set_client={one.charset}, collation_connection={one.collation}")
    try:
        target.run(one.create.encode(encoding_of(one.charset)))
    finally:
        if target.open:
            target.run("SET NAMES utf8mb4")
            target.run(f"SET SESSION sql_mode='{SQL_MODE}', time_zone='+00:00'")
