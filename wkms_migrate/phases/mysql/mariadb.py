"""MySQL's table definitions and collations in the words of MariaDB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from wkms_migrate.phases.mysql.ddl import TableDefinition, bare, outside_quotes

# Text of MySQL's SHOW CREATE TABLE -> what MariaDB 10.11 understands. It skips comments for MySQL 5.7 and later.
WORDS: tuple[tuple[str, str], ...] = (
    (r" /\*!80023 INVISIBLE \*/", " INVISIBLE"),
    (r" /\*!80000 INVISIBLE \*/", " IGNORED"),
    (r" /\*!80003 SRID \d+ \*/", ""),
    (r" /\*!50100 WITH PARSER `ngram` \*/", ""),
    (r" geomcollection\b", " geometrycollection"),
    (r"( (?:VIRTUAL|STORED)) NOT NULL", r"\1"),
)
# MySQL's language in a collation's name -> MariaDB's; both tailor the Unicode Collation Algorithm.
LANGUAGES: Mapping[str, str] = {
    "cs": "czech", "da": "danish", "de_pb": "german2", "eo": "esperanto", "es": "spanish", "es_trad": "spanish2",
    "et": "estonian", "hr": "croatian", "hu": "hungarian", "is": "icelandic", "la": "roman", "lt": "lithuanian",
    "lv": "latvian", "pl": "polish", "ro": "romanian", "sk": "slovak", "sl": "slovenian", "sv": "swedish",
    "tr": "turkish", "vi": "vietnamese",
}  # fmt: skip
UCA_0900 = re.compile(r"utf8mb4_(?:(\w+)_)?0900_(ai_ci|as_ci|as_cs|bin)")
UCA_1400 = re.compile(r"utf8mb4_uca1400_(?:nopad_)?(ai_ci|as_ci|as_cs)")


def definition(wanted: TableDefinition) -> TableDefinition:
    """Return a table of MySQL without what MariaDB has no word for; `losses` says what that is."""
    kept = [index for index in wanted.indexes if not _is_functional(index)]
    return replace(
        wanted,
        body=tuple(_reworded(part) for part in wanted.body if not _is_idle_check(part)),
        indexes=tuple(_reworded(index) for index in kept),
    )


def losses(wanted: TableDefinition) -> list[str]:
    """Return what `definition` leaves out or changes in more than words."""
    found = [f"an index on an expression: {index}" for index in wanted.indexes if _is_functional(index)]
    found += [f"a check that is not enforced: {part}" for part in wanted.body if _is_idle_check(part)]
    for part in (*wanted.body, *wanted.indexes):
        found += [f"{word} in {part}" for word in ("SRID", "WITH PARSER") if _loses(part, word)]
    return found


def collation(name: str, available: Iterable[str]) -> str | None:
    """Return what a collation is called on the other kind of server, if its like is among `available`.

    The 0900 collations of MySQL and those of UCA 14 with NO PAD compare alike but for letters newer than Unicode 9.
    """
    ours = UCA_0900.fullmatch(name)
    if ours is not None:
        language = LANGUAGES.get(ours[1], "?") + "_" if ours[1] else ""
        strength = ours[2]
        wished = ["nopad_bin"] if strength == "bin" else [f"uca1400_{language}nopad_{strength}"]
        wished += ["unicode_520_nopad_ci"] if strength == "ai_ci" and not language else []
    elif theirs := UCA_1400.fullmatch(name):
        wished = [f"0900_{theirs[1]}"]
    else:
        wished = ["0900_bin"] if name == "utf8mb4_nopad_bin" else []
    known = set(available)
    return next((f"utf8mb4_{end}" for end in wished if known & {end, f"utf8mb4_{end}"}), None)


def _reworded(part: str) -> str:
    for pattern, words in WORDS:
        part = outside_quotes(pattern, words, part)
    return part


def _is_functional(index: str) -> bool:
    return "((" in bare(index).replace(" ", "")


def _is_idle_check(part: str) -> bool:
    return part.startswith("CONSTRAINT") and "/*!80016 NOT ENFORCED */" in bare(part)


def _loses(part: str, word: str) -> bool:
    return f" {word} " in bare(part)
