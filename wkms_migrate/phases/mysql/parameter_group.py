"""The RDS parameter group that the target needs, derived from the source, as Terraform."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

ApplyMethod = Literal["immediate", "pending-reboot"]
# Read at the server's start only: RDS refuses "immediate" for these and takes "pending-reboot" for every parameter
# (RDS API Reference, ModifyDBParameterGroup).
STATIC = frozenset(
    {
        "innodb_ft_max_token_size",
        "innodb_ft_min_token_size",
        "lower_case_table_names",
        "ngram_token_size",
    }
)
LEAST_PACKET = 64 << 20  # the copy sends blocks of up to a quarter of it
FAMILIES: dict[bool, dict[tuple[int, ...], str]] = {
    False: {(8, 0): "mysql8.0", (8, 4): "mysql8.4"},
    True: {(10, 6): "mariadb10.6", (10, 11): "mariadb10.11", (11, 4): "mariadb11.4"},
}
NEWEST = {False: "mysql8.4", True: "mariadb11.4"}
# Modes that MySQL 8 took out (release notes of 8.0.11): a server with one of them in its parameters does not start.
REMOVED_MODES = frozenset(
    {
        "DB2",
        "MAXDB",
        "MSSQL",
        "MYSQL323",
        "MYSQL40",
        "NO_AUTO_CREATE_USER",
        "NO_FIELD_OPTIONS",
        "NO_KEY_OPTIONS",
        "NO_TABLE_OPTIONS",
        "ORACLE",
        "POSTGRESQL",
    }
)
HARMLESS_MODE = "NO_ENGINE_SUBSTITUTION"  # a parameter of RDS cannot be set to nothing
# What follows the source when it is not the server's default; the RDS parameter has the variable's name.
CARRIED = {
    "auto_increment_increment": "1",
    "auto_increment_offset": "1",
    "div_precision_increment": "4",
    "group_concat_max_len": "1024",
    "init_connect": "",
    "innodb_ft_max_token_size": "84",
    "innodb_ft_min_token_size": "3",
    "innodb_strict_mode": "ON",
    "ngram_token_size": "2",
    "require_secure_transport": "OFF",
    "transaction_isolation": "REPEATABLE-READ",
}
_SWITCH = {"ON": "1", "OFF": "0"}
# RDS takes names of zones only; these offsets have one that keeps them all year.
_ZONES = {"SYSTEM": "UTC", "+00:00": "UTC", "UTC": "UTC", "+09:00": "Asia/Seoul"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of the group and why it is there."""

    name: str
    value: str
    why: str

    @property
    def apply_method(self) -> ApplyMethod:
        """How RDS takes it."""
        return apply_method(self.name)


def apply_method(name: str) -> ApplyMethod:
    """Return how RDS takes a change of a parameter: at once, or when the instance is started the next time."""
    return "pending-reboot" if name in STATIC else "immediate"


def family(survey: Survey) -> str:
    """Return the family of the group: the target's own where RDS has it, else the newest of the source's brand."""
    server = survey.target or survey.source
    return FAMILIES[server.is_mariadb].get(server.version[:2], NEWEST[server.is_mariadb])


def parameters(survey: Survey) -> list[Parameter]:
    """Return the parameters in the order of their names."""
    found = [*_needed(survey), *_texts(survey.source, survey), *_carried(survey.source)]
    return sorted(found, key=lambda one: one.name)


def _needed(survey: Survey) -> Iterator[Parameter]:
    source = survey.source
    yield Parameter(
        name="lower_case_table_names",
        value=str(min(source.number("lower_case_table_names"), 1)),
        why="As on the source. It is fixed when the data directory is made: attach this group before the instance is.",
    )
    yield Parameter(
        name="local_infile", value="1", why="Rows are loaded with LOAD DATA LOCAL. It may be 0 after the move."
    )
    yield Parameter(
        name="max_allowed_packet",
        value=str(max(source.number("max_allowed_packet"), LEAST_PACKET)),
        why="As on the source, or what the copy needs if that is more.",
    )
    if survey.moved.count("routine", "trigger") or source.on("log_bin_trust_function_creators"):
        yield Parameter(
            name="log_bin_trust_function_creators",
            value="1",
            why="The administrator of RDS has no SUPER: without this no function and no trigger can be made.",
        )
    if source.on("event_scheduler"):
        yield Parameter(
            name="event_scheduler",
            value="ON",
            why="As on the source. Events arrive disabled and fire only after they were enabled at the cut-over.",
        )


def _texts(source: Server, survey: Survey) -> Iterator[Parameter]:
    if zone := _ZONES.get(source.text("time_zone"), _named(source.text("time_zone"))):
        yield Parameter(name="time_zone", value=zone, why="NOW() and events follow it; stored values do not.")
    to_mysql = survey.target is None or not survey.target.is_mariadb
    modes = source.modes() - (REMOVED_MODES if to_mysql else set())
    value = ",".join(sorted(modes)) or HARMLESS_MODE
    yield Parameter(name="sql_mode", value=value, why="Statements mean what they mean on the source.")
    known = source.collations if survey.target is None else survey.target.collations
    if source.text("collation_server") in known:
        for name in ("character_set_server", "collation_server"):
            yield Parameter(name=name, value=source.text(name), why="What is made without saying a character set.")


def _named(zone: str) -> str:
    return "" if zone[:1] in {"+", "-", ""} else zone


def _carried(source: Server) -> Iterator[Parameter]:
    for name, default in CARRIED.items():
        value = source.text(name, default)
        if value.upper() != default:
            yield Parameter(name=name, value=_SWITCH.get(value.upper(), value), why="As on the source.")


def render(survey: Survey, name: str) -> str:
    """Return the group as a Terraform resource, as `terraform fmt` writes it; `name` is its name on RDS."""
    head = (
        f"# What the source's settings ask of the target. Source: {survey.source.brand}.\n\n"
        'resource "aws_db_parameter_group" "mysql" {\n'
        f"  name_prefix = {_quoted(name + '-')}\n"
        f"  family      = {_quoted(family(survey))}\n"
    )
    foot = "\n  lifecycle {\n    create_before_destroy = true\n  }\n}\n"
    return head + "".join(_block(parameter) for parameter in parameters(survey)) + foot


def _block(parameter: Parameter) -> str:
    return (
        f"\n  # {parameter.why}\n"
        "  parameter {\n"
        f"    name         = {_quoted(parameter.name)}\n"
        f"    value        = {_quoted(parameter.value)}\n"
        f"    apply_method = {_quoted(parameter.apply_method)}\n"
        "  }\n"
    )


def _quoted(text: str) -> str:
    """Return a string of HCL; `${` and `%{` would begin a template."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped.replace("${", "$${").replace("%{", "%%{")}"'
