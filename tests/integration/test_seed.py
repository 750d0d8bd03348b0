from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from endpoints import CosmosAccount, MysqlPair, StorageAccount

from wkms_migrate.config import Root, Settings
from wkms_migrate.errors import Refused
from wkms_migrate.lab import seed as lab_seed
from wkms_migrate.lab.seed.dataset import OrderFreeDigest
from wkms_migrate.lab.seed.fill_blob import fingerprint
from wkms_migrate.lab.seed.fill_cosmos import canonical

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


def test_whole(seeded: tuple[dict[str, Any], Path]) -> None:
    print(json.dumps(seeded[0], indent=1))
