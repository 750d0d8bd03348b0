"""The assess phase against Azurite, MySQL and the Cosmos double, which other tests of the session use as well."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from azure.cosmos import CosmosClient, PartitionKey
from azure.storage.blob import BlobServiceClient, StandardBlobTier
from azure.storage.queue import QueueServiceClient
from blob_source import API_VERSION
from endpoints import CosmosAccount, MysqlPair, StorageAccount

from wkms_migrate import config, engine, events, journal
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases import assess
from wkms_migrate.plan import Context

pytestmark = pytest.mark.integration

TABLES = """
CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(50));
CREATE TABLE notes (id INT PRIMARY KEY, text TEXT) ENGINE=MyISAM;
CREATE VIEW names AS SELECT name FROM people;
CREATE TRIGGER tidy BEFORE INSERT ON people FOR EACH ROW SET NEW.name = TRIM(NEW.name);
CREATE PROCEDURE nothing() SELECT 1;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM people WHERE id < 0;
INSERT INTO people VALUES (1, '김지훈'), (2, '이서연'), (3, '박민수');
INSERT INTO notes VALUES (1, 'a');
"""


@dataclass(frozen=True, slots=True)
class Source:
    """What this module put into the source, each under the name `name`."""

    name: str
    file: Path


@pytest.fixture(scope="module")
def source(
    azurite: StorageAccount, mysql_pair: MysqlPair, cosmos_double: CosmosAccount, tmp_path_factory
) -> Iterator[Source]:
    name = f"assess{uuid.uuid4().hex[:8]}"
    folder = tmp_path_factory.mktemp("assess")
    _fill_mysql(mysql_pair, name)
    _fill_storage(azurite, name)
    _fill_cosmos(cosmos_double, name)
    yield Source(name, _configure(folder, azurite, mysql_pair, cosmos_double, name))
    with mysql_pair.source.connect(as_owner=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


def _fill_mysql(pair: MysqlPair, name: str) -> None:
    with pair.source.connect(as_owner=True, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        cursor.execute(f"USE {name}")
        for statement in TABLES.strip().split(";\n"):
            cursor.execute(statement)


def _fill_storage(account: StorageAccount, name: str) -> None:
    key = {"account_name": account.account, "account_key": account.key}
    blobs = BlobServiceClient(account.blob_endpoint, credential=key, api_version=API_VERSION).create_container(name)
    blobs.upload_blob("인사팀/규칙.pdf", b"x" * 1000)
    blobs.upload_blob("회의/메모.txt", b"y" * 10, standard_blob_tier=StandardBlobTier.COOL)
    blobs.upload_blob("옛것.zip", b"z" * 100, standard_blob_tier=StandardBlobTier.ARCHIVE)
    queues = QueueServiceClient(account.queue_endpoint, credential=key, api_version=API_VERSION)
    for queue, count in ((name, 3), (f"{name}-poison", 2)):
        client = queues.create_queue(queue)
        for number in range(count):
            client.send_message(str(number))


def _fill_cosmos(account: CosmosAccount, name: str) -> None:
    database = CosmosClient(account.endpoint, account.key).create_database(name)
    flat = database.create_container("documents", PartitionKey("/departmentId"))
    for number in range(5):
        flat.create_item({"id": str(number), "departmentId": f"d{number}"})
    database.create_container("chat", PartitionKey(["/userId", "/sessionId"], kind="MultiHash"), default_ttl=60)


def _configure(folder: Path, storage: StorageAccount, pair: MysqlPair, cosmos: CosmosAccount, name: str) -> Path:
    for secret, value in (("storage", storage.key), ("mysql", pair.source.password), ("cosmos", cosmos.key)):
        (folder / secret).write_text(value, encoding="ascii")
    values = {
        "environment": "test",
        "runs_dir": str(folder / "runs"),
        "azure": {
            "storage": {
                "account": storage.account,
                "blob_endpoint": storage.blob_endpoint,
                "queue_endpoint": storage.queue_endpoint,
                "key": f"file:{folder / 'storage'}",
            },
            "mysql": {
                "host": pair.source.host,
                "port": pair.source.port,
                "user": pair.source.user,
                "password": f"file:{folder / 'mysql'}",
                "ca": str(pair.source.ca),
            },
            "cosmos": {"endpoint": cosmos.endpoint, "key": f"file:{folder / 'cosmos'}", "database": name},
        },
    }
    file = folder / "t.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return file


def run(file: Path, **environ: str) -> journal.RunState:
    settings = config.load(file, {"assess": assess.AssessSettings}, environ=environ)
    run_dir = settings.runs_dir / settings.run_name
    with journal.Journal(run_dir) as book:

        def sink(event: events.Event) -> None:
            if not isinstance(event, events.EPHEMERAL):
                book.append(event)

        engine.Engine(Context(settings, book.state, run_dir), sink, workers=4).run([assess.PHASE])
        return book.state


@pytest.fixture(scope="module")
def state(source: Source) -> journal.RunState:
    return run(source.file)


def named(rows: list[dict], name: str) -> dict:
    return next(row for row in rows if row["name"] == name)


def test_mysql_is_told_by_schema(state, source):
    found = state.outputs("assess")["mysql"]
    schema = named(found["schemas"], source.name)
    assert schema["bytes"] > 0
    assert {key: schema[key] for key in schema if key != "bytes"} == {
        "name": source.name,
        "charset": "utf8mb4",
        "collation": "utf8mb4_unicode_ci",
        "tables": 2,
        "rows": 4,
        "engines": {"InnoDB": 1, "MyISAM": 1},
        "views": 1,
        "routines": 1,
        "triggers": 1,
        "events": 1,
    }
    assert found["server"]["version"][0].isdigit()
    assert not {"mysql", "sys"} & {schema["name"] for schema in found["schemas"]}


def test_blobs_and_queues_are_counted(state, source):
    found = state.outputs("assess")
    container = named(found["blob"]["containers"], source.name)
    assert container["blobs"] == 3
    assert container["bytes"] == 1110
    assert container["tiers"] == {"Archive": 1, "Cool": 1, "Hot": 1}
    assert container["largest"][0] == {"name": "인사팀/규칙.pdf", "bytes": 1000}
    assert named(found["queue"]["queues"], source.name)["messages"] == 3
    assert named(found["queue"]["queues"], f"{source.name}-poison")["messages"] == 2


def test_cosmos_is_told_by_container(state):
    found = state.outputs("assess")["cosmos"]
    assert named(found["containers"], "documents") == {
        "name": "documents",
        "key": ["/departmentId"],
        "default_ttl": None,
        "items": 5,
        "vectors": False,
    }
    assert named(found["containers"], "chat")["key"] == ["/userId", "/sessionId"]
    assert named(found["containers"], "chat")["default_ttl"] == 60
    assert found["items"] == 5


def test_what_needs_care_is_found(state, source):
    found = {(finding.code, finding.object) for finding in state.findings.values()}
    assert found >= {
        ("assess-engine", f"{source.name}.notes"),
        ("assess-events", source.name),
        ("assess-archive", source.name),
        ("assess-poison", f"{source.name}-poison"),
        ("assess-hierarchical-key", "chat"),
        ("assess-ttl", "chat"),
    }
    assert ("assess-engine", f"{source.name}.people") not in found


def test_the_inventory_is_written_with_the_mapping(state, source):
    run_dir = source.file.parent / "runs" / "test"
    inventory = json.loads((run_dir / state.outputs("assess")["inventory_file"]).read_text(encoding="utf-8"))
    present = {row["aws"]: row["present"] for row in inventory["services"]}
    assert present["S3"] is True
    assert present["DynamoDB"] is True
    assert present["Textract"] is None
    assert inventory["mysql"] == state.outputs("assess")["mysql"]
    assert state.outputs("assess")["totals"]["cosmos_items"] == 5


def test_looking_changes_nothing_on_the_source(source, mysql_pair):
    written = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert','Com_update','Com_delete','Com_create_table')"

    def writes() -> tuple:
        with mysql_pair.source.connect(as_owner=True) as connection, connection.cursor() as cursor:
            cursor.execute(written)
            return cursor.fetchall()

    before = writes()
    run(source.file, WKMS_RUN="again")
    assert writes() == before


def test_a_large_table_is_estimated_and_said_to_be(source):
    state = run(source.file, WKMS_RUN="estimated", WKMS_PHASES__ASSESS__EXACT_ROWS_UP_TO="0")
    assert state.outputs("assess")["mysql"]["rows_exact"] is False


def test_a_wrong_password_is_told(source):
    with pytest.raises(WkmsError, match="MySQL"):
        run(source.file, WKMS_RUN="wrong", WKMS_AZURE__MYSQL__PASSWORD="env:HOME")
