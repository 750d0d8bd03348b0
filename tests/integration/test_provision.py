"""The provision phase against Terraform's real AWS provider and moto, each apply with a moto of its own.

moto gives every database instance the same resource id, so two of them on one server confuse the provider.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from external import need

from wkms_migrate import assets, config, events, journal
from wkms_migrate.clients import aws
from wkms_migrate.errors import VerificationFailed
from wkms_migrate.lab import moto_server as moto_lab
from wkms_migrate.lab import target
from wkms_migrate.phases import provision
from wkms_migrate.phases.provision import workspace
from wkms_migrate.plan import Context, StepRun

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

DRIVER = Path(__file__).parents[1] / "provision_driver.py"
PATIENCE = 600.0
SECRET = "a-secret-key-of-these-tests"
# moto forgets the parameters of a group, adds blanks to a redrive policy and drops a rule's description.
DRIFT = {
    "~ aws_db_parameter_group.this",
    '~ aws_sqs_queue.this["notifications"]',
    "~ aws_vpc_security_group_ingress_rule.database",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One AWS account, with the folder of its runs and state."""

    folder: Path
    endpoint_url: str

    def configure(self, name: str = "t", **variables: object) -> Path:
        """Write a configuration whose run is called `name`; all share one state."""
        (self.folder / "secret").write_text(SECRET, encoding="ascii")
        secret = f"file:{self.folder / 'secret'}"
        values = {
            "environment": "test",
            "run": name,
            "name_prefix": "wkms-test",
            "runs_dir": str(self.folder / "runs"),
            "aws": {"endpoint_url": self.endpoint_url, "access_key_id": secret, "secret_access_key": secret},
            "phases": {
                "provision": {"plugin_dir": target._plugin_dir(), "variables": target._VARIABLES | variables},
            },
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        return file

    def client(self, service: str):
        return aws.client(load(self.configure("client")).aws, service)

    def state(self) -> dict:
        return json.loads((self.folder / "state" / "test" / workspace.STATE).read_text(encoding="utf-8"))

    def addresses(self, *, tainted: bool) -> set[str]:
        return {
            f"{resource['type']}.{resource['name']}"
            for resource in self.state()["resources"]
            for instance in resource["instances"]
            if (instance.get("status") == "tainted") is tainted
        }

    def databases(self) -> list[str]:
        answer = self.client("rds").describe_db_instances()
        return [one["DBInstanceIdentifier"] for one in answer["DBInstances"]]


@dataclass(slots=True)
class Driven:
    """A driver that runs, or has run, with the lines it wrote."""

    process: subprocess.Popen[str]
    lines: list[str]

    def wait_for(self, pattern: str) -> None:
        """Read until a line matches."""
        for line in self.process.stdout:
            self.lines.append(line)
            if re.search(pattern, line):
                return
        pytest.fail(f"ended before {pattern!r}:\n{''.join(self.lines)}")

    def end(self, number: int | None = None) -> int:
        """Send a signal, if any, read the rest, and return the exit code."""
        if number is not None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=PATIENCE)
        self.lines += rest.splitlines(keepends=True)
        return self.process.returncode


@pytest.fixture(scope="module")
def drive():
    started: list[subprocess.Popen[str]] = []

    def start(file: Path) -> Driven:
        process = subprocess.Popen([sys.executable, str(DRIVER), str(file)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        return Driven(process, [])

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def account(serve: Callable, tmp_path_factory: pytest.TempPathFactory):
    need("terraform")

    def make(name: str) -> Place:
        ports = serve(replace(moto_lab.server(), name=f"moto-{name}"))
        return Place(tmp_path_factory.mktemp(name), moto_lab.endpoint(ports))

    return make


def load(file: Path) -> config.Settings:
    return config.load(file, {"provision": provision.ProvisionSettings}, environ={})


def preview(file: Path) -> list[str]:
    settings = load(file)
    run_dir = settings.runs_dir / settings.run_name
    apply, _verify = provision.plan(Context(settings, journal.load(run_dir), run_dir))
    return list(apply.preview())


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def happened(place: Place, run: str, kind: type[events.Event]) -> list[events.Event]:
    return [event for event in journal.replay(place.folder / "runs" / run) if isinstance(event, kind)]


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An account whose apply was interrupted once, and the apply that goes on there now."""

    place: Place
    file: Path
    tainted: set[str]
    code: int
    between: list[str]
    going_on: Driven


@dataclass(frozen=True, slots=True)
class Applied:
    """The same account after that apply has ended."""

    place: Place
    file: Path
    first: Interrupted
    finished: int
    lines: list[str]


@pytest.fixture(scope="module")
def interrupted(account, drive) -> Interrupted:
    place = account("interrupt")
    file = place.configure()
    first = drive(file)
    first.wait_for(r"aws_db_instance\.this: create, 1\d s")
    code = first.end(signal.SIGINT)
    return Interrupted(place, file, place.addresses(tainted=True), code, preview(file), drive(file))


@pytest.fixture(scope="module")
def applied(interrupted) -> Applied:
    finished = interrupted.going_on.end()
    return Applied(interrupted.place, interrupted.file, interrupted, finished, interrupted.going_on.lines)


@pytest.mark.usefixtures("interrupted")  # its apply waits for a database meanwhile, which costs only time
def test_a_killed_apply_takes_over_what_it_had_begun(account, drive):
    place = account("kill")
    file = place.configure()
    first = drive(file)
    first.wait_for(r"aws_db_instance\.this: create, 1\d s")
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    assert place.databases() == ["wkms-test"]
    second = drive(file)
    second.wait_for(r"aws_db_instance\.this: update, \d+ s")
    assert second.end(signal.SIGINT) == 130
    assert place.databases() == ["wkms-test"]
    assert "aws_db_instance.this" in place.addresses(tainted=False)
    assert "provision-adopted" in {event.code for event in happened(place, "t", events.Finding)}


def test_an_interrupted_apply_goes_on_without_destroying_anything(applied):
    assert applied.first.code == 130
    assert "aws_db_instance.this" in applied.first.tainted  # else the interrupt came too early to show anything
    assert applied.first.between[-1].endswith("0 to destroy")
    assert applied.finished == 0, "".join(applied.lines)
    assert not [line for line in applied.lines if ": delete" in line]
    assert applied.place.addresses(tainted=True) == set()
    kept = {event.object for event in happened(applied.place, "t", events.Finding)}
    assert "aws_db_instance.this" in kept


def test_what_was_made_is_verified_on_aws(applied):
    verified = list(journal.load(applied.place.folder / "runs" / "t").verified.values())
    assert {event.object.split(":")[0] for event in verified} == {"s3", "dynamodb", "sqs", "rds", "ec2"}
    assert len(verified) == 16
    assert all(event.ok for event in verified)
    outputs = journal.load(applied.place.folder / "runs" / "t").outputs("provision")
    assert outputs["wkms"]["tables"]["documents"] == "wkms-test-documents"
    assert outputs["table_keys"]["documents"]["hash_key"] == "departmentId"


def test_a_second_run_does_nothing(applied, drive):
    again = drive(applied.file)
    assert again.end() == 0
    assert again.lines == []


def test_a_preview_shows_no_more_than_the_known_drift_and_writes_nothing(applied):
    before = fingerprint(applied.place.folder), fingerprint(assets.path(workspace.ROOT))
    *changes, count = preview(applied.file)
    assert set(changes) <= DRIFT
    assert re.fullmatch(r"0 to add, \d to change, 0 to destroy", count)
    assert (fingerprint(applied.place.folder), fingerprint(assets.path(workspace.ROOT))) == before


def test_secrets_are_in_no_file_that_a_run_leaves(applied):
    for path in applied.place.folder.rglob("*"):
        if path.is_file() and path.name != "secret":
            assert SECRET.encode() not in path.read_bytes(), path


def test_a_change_that_would_lose_data_is_refused(applied, drive):
    file = applied.place.configure("other", tables={"chat": {"hash_key": "userId"}})
    shown = preview(file)
    assert any(line.startswith('refused: aws_dynamodb_table.this["settings"]') for line in shown)
    refused = drive(file)
    assert refused.end() == 2
    assert "allow_destroy" in "".join(refused.lines)
    assert len(applied.place.client("dynamodb").list_tables()["TableNames"]) == 3


def test_verification_sees_what_is_no_longer_there(applied):
    ec2 = applied.place.client("ec2")
    run_dir = applied.place.folder / "runs" / "t"
    context = Context(load(applied.file), journal.load(run_dir), run_dir)
    host = context.output("provision", "wkms")["vm_hosts"][0]
    _apply, step = provision.plan(context)
    looked = StepRun(context, step, lambda _event: None, threading.Event(), {})
    ec2.stop_instances(InstanceIds=[host["instance_id"]])
    try:
        step.run(looked)
        with pytest.raises(VerificationFailed, match="is running on the source and stopped on the target"):
            looked.check_verified()
    finally:
        ec2.start_instances(InstanceIds=[host["instance_id"]])


def test_what_others_have_made_is_refused_before_anything_is_made(account, drive):
    place = account("foreign")
    place.client("s3").create_bucket(
        Bucket="wkms-test-documents", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"}
    )
    refused = drive(place.configure())
    assert refused.end() == 2
    assert "aws_s3_bucket.this" in "".join(refused.lines)
    assert len(place.client("ec2").describe_vpcs()["Vpcs"]) == 1  # the default one
    again = drive(place.configure())
    assert again.end() == 2  # having been refused once does not make it ours


def test_wrong_credentials_and_a_dead_endpoint_are_told_in_words(tmp_path, drive):
    need("terraform")
    place = Place(tmp_path, "http://127.0.0.1:9")  # the discard port: nothing listens
    failed = drive(place.configure())
    assert failed.end() == 1
    assert "terraform plan failed" in "".join(failed.lines)


def test_the_root_keeps_its_own_tests_and_style(tmp_path):
    terraform = need("terraform")
    root = tmp_path / "root"
    shutil.copytree(assets.path(workspace.ROOT), root)
    mirror = target._plugin_dir()
    commands = [
        ["fmt", "-check", "-recursive"],
        ["init", "-input=false", *([f"-plugin-dir={mirror}"] if mirror else []), "-lockfile=readonly"],
        ["validate"],
        ["test"],
    ]
    for command in commands:
        ended = subprocess.run(
            [terraform, *command, *(["-no-color"] if command[0] != "fmt" else [])],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"\b9 passed, 0 failed", ended.stdout)


def test_progress_is_told_while_terraform_works(applied):
    told = [line for line in applied.lines if re.match(r"aws_\S+: \w+, \d+ s$", line)]
    assert told
    assert any(line.startswith("log: aws_iam_role_policy.vm: create done") for line in applied.lines)
