"""docs/cli.md, made from the commands themselves: `python -m wkms_migrate.cli.reference > docs/cli.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

HEAD = """\
# Command line

Made from the commands by `make docs`; a test holds it true.

Exit codes: 0 done, or nothing to do · 1 a step failed · 2 wrong usage, bad configuration, or refused · 3 verification
or a KPI failed · 4 changes pending (only with `--detailed-exitcode`) · 5 partial, run again to go on · 6 another
process holds the run · 130 interrupted.

Without a terminal nothing is ever asked: what would need an answer is refused with 2 unless `--yes` is given.
"""


def markdown() -> str:
    """Return the reference of every command."""
    from typer.main import get_group

    from wkms_migrate.cli import app, areas

    return HEAD + "".join(_sections(areas.load(get_group(app)), ("wkms-migrate",)))


def _sections(group: Any, path: tuple[str, ...]) -> Iterator[str]:
    for name, command in group.commands.items():
        words = (*path, name)
        if hasattr(command, "commands"):
            yield from _sections(command, words)
            continue
        yield f"\n## {' '.join(words)}\n\n{command.help}\n\n| | |\n|---|---|\n"
        for parameter in command.params:
            yield f"| {_spelling(parameter)} | {_meaning(parameter)} |\n"


def _spelling(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    return names if parameter.is_flag or parameter.count else f"{names} {_kind(parameter)}"


def _kind(parameter: Any) -> str:
    annotation = parameter.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    return str(parameter.name).upper()


def _meaning(parameter: Any) -> str:
    default = parameter.default
    shown = f" Default: `{default}`." if isinstance(default, (str, int)) and default and not parameter.is_flag else ""
    return f"{parameter.help or ''}{shown}"


if __name__ == "__main__":
    sys.stdout.write(markdown())
