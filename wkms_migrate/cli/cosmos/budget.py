"""`cosmos budget`: change how fast a copy under way may read and write."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from wkms_migrate.cli.options import Options, shared
from wkms_migrate.errors import UsageError

_AMOUNT = re.compile(r"(?:\d+(?:\.\d+)?%?|unlimited|configured)")
_HELP = "units per second at most: a number, a share such as 40% of what is provisioned, unlimited, or configured."
Ru = Annotated[str | None, typer.Option(help=f"Request {_HELP}")]
Wcu = Annotated[str | None, typer.Option(help=f"Write {_HELP}")]


@shared
def budget(options: Options, ru: Ru = None, wcu: Wcu = None) -> None:
    """Set the budgets of a run, while it runs or before it goes on; without options, show them.

    A run under way keeps to them within a second. They hold until they are set back to `configured`.
    """
    from wkms_migrate.phases.cosmos import dial

    _check("ru", ru)
    _check("wcu", wcu)
    session = options.session()
    changed = ru is not None or wcu is not None
    wishes = dial.wish(session.run_dir, ru=ru, wcu=wcu) if changed else dial.wishes(session.run_dir)
    now = {kind: wishes.get(kind, dial.CONFIGURED) for kind in ("ru", "wcu")}
    options.data(now)
    for kind, amount in now.items():
        options.say(f"{kind}: {amount}")


def _check(name: str, text: str | None) -> None:
    if text is not None and (not _AMOUNT.fullmatch(text) or text.rstrip("%") in ("0", "0.0")):
        raise UsageError(
            f"--{name} {text!r} is no budget.", hint=f"Write --{name} 400, --{name} 40%, unlimited or configured."
        )
