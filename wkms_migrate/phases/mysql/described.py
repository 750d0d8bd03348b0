"""What the dictionary of a server says of tables, as lines that MySQL and MariaDB of any version agree on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql.catalog import INTEGERS, literals
from wkms_migrate.phases.mysql.translation import Translation

COLUMNS = (
    "SELECT table_schema AS s, table_name AS t, column_name AS name, data_type AS type, column_type AS full_type,"
    " is_nullable AS nullable, column_default AS preset, extra AS extra, character_maximum_length AS length,"
    " numeric_precision AS digits, numeric_scale AS scale, datetime_precision AS fraction,"
    " collation_name AS collation, COALESCE(generation_expression, '') <> '' AS made"
    " FROM information_schema.columns WHERE table_schema IN ({}) ORDER BY table_schema, table_name, ordinal_position"
)
KEYS = (
    "SELECT table_schema AS s, table_name AS t, index_name AS name, MIN(non_unique) AS repeats,"
    " MIN(index_type) AS type, COUNT(column_name) = COUNT(*) AS plain,"
    " GROUP_CONCAT(column_name, COALESCE(CONCAT('(', sub_part, ')'), '') ORDER BY seq_in_index) AS parts"
    " FROM information_schema.statistics WHERE table_schema IN ({}) GROUP BY s, t, name ORDER BY name"
)
REFERENCES = (
    "SELECT u.table_schema AS s, u.table_name AS t, u.constraint_name AS name,"
    " MIN(u.referenced_table_schema) AS parent_schema, MIN(u.referenced_table_name) AS parent,"
    " GROUP_CONCAT(u.column_name, ' to ', u.referenced_column_name ORDER BY u.ordinal_position) AS parts,"
    " MIN(r.update_rule) AS updated, MIN(r.delete_rule) AS deleted"
    " FROM information_schema.key_column_usage u JOIN information_schema.referential_constraints r"
    " ON r.constraint_schema = u.constraint_schema AND r.constraint_name = u.constraint_name"
    " AND r.table_name = u.table_name WHERE u.table_schema IN ({}) AND u.referenced_table_name IS NOT NULL"
    " GROUP BY s, t, name ORDER BY name"
)
SAME_TYPES = {"geomcollection": "geometrycollection"}
SAME_RULES = {"RESTRICT": "NO ACTION"}  # InnoDB treats them alike, and each server prints its own
SIZED = frozenset({"decimal", "bit", "char", "varchar", "binary", "varbinary"})


@dataclass(frozen=True, slots=True)
class Description:
    """Columns in order, keys by name, and references as pairs of the parent and a line."""

    columns: list[str]
    keys: list[str]
    references: list[tuple[tuple[str, str], str]]


def read(session: Session, schemas: Sequence[str], words: Translation | None) -> dict[tuple[str, str], Description]:
    """Return descriptions by schema and table in lower case; with `words`, as the target is to have them."""
    names = literals(session, schemas) or "''"
    session.run("SET SESSION group_concat_max_len = 1000000")
    found: dict[tuple[str, str], Description] = defaultdict(lambda: Description([], [], []))
    for row in session.records(COLUMNS.format(names)):
        found[_place(row)].columns.append(_column(row, words))
    for row in session.records(KEYS.format(names)):
        if row["plain"] or words is None:
            found[_place(row)].keys.append(f"{row['name']}: {row['repeats']} {row['type']} {row['parts']}")
    for row in session.records(REFERENCES.format(names)):
        schema = str(row["parent_schema"])
        parent = (words.schema(schema) if words else schema).lower(), str(row["parent"]).lower()
        rules = [SAME_RULES.get(row[which], row[which]) for which in ("updated", "deleted")]
        line = f"{row['name']}: {'.'.join(parent)} {row['parts']} {' '.join(rules)}"
        found[_place(row)].references.append((parent, line))
    return found


def _place(row: dict[str, Any]) -> tuple[str, str]:
    return str(row["s"]).lower(), str(row["t"]).lower()


def _column(row: dict[str, Any], words: Translation | None) -> str:
    kind = SAME_TYPES.get(row["type"].lower(), row["type"].lower())
    collation = row["collation"] or ""
    if words is not None:
        if words.to_mariadb and kind == "json":  # MariaDB keeps it as text
            kind, collation = "longtext", "utf8mb4_bin"
        collation = words.collations.get(collation, collation)
    facts = [
        row["name"],
        row["full_type"] if kind in {"enum", "set"} else kind,
        "unsigned" if "unsigned" in row["full_type"] else "",
        f"{row['length']} {row['digits']} {row['scale']}" if kind in SIZED else "",
        f"{row['fraction']}" if kind in {"datetime", "timestamp", "time"} else "",
        collation,
        "generated" if row["made"] else f"{row['nullable']} {_preset(row, kind)}",
        " ".join(word for word in ("auto_increment", "on update", "INVISIBLE") if word.lower() in row["extra"].lower()),
    ]
    return " | ".join(facts)


def _preset(row: dict[str, Any], kind: str) -> str:
    """Return a column's default: MariaDB quotes literals and writes NULL, MySQL marks expressions."""
    text = "NULL" if row["preset"] is None else str(row["preset"])
    if kind in INTEGERS | {"decimal", "float", "double"} and re.fullmatch(r"'?-?[\d.]+'?", text):
        return text.strip("'")
    if "(" in text or "DEFAULT_GENERATED" in row["extra"]:
        return "expression" if "current_timestamp" not in text.lower() else "now"
    return text.removeprefix("'").removesuffix("'").replace("''", "'") if text != "NULL" else text
