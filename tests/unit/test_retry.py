from __future__ import annotations

import errno
import threading

import pytest

from wkms_migrate import retry
from wkms_migrate.errors import ConfigError, Interrupted, TransientError


class AwsError(Exception):
    def __init__(self, code, status):
        super().__init__(code)
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


class AzureError(Exception):
    def __init__(self, status):
        super().__init__(status)
        self.status_code = status


class EndpointConnectionError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (TransientError("busy"), True),
        (ConfigError("wrong"), False),
        (AwsError("SlowDown", 503), True),
        (AwsError("ProvisionedThroughputExceededException", 400), True),
        (AwsError("AccessDenied", 403), False),
        (AzureError(429), True),
        (AzureError(404), False),
        (ConnectionResetError(), True),
        (OSError(errno.ENOSPC, "full"), False),
        (OSError(errno.ETIMEDOUT, "slow"), True),
        (EndpointConnectionError("no route"), True),
        (ValueError("bug"), False),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(error, transient):
    assert retry.is_transient(error) is transient


def test_a_transient_failure_is_tried_again_until_it_passes():
    waits = [TransientError("busy", retry_after=0.0)] * 3

    def sometimes():
        if waits:
            raise waits.pop()
        return "done"

    assert retry.call(sometimes) == "done"


def test_a_terminal_failure_is_raised_at_once():
    calls = []

    def never():
        calls.append(1)
        raise AzureError(403)

    with pytest.raises(AzureError):
        retry.call(never)
    assert len(calls) == 1


def test_the_last_error_comes_out_as_it_was():
    def busy():
        raise TransientError("still busy", retry_after=0.0)

    with pytest.raises(TransientError, match="still busy"):
        retry.policy(attempts=3)(busy)


def test_a_wait_ends_when_the_user_stops():
    stop = threading.Event()

    def busy():
        stop.set()
        raise TransientError("busy", retry_after=60)

    with pytest.raises(Interrupted):
        retry.policy(stop=stop)(busy)
