"""The commands on queues, as a shell calls them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter

import pytest
from queue_ends import bodies_of, numbered

pytestmark = pytest.mark.integration


def argv(ends, *words):
    return [sys.executable, "-m", "wkms_migrate", "queue", *words, "--config", str(ends.move.folder / "test.yaml")]


def call(ends, *words, write=True):
    if write:
        ends.move.write()
    ended = subprocess.run(
        argv(ends, *words, "--json"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ends.move.folder,
    )
    return ended.returncode, json.loads(ended.stdout), ended.stderr


def test_plan_says_what_there_is_and_takes_nothing(ends):
    ends.put([*numbered(3), "eyJhIjogMX0="])
    ends.put(["나중"], hidden=600)
    ends.sqs.send_message(QueueUrl=ends.url, MessageBody="전부터 있던 것")
    code, told, said = call(ends, "plan", "-v")
    assert code == 0
    (sight,) = told["queues"]
    assert (sight["count"], sight["seen"], sight["target_messages"]) == (5, 4, 1)
    assert sight["encodings"] == {"text": 3, "base64": 1}
    assert (sight["tries"], sight["hidden"]) == (0, 1)
    assert sum("hidden" in one or "purge" in one for one in sight["problems"]) == 2
    assert "SQS keeps a message for 4 days" in " ".join(sight["problems"])
    assert "a copy would cost nothing" in said
    assert {one.dequeue_count for one in ends.source.peek_messages(32)} == {0}
    assert not (ends.move.folder / "runs").exists()


def test_plan_says_what_it_cannot_know(ends):
    ends.put(numbered(33))
    code, told, said = call(ends, "plan", "-v")
    assert code == 0
    (sight,) = told["queues"]
    assert sight["hidden"] is None
    assert "how many are hidden cannot be known" in said
    assert not [problem for problem in sight["problems"] if "hidden" in problem]
    _, told, said = call(ends, "drain", "--dry-run", "-v")
    assert "Azure tells nobody when" in json.dumps(told)


def test_plan_counts_who_gets_his_tries_again(ends):
    ends.put(["다섯 번 실패한 것"])
    for _ in range(5):
        ends.source.update_message(ends.source.receive_message(visibility_timeout=60), visibility_timeout=0)
    ends.put(["처음인 것"])
    _, told, _ = call(ends, "plan")
    (sight,) = told["queues"]
    assert sight["tries"] == 5
    assert [problem for problem in sight["problems"] if problem.startswith("1 of those looked at were taken 5 times")]


def test_drain_then_reconcile_then_a_message_that_is_missing(ends):
    ends.put(numbered(12))
    code, _, _ = call(ends, "drain", "--yes")
    assert code == 0
    code, told, _ = call(ends, "reconcile")
    assert code == 0
    (account,) = told["queues"]
    assert (account["found"], account["sent"], account["left"], account["on_target"]) == (12, 12, 0, 12)

    ends.arrived()
    code, told, _ = call(ends, "reconcile")
    assert code == 3
    assert "12 messages are missing on the target" in told["queues"][0]["problems"][0]
    assert told["exit_code"] == 3
    assert call(ends, "reconcile", "--target-in-use")[0] == 0


def test_reconcile_knows_of_a_drain_that_was_cut_off(ends):
    ends.put(numbered(40))
    ends.move.run_until_death("after send", 2, lanes=1)
    code, told, _ = call(ends, "reconcile", write=False)
    (account,) = told["queues"]
    assert code == 5
    assert not account["done"]
    assert (account["found"], account["sent"], account["on_target"], account["perhaps_twice"]) == (40, 10, 20, 10)


def test_a_drain_without_a_terminal_wants_yes_and_a_dry_run_changes_nothing(ends):
    ends.put(numbered(2))
    assert call(ends, "drain")[0] == 2
    code, told, _ = call(ends, "copy", "--dry-run")
    assert code == 0
    assert ends.left() == 2
    assert "costs" in json.dumps(told)


def forwarding(ends, *words):
    return subprocess.Popen(
        argv(ends, "forward", "--yes", "--jsonl", *words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ends.move.folder,
    )


def wait_for(process, what):
    for line in process.stdout:
        if what(json.loads(line)):
            return
    pytest.fail(f"the bridge ended: {process.stderr.read()}")


def sent(count):
    return lambda event: event["event"] == "Progress" and event["done"] >= count


def test_a_bridge_ends_with_0_when_it_is_told_to_and_the_drain_closes_the_books(ends):
    ends.move.write()
    ends.put(numbered(3))
    process = forwarding(ends)
    wait_for(process, sent(3))
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert (ends.move.folder / "runs" / "test-bridge" / "journal.jsonl").exists()

    ends.put(["늦은 것"])
    code, _, said = call(ends, "drain", "--yes")
    assert code == 0, said
    assert bodies_of(ends.arrived()) == Counter([*numbered(3), "늦은 것"])


def test_a_killed_bridge_keeps_a_drain_away_until_it_has_ended(ends):
    ends.move.write()
    ends.put(numbered(3))
    process = forwarding(ends)
    wait_for(process, sent(3))
    process.kill()
    process.communicate()
    code, told, _ = call(ends, "drain", "--yes")
    assert code == 2
    assert "--until-empty" in told["hint"]
    process = forwarding(ends, "--until-empty")
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert call(ends, "drain", "--yes")[0] == 0
    assert bodies_of(ends.arrived()).total() == 3


def test_a_drain_after_a_copy_is_refused_and_the_books_of_both_add_up_when_it_is_told_to_append(ends):
    ends.put(numbered(12))
    assert call(ends, "copy", "--yes")[0] == 0
    code, told, _ = call(ends, "drain", "--yes")
    assert code == 2
    assert "will be there twice" in told["hint"]
    code, told, _ = call(ends, "reconcile")
    assert (code, [account["mode"] for account in told["queues"]]) == (0, ["copy"]), "the drain never began"

    assert call(ends, "drain", "--yes", "--on-existing", "append")[0] == 0
    code, told, _ = call(ends, "reconcile")
    assert code == 0
    copied, drained = told["queues"]
    assert (copied["expected"], copied["by_others"], copied["on_target"]) == (12, 12, 24)
    assert (drained["expected"], drained["on_target"]) == (24, 24)
