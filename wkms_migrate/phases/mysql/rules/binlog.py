"""The source's binary log: what the snapshot and whoever follows changes after it depend on."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.phases.mysql.rules.rule import Found, server_parameter, source_rule
from wkms_migrate.phases.mysql.survey import Survey

RETENTION = "binlog_expire_logs_seconds"
DAY = 86_400
FOLLOW = "Nothing in the copy. "


@source_rule(
    "binlog-off",
    "warning",
    "The source writes no binary log",
    breaks="The snapshot needs LOCK TABLES, its position is not recorded, and changes after it cannot be followed.",
    fix=server_parameter("log_bin", "ON", "Azure always writes it; elsewhere start the server with log_bin."),
)
def _binlog_off(survey: Survey) -> Iterator[Found]:
    if survey.source.text("log_bin") and not survey.source.on("log_bin"):
        yield Found("log_bin is OFF.")


@source_rule(
    "binlog-format",
    "info",
    "Changes are not logged row by row",
    breaks=FOLLOW + "Changes after the snapshot could not be followed exactly.",
    fix=server_parameter("binlog_format", "ROW"),
)
def _binlog_format(survey: Survey) -> Iterator[Found]:
    yield from _other(survey, "binlog_format", "ROW")


@source_rule(
    "binlog-row-image",
    "info",
    "Changed rows are not logged whole",
    breaks=FOLLOW + "Changes after the snapshot could not be followed safely.",
    fix=server_parameter("binlog_row_image", "FULL"),
)
def _binlog_row_image(survey: Survey) -> Iterator[Found]:
    yield from _other(survey, "binlog_row_image", "FULL")


@source_rule(
    "binlog-row-value-options",
    "info",
    "Changed JSON is logged in part",
    breaks=FOLLOW + "Readers of the log that do not know PARTIAL_JSON get a difference in place of a value.",
    fix=server_parameter("binlog_row_value_options", '""'),
)
def _binlog_row_value_options(survey: Survey) -> Iterator[Found]:
    yield from _other(survey, "binlog_row_value_options", "")


@source_rule(
    "binlog-compression",
    "info",
    "Transactions are logged compressed",
    breaks=FOLLOW + "DMS and other readers of the log leave them out.",
    fix=server_parameter("binlog_transaction_compression", "OFF"),
)
def _binlog_compression(survey: Survey) -> Iterator[Found]:
    if survey.source.on("binlog_transaction_compression"):
        yield Found("binlog_transaction_compression is ON.")


@source_rule(
    "binlog-retention",
    "info",
    "The binary log is not kept for long",
    breaks=FOLLOW + "Where changes after the snapshot begin may be gone before they are read.",
    fix=server_parameter(RETENTION, "604800"),
)
def _binlog_retention(survey: Survey) -> Iterator[Found]:
    text = survey.source.text(RETENTION)
    seconds = float(text) if text.replace(".", "", 1).isdigit() else None
    if seconds is not None and seconds < DAY and survey.source.on("log_bin"):
        meaning = "on Azure: away as soon as nothing reads it" if seconds == 0 else f"{seconds / 3600:.1f} hours"
        yield Found(f"{RETENTION} is {seconds:.0f}; {meaning}.")


@source_rule(
    "gtid-off",
    "info",
    "Transactions have no global ids",
    breaks=FOLLOW + "Replication into RDS must go by file and position, and cannot follow a failover.",
    fix=server_parameter("gtid_mode", "ON", "Set enforce_gtid_consistency = ON and gtid_mode = ON, step by step."),
)
def _gtid_off(survey: Survey) -> Iterator[Found]:
    yield from _other(survey, "gtid_mode", "ON")


def _other(survey: Survey, name: str, wanted: str) -> Iterator[Found]:
    value = survey.source.text(name, wanted)
    if value.upper() != wanted:
        yield Found(f"{name} is {value}.")


RULES = (
    _binlog_off,
    _binlog_format,
    _binlog_row_image,
    _binlog_row_value_options,
    _binlog_compression,
    _binlog_retention,
    _gtid_off,
)
