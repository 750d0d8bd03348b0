"""`queue plan`: both ends of each queue before anything moves."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.cli.queue.selection import selected
from wkms_migrate.counted import counted

if TYPE_CHECKING:
    from wkms_migrate.phases.queue.survey import Sight


@shared
@selected
def plan(options: Options, flags: Flags) -> None:
    """Say what each queue holds, how old, what its bodies are, and what stands in the way. Takes no message."""
    from wkms_migrate.phases.queue.survey import survey

    sights = []
    for sight in survey(options.session(flags).context()):
        _say(options, sight)
        sights.append(sight)
    options.data({"queues": [asdict(sight) for sight in sights]})
    waiting = sum(len(sight.problems) for sight in sights)
    total = sum(sight.count for sight in sights)
    options.say(
        f"{counted(len(sights), 'queue')}, about {counted(total, 'message')}, {counted(waiting, 'thing')} to"
        " know. Nothing was changed."
    )


def _say(options: Options, sight: Sight) -> None:
    from wkms_migrate.ui.text import duration

    options.say(
        f"{sight.queue} → {sight.target}: about {counted(sight.count, 'message')}{' (poison)' if sight.poison else ''}"
    )
    if sight.seen:
        bodies = ", ".join(f"{count} {name}" for name, count in sight.encodings.items())
        oldest = duration(sight.oldest_seconds)
        options.say(f"    of the first {sight.seen}: oldest {oldest}, tried {sight.tries} times at most, {bodies}")
    if sight.dead_letters_after is not None:
        options.say(f"    the target gives up a message after {sight.dead_letters_after} receives")
    if options.level > 0:
        options.say(f"    a copy would cost {sight.cost}")
        if sight.hidden is None:
            options.say("    how many are hidden cannot be known: more are visible than one look shows")
    for problem in sight.problems:
        options.say(f"    ! {problem}")
