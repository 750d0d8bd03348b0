"""What was sent, kept in the journal so that a crash sends at most the batches in flight twice and loses nothing."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from wkms_migrate.events import Json
from wkms_migrate.plan import StepRun

START = "start"
EARLIER = "earlier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One lane's state: what it sent and the source still has, and the batch that it is sending.

    `total` counts all it ever sent, `dead` those of them that went to the dead letters, `repeated` what may be on a
    target twice because an answer was lost, `converted` the messages by what became of their bodies.
    """

    life: int
    total: int = 0
    dead: int = 0
    repeated: int = 0
    sent: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    converted: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What both ends held before the first message was taken."""

    found: int
    existing: int
    dead_existing: int = 0


class Ledger:
    """Counts and ids of one queue's move, over all its interruptions. Thread-safe across lanes.

    A lane's cursor is written before each batch is sent and after it. After a restart the ids that it calls sent are
    dealt with on the source and never sent again; a batch that was open may be on the target already.
    """

    def __init__(self, run: StepRun) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._lanes = {key: Lane(**value) for key, value in run.cursors.items() if key not in {START, EARLIER}}
        known: Json = run.cursors.get(EARLIER, {"life": 0, "sent": [], "uncertain": 0})
        dead = [lane for lane in self._lanes.values() if lane.life > known["life"]]
        self.life = 1 + max((lane.life for lane in dead), default=known["life"])
        self.uncertain: int = known["uncertain"] + sum(len(lane.open) for lane in dead)
        self._on_source = set(known["sent"]).union(*(lane.sent for lane in self._lanes.values()))
        self._earlier = frozenset(self._on_source)
        self.rejected: dict[str, str] = {}
        if dead:
            told = {"life": self.life - 1, "sent": sorted(self._on_source), "uncertain": self.uncertain}
            run.checkpoint(told, EARLIER)

    def start(self, now: Start) -> Start:
        """Remember what both ends held at the very first start; return that."""
        if (known := self._run.cursors.get(START)) is not None:
            return Start(**known)
        self._run.checkpoint(asdict(now), START)
        return now

    @property
    def started(self) -> bool:
        """Whether an earlier life of this step began to send."""
        return START in self._run.cursors

    @property
    def sent(self) -> int:
        """How many messages were sent, by all lives of this step."""
        with self._lock:
            return sum(lane.total for lane in self._lanes.values())

    @property
    def dead(self) -> int:
        """How many of the messages that were sent went to the dead letters."""
        with self._lock:
            return sum(lane.dead for lane in self._lanes.values())

    @property
    def perhaps_twice(self) -> int:
        """How many messages may be on the target twice, at most, once no lane sends: an open batch was cut off."""
        with self._lock:
            cut_off = sum(len(lane.open) for lane in self._lanes.values() if lane.life == self.life)
            return self.uncertain + cut_off + sum(lane.repeated for lane in self._lanes.values())

    @property
    def on_source(self) -> int:
        """How many messages were sent and are still on the source."""
        with self._lock:
            return len(self._on_source)

    def was_sent(self, key: str) -> bool:
        """Say whether a message that the source shows was sent already."""
        with self._lock:
            return key in self._on_source

    @property
    def converted(self) -> Counter[str]:
        """How many of the messages that were sent have which `azure.encoding`."""
        with self._lock:
            return sum((Counter(lane.converted) for lane in self._lanes.values()), Counter())

    def sending(self, lane: str, batch: Iterable[str]) -> None:
        """State which messages a lane is going to send."""
        before = self._lane(lane)
        kept = [key for key in before.sent if self.was_sent(key)]
        self._save(lane, replace(before, life=self.life, sent=kept, open=[*batch]))

    def landed(
        self, lane: str, sent: Mapping[str, str], repeated: int, following: Iterable[str], *, dead: bool = False
    ) -> None:
        """State which messages of the batch SQS has, each with its encoding, and which batch the lane sends next.

        `dead`: it has them among the dead letters.
        """
        before = self._lane(lane)
        with self._lock:
            self._on_source.update(sent)
        self._save(
            lane,
            replace(
                before,
                total=before.total + len(sent),
                dead=before.dead + (len(sent) if dead else 0),
                repeated=before.repeated + repeated,
                sent=[*before.sent, *sent],
                open=[*following],
                converted=dict(Counter(before.converted) + Counter(sent.values())),
            ),
        )

    def gone(self, key: str) -> None:
        """State that a message which was sent is no longer on the source."""
        with self._lock:
            self._on_source.discard(key)

    def all_shown(self) -> None:
        """State that whatever an earlier life left on the source has been seen again by now."""
        with self._lock:
            self._on_source -= self._earlier

    def _lane(self, name: str) -> Lane:
        with self._lock:
            return self._lanes.get(name, Lane(life=self.life))

    def _save(self, name: str, lane: Lane) -> None:
        with self._lock:
            self._lanes[name] = lane
        self._run.checkpoint(asdict(lane), name)


def books(cursors: Mapping[str, Json]) -> dict[str, Json]:
    """Return what an unfinished step's cursors say, under the names of a finished one's result.

    `on_source`: those that were sent and may still be on the source.
    """
    lanes = [cursor for key, cursor in cursors.items() if key not in {START, EARLIER}]
    life = cursors.get(EARLIER, {"life": 0, "sent": [], "uncertain": 0})
    in_flight = sum(len(lane["open"]) for lane in lanes if lane["life"] > life["life"])
    return {
        **cursors.get(START, {"found": 0, "existing": 0}),
        "sent": sum(lane["total"] for lane in lanes),
        "dead": sum(lane.get("dead", 0) for lane in lanes),
        "perhaps_twice": life["uncertain"] + in_flight + sum(lane["repeated"] for lane in lanes),
        "on_source": len(set(life["sent"]).union(*(lane["sent"] for lane in lanes))),
    }
