from __future__ import annotations

import pytest

from wkms_migrate.errors import Refused
from wkms_migrate.phases.provision import policy


def change(address, *actions, mode="managed"):
    return {
        "address": address,
        "mode": mode,
        "type": address.split(".")[0],
        "change": {"actions": list(actions), "before": None, "after": {}},
    }


def plan(*changes):
    return {"resource_changes": list(changes)}


@pytest.mark.parametrize("actions", [("delete",), ("delete", "create"), ("create", "delete")])
def test_what_holds_data_is_neither_destroyed_nor_replaced(actions):
    with pytest.raises(Refused, match=r"aws_db_instance\.this") as caught:
        policy.check(plan(change("aws_db_instance.this", *actions)), ())
    assert "allow_destroy" in caught.value.hint


def test_the_refusal_names_every_such_resource_and_no_other():
    doomed = plan(
        change('aws_dynamodb_table.this["chat"]', "delete"),
        change("aws_security_group.app", "delete", "create"),
        change('aws_s3_bucket.this["documents"]', "delete", "create"),
        change("aws_db_instance.this", "update"),
    )
    assert policy.destroyed(doomed, ()) == ['aws_dynamodb_table.this["chat"]', 'aws_s3_bucket.this["documents"]']


def test_a_permission_is_for_one_address():
    doomed = plan(change('aws_sqs_queue.this["a"]', "delete"), change('aws_sqs_queue.this["b"]', "delete"))
    assert policy.destroyed(doomed, ('aws_sqs_queue.this["a"]',)) == ['aws_sqs_queue.this["b"]']
    policy.check(doomed, ('aws_sqs_queue.this["a"]', 'aws_sqs_queue.this["b"]'))


def test_a_plan_is_told_line_by_line_with_its_count():
    told = list(
        policy.lines(
            plan(
                change("aws_vpc.this", "create"),
                change("data.aws_iam_policy_document.vm", "read", mode="data"),
                change("aws_subnet.this", "no-op"),
                change("aws_route.nat[0]", "delete", "create"),
                change("aws_db_parameter_group.this", "update"),
                change("aws_eip.vm[0]", "delete"),
            ),
            (),
        )
    )
    assert told == [
        "+ aws_vpc.this",
        "-/+ aws_route.nat[0]",
        "~ aws_db_parameter_group.this",
        "- aws_eip.vm[0]",
        "2 to add, 1 to change, 2 to destroy",
        "refused: aws_eip.vm[0] holds data and is not in phases.provision.allow_destroy",
    ]


def test_an_empty_plan_changes_nothing():
    assert list(policy.lines({"resource_changes": []}, ())) == ["0 to add, 0 to change, 0 to destroy"]
