from __future__ import annotations

import io
import tarfile

import pytest
import yaml

from wkms_migrate import assets, config
from wkms_migrate.errors import ConfigError, NotKnownYet
from wkms_migrate.journal import RunState, StepState
from wkms_migrate.phases import deploy
from wkms_migrate.phases.deploy import release, servers
from wkms_migrate.plan import Context

WKMS = {
    "vm_hosts": [{"name": "wkms-vm-1", "public_ip": "203.0.113.7", "private_ip": "10.1.4.7"}],
    "database": {"address": "db.example", "port": 3306},
    "buckets": {"documents": "wkms-documents"},
    "tables": {"chat": "wkms-chat"},
}


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "t" * 32)
    monkeypatch.setenv("PASSWORD", "first")

    def make(*, provisioned=True, **section):
        secrets = {"api_token": "env:TOKEN", "app_database": {"password": "env:PASSWORD"}}
        values = {"environment": "test", "phases": {"deploy": secrets | section}}
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        settings = config.load(file, {"deploy": deploy.DeploySettings}, environ={})
        done = StepState(phase="provision", status="done", result={"wkms": WKMS})
        return Context(settings, RunState(steps={"provision/apply": done} if provisioned else {}), tmp_path)

    return make


def names(bundle):
    with tarfile.open(fileobj=io.BytesIO(bundle)) as archive:
        return archive.getnames()


def test_plans_servers_then_docker_then_release_then_verification(context):
    steps = list(deploy.plan(context()))
    assert [(step.stage, step.id) for step in steps] == [
        (0, "deploy/servers/system"),
        (0, "deploy/database/account"),
        (1, "deploy/servers/docker"),
        (2, "deploy/release/wkms"),
        (3, "deploy/verify/wkms"),
    ]
    assert "wkms-vm-1" in steps[0].summary
    assert {step.skip for step in steps} == {None}


def test_plans_before_the_servers_are_known(context):
    steps = list(deploy.plan(context(provisioned=False)))
    assert "(known after provision)" in steps[0].summary
    with pytest.raises(NotKnownYet):
        release.make(context(provisioned=False))


def test_is_skipped_with_the_reason_where_no_server_can_be_reached(context):
    steps = deploy.plan(context(unavailable="no engine here"))
    assert {step.skip for step in steps} == {"no engine here"}


def test_configured_servers_come_before_the_reason_and_before_those_of_provision(context):
    named = context(hosts=[{"name": "a", "address": "10.9.9.9"}], unavailable="stale")
    assert {step.skip for step in deploy.plan(named)} == {None}
    assert [(host.name, host.address) for host in servers.known(named)] == [("a", "10.9.9.9")]


def test_takes_the_public_address_unless_told_otherwise_or_there_is_none(context):
    assert servers.known(context())[0].address == "203.0.113.7"
    assert servers.known(context(address="private"))[0].address == "10.1.4.7"
    assert servers.addresses([{"name": "b", "public_ip": None, "private_ip": "10.1.4.8"}], "public") == [
        ("b", "10.1.4.8")
    ]


def test_the_address_of_the_stack(context):
    assert servers.url(context()) == "http://203.0.113.7"
    assert servers.url(context(http_port=8080)) == "http://203.0.113.7:8080"
    assert servers.url(context(url="https://wkms.example/")) == "https://wkms.example"


def test_a_changed_setting_makes_the_steps_pending_again(context):
    before, after = ({step.id: step.digest for step in deploy.plan(context(http_port=port))} for port in (80, 8080))
    assert all(before[name] != after[name] for name in before)


def test_the_same_settings_make_the_same_release(context):
    one, two = release.make(context()), release.make(context())
    assert one == two
    assert f'RELEASE="{one.id}"' in one.env


@pytest.mark.parametrize(
    "change", [{"http_port": 81}, {"images": {"redis": "redis:8"}}, {"app_endpoint_url": "http://x"}]
)
def test_another_setting_makes_another_release(context, change):
    assert release.make(context(**change)).id != release.make(context()).id


def test_another_password_makes_another_release(context, monkeypatch):
    before = release.make(context()).id
    monkeypatch.setenv("PASSWORD", "second")
    assert release.make(context()).id != before


def test_a_short_token_is_refused(context, monkeypatch):
    monkeypatch.setenv("TOKEN", "t" * 31)
    with pytest.raises(ConfigError, match="31 characters"):
        release.make(context())


def test_secrets_are_not_printed_with_a_release(context):
    assert "first" not in repr(release.make(context()))


def test_images_without_a_name_are_built_from_the_bundle(context):
    made = release.make(context(images={"nginx": "registry.example/nginx:1"}))
    assert [(build["context"], build["base"]) for build in made.builds] == [("backend", "python:3.12-slim")]
    assert made.builds[0]["image"] in made.images
    assert release.make(context(http_port=8080)).images == release.make(context()).images
    assert release.make(context(images={"python_base": "other:1"})).images != release.make(context()).images
    assert {"compose.yaml", "backend/Dockerfile", "backend/wkms/main.py", "certificates"} <= set(names(made.bundle))


def test_the_environment_has_every_variable_that_compose_asks_for(context):
    made = release.make(context())
    given = {line.partition("=")[0] for line in made.env.splitlines()}
    example = (assets.path("stack") / ".env.example").read_text(encoding="utf-8").splitlines()
    assert given == {line.partition("=")[0] for line in example if line and not line.startswith("#")}


def test_the_bundle_holds_the_authority_of_the_database_and_never_an_environment_file(tmp_path):
    stack = tmp_path / "stack"
    (stack / "backend" / "__pycache__").mkdir(parents=True)
    for name in ("compose.yaml", ".env", "backend/__pycache__/x.pyc"):
        (stack / name).write_text("x")
    ca = tmp_path / "ca.pem"
    ca.write_text("-----BEGIN")
    assert names(release.bundle(stack, ca)) == ["certificates", "certificates/mysql-ca.pem", "compose.yaml"]
    with pytest.raises(ConfigError, match=r"gone\.pem cannot be read"):
        release.bundle(stack, tmp_path / "gone.pem")
