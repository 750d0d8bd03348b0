"""Names of schemas and tables, and which of them the settings choose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase

from wkms_migrate.counted import counted
from wkms_migrate.phases.mysql.rules.rule import Fix, Found, parameter, source_rule, target_rule
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

# `innodb` is RDS's own restriction (RDS User Guide, known issues and limitations of MySQL).
RESERVED = frozenset({"innodb", "mysql", "sys", "performance_schema", "information_schema"})
CASE = "lower_case_table_names"


@source_rule(
    "schema-missing",
    "error",
    "A schema that is to be moved is not on the source",
    breaks="Nothing of it would arrive.",
    fix=Fix(text="Correct phases.mysql.schemas, or grant the account SELECT on it."),
)
def _schema_missing(survey: Survey) -> Iterator[Found]:
    folded = {name.lower() for name in survey.moved.schemas}
    lower = survey.source.number(CASE) != 0
    for name in survey.settings.schemas:
        if name not in survey.moved.schemas and not (lower and name.lower() in folded):
            yield Found("The source has no such schema, or does not show it to the account.", name)


@source_rule(
    "schema-reserved",
    "error",
    "A schema has a name that RDS keeps for itself",
    breaks="RDS does not take a schema of this name.",
    fix=Fix(text="Leave it out of phases.mysql.schemas, or give it another name with phases.mysql.rename."),
)
def _schema_reserved(survey: Survey) -> Iterator[Found]:
    for name in survey.target_schemas:
        if name.lower() in RESERVED:
            yield Found(f"{name} is reserved on RDS.", name)


@source_rule(
    "rename-clash",
    "error",
    "Two schemas get one name on the target",
    breaks="Tables of one would be taken for tables of the other.",
    fix=Fix(text="Correct phases.mysql.rename."),
)
def _rename_clash(survey: Survey) -> Iterator[Found]:
    by_name: dict[str, list[str]] = defaultdict(list)
    for schema in survey.settings.schemas:
        by_name[survey.on_target(schema).lower()].append(schema)
    for name, schemas in by_name.items():
        if len(schemas) > 1:
            yield Found(f"{' and '.join(schemas)} would both be {name}.", name)


@source_rule(
    "selection-empty",
    "error",
    "No table is chosen",
    breaks="The move would do nothing and look done.",
    fix=Fix(text="Correct phases.mysql.include and exclude, or --include and --exclude."),
)
def _selection_empty(survey: Survey) -> Iterator[Found]:
    if survey.moved.every and not survey.moved.tables:
        yield Found(f"None of {counted(len(survey.moved.every), 'table')} is chosen.")


@source_rule(
    "selection-unmatched",
    "warning",
    "A choice of tables fits none",
    breaks="A table may be left behind, or go along whole, because of a slip of the pen.",
    fix=Fix(text="Correct the glob under phases.mysql.include or exclude, or the name under where or rename."),
)
def _selection_unmatched(survey: Survey) -> Iterator[Found]:
    settings = survey.settings
    names = [name.lower() for name in survey.moved.every]
    for glob in (*settings.include, *settings.exclude):
        if not any(fnmatchcase(name, glob.lower()) for name in names):
            yield Found("The glob fits no table of the schemas.", glob)
    for table in settings.where:
        if table.lower() not in names:
            yield Found("There is a condition for this table, but no such table.", table)
    for schema in settings.rename:
        if schema not in settings.schemas:
            yield Found("There is a new name for this schema, but it is not moved.", schema)


@target_rule(
    "name-case",
    "error",
    "The target writes table names in lower case, the source does not",
    breaks="Names in mixed case lose it; queries from programs that compare names fail.",
    fix=parameter(CASE, "0", f"Make the instance with {CASE} = 0 in its parameter group; it cannot be changed later."),
)
def _name_case(survey: Survey, target: Server) -> Iterator[Found]:
    mixed = sorted(table.id for table in survey.moved.tables if table.id != table.id.lower())
    if target.number(CASE) == 1 and survey.source.number(CASE) == 0 and mixed:
        yield Found(
            f"{CASE} is 0 on the source and 1 on the target; {counted(len(mixed), 'name is', 'names are')} mixed.",
            mixed[0],
        )


@target_rule(
    "name-case-sensitive",
    "warning",
    "The target tells names apart by case, the source does not",
    breaks="Queries that write a table name in another case fail on the target.",
    fix=parameter(CASE, "1", f"Make the instance with {CASE} = 1 in its parameter group; it cannot be changed later."),
)
def _name_case_sensitive(survey: Survey, target: Server) -> Iterator[Found]:
    source = survey.source.number(CASE)
    if target.number(CASE) == 0 and source != 0:
        yield Found(f"{CASE} is {source} on the source and 0 on the target.")


@target_rule(
    "name-collision",
    "error",
    "Names that differ in case only meet on the target",
    breaks="Two tables would become one.",
    fix=Fix(text="Rename one of them on the source, or make the instance with lower_case_table_names = 0."),
)
def _name_collision(survey: Survey, target: Server) -> Iterator[Found]:
    if target.number(CASE) == 0:
        return
    by_name: dict[str, list[str]] = defaultdict(list)
    for table in survey.moved.tables:
        by_name[table.id.lower()].append(table.id)
    for ids in by_name.values():
        if len(ids) > 1:
            yield Found(f"One table on the target: {', '.join(sorted(ids))}.", min(ids))


RULES = (
    _schema_missing,
    _schema_reserved,
    _rename_clash,
    _selection_empty,
    _selection_unmatched,
    _name_case,
    _name_case_sensitive,
    _name_collision,
)
