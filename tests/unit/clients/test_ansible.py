from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from wkms_migrate.clients import ansible
from wkms_migrate.clients.ansible import Host, Task

PLAYBOOK = Path("/opt/playbooks/site.yml")


def event(kind, **data):
    return {"event": kind, "event_data": {"host": "a", "task": "t", **data}}


def learned(*events):
    play = ansible._Play(on_task=print)
    for one in events:
        play.take(one)
    return play


def test_a_known_host_is_held_to_its_key():
    hosts = ansible._inventory([Host(name="a", address="10.0.0.1", user="u", port=2222, known_hosts=Path("/k"))])
    variables = hosts["wkms"]["hosts"]["a"]
    assert "StrictHostKeyChecking=yes" in variables["ansible_ssh_common_args"]
    assert "UserKnownHostsFile=/k" in variables["ansible_ssh_common_args"]
    assert (variables["ansible_host"], variables["ansible_port"], variables["ansible_user"]) == ("10.0.0.1", 2222, "u")


def test_an_unknown_host_is_accepted_once_and_only_the_given_key_is_offered():
    variables = ansible._host_variables(Host(name="a", address="x", user="u", key=Path("/key")))
    assert "StrictHostKeyChecking=accept-new" in variables["ansible_ssh_common_args"]
    assert "IdentitiesOnly=yes" in variables["ansible_ssh_common_args"]


def test_the_environment_is_picked_name_by_name():
    prepared = {
        "PATH": "/bin",
        "HOME": "/h",
        "AWS_SECRET_ACCESS_KEY": "s",
        "WKMS_AZURE__MYSQL__PASSWORD": "s",
        "ANSIBLE_VAULT_PASSWORD_FILE": "/v",
        "ANSIBLE_CALLBACK_PLUGINS": "/c",
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "AWX_ISOLATED_DATA_DIR": "/d",
    }
    kept = ansible._environment(prepared, Path("/private"), PLAYBOOK)
    assert "s" not in kept.values()
    assert "ANSIBLE_VAULT_PASSWORD_FILE" not in kept
    assert kept["PATH"].endswith(":/bin")
    assert kept["ANSIBLE_HOST_KEY_CHECKING"] == "True"


def test_changes_are_those_of_the_end_of_the_play():
    assert learned(event("playbook_on_stats", changed={"a": 2, "b": 1})).changed == 3


def test_a_task_is_told_with_what_became_of_it():
    told: list[Task] = []
    play = ansible._Play(on_task=told.append)
    for one in (
        event("runner_on_ok", res={"changed": True}),
        event("runner_on_ok", res={"changed": False}),
        event("runner_on_skipped", res={}),
        event("runner_on_failed", res={"msg": "no"}),
        event("runner_on_start"),
    ):
        play.take(one)
    assert [task.status for task in told] == ["changed", "ok", "skipped", "failed"]


def test_a_failure_names_host_task_and_the_item_that_failed():
    result = {"msg": "One or more items failed", "results": [{"msg": "fine"}, {"failed": True, "msg": "no space"}]}
    error = ansible._failure(learned(event("runner_on_failed", res=result)))
    assert error.message == "On a the task 't' failed: no space"


def test_the_last_failure_counts_for_a_rescue_says_what_the_first_led_to():
    play = learned(event("runner_on_failed", res={"msg": "first"}), event("runner_on_failed", res={"msg": "last"}))
    assert "last" in ansible._failure(play).message


def test_an_ignored_failure_is_none():
    assert learned(event("runner_on_failed", ignore_errors=True, res={"msg": "x"})).failures == []


def test_an_unreachable_host_is_told_apart():
    error = ansible._failure(learned(event("runner_on_unreachable", res={"msg": "Permission denied"})))
    assert error.message.startswith("a cannot be reached: Permission denied")


@pytest.mark.parametrize(("grace", "expected"), [(60.0, False), (-1.0, True)])
def test_killing_waits_until_the_grace_is_over(monkeypatch, grace, expected):
    import threading

    stop = threading.Event()
    monkeypatch.setattr(ansible, "GRACE_SECONDS", grace)
    stopper = ansible._Stopper(Path("/nowhere-at-all"), stop)
    assert stopper.should_kill() is False
    stop.set()
    assert stopper.should_kill() is expected


def test_folders_of_killed_processes_are_removed_and_those_of_living_ones_kept(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    for owner in (gone.pid, os.getpid()):
        (tmp_path / f"wkms-ansible-{owner}-x").mkdir()
        (tmp_path / f"wkms-ansible-{owner}-x" / "variables.json").write_text("secret")
    ansible._sweep(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == [f"wkms-ansible-{os.getpid()}-x"]
