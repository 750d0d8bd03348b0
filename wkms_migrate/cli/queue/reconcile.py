"""`queue reconcile`: the books of what was moved, beside what both ends hold now."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.cli.queue.selection import selected
from wkms_migrate.counted import counted
from wkms_migrate.errors import Partial, VerificationFailed

if TYPE_CHECKING:
    from wkms_migrate.errors import WkmsError
    from wkms_migrate.phases.queue.reconcile import Account


@shared
@selected
def reconcile(options: Options, flags: Flags) -> None:
    """Compare what the journal says was moved with what both ends hold now; exit 3 when it does not add up.

    Counts of a target mean something only until its consumers start; later, --target-in-use leaves them out.
    """
    from wkms_migrate.phases.queue import reconcile as books

    accounts = list(books.reconcile(options.session(flags).context()))
    for account in accounts:
        _say(options, account)
    error = _error(accounts)
    options.data({"queues": [asdict(account) for account in accounts]}, error)
    if error:
        raise error
    options.say(
        f"{counted(len(accounts), 'queue')}: everything is accounted for." if accounts else "No queue was moved yet."
    )


def _say(options: Options, account: Account) -> None:
    state = "" if account.done else " (not finished)"
    target = "in use" if account.on_target is None else f"{account.on_target:,}"
    dead = f" ({account.dead:,} to the dead letters)" if account.dead else ""
    twice = f", {account.perhaps_twice:,} perhaps twice" if account.perhaps_twice else ""
    others = f" and {account.by_others:,} of this run's other moves" if account.by_others else ""
    options.say(
        f"{'✘' if account.problems else '✔'} {account.queue}: {account.mode}{state}: {account.found:,} found,"
        f" {account.sent:,} sent{dead}, {account.left:,} left, {account.refused:,} refused; on the target {target}"
        f" of {account.expected:,}{others}{twice}"
    )
    for problem in account.problems:
        options.say(f"    ! {problem}")


def _error(accounts: list[Account]) -> WkmsError | None:
    if wrong := [account.queue for account in accounts if account.problems]:
        return VerificationFailed(
            f"{counted(len(wrong), 'queue does', 'queues do')} not add up: {', '.join(wrong)}.",
            hint="docs/queue.md says what each line means.",
        )
    if open_ones := [account.queue for account in accounts if not account.done]:
        return Partial(
            f"{counted(len(open_ones), 'queue is', 'queues are')} not finished: {', '.join(open_ones)}.",
            hint="Run the same move again.",
        )
    return None
