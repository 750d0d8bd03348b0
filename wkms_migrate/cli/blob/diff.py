"""`blob diff`: what is on one end only, and what is not alike, by name."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from wkms_migrate.cli.blob import ends
from wkms_migrate.cli.blob.ends import Limit
from wkms_migrate.cli.blob.selection import selected
from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import VerificationFailed

if TYPE_CHECKING:
    from wkms_migrate.phases.blob.look import Difference


@shared
@selected
def diff(options: Options, flags: Flags, limit: Limit = 100) -> None:
    """Name what differs, from the listings and what the objects say of their blobs; exit 3 when anything does.

    `-` is in the container only, `+` in the bucket only, `~` in both and not alike, `!` left behind and why. Reads no
    content: `blob verify --mode deep` does.
    """
    from wkms_migrate.phases.blob import look

    found: dict[str, Difference] = {}
    with ends.opened(options, flags) as both:
        for container, place in both.known():
            with look.both(both.context, container, place) as seen:
                found[container] = look.difference(seen)
            _say(options, f"{container} → {place}", found[container], limit)
    count = sum(one.count for one in found.values())
    error = None
    if count:
        error = VerificationFailed(
            f"{counted(count, 'name differs', 'names differ')}.",
            hint="`wkms-migrate blob copy` copies what is missing or changed; --mirror deletes what is gone.",
        )
    options.data({"equal": not count, "containers": {name: asdict(one) for name, one in found.items()}}, error)
    if error:
        raise error
    options.say("No difference.")


def _say(options: Options, title: str, found: Difference, limit: int) -> None:
    options.say(f"{title}: {counted(found.count, 'name differs', 'names differ')}, {len(found.left):,} left behind")
    shown = (
        ("-", found.missing),
        ("+", found.extra),
        ("~", [f"{name}: {why}" for name, why in found.differing]),
        ("!", [f"{name}: {why}" for name, why in found.left]),
    )
    for sign, lines in shown:
        for line in lines[:limit]:
            options.say(f"    {sign} {line}")
        if len(lines) > limit:
            options.say(f"    {sign} … {len(lines) - limit:,} more")
