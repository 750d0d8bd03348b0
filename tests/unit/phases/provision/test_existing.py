from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from wkms_migrate.clients import aws
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.provision import existing, policy


class Answers:
    """A client that answers every call with the same thing, or raises it."""

    def __init__(self, answer):
        self.answer = answer

    def __getattr__(self, _name):
        def call(**_arguments):
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return call


def refusal(code):
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Describe")


def database(state):
    return {"DBInstances": [{"DBInstanceStatus": state}]}


def machine(state):
    return {"Reservations": [{"Instances": [{"State": {"Name": state}}]}]}


@pytest.mark.parametrize(
    ("kind", "answer", "status"),
    [
        ("aws_db_instance", database("available"), "ready"),
        ("aws_db_instance", database("creating"), "busy"),
        ("aws_db_instance", database("backing-up"), "busy"),
        ("aws_db_instance", database("incompatible-parameters"), "broken"),
        ("aws_db_instance", refusal("DBInstanceNotFound"), "absent"),
        ("aws_dynamodb_table", {"Table": {"TableStatus": "ACTIVE"}}, "ready"),
        ("aws_dynamodb_table", {"Table": {"TableStatus": "CREATING"}}, "busy"),
        ("aws_dynamodb_table", refusal("ResourceNotFoundException"), "absent"),
        ("aws_s3_bucket", {}, "ready"),
        ("aws_s3_bucket", refusal("404"), "absent"),
        ("aws_instance", machine("running"), "ready"),
        ("aws_instance", machine("pending"), "busy"),
        ("aws_instance", machine("terminated"), "absent"),
        ("aws_instance", refusal("InvalidInstanceID.NotFound"), "absent"),
        ("aws_ebs_volume", {"Volumes": [{"State": "in-use"}]}, "ready"),
        ("aws_ebs_volume", {"Volumes": [{"State": "deleting"}]}, "absent"),
        ("aws_eip", {"Addresses": [{}]}, "ready"),
        ("aws_sqs_queue", {"Attributes": {}}, "ready"),
        ("aws_sqs_queue", refusal("AWS.SimpleQueueService.NonExistentQueue"), "absent"),
        ("aws_db_subnet_group", {"DBSubnetGroups": [{}]}, "ready"),
        ("aws_db_subnet_group", refusal("DBSubnetGroupNotFoundFault"), "absent"),
        ("aws_iam_role", {"Role": {}}, "ready"),
        ("aws_iam_role", refusal("NoSuchEntity"), "absent"),
        ("aws_iam_instance_profile", refusal("NoSuchEntity"), "absent"),
    ],
)
def test_each_answer_of_aws_has_its_meaning(monkeypatch, kind, answer, status):
    monkeypatch.setattr(aws, "client", lambda _settings, _service: Answers(answer))
    assert existing.status(None, kind, {existing.KINDS[kind].attribute: "name"}) == status


def test_a_resource_without_a_name_yet_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(aws, "client", lambda *_: pytest.fail("AWS was asked"))
    assert existing.status(None, "aws_instance", {}) == "absent"


@pytest.mark.parametrize("error", [refusal("AccessDenied"), EndpointConnectionError(endpoint_url="http://x")])
def test_no_answer_is_an_error_and_never_taken_for_absence(monkeypatch, error):
    monkeypatch.setattr(aws, "client", lambda _settings, _service: Answers(error))
    with pytest.raises(WkmsError) as caught:
        existing.status(None, "aws_db_instance", {"identifier": "wkms"})
    assert caught.value.hint


def test_everything_that_holds_data_can_be_looked_at():
    assert set(existing.KINDS) >= policy.STATEFUL
