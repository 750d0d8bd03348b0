from __future__ import annotations

import json

import pytest

from wkms_migrate.clients.terraform_stream import Diagnostic, Operation, PlannedChange, Text, parse
from wkms_migrate.errors import WkmsError

# Lines as Terraform 1.11.4 prints them, without the fields that nobody reads.
VPC = {"addr": "aws_vpc.this", "module": "", "resource_type": "aws_vpc", "resource_key": None}
QUEUE = {
    "addr": 'aws_sqs_queue.this["notifications"]',
    "resource_type": "aws_sqs_queue",
    "resource_key": "notifications",
}
POLICY = {"addr": "data.aws_iam_policy_document.vm", "resource_type": "aws_iam_policy_document"}


def line(kind, **rest):
    return json.dumps({"@level": "info", "@message": "…", "@module": "terraform.ui", "type": kind, **rest})


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (line("planned_change", change={"resource": VPC, "action": "create"}), PlannedChange("aws_vpc.this", "create")),
        (
            line("apply_start", hook={"resource": VPC, "action": "create"}),
            Operation("aws_vpc.this", "create", "started", 0),
        ),
        (
            line("apply_progress", hook={"resource": VPC, "action": "create", "elapsed_seconds": 10}),
            Operation("aws_vpc.this", "create", "running", 10),
        ),
        (
            line("apply_complete", hook={"resource": QUEUE, "action": "update", "id_key": "id", "elapsed_seconds": 26}),
            Operation('aws_sqs_queue.this["notifications"]', "update", "done", 26),
        ),
        (
            line("apply_errored", hook={"resource": VPC, "action": "delete", "elapsed_seconds": 3}),
            Operation("aws_vpc.this", "delete", "failed", 3),
        ),
        (
            line("diagnostic", diagnostic={"severity": "error", "summary": "creating EC2 VPC", "detail": " no\n"}),
            Diagnostic("error", "creating EC2 VPC", "no", ""),
        ),
    ],
)
def test_a_line_becomes_a_fact(text, fact):
    assert parse(text) == fact


@pytest.mark.parametrize(
    "text",
    [
        line("planned_change", change={"resource": POLICY, "action": "read", "reason": "read_because_config_unknown"}),
        line("apply_complete", hook={"resource": POLICY, "action": "read", "elapsed_seconds": 0}),
        line("planned_change", change={"resource": VPC, "action": "noop"}),
        line("refresh_start", hook={"resource": VPC, "id_key": "id", "id_value": "vpc-1"}),
        line("something_of_a_later_version", new={"shape": 1}),
        line("version", terraform="1.15.5", ui="1.3"),
        "",
    ],
)
def test_what_changes_nothing_is_no_fact(text):
    assert parse(text) is None


def test_a_line_that_is_not_json_is_kept_as_text():
    assert parse("panic: runtime error") == Text("panic: runtime error")
    assert parse('{"cut off') == Text('{"cut off')


def test_another_major_version_of_the_format_is_refused():
    with pytest.raises(WkmsError, match="speaks version 2"):
        parse(line("version", terraform="2.0.0", ui="2.0"))
