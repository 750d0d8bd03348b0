from __future__ import annotations

import stat
from pathlib import Path

import pytest

from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import debian, deploy_overlay, stack_images, vm
from wkms_migrate.phases.deploy.settings import DeploySettings

SERVICES = deploy_overlay.Services(mysql_port=3307, mysql_tls="verify-ca", aws_port=5001)
IMAGES = stack_images.StackImages("wkms/backend:1", "wkms/nginx:1", "redis:1", Path("/images.tar"))


@pytest.fixture
def machine(monkeypatch, tmp_path):
    found = vm.Vm(
        name="n",
        host="127.0.0.1",
        ssh_port=2222,
        http_port=8080,
        user="wkms",
        key=tmp_path / "key",
        known_hosts=tmp_path / "hosts",
        gateway="172.18.0.1",
    )
    monkeypatch.setattr(vm, "ensure", lambda *_: found)
    monkeypatch.setattr(vm, "connect", lambda *_: None)
    monkeypatch.setattr(stack_images, "ensure", lambda _: IMAGES)
    monkeypatch.setattr(debian, "package_files", lambda *_: Path("/compose"))


@pytest.mark.usefixtures("machine")
def test_what_the_lab_writes_is_what_the_deploy_phase_reads(tmp_path):
    section = DeploySettings.model_validate(deploy_overlay.up(tmp_path, SERVICES, print))
    assert section.url == "http://127.0.0.1:8080"
    assert (section.app_database.host, section.app_database.port) == ("172.18.0.1", 3307)
    assert section.app_endpoint_url == "http://172.18.0.1:5001"
    assert section.unavailable is None
    token = section.api_token
    assert token is not None
    assert len(token.reveal()) >= 32
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "secrets").iterdir()} == {0o600}


@pytest.mark.usefixtures("machine")
def test_without_images_the_reason_takes_the_place_of_the_servers(tmp_path, monkeypatch):
    def fail(_):
        raise WkmsError("no wheels")

    monkeypatch.setattr(stack_images, "ensure", fail)
    assert deploy_overlay.up(tmp_path, SERVICES, print) == {"unavailable": "no wheels"}


def test_without_a_vm_the_reason_takes_the_place_of_the_servers(tmp_path, monkeypatch):
    monkeypatch.setattr(vm, "ensure", lambda *_: vm.Unavailable("no engine"))
    assert deploy_overlay.up(tmp_path, SERVICES, print) == {"unavailable": "no engine"}
