"""The words of the reports: one catalogue per language in messages/, its entries are small Jinja templates.

Compiling an entry costs more than a page of them does to fill in, so the plain ones are filled in without Jinja: those
whose gaps are a name with filters and no more. Filters and escaping are the environment's own.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wkms_migrate.errors import WkmsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Environment, Template
    from markupsafe import Markup

    from wkms_migrate.cost.fields import Notice

    Gap = tuple[str, tuple[str, ...]]  # the name of a value, and its filters

AREAS = ("cost", "run", "findings", "tasks")  # each has a file of its own; what is left is in <lang>.yaml
MESSAGES = Path(__file__).parent / "messages"
GAP = re.compile(r"{{ (\w+)((?: \| \w+)*) }}")


@cache
def catalogue(lang: str) -> dict[str, str]:
    """Return all entries of a language by their dotted key."""
    import yaml

    names = [f"{area}.{lang}.yaml" for area in AREAS] + [f"{lang}.yaml"]
    files = [yaml.load((MESSAGES / name).read_bytes(), yaml.CSafeLoader) for name in names]
    return {key: text for entries in files for key, text in _flat(entries, ())}


class Words:
    """Says things in one language: `words("tile.saving", amount=…)`."""

    def __init__(self, lang: str, environment: Environment) -> None:
        self.lang = lang
        self._entries = catalogue(lang)
        self._environment = environment

    def __call__(self, key: str, **values: Any) -> Markup:
        """Return the entry as safe HTML, its values escaped and filled in."""
        from markupsafe import Markup

        if key not in self._entries:
            raise WkmsError(f"The {self.lang} catalogue of reports has no entry {key}.", hint="Install the tool again.")
        text = self._entries[key]
        if "{" in text:
            text = self._filled(text, values)
        return Markup(text)  # noqa: S704 - the catalogue is ours, and its values are escaped

    def _filled(self, text: str, values: dict[str, Any]) -> str:
        """Return the entry with its gaps filled in; a name that has no value is an error."""
        pieces = _pieces(text)
        if pieces is None:
            return _compiled(self._environment, text).render(**values, t=self, lang=self.lang)
        return "".join(piece if isinstance(piece, str) else self._value(piece, values) for piece in pieces)

    def _value(self, gap: Gap, values: dict[str, Any]) -> str:
        from markupsafe import escape

        name, filters = gap
        value = {**values, "lang": self.lang}[name]
        for filter_name in filters:
            write = self._environment.filters[filter_name]
            value = write({"lang": self.lang}, value) if hasattr(write, "jinja_pass_arg") else write(value)
        return escape(value) if self._environment.autoescape else str(value)

    def known(self, key: str) -> Markup | None:
        """Return the entry, or None where the catalogue has none of that name."""
        return self(key) if key in self._entries else None

    def task(self, step: str, recorded: str) -> Markup | str:
        """Return what a step does, by the longest beginning of its id that has words, else as it was recorded."""
        parts = step.split("/")
        for length in range(len(parts), 0, -1):
            key = f"task.{'/'.join(parts[:length])}"
            if key in self._entries:
                return self(key, object="/".join(parts[length:]))
        return recorded or step

    def comparison(self, check: str) -> Markup | str:
        """Return what was compared, as it was recorded where there are no words for it."""
        return self.known(f"comparison.{check}") or check

    def measure(self, unit: str) -> str:
        """Return a unit of quantities or of prices per unit; a currency or an abbreviation stays as it is."""
        return " / ".join(str(self.known(f"measure.{part}") or part) for part in unit.split(" / "))

    def notice(self, notice: Notice) -> Markup:
        """Return the words for a notice, its values filled in."""
        return self(f"notice.{notice.code}", **dict(notice.values))


@cache
def _pieces(text: str) -> tuple[str | Gap, ...] | None:
    """Return the text and its gaps in turn, or None for an entry that only Jinja can fill in."""
    found: list[str | Gap] = []
    end = 0
    for gap in GAP.finditer(text):
        found += [text[end : gap.start()], (gap[1], tuple(re.findall(r"\w+", gap[2])))]
        end = gap.end()
    found.append(text[end:])
    plain = not any("{{" in piece or "{%" in piece for piece in found if isinstance(piece, str))
    return tuple(found) if plain else None


@cache
def _compiled(environment: Environment, text: str) -> Template:
    return environment.from_string(text)


def _flat(value: Any, at: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, (*at, str(key)))
    else:
        yield ".".join(at), value
