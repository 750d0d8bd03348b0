"""Definitions of tables and objects on two live servers compared, every difference as a pair of lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import catalog, objects
from wkms_migrate.phases.mysql.ddl import NAME, quoted
from wkms_migrate.phases.mysql.objects import DEFINER, EVENT_STATE, KINDS
from wkms_migrate.phases.mysql.pairs import Pair
from wkms_migrate.phases.mysql.settings import MysqlSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionDifference:
    """What differs in one table or object. `source` and `target` are lines that only this end has."""

    object: str
    source: tuple[str, ...]
    target: tuple[str, ...]


def tables(source: Session, target: Session, pair: Pair, renamed: dict[str, str]) -> DefinitionDifference | None:
    """Compare two tables' definitions: columns, keys, checks and options, without counters and places of files."""
    ours = _moved(catalog.definition(source, pair.source).comparable(), renamed).splitlines()
    theirs = catalog.definition(target, pair.target).comparable().splitlines()
    return _difference(f"table {pair.id}", ours, theirs)


def stored(source: Session, target: Session, settings: MysqlSettings) -> Iterator[DefinitionDifference]:
    """Compare routines, views, triggers and events by name and text, without definers and whether an event sleeps."""
    for schema in settings.schemas:
        other = catalog.on_target(settings, schema)
        for kind in KINDS:
            ours = {name.lower(): name for name in objects.names(source, kind, schema)}
            theirs = {name.lower(): name for name in objects.names(target, kind, other)}
            for name in sorted(ours.keys() | theirs.keys()):
                one = _text(source, kind, schema, ours.get(name))
                two = _text(target, kind, other, theirs.get(name))
                called = f"{kind.lower()} {schema}.{ours.get(name) or theirs.get(name)}"
                if found := _difference(called, _moved(one, {schema: other}).splitlines(), two.splitlines()):
                    yield found


def _text(session: Session, kind: str, schema: str, name: str | None) -> str:
    if name is None:
        return ""
    one = objects.shown(session, kind, schema, name)
    text = EVENT_STATE.sub(r"\1", DEFINER.sub("", one.create, count=1), count=1)
    return f"{text}\n(sql_mode {one.sql_mode}, time zone {one.time_zone})"


def _moved(text: str, renamed: dict[str, str]) -> str:
    """Return a text of the source with the names that schemas have on the target."""
    names = {quoted(old): quoted(new) for old, new in renamed.items() if old != new}
    return re.sub(rf"({NAME})(?=\.)", lambda match: names.get(match[0], match[0]), text) if names else text


def _difference(name: str, ours: list[str], theirs: list[str]) -> DefinitionDifference | None:
    """Compare line by line, whatever their order is."""
    one, other = Counter(line.strip() for line in ours), Counter(line.strip() for line in theirs)
    only_ours, only_theirs = tuple((one - other).elements()), tuple((other - one).elements())
    if not (only_ours or only_theirs) and [line.strip() for line in ours] != [line.strip() for line in theirs]:
        only_ours, only_theirs = ("(the order of lines)",), ("(another order)",)
    if not (only_ours or only_theirs):
        return None
    return DefinitionDifference(object=name, source=only_ours, target=only_theirs)
