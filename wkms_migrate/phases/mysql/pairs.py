"""Which table of the source is which on the target, and which of their columns can be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wkms_migrate.clients.mysql import Session
from wkms_migrate.errors import Refused
from wkms_migrate.phases.mysql import catalog, digest
from wkms_migrate.phases.mysql.catalog import BINARIES, FLOATS, GEOMETRIES, TEXTS, Column, Table
from wkms_migrate.phases.mysql.settings import MysqlSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A table on both ends, with the columns that can be compared, in the source's order.

    Both have the same key, or none where the ends would order it differently. `left_out` says of every other column
    why it is not compared; `missing` and `extra` are the columns that only the source or only the target has.
    """

    source: Table
    target: Table
    left_out: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The table's name on the source."""
        return self.source.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """All tables that were chosen: those on both ends, and the names of those on one only."""

    pairs: tuple[Pair, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a column's values depend on besides its type."""

    members: str
    collation: str


Shapes = dict[tuple[str, str, str], Shape]


def pairing(source: Session, target: Session, settings: MysqlSettings) -> Pairing:
    """Match the tables that the settings choose."""
    chosen = catalog.selected(source, settings)
    schemas = [settings.rename.get(name, name) for name in settings.schemas]
    there = {table.id.lower(): table for table in catalog.tables(target, schemas)}
    ours, theirs = _shapes(source, settings.schemas), _shapes(target, schemas)
    found = [(table, there.pop(table.on_target.id.lower(), None)) for table in chosen]
    names = {new: old for old, new in settings.rename.items()}
    extra = (
        table.id
        for table in there.values()
        if catalog.is_selected(settings, f"{names.get(table.schema, table.schema)}.{table.name}")
    )
    return Pairing(
        pairs=tuple(_pair(one, other, ours, theirs) for one, other in found if other is not None),
        missing=tuple(one.id for one, other in found if other is None),
        extra=tuple(sorted(extra)),
    )


def sorted_alike(source: Session, target: Session, settings: MysqlSettings, tables: Sequence[Table]) -> list[Table]:
    """Return the tables, without a key where the target would order it otherwise: a range there holds other rows."""
    keys = {pair.id: pair.source.key for pair in pairing(source, target, settings).pairs}
    return [replace(table, key=keys.get(table.id, table.key)) for table in tables]


def check(source: Session, settings: MysqlSettings) -> None:
    """Raise `Refused` when the settings choose no table, rows of none, or two tables for one place."""
    chosen = catalog.selected(source, settings)
    if not chosen:
        raise Refused(
            f"No table of {', '.join(settings.schemas)} is chosen: nothing would be compared.",
            hint="Check the names of schemas and the globs of --include and --exclude; the user must see the tables.",
        )
    if unknown := {name.lower() for name in settings.where} - {table.id.lower() for table in chosen}:
        raise Refused(
            f"--where names {', '.join(sorted(unknown))}, which is no chosen table.", hint="Write schema.table."
        )
    places: dict[str, str] = {}
    for table in chosen:
        other = places.setdefault(table.on_target.id.lower(), table.id)
        if other != table.id:
            raise Refused(
                f"{other} and {table.id} are both {table.on_target.id} on the target: their rows cannot be told apart.",
                hint="Take one of the schemas at a time, with --schema.",
            )


def _pair(source: Table, target: Table, ours: Shapes, theirs: Shapes) -> Pair:
    others = {column.name.lower(): column for column in target.columns}
    compared: list[tuple[Column, Column]] = []
    left_out: list[str] = []
    for column in source.columns:
        other = others.pop(column.name.lower(), None)
        if other is None:
            continue
        shapes = (
            ours[source.schema, source.name, column.name].members,
            theirs[target.schema, target.name, other.name].members,
        )
        if reason := _incomparable(column, other, *shapes):
            left_out.append(f"{column.name}: {reason}")
        else:
            compared.append((column, other))
    keyed = _one_order(source, target, ours, theirs)
    present = {column.name.lower() for column in target.columns}
    return Pair(
        source=replace(source, columns=tuple(one for one, _ in compared), key=source.key if keyed else ()),
        target=replace(target, columns=tuple(other for _, other in compared), key=target.key if keyed else ()),
        left_out=tuple(left_out),
        missing=tuple(column.name for column in source.columns if column.name.lower() not in present),
        extra=tuple(column.name for column in others.values()),
    )


def _incomparable(one: Column, other: Column, members: str, others: str) -> str:
    """Return why two columns' values have no form in common; nothing when they have."""
    if one.type != "json" and other.type == "json":
        return f"{one.type} keeps JSON as it was written, JSON on the target does not"
    kind = _form(one)
    if kind != _form(other):
        return f"{one.type} on the source, {other.type} on the target"
    if kind == "members" and members != others:
        return f"{members} on the source, {others} on the target"
    if one.type != "json" and _charset(one) != _charset(other):
        return f"{one.charset} on the source, {other.charset} on the target"
    return ""


def _form(column: Column) -> str:
    """Return the name of the form that `digest.canonical` gives a column: equal forms can be compared."""
    if column.type in digest.LONG or column.type == "json":
        return "hash"
    if column.type in TEXTS | BINARIES:
        return "bytes"
    if column.type in GEOMETRIES:
        return "geometry"
    if column.type in FLOATS:
        return "bits"
    return "members" if column.type in {"enum", "set"} else "value"


def _charset(column: Column) -> str | None:
    """Return the character set, by one name where the bytes are the same."""
    return "utf8mb4" if column.charset in {"utf8", "utf8mb3"} else column.charset


def _one_order(source: Table, target: Table, ours: Shapes, theirs: Shapes) -> bool:
    """Say whether a range of keys holds the same rows on both ends: same columns, types and collations."""
    keys = [
        [(column.name.lower(), column.type, shapes[table.schema, table.name, column.name].collation) for column in key]
        for table, key, shapes in ((source, source.key, ours), (target, target.key, theirs))
    ]
    return keys[0] == keys[1]


def _shapes(session: Session, schemas: Sequence[str]) -> Shapes:
    names: Shapes = defaultdict(lambda: Shape("", ""))
    for schema, table, column, members, collation in session.rows(
        "SELECT table_schema, table_name, column_name, column_type, COALESCE(collation_name, '')"
        f" FROM information_schema.columns WHERE table_schema IN ({catalog.literals(session, schemas)})"
        " AND (collation_name IS NOT NULL OR data_type IN ('enum', 'set'))"
    ):
        names[schema, table, column] = Shape(str(members), str(collation))
    return names
