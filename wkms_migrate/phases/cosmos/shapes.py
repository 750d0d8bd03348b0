"""Shapes: most documents of a container have the same names and types in the same order, and differ in values only.

The shape of a document is a pattern that matches the text of every document like it, and a template that its values are
put into: one match and one formatting in the place of a walk. Only what is written alike on both sides is in a pattern
(strings, short plain numbers, words, lists of strings or of numbers, objects of them); a document that no known shape
matches takes the longer way, and shows a new one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import msgspec
import orjson

from wkms_migrate.phases.cosmos import values

KNOWN: Final = 8  # shapes at once
LEARNED: Final = 16  # shapes before it is asked whether they are worth it
WORTH: Final = 128  # documents that have to match for each further shape: its pattern takes milliseconds to make
MISSED: Final = 256  # documents that match nothing before shapes are given up, unless half as many have matched
DEEPEST: Final = 8
LONGEST: Final = 16  # elements of a list that is part of a shape
MOST_VALUES: Final = 500
DOUBLED: Final = b"\\\\"  # without two backslashes in a row, each quote after one is escaped
STRING: Final = rb'"[^"]*+(?:(?<=\\)"[^"]*+)*+(?<!\\)"'  # `[^"]` alone is much quicker than a set of two
STRINGS: Final = rb'(?:"[^"\\]*+"(?:,"[^"\\]*+")*+)?+'  # without escapes, so that `","` is always between two
NUMBER: Final = rb"(?!-0(?:\.0*+)?+[,\]}])-?\d{1,16}+(?:\.\d{1,20}+)?+(?=[,\]}])"  # 38 characters at most
NOTHING: Final = b"%.0b"  # of a value: its first 0 bytes
NOT_ONE_VALUE: Final = b"[{n"
NUMBERS: Final = rb"[^\]]++"  # whether they are is for `numbers` to say
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_properties: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_is_string: Final = re.compile(STRING).fullmatch
_is_number: Final = re.compile(NUMBER + rb"[,]").fullmatch
_are_strings: Final = re.compile(rb"\[%b\]" % STRINGS).fullmatch

Convert: TypeAlias = Callable[[bytes], bytes | None]  # the elements of a list; None for those that need a rule


class Filled(NamedTuple):
    """An item by its shape: its JSON, and the JSON texts of the values that were wanted or asked for."""

    json: bytes
    wanted: list[bytes]
    asked: Mapping[str, bytes]


class UnshapelyError(Exception):
    """A document has something that no shape holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What documents of one shape have in common. `wanted`, `asked` and `lists` are numbers of values in a match."""

    match: Callable[[bytes], re.Match[bytes] | None]
    template: bytes
    wanted: tuple[int, ...]
    asked: Mapping[str, int]
    lists: tuple[tuple[int, Convert], ...]

    def fill(self, text: bytes) -> Filled | None:
        """Return the item of a document of this shape; None for another one."""
        found = self.match(text)
        if found is None:
            return None
        texts = found.groups()
        wanted = [texts[number] for number in self.wanted]
        asked = {name: texts[number] for name, number in self.asked.items()}
        if not self.lists:
            return Filled(self.template % texts, wanted, asked)
        filled: list[bytes | None] = list(texts)
        for number, convert in self.lists:
            filled[number] = convert(texts[number])
        return None if None in filled else Filled(self.template % tuple(filled), wanted, asked)


@dataclass(slots=True, kw_only=True)
class Shapes:
    """The shapes seen lately, the last one first; for one thread.

    `label` writes a property's name, and `numbers` the elements of a list if they are plain numbers; `left_out` are
    the properties that go nowhere. Told with an item are the values of `wanted`, which every document has, and of
    `asked`.
    """

    label: Callable[[str], bytes]
    numbers: Convert
    left_out: Collection[str]
    wanted: Sequence[str]
    asked: Sequence[str] = ()
    _known: list[Shape] = field(default_factory=list)
    _matched: int = 0
    _missed: int = 0
    _learned: int = 0

    def fill(self, text: bytes) -> Filled | None:
        """Return the item of a document of a known shape; None for another one."""
        if DOUBLED in text:
            return None
        for number, shape in enumerate(self._known):
            filled = shape.fill(text)
            if filled is not None:
                self._matched += 1
                if number:
                    self._known.insert(0, self._known.pop(number))
                return filled
        return None

    def learn(self, found: Mapping[str, msgspec.Raw]) -> None:
        """Take note of a document that matched no shape, unless shapes have not been worth it."""
        self._missed += 1
        if self._missed > MISSED + 2 * self._matched:
            self._known.clear()
        if self._learned >= LEARNED + self._matched // WORTH:
            return
        self._learned += 1
        try:
            shape = _Making(self).shape(found)
        except UnshapelyError:
            return
        self._known = [shape, *self._known[: KNOWN - 1]]


class _Making:
    """The making of one shape."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._values = 0
        self._lists: list[tuple[int, Convert]] = []

    def shape(self, found: Mapping[str, msgspec.Raw]) -> Shape:
        shapes = self._shapes
        told = {*shapes.wanted, *shapes.asked}
        patterns: list[bytes] = []
        parts: list[bytes] = []
        lead = b""  # values that are asked for and go nowhere
        places: dict[str, int] = {}
        for name, raw in found.items():
            text = bytes(raw)
            if name in shapes.left_out and name not in shapes.asked:
                patterns.append(_named(name, _uncaught(text)))
                continue
            if name in told and text[0] in NOT_ONE_VALUE:
                raise UnshapelyError
            places[name] = self._values
            pattern, part = self._value(text, 1)
            patterns.append(_named(name, pattern))
            if name in shapes.left_out:
                lead += NOTHING
            else:
                parts.append(lead + _escaped(shapes.label(name)) + part)
                lead = b""
        if self._values > MOST_VALUES or not places.keys() >= set(shapes.wanted):
            raise UnshapelyError
        return Shape(
            match=re.compile(rb"\{%b\}" % b",".join(patterns), re.DOTALL).fullmatch,
            template=b"{%b%b}" % (b",".join(parts), lead),
            wanted=tuple(places[name] for name in shapes.wanted),
            asked={name: places[name] for name in shapes.asked if name in places},
            lists=tuple(self._lists),
        )

    def _value(self, text: bytes, depth: int) -> tuple[bytes, bytes]:
        """Return the pattern of a value, with its values in groups, and the template of its attribute value."""
        if text == b"null":
            return text, b'{"NULL":true}'
        if text in (b"true", b"false"):
            return self._group(b"true|false"), b'{"BOOL":%b}'
        if _is_string(text):
            return self._group(STRING), b'{"S":%b}'
        if _is_number(text + b","):
            return self._group(NUMBER), b'{"N":"%b"}'
        if depth < DEEPEST:
            return self._object(text, depth) if text[:1] == b"{" else self._list(text, depth)
        raise UnshapelyError

    def _object(self, text: bytes, depth: int) -> tuple[bytes, bytes]:
        patterns: list[bytes] = []
        parts: list[bytes] = []
        for name, raw in _properties(text).items():
            pattern, part = self._value(bytes(raw), depth + 1)
            patterns.append(_named(name, pattern))
            parts.append(_escaped(_label(name)) + part)
        return rb"\{%b\}" % b",".join(patterns), b'{"M":{%b}}' % b",".join(parts)

    def _list(self, text: bytes, depth: int) -> tuple[bytes, bytes]:
        if text[:1] != b"[":
            raise UnshapelyError
        for is_one, pattern, convert in (
            (_are_strings(text), STRINGS, _strings),
            (self._shapes.numbers(text[1:-1]), NUMBERS, self._shapes.numbers),
        ):
            if is_one:
                self._lists.append((self._values, convert))
                return rb"\[%b\]" % self._group(pattern), b'{"L":[%b]}'
        found = _elements(text)
        if len(found) > LONGEST:
            raise UnshapelyError
        made = [self._value(bytes(one), depth + 1) for one in found]
        return (
            rb"\[%b\]" % b",".join(pattern for pattern, _ in made),
            b'{"L":[%b]}' % b",".join(part for _, part in made),
        )

    def _group(self, pattern: bytes) -> bytes:
        self._values += 1
        return b"(%b)" % pattern


def _named(name: str, pattern: bytes) -> bytes:
    return re.escape(orjson.dumps(name)) + b":" + pattern


def _label(name: str) -> bytes:
    return orjson.dumps(values.to_name(name)) + b":"


def _escaped(text: bytes) -> bytes:
    """Return a text as a template has it."""
    return text.replace(b"%", b"%%")


def _uncaught(text: bytes) -> bytes:
    """Return the pattern of a value that goes nowhere. Raises `UnshapelyError`."""
    for holds, pattern in ((_is_string(text), STRING), (_is_number(text + b","), NUMBER)):
        if holds:
            return pattern
    raise UnshapelyError


def _strings(text: bytes) -> bytes:
    return b'{"S":%b}' % text.replace(b'","', b'"},{"S":"') if text else b""
