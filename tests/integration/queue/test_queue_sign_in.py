"""What signs in to either side ends in the middle of a drain: it is taken up anew, or the drain stops and goes on."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.queue import AccountSasPermissions, ResourceTypes, generate_account_sas
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_sqs import StrictSqs
from endpoints import AwsEndpoint, StorageAccount
from queue_driver import run
from queue_ends import Ends, bodies_of, new_ends, numbered

from wkms_migrate import events
from wkms_migrate.errors import Partial

pytestmark = pytest.mark.integration

CREDENTIALS = "[default]\naws_access_key_id = {0}\naws_secret_access_key = testing\naws_session_token = {0}\n"


@pytest.fixture
def ends(
    azurite: StorageAccount, moto_server: AwsEndpoint, proxy: AzureProxy, double: StrictSqs, tmp_path: Path
) -> Ends:
    made = new_ends(azurite, moto_server, tmp_path)
    made.move = replace(made.move, queue_endpoint=proxy.endpoint, aws_endpoint=double.endpoint)
    made.put(numbered(45))
    return made


def new_sas(ends, minutes):
    """Put a SAS with the rights that the configuration names where it is read from."""
    sas = generate_account_sas(
        ends.move.account,
        ends.move.key,
        ResourceTypes(service=True, container=True, object=True),
        AccountSasPermissions(read=True, list=True, update=True, process=True),
        datetime.now(UTC) + timedelta(minutes=minutes),
    )
    ends.move.folder.mkdir(parents=True, exist_ok=True)
    (ends.move.folder / "sas").write_text(sas, encoding="ascii")


def drain_while(path, act):
    """Drain, and do something as soon as the first batch has landed."""
    waiting = [act]

    def watch(event):
        if isinstance(event, events.Progress) and waiting:
            waiting.pop()()

    return run(path, watch)


def assert_all_came_once(ends):
    assert bodies_of(ends.arrived()) == Counter(numbered(45))
    assert ends.left() == 0


@pytest.mark.parametrize("call", [("GET", "visibilitytimeout="), ("DELETE", "popreceipt"), ("GET", "comp=metadata")])
def test_a_sas_that_ended_is_read_anew(ends, proxy, call):
    new_sas(ends, 30)
    ends.move = replace(ends.move, sas=True)
    ended = Fault("expired", *call)

    def end():
        proxy.faults.add(ended)
        new_sas(ends, 60)

    ran = drain_while(ends.move.write(lanes=2), end)
    assert ended.times == 0, "the end was met"
    assert all(check.ok for check in ran.verified)
    assert_all_came_once(ends)


def test_a_sas_that_ended_for_good_stops_with_5_and_the_next_one_goes_on(ends, proxy):
    new_sas(ends, 30)
    ends.move = replace(ends.move, sas=True)
    with pytest.raises(Partial, match="is not accepted") as caught:
        drain_while(
            ends.move.write(lanes=2), lambda: proxy.faults.add(Fault("expired", "GET", "visibilitytimeout", times=99))
        )
    assert caught.value.exit_code == 5
    assert "update, process" in caught.value.hint
    assert "sig=" not in str(caught.value)
    proxy.faults.clear()
    new_sas(ends, 60)
    assert all(check.ok for check in ends.move.run(lanes=2).verified)
    assert_all_came_once(ends)


@pytest.fixture
def credentials(ends, monkeypatch) -> Path:
    """Temporary credentials in the AWS configuration, as `aws sts` and many sign-ins leave them there."""
    path = ends.move.folder.parent / "credentials"
    path.write_text(CREDENTIALS.format("first"), encoding="ascii")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    ends.move = replace(ends.move, aws_keys=False)
    return path


def test_aws_credentials_that_ended_are_read_anew(ends, double, credentials):
    ended = Fault("expired", "POST", "SendMessageBatch")

    def end():
        double.faults.add(ended)
        credentials.write_text(CREDENTIALS.format("second"), encoding="ascii")

    ran = drain_while(ends.move.write(lanes=2), end)
    assert ended.times == 0, "the end was met"
    assert ran.state.outputs("queue")[f"drained/{ends.name}"]["perhaps_twice"] == 0, "a refused send was not made"
    assert_all_came_once(ends)


@pytest.mark.usefixtures("credentials")
def test_aws_credentials_that_ended_for_good_stop_with_5_and_the_next_ones_go_on(ends, double):
    with pytest.raises(Partial, match="credentials have ended") as caught:
        drain_while(
            ends.move.write(lanes=2), lambda: double.faults.add(Fault("expired", "POST", "SendMessageBatch", times=99))
        )
    assert caught.value.exit_code == 5
    assert "run the same command again" in caught.value.hint
    double.faults.clear()
    ran = ends.move.run(lanes=2)
    assert all(check.ok for check in ran.verified)
    arrived = bodies_of(ends.arrived())
    assert set(arrived) == set(numbered(45))
    assert arrived.total() <= 45 + ran.state.outputs("queue")[f"drained/{ends.name}"]["perhaps_twice"]
