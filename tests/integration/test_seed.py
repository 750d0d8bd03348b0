from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import CosmosClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from endpoints import CosmosAccount, MysqlPair, StorageAccount

from wkms_migrate.config import Root, Settings
from wkms_migrate.errors import Refused
from wkms_migrate.lab import seed as lab_seed
from wkms_migrate.lab.seed.blobs import blobs
from wkms_migrate.lab.seed.dataset import OrderFreeDigest
from wkms_migrate.lab.seed.fill_cosmos import canonical
from wkms_migrate.lab.seed.scale import scale

pytestmark = pytest.mark.integration

SYSTEM_PROPERTIES = ("_rid", "_self", "_etag", "_attachments", "_ts")


@pytest.fixture(scope="module")
def source(
    azurite: StorageAccount,
    mysql_pair: MysqlPair,
    cosmos_double: CosmosAccount,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    secrets = tmp_path_factory.mktemp("secrets")

    def secret(name: str, value: str) -> str:
        (secrets / name).write_text(value, encoding="utf-8")
        return f"file:{secrets / name}"

    server = mysql_pair.source
    root = Root.model_validate(
        {
            "environment": "test",
            "azure": {
                "mysql": {
                    "host": server.host,
                    "port": server.port,
                    "user": server.user,
                    "password": secret("mysql", server.password),
                    "ca": server.ca,
                },
                "storage": {
                    "account": azurite.account,
                    "blob_endpoint": azurite.blob_endpoint,
                    "queue_endpoint": azurite.queue_endpoint,
                    "key": secret("storage", azurite.key),
                },
                "cosmos": {"endpoint": cosmos_double.endpoint, "key": secret("cosmos", cosmos_double.key)},
            },
        }
    )
    return Settings(root, {}, ())


@pytest.fixture(scope="module")
def seeded(source: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    manifest = tmp_path_factory.mktemp("lab") / "seed.json"
    return lab_seed.seed(source, "s", print, manifest=manifest), manifest


def canonical_copy(item: dict[str, Any]) -> bytes:
    return canonical({key: value for key, value in item.items() if key not in SYSTEM_PROPERTIES})


def test_the_manifest_says_what_was_seeded(seeded):
    result, manifest = seeded
    assert json.loads(manifest.read_text(encoding="utf-8")) == result
    assert set(result["parts"]) == set(lab_seed.PARTS)


def test_every_table_has_its_rows_and_values(seeded, mysql_pair):
    with mysql_pair.source.connect(database="wkms", sql_mode="") as connection, connection.cursor() as cursor:

        def one(sql: str) -> Any:
            cursor.execute(sql)
            return cursor.fetchone()

        for table, expected in seeded[0]["parts"]["mysql"].items():
            assert one(f"SELECT COUNT(*) FROM {table}") == (expected["count"],), table
        # What LOAD DATA could have bent without a warning.
        assert one("SELECT name FROM departments WHERE id = 0") == ("전사",)
        assert one("SELECT SUM(hired_on = '0000-00-00') FROM users") == (10,)
        assert one("SELECT name_latin1 = 'José Núñez' FROM users WHERE id = 25") == (1,)
        assert one("SELECT MIN(delta), MAX(counter) FROM audit_logs") == (-(2**63), 2**64 - 1)
        assert one("SELECT amount FROM audit_logs WHERE id = 2") == (
            Decimal("-9999999999999999999999999999.9999999999"),
        )
        assert str(one("SELECT duration_ms FROM audit_logs WHERE id = 2")[0]) == "-0.0"
        assert one("SELECT score = 16777216, HEX(client_ip) FROM audit_logs WHERE id = 4") == (1, "00000000")
        assert one(
            "SELECT JSON_TYPE(metadata->'$.rate'), JSON_TYPE(metadata->'$.effective') FROM documents WHERE id = 1"
        ) == (
            "DECIMAL",
            "DATE",
        )
        assert one("SELECT content FROM chat_messages WHERE id = 3") == ("\\N",)
        assert "\x00 널과 \x1a" in one("SELECT content FROM chat_messages WHERE id = 1")[0]
        assert one("SELECT COUNT(*) FROM information_schema.partitions WHERE table_name = 'audit_logs'") == (5,)
        assert one("SELECT f_department_path(6)") == ("전사 > 경영지원본부 > 인사팀",)
        assert one("SELECT SUM(documents) FROM v_department_documents") == (
            seeded[0]["parts"]["mysql"]["documents"]["count"],
        )


@pytest.mark.usefixtures("seeded")
def test_definers_are_the_source_administrator(mysql_pair):
    with mysql_pair.source.connect(database="information_schema") as connection, connection.cursor() as cursor:
        definers = set()
        for table, schema in (
            ("routines", "routine"),
            ("triggers", "trigger"),
            ("views", "table"),
            ("events", "event"),
        ):
            cursor.execute(f"SELECT definer FROM {table} WHERE {schema}_schema = 'wkms'")
            found = {row[0] for row in cursor.fetchall()}
            assert found, table
            definers |= found
    assert {definer.split("@")[0] for definer in definers} == {mysql_pair.source.user}


def test_every_blob_is_there_with_its_content(seeded, azurite):
    service = BlobServiceClient(azurite.blob_endpoint, credential=azurite.key)
    archived = 0
    for container, expected in seeded[0]["parts"]["blob"].items():
        client = service.get_container_client(container)
        listed = {blob.name: blob for blob in client.list_blobs(include=["metadata", "tags"])}
        assert len(listed) == expected["count"]
        assert sum(blob.size for blob in listed.values()) == expected["bytes"]
        wanted = {blob.name: blob for blob in blobs(scale("s")) if blob.container == container}
        assert set(listed) == set(wanted)
        for name in list(listed)[::29]:
            blob, there = wanted[name], listed[name]
            assert there.metadata == (blob.metadata or {}), name
            assert (there.tags or {}) == blob.tags
            assert there.content_settings.content_language == blob.headers.get("content_language")
            if there.blob_tier != "Archive":
                assert client.download_blob(name).readall() == blob.content
        archived += sum(blob.blob_tier == "Archive" for blob in listed.values())
    assert archived == 2


def test_every_item_is_there(seeded, cosmos_double):
    with CosmosClient(cosmos_double.endpoint, credential=cosmos_double.key) as client:
        database = client.get_database_client("wkms")
        for container in ("chat", "settings"):
            digest = OrderFreeDigest()
            for item in database.get_container_client(container).read_all_items(max_item_count=1_000):
                digest.add(canonical_copy(item))
            assert digest.as_expected() == seeded[0]["parts"]["cosmos"][container]
        (count,) = database.get_container_client("documents").query_items(
            "SELECT VALUE COUNT(1) FROM c", enable_cross_partition_query=True
        )
        assert count == seeded[0]["parts"]["cosmos"]["documents"]["count"]


def test_every_message_waits(seeded, azurite):
    service = QueueServiceClient(azurite.queue_endpoint, credential=azurite.key)
    for queue, expected in seeded[0]["parts"]["queue"].items():
        found = service.get_queue_client(queue).get_queue_properties().approximate_message_count
        assert found == expected["count"]


def test_seeding_again_writes_nothing(source, seeded, azurite):
    """Not even into a queue that was drained meanwhile."""
    queue = QueueServiceClient(azurite.queue_endpoint, credential=azurite.key).get_queue_client("notifications-poison")
    queue.clear_messages()
    told: list[str] = []
    assert lab_seed.seed(source, "s", told.append, manifest=seeded[1]) == seeded[0]
    assert sorted(told) == sorted(f"{part}: already seeded" for part in lab_seed.PARTS)
    assert queue.get_queue_properties().approximate_message_count == 0


def test_a_part_without_its_marker_is_done_again(source, seeded, azurite):
    """As a killed seeding leaves it: data there, the marker, which is written last, not."""
    queues = QueueServiceClient(azurite.queue_endpoint, credential=azurite.key)
    queues.get_queue_client("document-indexing").set_queue_metadata({})
    queues.get_queue_client("notifications").send_message("나머지")
    told: list[str] = []
    result = lab_seed.seed(source, "s", told.append, parts=["queue", "blob"], manifest=seeded[1])
    assert result == seeded[0]
    assert "blob: already seeded" in told
    assert "Queue: 500 messages" in told
    assert queues.get_queue_client("notifications").get_queue_properties().approximate_message_count == 110


def test_a_source_elsewhere_is_refused(source, tmp_path):
    root = source._root
    elsewhere = root.azure.mysql.model_copy(update={"host": "wkms.mysql.database.azure.com"})
    azure = root.azure.model_copy(update={"mysql": elsewhere})
    settings = Settings(root.model_copy(update={"azure": azure}), {}, ())
    with pytest.raises(Refused, match=r"azure\.mysql\.host"):
        lab_seed.seed(settings, "s", print, manifest=tmp_path / "seed.json")
    assert not (tmp_path / "seed.json").exists()
