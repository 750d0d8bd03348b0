"""A commented configuration file, made from the models: the reference of every key cannot go out of date."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

WIDTH = 110
HEAD = """\
# Configuration of wkms-migrate. Every key is here with its default.
# Secrets are never written in this file, only references to them: env:NAME, file:PATH, keyvault:VAULT/NAME or
# secretsmanager:ID. Any key can be overridden by the environment: WKMS_AZURE__MYSQL__HOST=... sets azure.mysql.host.
"""


def render(kind: type[BaseModel], *, environment: str) -> str:
    """Return the file for an environment as YAML."""
    return HEAD + "\n".join(_lines(kind, 0, {"environment": environment})) + "\n"


def _lines(kind: type[BaseModel], depth: int, given: dict[str, str]) -> Iterator[str]:
    pad = "  " * depth
    for name, field in kind.model_fields.items():
        section = _section(field.annotation)
        default = field.get_default(call_default_factory=True) if field.default_factory else field.default
        if section is not None:
            yield ""
            yield from _comment(field.description or (section.__doc__ or "").split("\n")[0], pad)
            yield f"{pad}{name}:"
            yield from _lines(section, depth + 1, {})
            continue
        yield from _comment(field.description or "", pad)
        value = given.get(name, None if default is PydanticUndefined else default)
        yield f"{pad}{name}: {_plain(value)}"


def _comment(text: str, pad: str) -> Iterator[str]:
    for line in textwrap.wrap(text, WIDTH - len(pad)):
        yield f"{pad}# {line}"


def _plain(value: object) -> str:
    if isinstance(value, BaseModel):
        return json.dumps(value.model_dump(mode="json"), ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_plain(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) + "}"
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    text = str(value)
    return (
        text
        if text.replace("_", "").replace("-", "").replace("/", "").isalnum()
        else json.dumps(text, ensure_ascii=False)
    )


def _section(annotation: object) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
