"""What the fixtures of conftest.py hand to tests: where a private server is, and who may enter."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageAccount:
    """A private Azurite."""

    account: str
    key: str
    blob_endpoint: str
    queue_endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlEndpoint:
    """A private MySQL server: its administrator as the cloud gives it, and its owner, who may do everything."""

    host: str
    port: int
    user: str
    password: str
    ca: Path
    owner: str
    owner_password: str

    def connect(self, *, as_owner: bool = False, **options: object) -> pymysql.Connection:
        """Return a connection over verified TLS; `options` go to pymysql."""
        user, password = (self.owner, self.owner_password) if as_owner else (self.user, self.password)
        wishes: dict[str, object] = {
            "charset": "utf8mb4",
            "connect_timeout": 10,
            "ssl": {"ca": str(self.ca)},
            **options,
        }
        return pymysql.connect(host=self.host, port=self.port, user=user, password=password, **wishes)  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlPair:
    """The source, as Azure runs it, and the target, as RDS runs it. Tests take schemas of their own name."""

    source: MysqlEndpoint
    target: MysqlEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsEndpoint:
    """A private moto server."""

    endpoint_url: str
    region: str = "ap-northeast-2"
    access_key_id: str = "testing"
    secret_access_key: str = "testing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CosmosAccount:
    """A private Cosmos double."""

    endpoint: str
    key: str

    def control(self, method: str, path: str, body: bytes = b"{}") -> Any:
        """Ask the double for what no account does: splits, storms, imports; see its server.py."""
        request = urllib.request.Request(f"{self.endpoint}_double/{path}", data=body, method=method)
        with urllib.request.urlopen(request) as reply:
            text = reply.read()
        return json.loads(text) if text else None
