"""Character sets and collations."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.phases.mysql import mariadb
from wkms_migrate.phases.mysql.rules.rule import Fix, Found, parameter, source_rule, target_rule
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

OLD_UTF8 = ("utf8_", "utf8mb3_")


@target_rule(
    "collation-unknown",
    "error",
    "The target does not know a collation of the source",
    breaks="Tables with it cannot be made.",
    fix=Fix(
        text="Name one that the target has under phases.mysql.collations, or change the columns on the source.",
        sql="ALTER TABLE <table> CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    ),
)
def _collation_unknown(survey: Survey, target: Server) -> Iterator[Found]:
    for name in sorted(survey.moved.collations - target.collations - survey.settings.collations.keys()):
        if mariadb.collation(name, target.collations) is None:
            yield Found(f"{target.brand} has no {name}.", name)


@target_rule(
    "server-charset",
    "warning",
    "New schemas get another character set",
    breaks="What is made later without saying a character set cannot hold the same text.",
    fix=parameter("character_set_server"),
)
def _server_charset(survey: Survey, target: Server) -> Iterator[Found]:
    yield from _differs("character_set_server", survey.source, target)


@target_rule(
    "server-collation",
    "warning",
    "New schemas get another collation",
    breaks="What is made later compares and sorts differently, and joins with what moved end in error 1267.",
    fix=parameter("collation_server"),
)
def _server_collation(survey: Survey, target: Server) -> Iterator[Found]:
    if survey.source.text("character_set_server") == target.text("character_set_server"):
        yield from _differs("collation_server", survey.source, target)


def _differs(name: str, source: Server, target: Server) -> Iterator[Found]:
    ours, theirs = source.text(name), target.text(name)
    if ours != theirs:
        yield Found(f"{name} is {ours} on the source and {theirs} on the target.", values={"value": ours})


@source_rule(
    "charset-utf8mb3",
    "info",
    "Text is kept in utf8mb3",
    breaks="Nothing in the move. It holds no emoji and not all Hanja, and is to be taken out of MySQL.",
    fix=Fix(
        text="After the move, convert the tables.",
        sql="ALTER TABLE <table> CONVERT TO CHARACTER SET utf8mb4",
    ),
)
def _charset_utf8mb3(survey: Survey) -> Iterator[Found]:
    old = sorted(name for name in survey.moved.collations if name.startswith(OLD_UTF8))
    if old:
        yield Found(f"Collations in use: {', '.join(old)}.")


RULES = (_collation_unknown, _server_charset, _server_collation, _charset_utf8mb3)
