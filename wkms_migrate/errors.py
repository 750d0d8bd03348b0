"""Everything that can go wrong, and the exit code each ends with.

WkmsError                     1   a step failed
├── UsageError                2   wrong words on the command line
├── ConfigError               2   the configuration cannot be used; holds all its problems
├── Refused                   2   the tool declines: not confirmed, target not empty, stale plan
├── VerificationFailed        3   source and target differ, or a KPI is missed
├── ChangesPending            4   only with --detailed-exitcode
├── Partial                   5   some of it is done; run again to go on
├── Locked                    6   another process holds the run
├── Interrupted             130   the user stopped it
├── NotKnownYet               1   a value that an earlier phase puts out is not there yet
└── TransientError            1   may pass when tried again (see retry.py)
    └── Damaged               1   content did not arrive as it was sent
"""

from __future__ import annotations


class WkmsError(Exception):
    """A failure told to the user: what happened, to what, why (`message`), and what to do next (`hint`)."""

    exit_code = 1
    in_result = False  # the command's own result, as JSON, says it already

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(WkmsError):
    """The command line does not make sense."""

    exit_code = 2


class ConfigError(WkmsError):
    """The configuration cannot be used. `problems` lists every fault at once, each with its path."""

    exit_code = 2

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__("\n".join((message, *(f"  {problem}" for problem in problems))), hint=hint)
        self.problems = problems


class Refused(WkmsError):
    """Nothing was touched, because going on could harm: not confirmed, target not empty, plan out of date."""

    exit_code = 2


class VerificationFailed(WkmsError):
    """What is on the target is not what is on the source, or a KPI is missed."""

    exit_code = 3


class ChangesPending(WkmsError):
    """There is work to do, and `--detailed-exitcode` asked to be told by exit code."""

    exit_code = 4


class Partial(WkmsError):
    """Part of the work is done and safe; running again goes on from there."""

    exit_code = 5


class Locked(WkmsError):
    """Another process works on the same run."""

    exit_code = 6


class Interrupted(WkmsError):
    """The user asked to stop; what had landed is kept."""

    exit_code = 130


class NotKnownYet(WkmsError):
    """An output of an earlier phase is asked for before that phase is done."""


class TransientError(WkmsError):
    """A failure that may pass when tried again. `retry_after` is in seconds, where the service said so."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Damaged(TransientError):
    """Content came cut off or other than it was sent: a matter of one object, and of the way to it."""
