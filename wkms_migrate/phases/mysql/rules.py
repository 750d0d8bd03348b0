"""Preflight rules. Each looks at a survey and states problems with evidence and what to do; none asks a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wkms_migrate.events import Severity
from wkms_migrate.phases.mysql.catalog import TIMES
from wkms_migrate.phases.mysql.survey import Survey

GROUP = "in the RDS parameter group"
TRANSACTIONAL = frozenset({"innodb", "rocksdb"})
REFUSED_ENGINES = frozenset({"federated", "csv", "blackhole", "example", "ndbcluster", "merge", "mrg_myisam"})
TARGET_NEEDS = (
    "CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "SELECT", "INSERT", "DELETE",
)  # fmt: skip
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a rule found: `error` stops the phase unless its id is accepted in the settings."""

    id: str
    severity: Severity
    evidence: str
    fix: str
    object: str = ""


Rule = Callable[[Survey], Iterator[Problem]]


def check(survey: Survey) -> list[Problem]:
    """Apply every rule."""
    return [problem for rule in RULES for problem in rule(survey)]


def _schemas_exist(survey: Survey) -> Iterator[Problem]:
    for name in survey.settings.schemas:
        if name not in survey.schemas:
            yield Problem(
                id="schema-missing",
                severity="error",
                object=name,
                evidence="The source has no such schema.",
                fix="Correct phases.mysql.schemas.",
            )
        if name.lower() in {"innodb", "mysql", "sys", "performance_schema", "information_schema"}:
            yield Problem(
                id="schema-reserved",
                severity="error",
                object=name,
                evidence="RDS does not take a schema of this name.",
                fix="Leave it out of phases.mysql.schemas.",
            )


def _versions(survey: Survey) -> Iterator[Problem]:
    source, target = survey.source, survey.target
    pair = f"{'.'.join(map(str, source.version))} to {'.'.join(map(str, target.version))}"
    if source.is_mariadb != target.is_mariadb:
        yield Problem(
            id="version-family",
            severity="warning",
            evidence=f"MariaDB and MySQL differ in definitions and functions: {pair}.",
            fix="Expect refused definitions; the verification at the end still compares every row.",
        )
    elif source.version[:2] > target.version[:2]:
        yield Problem(
            id="version-older",
            severity="error",
            evidence=f"The target is older than the source: {pair}.",
            fix="Choose an engine version of the target that is not older than the source's.",
        )


def _name_case(survey: Survey) -> Iterator[Problem]:
    source = survey.source.number("lower_case_table_names")
    target = survey.target.number("lower_case_table_names")
    evidence = f"lower_case_table_names is {source} on the source and {target} on the target."
    fix = f"Set lower_case_table_names = {min(source, 1)} {GROUP}; it can only be set when the server is made."
    mixed = [table.id for table in survey.tables if table.id != table.id.lower()]
    if target == 1 and source != 1 and mixed:
        yield Problem(id="name-case", severity="error", evidence=f"{evidence} Mixed: {mixed[0]}", fix=fix)
    elif target == 0 and source != 0:
        yield Problem(
            id="name-case",
            severity="warning",
            evidence=f"{evidence} Queries that write a table name in another case fail on the target.",
            fix=fix,
        )


def _local_infile(survey: Survey) -> Iterator[Problem]:
    if not survey.target.on("local_infile"):
        yield Problem(
            id="local-infile",
            severity="error",
            evidence="local_infile is off on the target: LOAD DATA LOCAL is refused.",
            fix=f"Set local_infile = 1 {GROUP}, for the time of the move at least.",
        )


def _source_rights(survey: Survey) -> Iterator[Problem]:
    grants = survey.source.grants
    objects = survey.objects
    routines = "SHOW_ROUTINE" if not survey.source.is_mariadb else "SELECT"
    wanted = {
        "SELECT": True,
        "SHOW VIEW": objects.get("view", 0) > 0,
        "TRIGGER": objects.get("trigger", 0) > 0,
        "EVENT": objects.get("event", 0) > 0,
    }
    for schema in survey.settings.schemas:
        for privilege, needed in wanted.items():
            if needed and not grants.has(privilege, schema):
                yield _missing("source", privilege, schema, "error")
    if objects.get("routine", 0) and not (grants.has(routines) or grants.has("SELECT")):
        yield _missing("source", routines, "*", "error")
    if not grants.has("REPLICATION CLIENT"):
        yield _missing("source", "REPLICATION CLIENT", "*", "warning")
        for schema in survey.settings.schemas:
            if not grants.has("LOCK TABLES", schema) and not grants.has("RELOAD"):
                yield _missing("source", "LOCK TABLES", schema, "error")


def _target_rights(survey: Survey) -> Iterator[Problem]:
    by_kind = {"view": "CREATE VIEW", "routine": "CREATE ROUTINE", "trigger": "TRIGGER", "event": "EVENT"}
    needed = [*TARGET_NEEDS, *(privilege for kind, privilege in by_kind.items() if survey.objects.get(kind))]
    for schema in survey.settings.schemas:
        for privilege in needed:
            if not survey.target.grants.has(privilege, schema):
                yield _missing("target", privilege, schema, "error")


def _missing(side: str, privilege: str, schema: str, severity: Severity) -> Problem:
    return Problem(
        id=f"{side}-privilege",
        severity=severity,
        object=schema,
        evidence=f"The {side}'s account has no {privilege}.",
        fix=f"GRANT {privilege} ON {'*.*' if schema == '*' else f'`{schema}`.*'} TO the account.",
    )


def _hidden_keys(survey: Survey) -> Iterator[Problem]:
    if survey.source.on("sql_generate_invisible_primary_key") and not survey.source.on(
        "show_gipk_in_create_table_and_information_schema"
    ):
        yield Problem(
            id="hidden-keys-unseen",
            severity="error",
            evidence="Generated invisible primary keys exist but are not shown: their values would be made anew.",
            fix="Set show_gipk_in_create_table_and_information_schema = ON on the source.",
        )
    if survey.target.on("sql_generate_invisible_primary_key") and not (
        survey.target.grants.has("SESSION_VARIABLES_ADMIN") or survey.target.grants.has("SYSTEM_VARIABLES_ADMIN")
    ):
        yield Problem(
            id="hidden-keys-forced",
            severity="error",
            evidence="The target adds a hidden key to tables without one, and the account may not switch that off.",
            fix=f"Set sql_generate_invisible_primary_key = OFF {GROUP}.",
        )


def _sql_mode(survey: Survey) -> Iterator[Problem]:
    source, target = survey.source.modes(), survey.target.modes()
    dates = [table.id for table in survey.tables if any(column.type in TIMES for column in table.columns)]
    stricter = sorted((target - source) & {"NO_ZERO_DATE", "NO_ZERO_IN_DATE"})
    if stricter and dates:
        yield Problem(
            id="zero-dates",
            severity="warning",
            evidence=f"The target's sql_mode has {', '.join(stricter)}, the source's has not.",
            fix=f"Rows move as they are; for later updates of zero dates set sql_mode alike {GROUP}.",
        )
    parsing = sorted((source ^ target) & {"ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "IGNORE_SPACE"})
    if parsing:
        yield Problem(
            id="sql-mode",
            severity="warning",
            evidence=f"The servers read statements differently: {', '.join(parsing)} on one end only.",
            fix=f"Set sql_mode alike {GROUP}, or the application's own at connect.",
        )


def _charsets(survey: Survey) -> Iterator[Problem]:
    for name in sorted(survey.collations - survey.target.collations):
        yield Problem(
            id="collation-unknown",
            severity="error",
            object=name,
            evidence="The target does not know this collation of the source.",
            fix="Choose a target that knows it, or change the columns on the source.",
        )


def _engines(survey: Survey) -> Iterator[Problem]:
    for table in survey.tables:
        engine = table.engine.lower()
        if engine in REFUSED_ENGINES:
            yield Problem(
                id="engine-refused",
                severity="error",
                object=table.id,
                evidence=f"RDS has no engine {table.engine}.",
                fix="ALTER TABLE … ENGINE=InnoDB on the source, or drop the table.",
            )
        elif engine not in TRANSACTIONAL:
            yield Problem(
                id="engine-no-snapshot",
                severity="warning",
                object=table.id,
                evidence=f"{table.engine} tables are not part of a snapshot.",
                fix="Stop writes to it during the copy, or ALTER TABLE … ENGINE=InnoDB.",
            )


def _function_creators(survey: Survey) -> Iterator[Problem]:
    stored = survey.objects.get("routine", 0) + survey.objects.get("trigger", 0)
    target = survey.target
    if stored and target.on("log_bin") and not target.on("log_bin_trust_function_creators"):
        if target.grants.has("SUPER"):
            return
        yield Problem(
            id="function-creators",
            severity="error",
            evidence=f"{stored} routines and triggers cannot be made: log_bin_trust_function_creators is off.",
            fix=f"Set log_bin_trust_function_creators = 1 {GROUP}.",
        )


def _packets(survey: Survey) -> Iterator[Problem]:
    source, target = (server.number("max_allowed_packet") for server in (survey.source, survey.target))
    if target < source:
        yield Problem(
            id="max-allowed-packet",
            severity="warning",
            evidence=f"max_allowed_packet is {source // MIB} MiB on the source and {target // MIB} MiB on the target.",
            fix=f"Set max_allowed_packet = {source} {GROUP}, or long values may not load or be read.",
        )


def _target_empty(survey: Survey) -> Iterator[Problem]:
    mode = survey.settings.on_existing
    for schema, count in survey.present.items():
        if mode == "refuse":
            yield Problem(
                id="target-not-empty",
                severity="error",
                object=schema,
                evidence=f"The target's schema holds {count} objects.",
                fix="Set phases.mysql.on_existing to append or replace (which backs them up first), or drop them.",
            )
    if mode == "append" and survey.target_triggers:
        yield Problem(
            id="target-triggers",
            severity="error",
            evidence=f"{survey.target_triggers} triggers on the target would fire for every row that is added.",
            fix="Drop them before the move; they are made again at its end if the source has them.",
        )


def _time_zone(survey: Survey) -> Iterator[Problem]:
    def zone(variables: str) -> str:
        return variables if variables != "SYSTEM" else "SYSTEM (UTC in both clouds)"

    source, target = (zone(server.variables.get("time_zone", "")) for server in (survey.source, survey.target))
    if source != target:
        yield Problem(
            id="time-zone",
            severity="warning",
            evidence=f"time_zone is {source} on the source and {target} on the target.",
            fix=f"Set time_zone {GROUP}; stored values move exactly, NOW() and events follow the server.",
        )


def _keyless(survey: Survey) -> Iterator[Problem]:
    limit = survey.settings.chunk_mib * MIB
    for table in survey.tables:
        if not table.key and table.bytes > limit:
            yield Problem(
                id="no-usable-key",
                severity="warning",
                object=table.id,
                evidence=f"About {table.bytes // MIB} MiB without a primary key that can be cut: one transaction.",
                fix="Add a primary key on the source, or expect this table to be copied by one connection.",
            )


def _events(survey: Survey) -> Iterator[Problem]:
    if count := survey.objects.get("event", 0):
        yield Problem(
            id="events",
            severity="info",
            evidence=f"{count} events will be made disabled.",
            fix="Enable them at the cut-over.",
        )


def _binlog(survey: Survey) -> Iterator[Problem]:
    image = survey.source.variables.get("binlog_row_image", "FULL").upper()
    if image != "FULL":
        yield Problem(
            id="binlog-row-image",
            severity="info",
            evidence=f"binlog_row_image is {image}: changes after the snapshot could not be followed safely.",
            fix="Set binlog_row_image = FULL on the source if changes are to be followed.",
        )


RULES: tuple[Rule, ...] = (
    _schemas_exist,
    _versions,
    _name_case,
    _local_infile,
    _source_rights,
    _target_rights,
    _hidden_keys,
    _sql_mode,
    _charsets,
    _engines,
    _function_creators,
    _packets,
    _target_empty,
    _time_zone,
    _keyless,
    _events,
    _binlog,
)
