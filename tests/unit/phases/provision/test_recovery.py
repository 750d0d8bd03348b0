from __future__ import annotations

import threading

import pytest

from wkms_migrate.errors import Interrupted, Refused
from wkms_migrate.phases.provision import existing, recovery
from wkms_migrate.phases.provision.recovery import Resource


def stored(kind, name, *instances, **more):
    return {"mode": "managed", "type": kind, "name": name, "instances": list(instances), **more}


def instance(name, *, tainted=True, key=None):
    made = {"attributes": {"identifier": name, "bucket": name}}
    return made | ({"status": "tainted"} if tainted else {}) | ({"index_key": key} if key is not None else {})


def created(kind, address, actions=("create",), **after):
    return {"mode": "managed", "type": kind, "address": address, "change": {"actions": list(actions), "after": after}}


@pytest.fixture
def aws_has(monkeypatch):
    """Let AWS know resources of these names only."""

    def know(**names):
        def status(_settings, kind, values):
            return names.get(values.get(existing.KINDS[kind].attribute), "absent")

        monkeypatch.setattr(existing, "status", status)

    return know


def test_tainted_resources_are_found_under_their_addresses():
    state = {
        "resources": [
            stored("aws_db_instance", "this", instance("wkms")),
            stored("aws_s3_bucket", "this", instance("a", key="docs"), instance("b", key="rest", tainted=False)),
            stored("aws_instance", "vm", instance("i-1", key=0), module="module.web"),
            stored("aws_volume_attachment", "data", instance("v")),
        ]
    }
    assert [one.address for one in recovery.tainted(state)] == [
        "aws_db_instance.this",
        'aws_s3_bucket.this["docs"]',
        "module.web.aws_instance.vm[0]",
    ]
    assert list(recovery.tainted({})) == []


def test_what_an_apply_had_made_is_an_orphan(aws_has):
    aws_has(wkms="busy")
    plan = {
        "resource_changes": [
            created("aws_db_instance", "aws_db_instance.this", identifier="wkms"),
            created("aws_s3_bucket", "aws_s3_bucket.this", bucket="not-there"),
            created("aws_instance", "aws_instance.vm[0]"),
            created("aws_vpc", "aws_vpc.this"),
        ]
    }
    found = recovery.orphans(plan, None, {"aws_db_instance.this", "aws_s3_bucket.this"})
    assert [one.address for one in found] == ["aws_db_instance.this"]


def test_what_somebody_else_has_made_is_never_taken_over(aws_has):
    aws_has(wkms="ready")
    plan = {"resource_changes": [created("aws_s3_bucket", "aws_s3_bucket.this", bucket="wkms")]}
    with pytest.raises(Refused, match=r"aws_s3_bucket\.this \(wkms\)"):
        recovery.orphans(plan, None, {"aws_db_instance.this"})


def test_a_replacement_is_not_an_orphan(aws_has):
    aws_has(wkms="ready")
    plan = {
        "resource_changes": [
            created("aws_db_instance", "aws_db_instance.this", ("delete", "create"), identifier="wkms")
        ]
    }
    assert recovery.orphans(plan, None, ()) == []


def test_adoption_is_written_as_import_blocks(tmp_path):
    recovery.adopt(tmp_path, [Resource("aws_dynamodb_table", 'aws_dynamodb_table.this["chat"]', {"name": "wkms-chat"})])
    text = (tmp_path / recovery.ADOPT_FILE).read_text(encoding="utf-8")
    assert 'to = aws_dynamodb_table.this["chat"]\n  id = "wkms-chat"' in text


def test_waiting_for_aws_ends_when_the_user_stops(aws_has):
    aws_has(wkms="busy")
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        recovery.settled(None, Resource("aws_db_instance", "a", {"identifier": "wkms"}), stop)
