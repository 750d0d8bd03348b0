"""docs/mysql-preflight.md, made from the rules: `python -m wkms_migrate.phases.mysql.rules.document`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from wkms_migrate.phases.mysql.rules import RULES
from wkms_migrate.phases.mysql.rules.rule import Fix, Rule

HEAD = """\
# MySQL preflight rules

Made from the rules by `make docs`; a test holds it true.

`wkms-migrate mysql preflight` applies them, and so does the first step of the phase. An **error** stops the phase
unless its id is under `phases.mysql.accept`. A rule on the target is not judged while there is no target. Words in
<angle brackets> are filled from what was found where that is known, else by you.
"""
LANGUAGES = (("sql", "sql"), ("az", "sh"), ("aws", "sh"), ("terraform", "hcl"))


def markdown() -> str:
    """Return the page of all rules."""
    index = "".join(f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.title} |\n" for rule in RULES)
    return f"{HEAD}\n| id | severity | looks for |\n|---|---|---|\n{index}" + "".join(map(_section, RULES))


def _section(rule: Rule) -> str:
    where = "both ends" if rule.on_target else "the source and the settings"
    return (
        f"\n## {rule.id}\n\n{rule.title}. *{rule.severity.capitalize()}; looks at {where}.*\n\n"
        f"**What breaks:** {rule.breaks}\n\n**What to do:** {_escaped(rule.fix.text)}\n" + "".join(_blocks(rule.fix))
    )


def _blocks(fix: Fix) -> Iterator[str]:
    for field, language in LANGUAGES:
        if text := getattr(fix, field):
            yield f"\n```{language}\n{text}\n```\n"


def _escaped(text: str) -> str:
    return text.replace("<", "\\<")


if __name__ == "__main__":
    sys.stdout.write(markdown())
