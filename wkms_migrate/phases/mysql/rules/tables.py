"""Tables: engines, keys and sizes."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.counted import counted
from wkms_migrate.phases.mysql.rules.rule import Fix, Found, parameter, server_parameter, source_rule, target_rule
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

TRANSACTIONAL = frozenset({"innodb", "rocksdb"})
REFUSED = frozenset(
    {"federated", "csv", "blackhole", "example", "ndbcluster", "merge", "mrg_myisam", "connect", "spider"}
)
MIB = 1 << 20
TIB = 1 << 40
LARGEST_TABLE = 16 * TIB  # RDS User Guide, known issues and limitations: one file of InnoDB
HIDDEN_KEYS = "sql_generate_invisible_primary_key"
SHOWN_KEYS = "show_gipk_in_create_table_and_information_schema"
TO_INNODB = "ALTER TABLE <table> ENGINE=InnoDB"


def may_set_session(server: Server) -> bool:
    """Whether our account may change administrative variables for its own session."""
    return any(server.grants.has(name) for name in ("SESSION_VARIABLES_ADMIN", "SYSTEM_VARIABLES_ADMIN", "SUPER"))


@source_rule(
    "engine-refused",
    "error",
    "A table has an engine that RDS has not",
    breaks="The table cannot be made.",
    fix=Fix(text="Make it an InnoDB table on the source, or leave it out with phases.mysql.exclude.", sql=TO_INNODB),
)
def _engine_refused(survey: Survey) -> Iterator[Found]:
    for table in survey.moved.tables:
        if table.engine.lower() in REFUSED:
            yield Found(f"RDS has no engine {table.engine}.", table.id, {"table": table.quoted})


@source_rule(
    "engine-no-snapshot",
    "warning",
    "A table has an engine without transactions",
    breaks="It is not part of the snapshot: rows written during the copy may be in it or not.",
    fix=Fix(text="Stop writes to it during the copy, or make it an InnoDB table.", sql=TO_INNODB),
)
def _engine_no_snapshot(survey: Survey) -> Iterator[Found]:
    for table in survey.moved.tables:
        if table.engine.lower() not in TRANSACTIONAL | REFUSED:
            yield Found(f"Its engine is {table.engine}.", table.id, {"table": table.quoted})


@source_rule(
    "no-usable-key",
    "warning",
    "A large table cannot be cut into chunks",
    breaks="It is copied by one connection in one transaction, and from its beginning after a stop.",
    fix=Fix(text="Add a primary key on the source.", sql="ALTER TABLE <table> ADD PRIMARY KEY (<columns>)"),
)
def _no_usable_key(survey: Survey) -> Iterator[Found]:
    limit = survey.settings.chunk_mib * MIB
    for table in survey.moved.tables:
        if not table.key and table.bytes > limit:
            found = f"About {table.bytes // MIB} MiB without a primary key that can be cut."
            yield Found(found, table.id, {"table": table.quoted})


@source_rule(
    "hidden-keys-unseen",
    "error",
    "Generated invisible primary keys are not shown",
    breaks="Their values would be made anew on the target.",
    fix=server_parameter(SHOWN_KEYS, "ON"),
)
def _hidden_keys_unseen(survey: Survey) -> Iterator[Found]:
    if survey.source.on(HIDDEN_KEYS) and not survey.source.on(SHOWN_KEYS):
        yield Found(f"{HIDDEN_KEYS} is ON and {SHOWN_KEYS} is OFF.")


@target_rule(
    "hidden-keys-forced",
    "error",
    "The target adds a hidden key to tables without one",
    breaks="Tables get a column that the source has not, and the account may not switch that off.",
    fix=parameter(HIDDEN_KEYS, "0"),
)
def _hidden_keys_forced(_survey: Survey, target: Server) -> Iterator[Found]:
    if target.on(HIDDEN_KEYS) and not may_set_session(target):
        yield Found(f"{HIDDEN_KEYS} is ON on the target.")


@target_rule(
    "primary-key-required",
    "error",
    "The target refuses tables without a primary key",
    breaks="Tables without one cannot be made.",
    fix=parameter("sql_require_primary_key", "0"),
)
def _primary_key_required(survey: Survey, target: Server) -> Iterator[Found]:
    without = sorted(table.id for table in survey.moved.tables if table.id in survey.moved.keyless)
    if target.on("sql_require_primary_key") and without:
        yield Found(
            f"{counted(len(without), 'table has', 'tables have')} no primary key, and sql_require_primary_key is ON.",
            without[0],
        )


@source_rule(
    "table-too-big",
    "error",
    "A table is larger than RDS can hold",
    breaks="The load ends when the table's file has 16 TiB.",
    fix=Fix(text="Cut it into partitions or tables on the source.", sql="ALTER TABLE <table> PARTITION BY …"),
)
def _table_too_big(survey: Survey) -> Iterator[Found]:
    for table in survey.moved.tables:
        if table.bytes > LARGEST_TABLE and "partitioned" not in survey.moved.options.get(table.id, "").lower():
            yield Found(f"It has {table.bytes / TIB:.1f} TiB.", table.id, {"table": table.quoted})


@source_rule(
    "table-placement",
    "info",
    "A table says how or where its file is kept",
    breaks="Nothing: the clause does not go along. RDS encrypts the whole storage instead.",
    fix=Fix(
        text="See that the instance's storage is encrypted; it can be set only when the instance is made.",
        terraform="storage_encrypted = true",
    ),
)
def _table_placement(survey: Survey) -> Iterator[Found]:
    for table in survey.moved.tables:
        options = survey.moved.options.get(table.id, "")
        if "encryption='y'" in options.lower().replace('"', "'") or "encrypted=yes" in options.lower().replace("`", ""):
            yield Found(f"Its options are {options}.", table.id)


RULES = (
    _engine_refused,
    _engine_no_snapshot,
    _no_usable_key,
    _hidden_keys_unseen,
    _hidden_keys_forced,
    _primary_key_required,
    _table_too_big,
    _table_placement,
)
