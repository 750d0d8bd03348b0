"""Definitions of tables and objects on two live servers compared, every difference as lines that one end has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wkms_migrate.clients.mysql import Session
from wkms_migrate.phases.mysql import fidelity, objects, shape, translation
from wkms_migrate.phases.mysql.ddl import quoted
from wkms_migrate.phases.mysql.objects import DEFINER, EVENT_STATE, KINDS
from wkms_migrate.phases.mysql.pairs import Pair
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.phases.mysql.translation import Translation


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionDifference:
    """What differs in one table or object. `source` and `target` are lines that only this end has."""

    object: str
    source: tuple[str, ...]
    target: tuple[str, ...]


def compare(
    source: Session, target: Session, settings: MysqlSettings, pairs: Sequence[Pair]
) -> Iterator[DefinitionDifference]:
    """Compare the definitions of these tables and of all objects of the schemas that are moved."""
    words = translation.between(source, target, settings)
    texts = shape.whole(source, target, words, [pair.source for pair in pairs])
    yield from _differences((f"table {name}", *both) for name, both in texts.items())
    for kind in KINDS:
        yield from _differences(_objects(source, target, kind, words, settings))


def _objects(
    source: Session, target: Session, kind: str, words: Translation, settings: MysqlSettings
) -> Iterator[tuple[str, str, str]]:
    """Yield name and both texts of each object, an empty text for an end that lacks it.

    The text is what the server shows, without owner and without whether an event sleeps. Between MySQL and MariaDB,
    which show objects otherwise, it is what the dictionary says.
    """
    for session in (source, target):
        session.run("SET SESSION group_concat_max_len = 1000000")
    ours = {
        (words.schema(schema).lower(), name): (schema, known)
        for (schema, name), known in fidelity.facts(source, kind, settings.schemas).items()
    }
    theirs = fidelity.facts(target, kind, sorted({words.schema(name) for name in settings.schemas}))
    for place in sorted(ours.keys() | theirs.keys()):
        called = f"{kind.lower()} {'.'.join(place)}"
        if place not in ours or place not in theirs:
            yield called, called if place in ours else "", called if place in theirs else ""
        elif words.same_family:
            schema = ours[place][0]
            moved = objects.words_of(_shown(source, kind, schema, place[1], words), words).create
            yield called, _plain(moved), _plain(_shown(target, kind, place[0], place[1], words).create)
        else:
            yield called, *fidelity.told(ours[place][1], theirs[place], words)


def _shown(session: Session, kind: str, schema: str, name: str, words: Translation) -> objects.StoredObject:
    if kind == "VIEW":  # with the full names of what it uses, where a schema gets another one
        renamed = any(words.renames(one) for one in words.schemas)
        session.run(f"USE {quoted('information_schema' if renamed else schema)}")
    return objects.shown(session, kind, schema, name)


def _plain(create: str) -> str:
    return EVENT_STATE.sub(r"\1", DEFINER.sub("", create, count=1), count=1)


def _differences(texts: Iterator[tuple[str, str, str]]) -> Iterator[DefinitionDifference]:
    """Compare line by line, whatever their order is; a text that differs in its order alone is one difference."""
    for name, *both in texts:
        ours, theirs = ([line.strip() for line in text.splitlines()] for text in both)
        if ours == theirs:
            continue
        one, other = Counter(ours), Counter(theirs)
        only_ours, only_theirs = tuple((one - other).elements()), tuple((other - one).elements())
        if not (only_ours or only_theirs):
            only_ours, only_theirs = tuple(ours), tuple(theirs)
        yield DefinitionDifference(object=name, source=only_ours, target=only_theirs)
