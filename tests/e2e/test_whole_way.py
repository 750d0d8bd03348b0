"""The whole migration as a user runs it: dry, killed many times, resumed, compared, run again. In this order."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import signal
import urllib.request

import pytest
from whole import blob_hashes, json_values, object_hashes, queue_messages, table_digests, table_items

pytestmark = pytest.mark.e2e

IN_FLIGHT = 10  # messages of one SQS batch
LONGEST_KEY = 1024  # bytes
WRITTEN_BY_SERVERS = {"data", "logs", "moto_recording"}  # the last is what moto records into


class Nth:
    """True at the nth event of a kind in a step."""

    def __init__(self, kind, step, count=1):
        self._kind, self._step, self._left = kind, step, count

    def __call__(self, event):
        if event["event"] == self._kind and event.get("step", "").startswith(self._step):
            self._left -= 1
        return self._left <= 0


def writes(lab):
    """Count what would change either side, as the servers themselves count it."""
    counted = {}
    for side in ("azure", "aws"):
        with lab.mysql(side) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT @@GLOBAL.gtid_executed")
            counted[f"{side} transactions"] = cursor.fetchone()[0]
    url = lab.overlay["azure"]["cosmos"]["endpoint"] + "_double/counters"
    with urllib.request.urlopen(url) as answer:
        counted["cosmos"] = json.load(answer)["mutating"]
    log = (lab.cwd / ".lab" / "logs" / "azurite.log").read_text(encoding="utf-8", errors="replace")
    counted["azurite"] = sum(
        any(f'"{verb} ' in line for verb in ("PUT", "POST", "DELETE")) for line in log.splitlines()
    )
    return counted


def tree(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(path.relative_to(folder).parts) & WRITTEN_BY_SERVERS
    }


def aws_requests(lab, act):
    """Return what moto recorded while `act` ran, and what `act` returned."""
    base = lab.overlay["aws"]["endpoint_url"] + "/moto-api/recorder"

    def post(path):
        urllib.request.urlopen(urllib.request.Request(f"{base}/{path}", method="POST")).close()

    post("reset-recording")
    post("start-recording")
    try:
        result = act()
    finally:
        post("stop-recording")
    with urllib.request.urlopen(f"{base}/download-recording") as answer:
        lines = answer.read().decode().splitlines()
    return [json.loads(line) for line in lines if line], result


READS = ("Describe", "List", "Get", "Head", "BatchGet", "Query", "Scan", "Lookup", "Select")


def is_write(request):
    """Say whether a recorded AWS request would change anything, by its action or, without one, by its method."""
    headers = {name.lower(): value for name, value in request["headers"].items()}
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if not action:
        body = request.get("body") or ""
        text = base64.b64decode(body).decode(errors="replace") if request.get("body_encoded") else str(body)
        found = re.search(r"(?:^|&)Action=(\w+)", text)
        action = found.group(1) if found else ""
    if action:
        return not action.startswith(READS)
    return request["method"] not in {"GET", "HEAD"}


def test_1_a_dry_run_of_everything_changes_nothing_anywhere(lab):
    before, files = writes(lab), tree(lab.cwd)
    requests, planned = aws_requests(lab, lambda: lab.call("run", "--dry-run", "--json", "--junit", "/dev/null"))
    assert planned.code == 0, planned.err
    shown = {phase["phase"]: phase for phase in planned.json["phases"]}
    assert shown["mysql"]["steps"]
    assert any("aws_db_instance" in line for line in shown["provision"]["steps"][0]["preview"])
    assert [request["url"] for request in requests if is_write(request)] == []
    assert writes(lab) == before
    assert tree(lab.cwd) == files
    assert not lab.run_dir.exists()


def test_2_without_yes_and_without_a_terminal_nothing_is_run(lab):
    ended = lab.call("run")
    assert ended.code == 2
    assert "--yes" in ended.err
    assert not lab.run_dir.exists()


KILLS = [
    ("provision while Terraform creates", Nth("Progress", "provision/apply", 3), signal.SIGINT),
    ("mysql after some chunks", Nth("Checkpoint", "mysql/data", 4), signal.SIGKILL),
    ("mysql while indexes are built", Nth("StepStarted", "mysql/indexes"), signal.SIGKILL),
    ("mysql while it compares", Nth("StepStarted", "mysql/verify"), signal.SIGKILL),
    ("blob in the middle", Nth("Progress", "blob/copy/documents", 2), signal.SIGKILL),
    ("cosmos after some pages", Nth("Checkpoint", "cosmos/copy", 3), signal.SIGKILL),
    ("cosmos while it compares", Nth("StepStarted", "cosmos/verify"), signal.SIGTERM),
    ("queue after some batches", Nth("Checkpoint", "queue/", 3), signal.SIGKILL),
    ("deploy at its first step", Nth("StepStarted", "deploy/"), signal.SIGKILL),
    ("verify", Nth("StepStarted", "verify/"), signal.SIGKILL),
]


@pytest.mark.parametrize(("where", "reached", "sign"), KILLS, ids=[one[0] for one in KILLS])
def test_3_killed_anywhere_it_leaves_a_journal_to_go_on_from(lab, where, reached, sign):
    ended = lab.run_until(reached, sign=sign)
    assert ended.code == (-sign if sign == signal.SIGKILL else 130), f"{where}: {ended.err[-2000:]}"
    assert lab.call("status", "--json").code == 0


def test_4_run_to_its_end_everything_is_done_and_verified(lab):
    ended = lab.call("run", "--yes", "--json")
    assert ended.code == 0, ended.err[-4000:]
    rows = {row["phase"]: row for row in ended.json["phases"]}
    unavailable = lab.overlay["phases"]["deploy"].get("unavailable")
    for phase, row in rows.items():
        expected = "skipped" if unavailable and phase == "deploy" else "done"
        assert row["state"] == expected or (unavailable and phase == "verify"), f"{phase}: {row}"
        assert row["checks"] == row["checks_ok"]
    for phase in ("provision", "mysql", "blob", "cosmos", "queue", "verify"):
        assert rows[phase]["checks"] > 0, f"{phase} compared nothing"
    names = {path.rpartition("/")[2] for path in ended.json["reports"]}
    assert {"run.ko.html", "run.en.html", "cost.ko.html", "cost.en.html", "cost.json"} <= names


def test_5_every_row_of_mysql_is_the_same_on_both_ends(lab):
    source, target = table_digests(lab.mysql("azure")), table_digests(lab.mysql("aws"))
    assert source == target
    expected = json.loads((lab.cwd / ".lab" / "seed.json").read_text())["parts"]["mysql"]
    assert {table: rows for table, (rows, _) in target.items()} == {t: part["count"] for t, part in expected.items()}
    read = json_values(lab.mysql("azure"), "documents", "metadata")
    assert json_values(lab.mysql("aws"), "documents", "metadata") == read
    assert len(read) > 100


@pytest.mark.parametrize("container", ["documents", "attachments"])
def test_6_every_blob_is_the_same_object(lab, container):
    def cannot_go(blob):
        folder = (blob.metadata or {}).get("hdi_isfolder") == "true"
        return folder or blob.blob_tier == "Archive" or len(blob.name.encode()) > LONGEST_KEY

    source = blob_hashes(lab.blobs(), container, skip=cannot_go)
    assert object_hashes(lab.aws("s3"), f"wkms-lab-{container}") == source
    assert len(source) > 100


@pytest.mark.parametrize("container", ["documents", "chat", "settings"])
def test_7_every_cosmos_item_is_an_item_of_dynamodb(lab, container):
    source = list(lab.cosmos().get_container_client(container).read_all_items(max_item_count=1000))
    keys = {"documents": ("departmentId", "id"), "chat": ("userId", "sessionId", "id"), "settings": ("id",)}[container]
    target = table_items(lab.aws("dynamodb"), f"wkms-lab-{container}", (*keys, "text", "~wkms"))

    def text_of(items):
        return sorted(
            (*tuple(str(item[key]) for key in keys), str(item.get("text"))) for item in items if keys[0] in item
        )

    whole = [item for item in target if "~wkms" not in item]
    packed = len(target) - len(whole)
    assert len(target) == len(source)
    missing = set(text_of(source)) - set(text_of(whole))
    assert len(missing) == packed, "all but the packed items read the same"


@pytest.mark.parametrize("queue", ["document-indexing", "notifications", "notifications-poison"])
def test_8_every_message_is_in_sqs_and_at_most_a_batch_of_them_twice(lab, queue):
    expected = json.loads((lab.cwd / ".lab" / "seed.json").read_text())["parts"]["queue"][queue]["count"]
    name = f"wkms-lab-{queue.replace('-poison', '-dlq')}"
    sqs = lab.aws("sqs")
    seen = queue_messages(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"])
    assert len(seen) == expected
    assert sum(seen.values()) - len(seen) <= IN_FLIGHT


def test_9_a_second_run_has_nothing_to_do_and_says_so(lab):
    before = (lab.run_dir / "journal.jsonl").read_bytes().count(b'"StepStarted"')
    ended = lab.call("run", "--yes")
    assert ended.code == 0, ended.err
    assert "Nothing to do" in ended.out
    assert (lab.run_dir / "journal.jsonl").read_bytes().count(b'"StepStarted"') == before
    assert lab.call("run", "--dry-run", "--detailed-exitcode").code == 0


def test_no_secret_is_in_anything_that_was_written(lab):
    secrets = [path.read_text(errors="replace").strip() for path in (lab.cwd / ".lab" / "secrets").iterdir()]
    secrets = [secret for secret in secrets if len(secret) >= 12 and "\n" not in secret]
    assert len(secrets) >= 4
    written = [path for path in (lab.cwd / "runs").rglob("*") if path.is_file() and path.suffix != ".gz"]
    assert written
    for path in written:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [secret for secret in secrets if secret in text], path
