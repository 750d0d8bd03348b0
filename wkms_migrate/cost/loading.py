"""Read a YAML file into a dataclass; a fault is told with its file, line and key, and all faults at once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from wkms_migrate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails
    from yaml.nodes import Node

    Keys = tuple[str | int, ...]

T = TypeVar("T")


def read(path: Path, into: type[T]) -> T:
    """Return the file as an `into`.

    Raises:
        ConfigError: the file is missing, is no YAML, repeats a key, or does not have the shape of `into`.

    """
    data, lines, problems = _parse(path)
    try:
        value: T = _adapter(into).validate_python(data)  # type: ignore[arg-type] # every class can be hashed
    except ValidationError as error:
        problems += [_problem(detail, lines) for detail in error.errors(include_url=False)]
    if problems:
        raise ConfigError(f"{path} cannot be used.", problems=tuple(problems), hint="Correct these lines.")
    return value


@cache
def _adapter(into: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(into)


def _parse(path: Path) -> tuple[Any, dict[Keys, int], list[str]]:
    import yaml

    try:
        loader = yaml.CSafeLoader(path.read_bytes())
        node = loader.get_single_node()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}", hint="Correct the line that is named.") from error
    if node is None:
        raise ConfigError(f"{path} is empty.", hint="Restore the file from the project.")
    lines: dict[Keys, int] = {}
    problems: list[str] = []
    _index(node, (), lines, problems)
    return loader.construct_document(node), lines, problems


def _index(node: Node, at: Keys, lines: dict[Keys, int], problems: list[str]) -> None:
    """Note the line of every key, and every key that occurs twice in its mapping."""
    from yaml import MappingNode, SequenceNode

    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        for key, child in node.value:
            inner = (*at, str(key.value))
            if inner in lines:
                problems.append(f"line {key.start_mark.line + 1}: {_name(inner)}: the key occurs twice")
            lines[inner] = key.start_mark.line + 1
            _index(child, inner, lines, problems)
    elif isinstance(node, SequenceNode):
        for number, child in enumerate(node.value):
            _index(child, (*at, number), lines, problems)


def _problem(detail: ErrorDetails, lines: dict[Keys, int]) -> str:
    keys = detail["loc"]
    known = next(keys[:end] for end in range(len(keys), -1, -1) if keys[:end] in lines)
    message = detail["msg"].removeprefix("Value error, ")
    return f"line {lines[known]}: {_name(keys)}: {message}"


def _name(keys: Keys) -> str:
    return ".".join(str(key) for key in keys) or "(file)"
