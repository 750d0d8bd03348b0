"""Render a template: to one self-contained HTML page, or to Markdown."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wkms_migrate.report import figures
from wkms_migrate.report.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import Environment
    from jinja2.runtime import Context

    from wkms_migrate.cost.fields import Translated

TEMPLATES = Path(__file__).parent / "templates"
RANGED = ("money", "whole", "unit_price", "number", "percent")


def render(template: str, lang: str, currency: str, values: Mapping[str, Any]) -> str:
    """Return the page in `lang`. Everything that is filled in is escaped, in Markdown by the filter `cell`."""
    jinja = environment(currency, escape=template.endswith(".html"))
    words = Words(lang, jinja)
    return jinja.get_template(template).render(**values, t=words, lang=lang)


@cache
def environment(currency: str, *, escape: bool = True) -> Environment:
    """Return the Jinja environment with the filters that templates and words are written with."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context

    from wkms_migrate.report.compiled import Compiled

    @pass_context
    def say(context: Context, text: Translated) -> str:
        return text.to(context["lang"])

    @pass_context
    def seconds(context: Context, value: float) -> str:
        return figures.seconds(float(value), context["lang"])

    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escape,  # noqa: S701 - False for Markdown and sheets only, never for a page
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=Compiled(escape=escape),
    )
    written = _figures(currency)
    jinja.filters |= written | {f"{name}_span": partial(figures.span, write=written[name]) for name in RANGED}
    jinja.filters |= {"say": say, "short": figures.short, "cell": figures.cell, "seconds": seconds}
    jinja.globals |= {name: written[name] for name in ("whole", "money", "number", "unit_price")}
    jinja.globals |= {"seconds_tick": seconds, "span": figures.span}
    return jinja


def _figures(currency: str) -> dict[str, Callable[..., str]]:
    """Return how each kind of figure is written, by the name of its filter."""
    return {
        "money": partial(figures.money, currency=currency),
        "whole": partial(figures.whole, currency=currency),
        "unit_price": partial(figures.unit_price, currency=currency),
        "number": figures.number,
        "percent": figures.percent,
        "ratio": figures.ratio,
        "moment": figures.moment,
        "size": figures.size,
        "rate": figures.rate,
    }
