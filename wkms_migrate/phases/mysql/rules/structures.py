"""Foreign keys, FULLTEXT and spatial columns, and the shape of rows."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.phases.mysql.rules.rule import Fix, Found, parameter, source_rule, target_rule
from wkms_migrate.phases.mysql.rules.tables import may_set_session
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

STRICT_KEYS = "restrict_fk_on_non_standard_key"
TOKENS = ("ngram_token_size", "innodb_ft_min_token_size", "innodb_ft_max_token_size")


@target_rule(
    "foreign-key-not-unique",
    "error",
    "A foreign key refers to a key that is not unique, and the target refuses such",
    breaks="The foreign key cannot be made.",
    fix=parameter(STRICT_KEYS, "0"),
)
def _foreign_key_not_unique(survey: Survey, target: Server) -> Iterator[Found]:
    if not target.on(STRICT_KEYS) or may_set_session(target):
        return
    for key in survey.moved.foreign_keys:
        if not key.to_unique:
            yield Found(f"{key.name} refers to a key of {key.parent} that is not unique.", key.child)


@source_rule(
    "foreign-key-outside",
    "warning",
    "A foreign key refers to a table that stays behind",
    breaks="The foreign key stays behind with it; the rows move.",
    fix=Fix(text="Move the other table too: phases.mysql.schemas, include, exclude. Or make the key after the move."),
)
def _foreign_key_outside(survey: Survey) -> Iterator[Found]:
    moved = {table.id.lower() for table in survey.moved.tables}
    for key in survey.moved.foreign_keys:
        if key.child.lower() in moved and key.parent.lower() not in moved:
            yield Found(f"{key.name} refers to {key.parent}.", key.child)


@target_rule(
    "fulltext-tokens",
    "warning",
    "FULLTEXT indexes cut words differently",
    breaks="Searches find other rows; with the ngram parser, Korean text of the wrong length finds none.",
    fix=parameter(
        "<name>", text="Set <name> = <value> in the RDS parameter group, before indexes are made.", how="pending-reboot"
    ),
)
def _fulltext_tokens(survey: Survey, target: Server) -> Iterator[Found]:
    for name in TOKENS if survey.moved.fulltext else ():
        source, there = survey.source.text(name), target.text(name)
        if source and there and source != there:
            found = f"{name} is {source} on the source and {there} on the target."
            yield Found(found, name, {"name": name, "value": source})


@target_rule(
    "srid-unknown",
    "error",
    "A spatial column uses a reference system that the target has not",
    breaks="The table cannot be made.",
    fix=Fix(
        text="Make the reference system on the target, as SHOW CREATE and st_spatial_reference_systems give it.",
        sql="CREATE SPATIAL REFERENCE SYSTEM <srid> NAME '…' DEFINITION '…'",
    ),
)
def _srid_unknown(survey: Survey, target: Server) -> Iterator[Found]:
    for srid, table in sorted(survey.moved.srids.items()):
        if srid not in target.srids:
            yield Found(f"The target does not know SRID {srid}.", table, {"srid": str(srid)})


@target_rule(
    "innodb-strict",
    "warning",
    "The target refuses row formats and sizes that the source took with a warning",
    breaks="CREATE TABLE may end with 'Row size too large'.",
    fix=parameter("innodb_strict_mode", "0"),
)
def _innodb_strict(survey: Survey, target: Server) -> Iterator[Found]:
    if not survey.source.on("innodb_strict_mode") and target.on("innodb_strict_mode"):
        yield Found("innodb_strict_mode is OFF on the source and ON on the target.")


@target_rule(
    "page-size",
    "error",
    "The target's pages are smaller than the source's",
    breaks="Rows and index keys that fit a page of the source do not fit the target's; RDS has 16 KiB only.",
    fix=Fix(text="See that no row and no index key needs the larger page, then accept this."),
)
def _page_size(survey: Survey, target: Server) -> Iterator[Found]:
    source, there = survey.source.number("innodb_page_size"), target.number("innodb_page_size")
    if there and source > there:
        yield Found(f"innodb_page_size is {source} on the source and {there} on the target.")


RULES = (_foreign_key_not_unique, _foreign_key_outside, _fulltext_tokens, _srid_unknown, _innodb_strict, _page_size)
