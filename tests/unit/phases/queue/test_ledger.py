"""The ledger against what a crash leaves in the journal."""

from __future__ import annotations

import threading
from pathlib import Path

from wkms_migrate import events
from wkms_migrate.journal import RunState
from wkms_migrate.phases.queue.ledger import Ledger, Start
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
        return Life(self.cursors)


def ids(first, last):
    return [str(number) for number in range(first, last)]


def texts(first, last):
    return dict.fromkeys(ids(first, last), "text")


def test_a_batch_in_flight_is_uncertain_and_nothing_else():
    life = Life({})
    life.ledger.sending("lane-0", ids(0, 10))
    after = life.next().ledger
    assert after.uncertain == after.perhaps_twice == 10
    assert not any(after.was_sent(key) for key in ids(0, 10))
    assert after.sent == 0


def test_between_two_batches_nothing_is_uncertain():
    life = Life({})
    life.ledger.sending("lane-0", ids(0, 10))
    life.ledger.landed("lane-0", texts(0, 10), 0, [])
    assert life.next().ledger.uncertain == 0


def test_what_was_sent_is_known_until_it_is_gone():
    life = Life({})
    life.ledger.sending("lane-0", ids(0, 10))
    life.ledger.landed("lane-0", texts(0, 9), 0, ids(10, 20))
    second = life.next()
    assert [key for key in ids(0, 30) if second.ledger.was_sent(key)] == ids(0, 9)
    assert second.ledger.uncertain == 10
    second.ledger.gone("0")
    second.ledger.sending("lane-0", ids(40, 42))
    second.ledger.landed("lane-0", texts(40, 42), 0, [])
    third = second.next().ledger
    assert all(third.was_sent(key) for key in [*ids(1, 9), "40", "41"])
    assert third.sent == 11


def test_a_message_whose_deletion_failed_is_known_after_a_crash_much_later():
    life = Life({})
    for start in range(0, 50, 10):
        life.ledger.sending("lane-0", ids(start, start + 10))
        life.ledger.landed("lane-0", texts(start, start + 10), 0, [])
        for key in ids(start, start + 10):
            if key != "3":
                life.ledger.gone(key)
    assert len(life.cursors["lane-0"]["sent"]) == 11  # its page, and the one that is left
    assert life.next().ledger.was_sent("3")


def test_each_death_counts_its_own_batches_once():
    life = Life({})
    for lane in ("lane-0", "lane-1"):
        life.ledger.sending(lane, ids(0, 10))
    second = life.next()
    assert second.ledger.uncertain == 20
    third = second.next()
    assert third.ledger.uncertain == 20, "the second life sent nothing"
    third.ledger.sending("lane-0", ids(0, 10))
    assert third.next().ledger.uncertain == 30


def test_lanes_of_an_earlier_life_count_even_when_there_are_fewer_now():
    life = Life({})
    for lane in range(3):
        life.ledger.sending(f"lane-{lane}", [str(lane)])
        life.ledger.landed(f"lane-{lane}", {str(lane): "decoded"}, 1, [])
    after = life.next().ledger
    after.sending("lane-0", ["9"])
    after.landed("lane-0", {"9": "text"}, 0, [])
    assert after.sent == 4
    assert after.converted == {"decoded": 3, "text": 1}
    assert after.perhaps_twice == 3


def test_both_ends_are_counted_once_before_the_first_message():
    life = Life({})
    assert life.ledger.start(Start(found=7, existing=5)) == Start(found=7, existing=5)
    assert not life.ledger.started
    after = life.next().ledger
    assert after.started
    assert after.start(Start(found=3, existing=17, dead_existing=2)) == Start(found=7, existing=5)
