"""Doctor tells what works, what does not and what to do about it, and never tells a secret."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from endpoints import AwsEndpoint, CosmosAccount, MysqlPair, StorageAccount

from wkms_migrate import config, doctor
from wkms_migrate.phases import load

pytestmark = pytest.mark.integration


@pytest.fixture
def values(
    azurite: StorageAccount,
    cosmos_double: CosmosAccount,
    moto_server: AwsEndpoint,
    mysql_pair: MysqlPair,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """Return a configuration whose every endpoint answers."""
    source = mysql_pair.source
    for name, secret in {
        "STORAGE": azurite.key,
        "COSMOS": cosmos_double.key,
        "MYSQL": source.password,
        "AWS": "k",
    }.items():
        monkeypatch.setenv(f"TEST_{name}", secret)
    return {
        "environment": "trial",
        "azure": {
            "storage": {
                "account": azurite.account,
                "blob_endpoint": azurite.blob_endpoint,
                "queue_endpoint": azurite.queue_endpoint,
                "key": "env:TEST_STORAGE",
            },
            "cosmos": {"endpoint": cosmos_double.endpoint, "key": "env:TEST_COSMOS"},
            "mysql": {
                "host": source.host,
                "port": source.port,
                "user": source.user,
                "password": "env:TEST_MYSQL",
                "ca": str(source.ca),
            },
        },
        "aws": {
            "endpoint_url": moto_server.endpoint_url,
            "access_key_id": "env:TEST_AWS",
            "secret_access_key": "env:TEST_AWS",
        },
    }


def results(values: dict[str, Any], tmp_path: Path) -> dict[str, doctor.Result]:
    path = tmp_path / "trial.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    settings = config.load(path, {phase.name: phase.settings for phase in load()}, environ={})
    return {result.id: result for result in doctor.run(settings)}


def test_what_answers_is_ok_and_what_is_not_configured_is_skipped(values: dict[str, Any], tmp_path: Path) -> None:
    found = results(values, tmp_path)
    for name in ("python", "ansible", "azure.mysql", "azure.storage.blob", "azure.storage.queue", "aws"):
        assert found[name].status == "ok", found[name]
    assert found["aws.mysql"].status == "skip"
    assert found["azure.cosmos"].status == "fail"  # the account answers, and has no database of that name
    assert "wkms" in found["azure.cosmos"].detail


def test_a_wrong_password_is_told_without_the_password(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MYSQL", "wrong-password-canary")
    found = results(values, tmp_path)
    assert found["azure.mysql"].status == "fail"
    assert found["azure.mysql"].fix
    assert "canary" not in str(found)


def test_a_secret_that_is_not_set_names_its_reference(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_STORAGE")
    found = results(values, tmp_path)
    assert found["secret azure.storage.key"].status == "fail"
    assert "env:TEST_STORAGE" in found["secret azure.storage.key"].detail


def test_nothing_listens_and_doctor_says_so_soon(values: dict[str, Any], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    values["azure"]["mysql"]["port"] = closed
    values["aws"]["endpoint_url"] = f"http://127.0.0.1:{closed}"
    found = results(values, tmp_path)
    for name in ("azure.mysql", "aws"):
        assert found[name].status == "fail"
        assert f"127.0.0.1:{closed} cannot be reached" in found[name].detail
        assert "firewall" in found[name].fix


def test_a_service_that_accepts_and_keeps_silent_does_not_hold_doctor_up(
    values: dict[str, Any], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        values["azure"]["mysql"]["port"] = silent.getsockname()[1]
        started = time.monotonic()
        assert results(values, tmp_path)["azure.mysql"].status == "fail"
    assert time.monotonic() - started < 45


def test_a_missing_program_has_its_fix(values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = results(values, tmp_path)
    assert (found["terraform"].status, found["ssh"].status, found["docker"].status) == ("fail", "fail", "warn")
    assert all(found[name].fix for name in ("terraform", "ssh", "docker", "node", "npm", "mysqld"))
