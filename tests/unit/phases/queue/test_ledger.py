"""The ledger against what a crash leaves in the journal."""

from __future__ import annotations

import threading
from pathlib import Path

from wkms_migrate import events
from wkms_migrate.journal import RunState
from wkms_migrate.phases.queue.ledger import Ledger
from wkms_migrate.plan import Context, Step, StepRun


class Life:
    """One life of a step; the next one sees its checkpoints."""

    def __init__(self, cursors):
        self.cursors = dict(cursors)
        step = Step(id="queue/drain/q", summary="", run=lambda _: None)
        run = StepRun(Context(None, RunState(), Path()), step, self._take, threading.Event(), dict(cursors))
        self.ledger = Ledger(run)

    def _take(self, event):
        assert isinstance(event, events.Checkpoint)
        self.cursors[event.key] = event.cursor

    def next(self):
        return Life(self.cursors).ledger


def ids(first, last):
    return [str(number) for number in range(first, last)]


def test_a_batch_in_flight_is_uncertain_and_nothing_else():
    life = Life({})
    life.ledger.open_page("lane-0", ids(0, 32))
    after = life.next()
    assert after.uncertain == set(ids(0, 10))
    assert after.sent_earlier == set()
    assert after.sent == 0


def test_what_was_sent_is_known_until_the_end_of_the_step():
    life = Life({})
    life.ledger.open_page("lane-0", ids(0, 32))
    life.ledger.close_batch("lane-0", ids(0, 9), ["9"])
    second = Life(life.cursors)
    assert second.ledger.sent_earlier == set(ids(0, 9))
    assert second.ledger.uncertain == set(ids(10, 20))
    second.ledger.open_page("lane-0", ids(40, 42))
    second.ledger.close_batch("lane-0", ids(40, 42), [])
    third = second.next()
    assert third.sent_earlier == set(ids(0, 9)) | set(ids(40, 42))
    assert third.uncertain == set(ids(10, 20))
    assert third.sent == 11


def test_lanes_of_an_earlier_life_count_even_when_there_are_fewer_now():
    life = Life({})
    for lane in range(3):
        life.ledger.open_page(f"lane-{lane}", [str(lane)])
        life.ledger.close_batch(f"lane-{lane}", [str(lane)], [])
    after = life.next()
    after.open_page("lane-0", ["9"])
    after.close_batch("lane-0", ["9"], [])
    assert after.sent == 4


def test_the_target_is_counted_once_before_the_first_message():
    life = Life({})
    assert life.ledger.start(5) == 5
    assert life.next().start(17) == 5
