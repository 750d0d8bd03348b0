"""Makes moto's SQS quick enough for queues of thousands of messages.

moto counts a whole queue anew for every message that is sent, and asks the calendar twice for each message counted: at
10,000 messages a batch of ten takes seconds. The clock gives the same number without the calendar.
"""

from __future__ import annotations

import time


def quicken() -> None:
    """Put the quick clock into moto, in this process."""
    from moto.sqs import models

    models.unix_time_millis = _milliseconds


def _milliseconds() -> float:
    return time.time() * 1000
