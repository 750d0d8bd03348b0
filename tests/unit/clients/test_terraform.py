from __future__ import annotations

import json
import stat

import pytest

from wkms_migrate.clients import terraform
from wkms_migrate.errors import WkmsError

PROGRAM = """#!/bin/sh
printf '%s\\n' "$*" >> "$0.calls"
case "$*" in
  *version*) echo '{"terraform_version": "VERSION"}' ;;
  *apply*)
    echo '{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"Deprecated"}}'
    echo '{"type":"diagnostic","diagnostic":{"severity":"error","summary":"no bucket","address":"aws_s3_bucket.a"}}'
    exit 1 ;;
  *plan*) echo "Error acquiring the state lock; key is open-sesame" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def program(tmp_path):
    def write(version="1.11.4"):
        path = tmp_path / "terraform"
        path.write_text(PROGRAM.replace("VERSION", version), encoding="utf-8")
        path.chmod(0o755)
        return path

    return write


def tool(tmp_path, binary, **more):
    return terraform.Terraform(folder=tmp_path, environ={"PATH": "/usr/bin:/bin"}, binary=str(binary), **more)


def test_options_become_flags():
    built = terraform.argv(
        "terraform", "plan", "a file", input=False, out="/a b/plan", lock_timeout="60s", plugin_dir=None
    )
    assert built == ["terraform", "plan", "-input=false", "-out=/a b/plan", "-lock-timeout=60s", "a file"]


def test_building_a_command_line_reads_no_state_of_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "terraform.tfstate").write_text("not JSON: reading it would fail", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert terraform.argv("terraform", "version") == ["terraform", "version"]


def test_nothing_inherited_changes_what_a_plan_means(tmp_path):
    inherited = {
        "PATH": "/bin",
        "TF_VAR_name_prefix": "other",
        "TF_CLI_ARGS_plan": "-destroy",
        "TF_WORKSPACE": "x",
        "TF_CLI_CONFIG_FILE": "/gone",
    }
    made = terraform.environment(inherited, {"AWS_REGION": "ap-northeast-2"})
    assert made["PATH"] == "/bin"
    assert made["AWS_REGION"] == "ap-northeast-2"
    assert made["TF_CLI_CONFIG_FILE"] == "/dev/null"
    assert not {name for name in made if name.startswith("TF_")} - {
        "TF_IN_AUTOMATION",
        "TF_INPUT",
        "TF_CLI_CONFIG_FILE",
    }
    assert terraform.environment({}, {}, tmp_path / "rc")["TF_CLI_CONFIG_FILE"] == str(tmp_path / "rc")


def test_a_layout_is_private_and_replaces_what_was_left(tmp_path):
    root = tmp_path / "root"
    (root / "tests").mkdir(parents=True)
    (root / "vpc.tf").write_text("# vpc", encoding="utf-8")
    (root / ".terraform.lock.hcl").write_text("# lock", encoding="utf-8")
    (root / "tests" / "plan.tftest.hcl").write_text("", encoding="utf-8")
    folder = tmp_path / "work"
    (folder / "data").mkdir(parents=True)
    (folder / "adopt.tf").write_text("import {}", encoding="utf-8")
    terraform.lay_out(folder, root, {"name_prefix": "위키"}, {"local": {"path": "/s"}})
    names = {path.name for path in folder.iterdir()}
    assert names == {"vpc.tf", ".terraform.lock.hcl", "wkms.auto.tfvars.json", "backend.tf.json", "data"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("wkms.auto.tfvars.json", "backend.tf.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert json.loads((folder / "wkms.auto.tfvars.json").read_text(encoding="utf-8")) == {"name_prefix": "위키"}


def test_a_missing_program_is_told_with_what_to_do(tmp_path):
    with pytest.raises(WkmsError, match="was not found") as caught:
        tool(tmp_path, tmp_path / "nowhere").check_version()
    assert "phases.provision.binary" in caught.value.hint


def test_an_old_program_is_refused(tmp_path, program):
    with pytest.raises(WkmsError, match=r"1\.5\.7 is too old"):
        tool(tmp_path, program("1.5.7")).check_version()
    assert tool(tmp_path, program("1.15.0-rc1")).check_version() == "1.15.0-rc1"


def test_a_failure_tells_its_errors_and_not_its_warnings(tmp_path, program):
    with pytest.raises(WkmsError) as caught:
        tool(tmp_path, program()).apply()
    assert "no bucket (aws_s3_bucket.a)" in caught.value.message
    assert "Deprecated" not in caught.value.message


def test_a_failure_without_events_tells_the_text_without_secrets(tmp_path, program):
    with pytest.raises(WkmsError) as caught:
        tool(tmp_path, program(), secrets=("open-sesame",)).plan()
    assert "state lock; key is ********" in caught.value.message
    assert "Another Terraform" in caught.value.hint


def test_a_plan_that_must_leave_no_trace_takes_no_lock(tmp_path, program):
    binary = program()
    with pytest.raises(WkmsError):
        tool(tmp_path, binary, locking=False).plan()
    with pytest.raises(WkmsError):
        tool(tmp_path, binary).plan()
    first, second = binary.with_suffix(".calls").read_text(encoding="utf-8").splitlines()
    assert "-lock=false" in first.split()
    assert "-lock=false" not in second
