"""What definitions of the source read like on the target: other names of schemas and collations, MariaDB's words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import catalog, mariadb
from wkms_migrate.phases.mysql.ddl import NAME, STRING, TableDefinition, outside_quotes, quoted
from wkms_migrate.phases.mysql.settings import MysqlSettings

REFERENCES = re.compile(
    rf"(CONSTRAINT {NAME} FOREIGN KEY \({NAME}(?:, ?{NAME})*\) REFERENCES )(?:({NAME})\.)?({NAME})", re.DOTALL
)
CHAIN = re.compile(rf"{STRING}|(?P<head>{NAME})(?P<tail>(?:\.{NAME})*)", re.DOTALL)
# Servers before 8.0.11 print no collation where it is the default of utf8mb4, which later servers changed.
SILENT_DEFAULTS = (
    (r"(CHARACTER SET utf8mb4)(?! COLLATE)\b", r"\1 COLLATE utf8mb4_general_ci"),
    (r"(CHARSET=utf8mb4)(?! COLLATE)\b", r"\1 COLLATE=utf8mb4_general_ci"),
)
# Parts of sql_mode that only older servers, or only the other family, know.
MYSQL_ONLY_MODES = frozenset({"TIME_TRUNCATE_FRACTIONAL"})
REMOVED_MODES = frozenset(
    {
        "NO_AUTO_CREATE_USER", "NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS", "DB2", "MAXDB", "MSSQL",
        "MYSQL323", "MYSQL40", "ORACLE", "POSTGRESQL", "EMPTY_STRING_IS_NULL", "SIMULTANEOUS_ASSIGNMENT",
        "TIME_ROUND_FRACTIONAL",
    }
)  # fmt: skip
FIRST_DICTIONARY = (8, 0)  # from here on servers print definitions alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """Names of schemas (in lower case) and of collations that change, and whether MariaDB has to read MySQL's text.

    `same_words` says that both ends print a definition alike, `same_version` that they do so letter by letter.
    """

    schemas: Mapping[str, str]
    collations: Mapping[str, str]
    to_mariadb: bool = False
    mysql_target: bool = True
    same_family: bool = True
    same_words: bool = True
    same_version: bool = True

    def schema(self, name: str) -> str:
        """Return the name of a schema on the target."""
        return self.schemas.get(name.lower(), name)

    def table(self, definition: TableDefinition, schema: str) -> TableDefinition:
        """Return the definition of a table of `schema` as the target is to have it."""
        meant = mariadb.definition(definition) if self.to_mariadb else definition
        return replace(
            meant,
            body=tuple(self.collated(_explicit(part)) for part in meant.body),
            foreign_keys=tuple(self._foreign_key(key, schema) for key in meant.foreign_keys),
            options=self.collated(_explicit(meant.options)),
        )

    def losses(self, definition: TableDefinition) -> list[str]:
        """Return what `table` leaves out."""
        return mariadb.losses(definition) if self.to_mariadb else []

    def collated(self, text: str) -> str:
        """Return the text with every collation by the name that the target has for it."""
        for ours, theirs in self.collations.items():
            text = outside_quotes(rf"\b{re.escape(ours)}\b", theirs, text)
        return text

    def sql_mode(self, modes: str) -> str:
        """Return an object's sql_mode without what the target has no word for."""
        dropped = REMOVED_MODES if self.mysql_target else MYSQL_ONLY_MODES
        return ",".join(mode for mode in modes.split(",") if mode not in dropped)

    def _foreign_key(self, text: str, schema: str) -> str:
        parent, table = parent_of(text, schema)
        here, there = self.schema(schema), self.schema(parent)
        name = quoted(table) if here == there else f"{quoted(there)}.{quoted(table)}"
        return REFERENCES.sub(lambda match: f"{match[1]}{name}", text, count=1)

    def renames(self, schema: str) -> bool:
        """Say whether a schema gets another name."""
        return self.schema(schema) != schema

    def names_old_schema(self, text: str) -> str:
        """Return the first schema that gets another name and that the text of a body seems to name; else nothing."""
        for name, new in self.schemas.items():
            if name != new.lower() and re.search(rf"(?<![\w$]){re.escape(name)}[`\"]?\s*\.", text, re.IGNORECASE):
                return name
        return ""

    def view(self, text: str) -> str | None:
        """Return the text of a view, shown with full names, with schemas by their new names.

        None where a name may be a schema or an alias of the same name: there is no telling which is meant.
        """
        alone = {_plain(match["head"]) for match in CHAIN.finditer(text) if match["head"] and not match["tail"]}
        if alone & {name for name, new in self.schemas.items() if name != new.lower()}:
            return None

        def renamed(match: re.Match[str]) -> str:
            if not match["tail"]:
                return match[0]
            return quoted(self.schemas.get(_plain(match["head"]), _name(match["head"]))) + match["tail"]

        return CHAIN.sub(renamed, text)


def _explicit(text: str) -> str:
    for pattern, words in SILENT_DEFAULTS:
        text = outside_quotes(pattern, words, text)
    return text


def between(source: Session, target: Session, settings: MysqlSettings) -> Translation:
    """Return what changes on the way between these two servers."""
    return onto(target, str(source.value("SELECT VERSION()")), known_collations(source), settings)


def onto(target: Session, ours: str, known: Collection[str], settings: MysqlSettings) -> Translation:
    """Return what changes on the way from a server of version `ours` with the `known` collations."""
    theirs = str(target.value("SELECT VERSION()"))
    family = [("mariadb" in text.lower()) for text in (ours, theirs)]
    numbers = [tuple(int(part) for part in re.findall(r"\d+", text)[:2]) for text in (ours, theirs)]
    return Translation(
        schemas={name.lower(): catalog.on_target(settings, name) for name in settings.schemas},
        collations=_collations(set(known), known_collations(target), settings),
        to_mariadb=family == [False, True],
        mysql_target=not family[1],
        same_family=family[0] == family[1],
        same_words=family[0] == family[1] and min(numbers) >= FIRST_DICTIONARY,
        same_version=ours == theirs,
    )


def known_collations(session: Session) -> set[str]:
    """Return the collations that a server has."""
    return {str(row[0]) for row in session.rows("SHOW COLLATION")}


def _collations(known: set[str], available: set[str], settings: MysqlSettings) -> dict[str, str]:
    """Return the collations that are called otherwise on the target: as configured, else the nearest that it has."""
    found = {name: mariadb.collation(name, available) for name in _full(known) - _full(available)}
    return {name: new for name, new in found.items() if new is not None} | settings.collations


def parent_of(foreign_key: str, schema: str) -> tuple[str, str]:
    """Return schema and name of the table that a foreign key of a table in `schema` points to."""
    match = REFERENCES.match(foreign_key)
    assert match is not None, foreign_key
    return _name(match[2]) if match[2] else schema, _name(match[3])


def _full(names: set[str]) -> set[str]:
    """MariaDB lists UCA 14 collations once for all character sets."""
    return names | {f"utf8mb4_{name}" for name in names if name.startswith("uca1400_")}


def _name(identifier: str) -> str:
    return identifier[1:-1].replace("``", "`")


def _plain(identifier: str) -> str:
    return _name(identifier).lower()
