"""Sizes and numbers that must be enough."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.phases.mysql.rules.rule import Fix, Found, parameter, server_parameter, source_rule, target_rule
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

MIB = 1 << 20
GIB = 1 << 30
RESERVE = 3  # connections that stay for people
LARGE = frozenset({"mediumblob", "longblob", "mediumtext", "longtext", "json"})
REDO_SHARE = 10  # RDS User Guide: ten times the largest value
SMALLEST_STORAGE = 20 * GIB  # what RDS makes an instance with at least


@target_rule(
    "max-allowed-packet",
    "warning",
    "The target takes shorter values than the source",
    breaks="Long values may not load, or not be read again.",
    fix=parameter("max_allowed_packet"),
)
def _max_allowed_packet(survey: Survey, target: Server) -> Iterator[Found]:
    source, there = (server.number("max_allowed_packet") for server in (survey.source, target))
    if there < source:
        found = f"max_allowed_packet is {source // MIB} MiB on the source and {there // MIB} MiB on the target."
        yield Found(found, values={"value": str(source)})


@source_rule(
    "source-connections",
    "error",
    "The source has no room for the copy's connections",
    breaks="The copy, or programs at work, are refused with 'Too many connections'.",
    fix=server_parameter("max_connections", "<value>", "Copy with fewer --threads, or set max_connections = <value>."),
)
def _source_connections(survey: Survey) -> Iterator[Found]:
    yield from _room(survey.source, survey.connections)


@target_rule(
    "target-connections",
    "error",
    "The target has no room for the copy's connections",
    breaks="The copy is refused with 'Too many connections'.",
    fix=parameter("max_connections", "<value>", "Copy with fewer --threads, or set max_connections = <value>."),
)
def _target_connections(survey: Survey, target: Server) -> Iterator[Found]:
    yield from _room(target, survey.connections)


def _room(server: Server, wanted: int) -> Iterator[Found]:
    most = server.number("max_connections")
    needed = server.threads + wanted + RESERVE
    if most and needed > most:
        found = f"{server.threads} are open, {wanted} are wanted, and max_connections is {most}."
        yield Found(found, values={"value": str(needed)})


@target_rule(
    "redo-log",
    "info",
    "The target's redo log is small for the longest values",
    breaks="A BLOB or TEXT of more than a tenth of the redo log is refused.",
    fix=parameter("innodb_redo_log_capacity", "<value>"),
)
def _redo_log(survey: Survey, target: Server) -> Iterator[Found]:
    longest = survey.source.number("max_allowed_packet")
    there = target.number("innodb_redo_log_capacity")
    large = next((t.id for t in survey.moved.tables if any(c.type in LARGE for c in t.columns)), "")
    if large and there and there < REDO_SHARE * longest:
        found = f"It has {there // MIB} MiB; values may have up to {longest // MIB} MiB."
        yield Found(found, large, {"value": str(REDO_SHARE * longest)})


@source_rule(
    "target-storage",
    "info",
    "The target needs more than the smallest storage",
    breaks="An instance whose storage is full stops.",
    fix=Fix(
        text="Give the instance twice the size of the data, or let it grow.",
        aws="aws rds modify-db-instance --db-instance-identifier <instance> --allocated-storage <gib>"
        " --apply-immediately",
        terraform="allocated_storage     = <gib>\nmax_allocated_storage = <most>",
    ),
)
def _target_storage(survey: Survey) -> Iterator[Found]:
    size = sum(table.bytes for table in survey.moved.tables)
    if 2 * size > SMALLEST_STORAGE:
        values = {"gib": str(-(-2 * size // GIB)), "most": str(-(-4 * size // GIB))}
        yield Found(f"The tables have about {size / GIB:.0f} GiB without their indexes.", values=values)


RULES = (_max_allowed_packet, _source_connections, _target_connections, _redo_log, _target_storage)
