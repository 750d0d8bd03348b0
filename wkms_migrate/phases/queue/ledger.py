"""What was sent, kept in the journal so that a crash sends at most the batch in flight twice and loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from wkms_migrate.clients.sqs import MOST_AT_ONCE
from wkms_migrate.plan import StepRun

START = "start"
EARLIER = "earlier"


@dataclass(slots=True)
class Lane:
    """One lane's page: what of it is sent (perhaps not yet deleted on the source) and what is still to be sent."""

    total: int = 0
    sent: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)


class Ledger:
    """Counts and ids of one queue's drain, over all its interruptions. Thread-safe across lanes.

    A lane's cursor is written before its page is sent and after each batch. On a restart the ids that it calls
    sent are deleted on the source without being sent again, and the first open ones may be on the target already.
    """

    def __init__(self, run: StepRun) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._lanes = {key: Lane(**value) for key, value in run.cursors.items() if key not in {START, EARLIER}}
        known = run.cursors.get(EARLIER, {"sent": [], "uncertain": []})
        self.sent_earlier = set(known["sent"]).union(*(lane.sent for lane in self._lanes.values()))
        self.uncertain = set(known["uncertain"]).union(*(lane.open[:MOST_AT_ONCE] for lane in self._lanes.values()))
        self.rejected: dict[str, str] = {}
        if self._lanes:
            run.checkpoint({"sent": sorted(self.sent_earlier), "uncertain": sorted(self.uncertain)}, EARLIER)

    def start(self, existing: int) -> int:
        """Remember how many messages the target held at the very first start; return that number."""
        known = self._run.cursors.get(START)
        if known is not None:
            return int(known["existing"])
        self._run.checkpoint({"existing": existing}, START)
        return existing

    @property
    def started(self) -> bool:
        """Whether an earlier life of this step began to send."""
        return START in self._run.cursors

    @property
    def sent(self) -> int:
        """How many messages were sent, by all lives of this step."""
        with self._lock:
            return sum(lane.total for lane in self._lanes.values())

    def open_page(self, lane: str, ids: Iterable[str]) -> None:
        """State which messages a lane is going to send next, in this order."""
        self._save(lane, Lane(total=self._lane(lane).total, open=list(ids)))

    def close_batch(self, lane: str, sent: Collection[str], rejected: Collection[str]) -> None:
        """State which messages of the page SQS has, and which it will never take."""
        before = self._lane(lane)
        self._save(
            lane,
            Lane(
                total=before.total + len(sent),
                sent=[*before.sent, *sent],
                open=[one for one in before.open if one not in sent and one not in rejected],
            ),
        )

    def _lane(self, name: str) -> Lane:
        with self._lock:
            return self._lanes.get(name, Lane())

    def _save(self, name: str, lane: Lane) -> None:
        with self._lock:
            self._lanes[name] = lane
        self._run.checkpoint({"total": lane.total, "sent": lane.sent, "open": lane.open}, name)
