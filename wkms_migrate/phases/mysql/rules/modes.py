"""Settings that change what statements mean."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.phases.mysql.catalog import TIMES
from wkms_migrate.phases.mysql.parameter_group import REMOVED_MODES
from wkms_migrate.phases.mysql.rules.rule import Fix, Found, parameter, target_rule
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

ZERO = frozenset({"NO_ZERO_DATE", "NO_ZERO_IN_DATE"})
PARSING = frozenset({"ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "IGNORE_SPACE", "HIGH_NOT_PRECEDENCE"})
STRICT = frozenset({"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"})
GROUPED = "ONLY_FULL_GROUP_BY"
STEPS = ("auto_increment_increment", "auto_increment_offset")
SET_MODE = parameter("sql_mode", "<value>", "Set sql_mode alike in the RDS parameter group, or where programs connect.")


def _mode(survey: Survey) -> dict[str, str]:
    return {"value": ",".join(sorted(survey.source.modes() - REMOVED_MODES))}


@target_rule(
    "zero-dates",
    "warning",
    "The target refuses zero dates, the source does not",
    breaks="Rows move as they are; a later UPDATE of a row with a zero date is refused.",
    fix=SET_MODE,
)
def _zero_dates(survey: Survey, target: Server) -> Iterator[Found]:
    stricter = sorted((target.modes() - survey.source.modes()) & ZERO)
    dated = any(column.type in TIMES for table in survey.moved.tables for column in table.columns)
    if stricter and dated:
        yield Found(f"Only the target's sql_mode has {', '.join(stricter)}.", values=_mode(survey))


@target_rule(
    "sql-mode",
    "warning",
    "The ends read statements differently",
    breaks="Quotes, backslashes and || in programs mean something else.",
    fix=SET_MODE,
)
def _sql_mode(survey: Survey, target: Server) -> Iterator[Found]:
    if parsing := sorted((survey.source.modes() ^ target.modes()) & PARSING):
        yield Found(f"On one end only: {', '.join(parsing)}.", values=_mode(survey))


@target_rule(
    "sql-mode-strict",
    "warning",
    "One end refuses values that the other cuts",
    breaks="Writes of programs fail that worked before, or values are cut in silence that were refused.",
    fix=SET_MODE,
)
def _sql_mode_strict(survey: Survey, target: Server) -> Iterator[Found]:
    if bool(survey.source.modes() & STRICT) != bool(target.modes() & STRICT):
        end = "target" if target.modes() & STRICT else "source"
        yield Found(f"Only the {end}'s sql_mode is strict.", values=_mode(survey))


@target_rule(
    "sql-mode-group-by",
    "warning",
    "The target refuses GROUP BY that leaves columns open",
    breaks="Queries of programs, and views when they are used, end in error 1055.",
    fix=SET_MODE,
)
def _sql_mode_group_by(survey: Survey, target: Server) -> Iterator[Found]:
    if GROUPED in target.modes() - survey.source.modes():
        yield Found(f"Only the target's sql_mode has {GROUPED}.", values=_mode(survey))


@target_rule(
    "sql-mode-removed",
    "error",
    "An object was written under an sql_mode that the target has not",
    breaks="The object cannot be made as it is.",
    fix=Fix(
        text="Make it again on the source under a mode that MySQL 8 has.",
        sql="SET sql_mode = '<value>'; SHOW CREATE …; DROP …; CREATE …",
    ),
)
def _sql_mode_removed(survey: Survey, target: Server) -> Iterator[Found]:
    if target.is_mariadb:
        return
    for one in survey.moved.stored:
        if removed := sorted(set(one.sql_mode.split(",")) & REMOVED_MODES):
            left = ",".join(sorted(set(one.sql_mode.split(",")) - REMOVED_MODES))
            yield Found(f"Its sql_mode has {', '.join(removed)}.", one.id, {"value": left})


@target_rule(
    "transaction-isolation",
    "warning",
    "Transactions are kept apart differently",
    breaks="Programs see other rows inside a transaction, or wait for other locks.",
    fix=parameter("transaction_isolation"),
)
def _transaction_isolation(survey: Survey, target: Server) -> Iterator[Found]:
    source, there = (_isolation(server) for server in (survey.source, target))
    if source and there and source != there:
        yield Found(f"It is {source} on the source and {there} on the target.", values={"value": source})


def _isolation(server: Server) -> str:
    return server.text("transaction_isolation") or server.text("tx_isolation")


@target_rule(
    "auto-increment-step",
    "warning",
    "New numbers are handed out in other steps",
    breaks="Programs that count on odd or even numbers, or on none left out, meet collisions.",
    fix=parameter("<name>", "<value>", "Set <name> = <value> in the RDS parameter group."),
)
def _auto_increment_step(survey: Survey, target: Server) -> Iterator[Found]:
    for name in STEPS:
        source, there = survey.source.text(name), target.text(name)
        if source != there:
            found = f"{name} is {source} on the source and {there} on the target."
            yield Found(found, name, {"name": name, "value": source})


@target_rule(
    "group-concat",
    "warning",
    "The target cuts GROUP_CONCAT shorter",
    breaks="Views, routines and queries lose the end of long lists, with a warning only.",
    fix=parameter("group_concat_max_len"),
)
def _group_concat(survey: Survey, target: Server) -> Iterator[Found]:
    source, there = (server.number("group_concat_max_len") for server in (survey.source, target))
    if source > there:
        found = f"group_concat_max_len is {source} on the source and {there} on the target."
        yield Found(found, values={"value": str(source)})


@target_rule(
    "init-connect",
    "warning",
    "Connections begin with other statements",
    breaks="What programs rely on at connect is not set on the target.",
    fix=parameter("init_connect", "<value>", "Set init_connect alike in the RDS parameter group."),
)
def _init_connect(survey: Survey, target: Server) -> Iterator[Found]:
    source = survey.source.text("init_connect")
    if source and source != target.text("init_connect"):
        yield Found(f"On the source it is: {source[:120]}", values={"value": source})


@target_rule(
    "timestamp-defaults",
    "warning",
    "TIMESTAMP columns get other defaults",
    breaks="Tables that programs make later behave differently; the ones that move say all of it.",
    fix=parameter("explicit_defaults_for_timestamp", "<value>"),
)
def _timestamp_defaults(survey: Survey, target: Server) -> Iterator[Found]:
    name = "explicit_defaults_for_timestamp"
    if survey.source.on(name) != target.on(name):
        value = "1" if survey.source.on(name) else "0"
        yield Found(f"{name} is {survey.source.text(name)} on the source only.", values={"value": value})


RULES = (
    _zero_dates,
    _sql_mode,
    _sql_mode_strict,
    _sql_mode_group_by,
    _sql_mode_removed,
    _transaction_isolation,
    _auto_increment_step,
    _group_concat,
    _init_connect,
    _timestamp_defaults,
)
