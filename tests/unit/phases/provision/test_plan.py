from __future__ import annotations

import pytest

from wkms_migrate import assets, config
from wkms_migrate.clients import terraform
from wkms_migrate.journal import RunState
from wkms_migrate.phases import provision
from wkms_migrate.phases.provision import verify, workspace
from wkms_migrate.plan import Context


@pytest.fixture
def settings(tmp_path):
    def load(text="", aws=""):
        file = tmp_path / "t.yaml"
        file.write_text(
            f"environment: test\nname_prefix: wkms-test\naws: {{{aws}}}\nphases: {{provision: {{{text}}}}}\n",
            encoding="utf-8",
        )
        return config.load(file, {"provision": provision.ProvisionSettings}, environ={})

    return load


def digests(settings, tmp_path):
    steps = list(provision.plan(Context(settings, RunState(), tmp_path)))
    assert [step.id for step in steps] == ["provision/apply", "provision/verify"]
    return {step.digest for step in steps}


def test_the_same_inputs_give_the_same_digest_and_others_another(settings, tmp_path):
    plain = digests(settings(), tmp_path)
    assert plain == digests(settings(), tmp_path)
    assert plain == digests(settings("allow_destroy: [aws_eip.vm]"), tmp_path)  # a permission alone is no work to do
    assert plain != digests(settings("variables: {vm_type: m7i.large}"), tmp_path)
    assert plain != digests(settings(aws="region: us-east-1"), tmp_path)


def test_a_changed_root_gives_another_fingerprint(tmp_path, monkeypatch):
    (tmp_path / "main.tf").write_text("a", encoding="utf-8")
    monkeypatch.setattr(assets, "path", lambda _name: tmp_path)
    before = workspace.fingerprint("any")
    (tmp_path / "main.tf").write_text("b", encoding="utf-8")
    assert workspace.fingerprint("any") != before


def test_variables_follow_from_the_configuration_and_yield_to_the_users_own(settings):
    made = workspace.variables(settings("variables: {region: x, database: {multi_az: true}}", "mysql: {user: root2}"))
    assert made["region"] == "x"
    assert made["name_prefix"] == "wkms-test"
    assert made["database"] == {"username": "root2", "multi_az": True}
    assert "endpoint_url" not in made
    emulated = workspace.variables(settings(aws='endpoint_url: "http://127.0.0.1:1"'))
    assert emulated["endpoint_url"] == "http://127.0.0.1:1"
    assert emulated["api_max_retries"] == 2


def test_each_environment_has_its_own_state(settings, tmp_path):
    assert workspace.state_file(settings()).parts[-3:] == ("state", "test", "terraform.tfstate")
    assert workspace.state_file(settings(f"state_dir: {tmp_path}")) == tmp_path / "terraform.tfstate"


def test_every_derived_variable_is_declared_by_the_root(settings):
    declared = (assets.path(workspace.ROOT) / "variables.tf").read_text(encoding="utf-8")
    for name in workspace.variables(settings(aws='endpoint_url: "http://127.0.0.1:1"')):
        assert f'variable "{name}"' in declared


def test_the_root_that_is_applied_has_its_lock_file():
    assert ".terraform.lock.hcl" in {path.name for path in terraform.root_files(assets.path(workspace.ROOT))}


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"hash_key": "id", "hash_type": "S", "range_key": None, "range_type": "S"}, "HASH id S"),
        ({"hash_key": "pk", "hash_type": "S", "range_key": "sk", "range_type": "N"}, "HASH pk S, RANGE sk N"),
    ],
)
def test_keys_are_compared_in_the_same_words(asked, text):
    described = {
        "KeySchema": [
            {"AttributeName": asked[part], "KeyType": kind}
            for part, kind in (("range_key", "RANGE"), ("hash_key", "HASH"))
            if asked[part]
        ],
        "AttributeDefinitions": [
            {"AttributeName": asked[f"{part}_key"], "AttributeType": asked[f"{part}_type"]}
            for part in ("hash", "range")
        ],
    }
    assert verify.expected_keys(asked) == verify.actual_keys(described) == text
