"""The deploy phase on a real server: systemd, sshd, Docker inside, MySQL and AWS (moto) outside of it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.message import Message
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from endpoints import AwsEndpoint, MysqlPair
from external import missing

from wkms_migrate import config, engine, events, journal
from wkms_migrate.clients import ansible
from wkms_migrate.errors import Interrupted, WkmsError
from wkms_migrate.lab import deploy_overlay, vm
from wkms_migrate.lab.docker_engine import docker
from wkms_migrate.lab.seed.schema import schema_statements
from wkms_migrate.phases import deploy
from wkms_migrate.plan import Context

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

TITLE = "취업규칙 개정안 100%"
CONTENT = "제1조(목적) 이 규칙은 …".encode() * 40_000
PLAY = {"hosts": "wkms", "become": True, "gather_facts": False, "environment": {"WKMS_PLAY": "{{ wkms_play }}"}}
SESSION = "7b0c1a52-6d0f-4e4e-9a63-0b8f6a1d2c3e"


@dataclass(frozen=True, slots=True)
class Lab:
    """A VM and a configuration that deploys to it."""

    folder: Path
    values: dict[str, Any]
    seen: list[events.Event] = field(default_factory=list)

    @property
    def deploy(self) -> dict[str, Any]:
        return dict(self.values["phases"]["deploy"])

    def secret(self, name: str) -> str:
        return (self.folder / "lab" / "secrets" / name).read_text(encoding="ascii")

    def run(self, run: str, **changes: Any) -> journal.RunState:
        """Deploy in a run of its own; `changes` are to the phase's settings."""
        values = {**self.values, "phases": {"deploy": self.deploy | changes}}
        file = self.folder / f"{run}.yaml"
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        settings = config.load(file, {"deploy": deploy.DeploySettings})
        run_dir = self.folder / "runs" / run
        with journal.Journal(run_dir) as book:

            def sink(event: events.Event) -> None:
                self.seen.append(event)
                if not isinstance(event, events.EPHEMERAL):
                    book.append(event)

            for event in _provisioned():
                sink(event)
            engine.Engine(Context(settings, book.state, run_dir), sink).run([deploy.PHASE])
            return book.state

    def get(self, path: str, token: str | None = None) -> tuple[int, bytes, Message]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(self.deploy["url"] + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers

    def host(self) -> ansible.Host:
        ssh = self.deploy["ssh"]
        files = {"key": Path(ssh["key"]), "known_hosts": Path(ssh["known_hosts"])}
        return ansible.Host(name="a", address="127.0.0.1", user=ssh["user"], port=ssh["port"], **files)

    def ssh(self, command: str, stdin: str = "") -> str:
        ssh = self.deploy["ssh"]
        argv = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={ssh['known_hosts']}"]
        argv += ["-i", ssh["key"], "-p", str(ssh["port"]), f"{ssh['user']}@127.0.0.1", command]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=True).stdout


def _provisioned() -> Iterator[events.Event]:
    wkms = {
        "region": "ap-northeast-2",
        "vm_hosts": [],
        "database": {"address": "unused.invalid", "port": 3306},
        "buckets": {"documents": "deploy-documents", "attachments": "deploy-attachments"},
        "tables": {"documents": "deploy-documents", "chat": "deploy-chat", "settings": "deploy-settings"},
        "queues": {},
    }
    step = {"phase": "provision", "step": "provision/apply", "digest": "d"}
    yield events.StepStarted(**step, summary="")
    yield events.StepDone(**step, seconds=0, result={"wkms": wkms})


@pytest.fixture(scope="module")
def lab(mysql_pair: MysqlPair, moto_server: AwsEndpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("deploy")
    services = deploy_overlay.Services(
        mysql_port=mysql_pair.target.port,
        mysql_tls="verify-ca",
        aws_port=int(moto_server.endpoint_url.rpartition(":")[2]),
    )
    section = deploy_overlay.up(folder / "lab", services, print)
    try:
        if "unavailable" in section:
            missing(section["unavailable"])
        _fill_database(mysql_pair)
        _fill_aws(moto_server)
        yield Lab(folder, _values(folder, mysql_pair, section))
    finally:
        vm.remove(folder / "lab")


def _values(folder: Path, pair: MysqlPair, section: dict[str, Any]) -> dict[str, Any]:
    password = folder / "mysql.secret"
    password.write_text(pair.target.password, encoding="utf-8")
    server = {"host": pair.target.host, "port": pair.target.port, "user": pair.target.user}
    mysql = {**server, "password": f"file:{password}", "ca": str(pair.target.ca)}
    return {"environment": "test", "aws": {"mysql": mysql}, "phases": {"deploy": section}}


def _fill_database(pair: MysqlPair) -> None:
    with pair.target.connect(as_owner=True, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in ("DROP DATABASE IF EXISTS wkms", *schema_statements()):
            cursor.execute(statement)
        cursor.execute("INSERT INTO departments (id, name) VALUES (1, '인사팀')")
        cursor.execute("INSERT INTO users (id, email, name, department_id) VALUES (7, 'kim@example.com', '김하늘', 1)")
        for number in range(1, 31):
            cursor.execute(
                "INSERT INTO documents (id, title, owner_id, department_id, blob_container, blob_name, size_bytes)"
                " VALUES (%s, %s, 7, 1, 'documents', %s, %s)",
                (
                    number,
                    TITLE if number == 3 else f"회의록 {number}",
                    f"인사팀/2025/취업규칙 {number}.pdf",
                    len(CONTENT),
                ),
            )
        cursor.execute(
            "INSERT INTO chat_sessions (id, user_id, title, started_at) VALUES (%s, 7, '연차 문의', NOW(6))", (SESSION,)
        )


def _fill_aws(aws: AwsEndpoint) -> None:
    keys = {"aws_access_key_id": aws.access_key_id, "aws_secret_access_key": aws.secret_access_key}
    session = boto3.Session(region_name=aws.region, **keys)
    s3 = session.client("s3", endpoint_url=aws.endpoint_url)
    s3.create_bucket(Bucket="deploy-documents", CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_object(Bucket="deploy-documents", Key="인사팀/2025/취업규칙 3.pdf", Body=CONTENT)
    dynamodb = session.client("dynamodb", endpoint_url=aws.endpoint_url)
    dynamodb.create_table(
        TableName="deploy-chat",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )


@pytest.fixture(scope="module")
def deployed(lab: Lab) -> journal.RunState:
    return lab.run("first")


def test_serves_what_was_deployed_and_everything_behind_it_answers(lab: Lab, deployed: journal.RunState) -> None:
    assert {step.status for step in deployed.steps.values()} == {"done"}
    assert all(check.ok for check in deployed.verified.values())
    assert ("deploy/verify/wkms", "documents", "count served") in deployed.verified
    assert deployed.verified["deploy/verify/wkms", "documents", "count served"].target == "30"
    status, body, _ = lab.get("/ready")
    assert status == 200
    assert json.loads(body)["release"] == deployed.outputs("deploy")["release"]


def test_changes_nothing_when_it_runs_again(lab: Lab, deployed: journal.RunState) -> None:
    again = lab.run("second")
    changes = {name: step.result.get("changes") for name, step in again.steps.items() if "changes" in step.result}
    assert changes == {"deploy/servers/system": 0, "deploy/servers/docker": 0, "deploy/release/wkms": 0}
    assert again.outputs("deploy")["release"] == deployed.outputs("deploy")["release"]


@pytest.mark.usefixtures("deployed")
def test_lists_and_searches_documents_page_by_page(lab: Lab) -> None:
    token = lab.secret("api_token")
    _, body, _ = lab.get("/api/v1/documents?limit=25", token)
    page = json.loads(body)
    assert len(page["items"]) == 25
    _, body, _ = lab.get(f"/api/v1/documents?limit=25&after={page['next']}", token)
    assert [item["id"] for item in json.loads(body)["items"]] == [26, 27, 28, 29, 30]
    assert json.loads(body)["next"] is None
    _, body, _ = lab.get("/api/v1/documents?query=100%25", token)
    assert [item["title"] for item in json.loads(body)["items"]] == [TITLE]


@pytest.mark.usefixtures("deployed")
def test_streams_content_and_tells_a_missing_object_from_a_failure(lab: Lab) -> None:
    token = lab.secret("api_token")
    status, body, headers = lab.get("/api/v1/documents/3/content", token)
    assert (status, body) == (200, CONTENT)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "attachment" in headers["Content-Disposition"]
    status, body, _ = lab.get("/api/v1/documents/4/content", token)
    assert (status, json.loads(body)["status"]) == (404, 404)


@pytest.mark.usefixtures("deployed")
def test_refuses_everything_without_the_token(lab: Lab) -> None:
    for path in (
        "/api/v1/documents",
        "/api/v1/documents/3/content",
        "/api/v1/stats",
        f"/api/v1/chat/sessions/{SESSION}",
    ):
        assert lab.get(path)[0] == 401
        assert lab.get(path, "wrong")[0] == 401


@pytest.mark.usefixtures("deployed")
def test_the_application_may_only_read_the_database(lab: Lab, mysql_pair: MysqlPair) -> None:
    account = replace(mysql_pair.target, user="wkms_app", password=lab.secret("app_database_password"))
    with account.connect(database="wkms") as connection, connection.cursor() as cursor:
        cursor.execute("SHOW GRANTS")
        grants = [row[0] for row in cursor.fetchall()]
    assert grants == ["GRANT USAGE ON *.* TO `wkms_app`@`%`", "GRANT SELECT ON `wkms`.* TO `wkms_app`@`%`"]


@pytest.mark.usefixtures("deployed")
def test_only_nginx_listens_on_the_server(lab: Lab) -> None:
    published = lab.ssh("sudo docker ps --format '{{.Names}} {{.Ports}}' | grep -e '->' | cut -d ' ' -f 1")
    assert published.split() == ["wkms-nginx-1"]


@pytest.mark.usefixtures("deployed")
def test_secrets_are_nowhere_but_in_the_environment_file(lab: Lab) -> None:
    token, password = lab.secret("api_token"), lab.secret("app_database_password")
    kept = "".join(map(repr, lab.seen)) + (lab.folder / "runs" / "first" / "journal.jsonl").read_text(encoding="utf-8")
    assert token not in kept
    assert password not in kept
    places = "/opt/wkms /tmp /var/tmp /home /root /var/log"
    holders = lab.ssh(f"sudo grep -rlF -f - {places} || true", stdin=f"{token}\n{password}\n")
    assert [Path(line).name for line in holders.split()] == [".env"]
    modes = lab.ssh("sudo find /opt/wkms -name '*.env' -o -name .env | xargs sudo stat -c %a")
    assert set(modes.split()) == {"600"}
    assert list(Path("/dev/shm").glob(f"wkms-ansible-{os.getpid()}-*")) == []


def test_a_release_that_is_not_healthy_leaves_the_one_before_serving(lab: Lab, deployed: journal.RunState) -> None:
    release = deployed.outputs("deploy")["release"]
    broken = lab.deploy["app_database"] | {"port": 1}
    with pytest.raises(WkmsError, match=f"did not become healthy; release {release} serves as before") as failure:
        lab.run("broken", app_database=broken, health_seconds=15)
    assert "mysql is not ready" in failure.value.message
    assert "backend-2" not in failure.value.message  # the other one was never touched
    assert failure.value.exit_code == 1
    assert lab.ssh("sudo readlink /opt/wkms/current").strip().endswith(release)
    status, body, _ = lab.get("/ready")
    assert (status, json.loads(body)["release"]) == (200, release)


def test_stopping_a_playbook_leaves_nothing_running_here_nor_there(lab: Lab, tmp_path: Path) -> None:
    playbook = tmp_path / "sleep.yml"
    task = {"name": "Sleep", "ansible.builtin.command": "sleep 4321"}
    playbook.write_text(yaml.safe_dump([PLAY | {"tasks": [task]}]))
    stop = threading.Event()

    def stop_once_it_sleeps() -> None:
        deadline = time.monotonic() + 120
        while "sleep 4321" not in lab.ssh("ps -eo args") and time.monotonic() < deadline:
            stop.wait(0.2)
        stop.set()

    watcher = threading.Thread(target=stop_once_it_sleeps)
    watcher.start()
    with pytest.raises(Interrupted):
        ansible.play(playbook, [lab.host()], {"canary": "canary-secret"}, stop=stop)
    watcher.join()
    assert list(Path("/dev/shm").glob(f"wkms-ansible-{os.getpid()}-*")) == []
    assert "sleep 4321" not in lab.ssh("ps -eo args")
    local = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(playbook) not in local
    assert f"wkms-ansible-{os.getpid()}-" not in local


def test_secrets_are_on_no_command_line_and_in_no_file_that_others_read(lab: Lab, tmp_path: Path) -> None:
    playbook = tmp_path / "canary.yml"
    task = {"name": "Use it", "ansible.builtin.command": "true {{ canary }}", "no_log": True}
    playbook.write_text(yaml.safe_dump([PLAY | {"tasks": [task]}]))
    holders: set[str] = set()
    told: list[ansible.Task] = []

    def look(task: ansible.Task) -> None:
        told.append(task)
        for folder in Path("/dev/shm").glob("wkms-ansible-*"):
            assert folder.stat().st_mode & 0o077 == 0
            holders.update(
                path.name for path in folder.rglob("*") if path.is_file() and b"canary-secret" in path.read_bytes()
            )

    ansible.play(playbook, [lab.host()], {"canary": "canary-secret"}, on_task=look)
    assert [task.name for task in told] == ["Use it"]
    assert holders == {"variables.json"}
    assert "canary-secret" not in repr(told)


def test_a_vm_whose_lab_was_deleted_goes_with_its_disk_and_every_other_stays(lab: Lab, tmp_path: Path) -> None:
    def vm_of(folder: Path) -> str:
        name = f"wkms-lab-{folder.name}-{os.getpid()}"
        docker("create", "--name", name, "--label", f"wkms-lab={folder}", "--volume", f"{name}:/disk", image, "true")
        return name

    own = docker("ps", "--quiet", "--filter", f"label=wkms-lab={lab.folder / 'lab'}")
    image = docker("inspect", "--format", "{{.Image}}", own)
    (tmp_path / "there").mkdir()
    there, gone = vm_of(tmp_path / "there"), vm_of(tmp_path / "gone")
    said: list[str] = []
    try:
        vm.remove_abandoned(said.append)
        assert f"Removing the VM of a lab that is gone: {tmp_path / 'gone'}" in said
        names = docker("ps", "--all", "--format", "{{.Names}}").splitlines()
        disks = docker("volume", "ls", "--format", "{{.Name}}").splitlines()
        assert (gone in names, gone in disks) == (False, False)
        assert (there in names, there in disks) == (True, True)
        assert docker("ps", "--quiet", "--filter", f"label=wkms-lab={lab.folder / 'lab'}") == own
    finally:
        docker("rm", "--force", there, gone)
        docker("volume", "rm", "--force", there, gone)
