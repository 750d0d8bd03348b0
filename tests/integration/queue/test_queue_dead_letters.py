"""Poison queues, redrive policies, and messages that were tried too often."""

from __future__ import annotations

from collections import Counter

import pytest
from queue_driver import run
from queue_ends import bodies_of, new_ends, new_queue, numbered

from wkms_migrate.errors import VerificationFailed

pytestmark = pytest.mark.integration
DEAD_LETTER = {"over_limit": "dead_letter"}


def moved(ran, ends):
    return ran.state.outputs("queue")[f"drained/{ends.name}"]


def poisoned(ends, azurite, moto_server, tmp_path):
    poison = new_ends(azurite, moto_server, tmp_path / "poison", f"{ends.name}-poison")
    ends.move.targets[poison.name] = poison.url
    poison.put(["아무도 처리하지 못한 것"])
    return poison


def policy_of(ends):
    return ends.sqs.get_queue_attributes(QueueUrl=ends.url, AttributeNames=["All"])["Attributes"].get("RedrivePolicy")


def test_a_missing_redrive_policy_is_told_and_set_only_when_asked(ends, azurite, moto_server, tmp_path):
    poison = poisoned(ends, azurite, moto_server, tmp_path)
    ran = ends.move.run()
    assert "queue.redrive" in {finding.code for finding in ran.findings}
    assert policy_of(ends) is None
    ran = ends.move.run(redrive="set", max_receives=7)
    assert f":{poison.name}" in policy_of(ends)
    assert ran.state.outputs("queue")[f"redrive/{ends.name}"] == 7
    assert "dead letters go to" in {check.check for check in ran.verified}
    assert bodies_of(poison.arrived()) == Counter(["아무도 처리하지 못한 것"])


def tried(ends, bodies, times):
    """Put messages; consumers take all there are so often and never delete one."""
    ends.put(bodies)
    for _ in range(times):
        for held in [*ends.source.receive_messages(max_messages=32, visibility_timeout=60)]:
            ends.source.update_message(held, visibility_timeout=0)


def test_what_was_tried_too_often_goes_to_the_dead_letters_when_asked(ends, azurite, moto_server, tmp_path):
    poison = poisoned(ends, azurite, moto_server, tmp_path)
    tried(ends, ["다섯 번 실패한 것"], 1)
    tried(ends, ["네 번 실패한 것"], 4)
    ends.put(numbered(12))
    ran = ends.move.run(**DEAD_LETTER)
    assert bodies_of(ends.arrived()) == Counter([*numbered(12), "네 번 실패한 것"])
    dead = poison.arrived()
    assert bodies_of(dead) == Counter(["다섯 번 실패한 것", "아무도 처리하지 못한 것"])
    assert [one["MessageAttributes"]["azure.dequeueCount"]["StringValue"] for one in dead].count("5") == 1
    facts = moved(ran, ends)
    assert (facts["found"], facts["sent"], facts["dead"]) == (14, 14, 1)
    checks = {(check.object, check.check): check.target for check in ran.verified if check.object == ends.name}
    assert checks[ends.name, "messages"] == "13"
    assert (ends.name, "dead letters, at least") in checks
    assert all(check.ok for check in ran.verified)
    assert ends.left() == poison.left() == 0


def test_the_redrive_policy_says_what_is_too_often(ends, azurite, moto_server, tmp_path):
    poison = poisoned(ends, azurite, moto_server, tmp_path)
    tried(ends, ["두 번 실패한 것"], 2)
    ends.move.run(redrive="set", max_receives=2, queues=[poison.name])
    assert moved(ends.move.run(**DEAD_LETTER), ends)["dead"] == 1
    assert bodies_of(poison.arrived()) == Counter(["두 번 실패한 것", "아무도 처리하지 못한 것"])


def test_without_dead_letters_it_stays_and_is_named(ends):
    tried(ends, ["다섯 번 실패한 것"], 5)
    ends.put(numbered(3))
    with pytest.raises(VerificationFailed, match="left on the source"):
        ends.move.run(**DEAD_LETTER)
    assert bodies_of(ends.arrived()) == Counter(numbered(3))
    assert ends.left() == 1
    (finding,) = ends.move.state().findings.values()
    assert "taken 5 times, and no dead-letter queue" in finding.text
    assert "phases.queue.targets" in finding.hint


def test_dead_letters_may_be_named_without_a_poison_queue(ends):
    tried(ends, ["다섯 번 실패한 것"], 5)
    url = new_queue(ends.sqs, f"{ends.name}-dlq")
    path = ends.move.write(**DEAD_LETTER, queues=[ends.name], targets={**ends.move.targets, f"{ends.name}-poison": url})
    assert moved(run(path), ends)["dead"] == 1
    assert bodies_of(ends.arrived()) == Counter()
    answer = ends.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    assert [one["Body"] for one in answer["Messages"]] == ["다섯 번 실패한 것"]


def test_dead_letters_survive_a_kill_and_do_not_keep_the_poison_queue_away(ends, azurite, moto_server, tmp_path):
    failed = [f"실패 {number}" for number in range(3)]
    tried(ends, failed, 6)
    ends.put(numbered(12))
    poison = poisoned(ends, azurite, moto_server, tmp_path)
    alone = {**DEAD_LETTER, "queues": [ends.name]}
    ends.move.run_until_death("after send", 3, lanes=1, **alone)
    facts = moved(ends.move.run(**alone), ends)
    assert (facts["sent"], facts["dead"], facts["perhaps_twice"]) == (15, 3, 3)
    ran = ends.move.run(**DEAD_LETTER)
    assert all(check.ok for check in ran.verified)
    assert bodies_of(ends.arrived()) == Counter(numbered(12))
    assert bodies_of(poison.arrived()) == Counter([*failed, *failed, "아무도 처리하지 못한 것"])


def test_copied_dead_letters_stay_on_the_source_too(ends, azurite, moto_server, tmp_path):
    poison = poisoned(ends, azurite, moto_server, tmp_path)
    tried(ends, ["다섯 번 실패한 것"], 5)
    ends.put(numbered(40))
    ran = ends.move.run(mode="copy", **DEAD_LETTER)
    assert all(check.ok for check in ran.verified)
    assert bodies_of(ends.arrived()) == Counter(numbered(40))
    assert bodies_of(poison.arrived()) == Counter(["다섯 번 실패한 것", "아무도 처리하지 못한 것"])
    assert ends.left() == 41
