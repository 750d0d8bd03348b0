"""Render a template: to one self-contained HTML page, or to Markdown."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wkms_migrate.report import figures
from wkms_migrate.report.words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, lang: str, currency: str, values: Mapping[str, Any]) -> str:
    """Return the page in `lang`. Everything that is filled in is escaped, in Markdown by the filter `cell`."""
    jinja = environment(lang, currency, escape=template.endswith(".html"))
    words = Words(lang, jinja)
    return jinja.get_template(template).render(**values, t=words, lang=lang)


def environment(lang: str, currency: str, *, escape: bool = True) -> Environment:
    """Return the Jinja environment with the filters that templates and words are written with."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escape,  # noqa: S701 - False for Markdown and sheets only, never for a page
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    money, whole = partial(figures.money, currency=currency), partial(figures.whole, currency=currency)
    unit_price = partial(figures.unit_price, currency=currency)
    jinja.filters |= {
        "money": money,
        "whole": whole,
        "unit_price": unit_price,
        "number": figures.number,
        "percent": figures.percent,
        "ratio": figures.ratio,
        "seconds": figures.seconds,
        "moment": figures.moment,
        "size": figures.size,
        "rate": figures.rate,
        "short": figures.short,
        "cell": figures.cell,
        "money_span": lambda value: figures.span(value, money),
        "whole_span": lambda value: figures.span(value, whole),
        "unit_price_span": lambda value: figures.span(value, unit_price),
        "number_span": lambda value: figures.span(value, figures.number),
        "percent_span": lambda value: figures.span(value, figures.percent),
        "say": lambda text: text.to(lang),
    }
    jinja.globals |= {
        "whole": whole,
        "money": money,
        "number": figures.number,
        "unit_price": unit_price,
        "seconds_tick": lambda value: figures.seconds(float(value)),
    }
    return jinja
