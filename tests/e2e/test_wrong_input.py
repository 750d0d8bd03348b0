"""What a user gets wrong: a clear error with the fix, the right exit code, and nothing changed on either side."""

from __future__ import annotations

import socket

import pytest
from whole import table_digests

pytestmark = pytest.mark.e2e


def closed_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


CASES = {
    "unreachable MySQL": ({"WKMS_AZURE__MYSQL__PORT": "closed"}, "mysql", 1, "cannot be reached"),
    "wrong MySQL password": ({"WKMS_AZURE__MYSQL__PASSWORD": "env:WRONG"}, "mysql", 2, "refuses user"),
    "missing secret": ({"WKMS_AZURE__MYSQL__PASSWORD": "env:NOT_THERE"}, "mysql", 2, "env:NOT_THERE"),
    "untrusted certificate": ({"WKMS_AZURE__MYSQL__CA": "null"}, "mysql", 2, "mysql.ca"),
    "missing Terraform": ({"WKMS_PHASES__PROVISION__BINARY": "no-such-terraform"}, "provision", 1, "no-such-terraform"),
    "unreachable storage": (
        {"WKMS_AZURE__STORAGE__BLOB_ENDPOINT": "http://127.0.0.1:closed/x"},
        "assess",
        1,
        "reached",
    ),
    "wrong Cosmos key": ({"WKMS_AZURE__COSMOS__KEY": "env:WRONG"}, "assess", 1, "azure.cosmos.key"),
    "run folder that is none": ({"WKMS_RUNS_DIR": "/dev/null/runs"}, "assess", 1, "cannot be written"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_told_what_is_wrong_and_nothing_is_touched(lab, case, monkeypatch):
    settings, phase, code, says = CASES[case]
    port = str(closed_port())
    monkeypatch.setenv("WRONG", "bm90IHRoZSBrZXk=")
    before = table_digests(lab.mysql("aws"))
    environ = {name: value.replace("closed", port) for name, value in settings.items()}
    ended = lab.call("phase", phase, "--yes", "--run", "wrong-input", environ=environ)
    assert ended.code == code, ended.err
    assert says in ended.err
    assert "→" in ended.err, "what to do next is missing"
    assert "Traceback" not in ended.err
    assert "bm90IHRoZSBrZXk" not in ended.err + ended.out
    assert table_digests(lab.mysql("aws")) == before


def test_a_target_that_is_not_empty_is_refused(lab):
    with lab.mysql("aws") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS wkms")
        cursor.execute("CREATE TABLE IF NOT EXISTS wkms.departments (id INT PRIMARY KEY, name VARCHAR(9))")
        cursor.execute("SELECT COUNT(*) FROM wkms.departments")
        if not cursor.fetchone()[0]:
            cursor.execute("INSERT INTO wkms.departments (id, name) VALUES (1, 'mine')")
        connection.commit()
    before = table_digests(lab.mysql("aws"))
    ended = lab.call("phase", "mysql", "--yes", "--run", "not-empty")
    assert ended.code == 2, ended.err
    assert "on_existing" in ended.err
    assert table_digests(lab.mysql("aws")) == before


def test_two_at_once_are_refused_with_the_name_of_the_first(lab):
    import fcntl

    folder = lab.cwd / "runs" / "held"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("process 1 on elsewhere since yesterday\n")
        held.flush()
        ended = lab.call("phase", "assess", "--yes", "--run", "held")
    assert ended.code == 6
    assert "process 1 on elsewhere since yesterday" in ended.err


def test_doctor_names_what_does_not_work_with_its_fix(lab):
    assert lab.call("doctor").code == 0
    ended = lab.call("doctor", "--json", environ={"WKMS_AZURE__MYSQL__PORT": str(closed_port())})
    assert ended.code == 1
    failed = [one for one in ended.json if one["status"] == "fail"]
    assert [one["id"] for one in failed] == ["azure.mysql"]
    assert failed[0]["fix"]
