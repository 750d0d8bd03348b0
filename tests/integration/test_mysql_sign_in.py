"""Certificates that must not be trusted, tokens in a password's place, and connections that come back."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import yaml
from certificates import Authority, authority
from commands import mysql as command
from doubles.mysql_sign_in import SignIn, running
from mysql_move import execute, fetch

from wkms_migrate import config
from wkms_migrate.clients import mysql
from wkms_migrate.config import MysqlServer, Settings
from wkms_migrate.errors import ConfigError, TransientError
from wkms_migrate.phases.mysql.servers import Pool
from wkms_migrate.retry import call

pytestmark = pytest.mark.integration

TLS_FILES = ("ssl_ca", "ssl_cert", "ssl_key")


@pytest.fixture
def issuer(tmp_path) -> Authority:
    return authority(tmp_path)


@pytest.fixture
def showing(mysql_pair, issuer) -> Iterator[Callable[..., None]]:
    """Let the real source show another certificate for a while."""
    end = mysql_pair.source
    before = fetch(end, f"SELECT {', '.join(f'@@GLOBAL.{name}' for name in TLS_FILES)}")[0]

    def show(ca: object, certificate: object, key: object) -> None:
        files = zip(TLS_FILES, (ca, certificate, key), strict=True)
        with end.connect(as_owner=True, ssl={"check_hostname": False}) as connection, connection.cursor() as cursor:
            for name, file in files:
                cursor.execute(f"SET GLOBAL {name} = %s", (str(file),))
            cursor.execute("ALTER INSTANCE RELOAD TLS")

    yield lambda certificate, key: show(issuer.ca, certificate, key)
    show(*before)


def settings(folder: Path, server: dict[str, object], fetchers: dict | None = None) -> Settings:
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({"environment": "test", "azure": {"mysql": server}}), encoding="utf-8")
    return config.load(file, {}, environ={}, fetchers=fetchers)


def server(mysql_pair, tmp_path, **changed: object) -> MysqlServer:
    end = mysql_pair.source
    (tmp_path / "secret").write_text(end.password, encoding="utf-8")
    values = {"host": "localhost", "port": end.port, "user": end.user, "password": f"file:{tmp_path / 'secret'}"}
    return settings(tmp_path, {**values, **changed}).azure.mysql


def test_a_certificate_for_another_host_is_named_so(mysql_pair, showing, issuer, tmp_path):
    showing(*issuer.issue("other", "other.example.com"))
    wanted = server(mysql_pair, tmp_path, ca=str(issuer.ca))
    with pytest.raises(ConfigError, match="its certificate is not for localhost"):
        mysql.connect(wanted, "source")
    mysql.connect(server(mysql_pair, tmp_path, tls="required"), "source").close()  # asked for: unchecked


def test_a_certificate_of_nobody_known_is_named_so(mysql_pair, showing, issuer, tmp_path):
    showing(*issuer.issue("good", "localhost"))
    mysql.connect(server(mysql_pair, tmp_path, ca=str(issuer.ca)), "source").close()
    with pytest.raises(ConfigError, match="authority that signed its certificate is not trusted") as refused:
        mysql.connect(server(mysql_pair, tmp_path, ca="system"), "source")
    assert "RDS the region's bundle" in refused.value.hint


def test_a_bundle_that_is_none_is_told(mysql_pair, tmp_path):
    (tmp_path / "not.pem").write_text("hello", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"CA bundle .*not\.pem .* cannot be read"):
        mysql.connect(server(mysql_pair, tmp_path, ca=str(tmp_path / "not.pem")), "source")


def test_a_password_may_be_of_any_letters(mysql_pair, tmp_path):
    execute(mysql_pair.source, "CREATE USER 'kim'@'%' IDENTIFIED BY '비밀번호-😀'")
    try:
        (tmp_path / "kim").write_text("비밀번호-😀", encoding="utf-8")
        wanted = server(
            mysql_pair, tmp_path, user="kim", password=f"file:{tmp_path / 'kim'}", ca=str(mysql_pair.source.ca)
        )
        with mysql.connect(wanted, "source") as session:
            assert session.value("SELECT CURRENT_USER()") == "kim@%"
    finally:
        execute(mysql_pair.source, "DROP USER 'kim'@'%'")


def tls(issuer: Authority, **certificate: int) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*issuer.issue("double", "localhost", **certificate))
    return context


@pytest.fixture
def double(issuer) -> Callable[..., object]:
    return lambda *takes: running(tls(issuer), *takes)


def at(one: SignIn, issuer: Authority, tokens: Callable[[str], str], auth: str = "iam") -> MysqlServer:
    values = {"host": "localhost", "port": one.port, "user": "app", "auth": auth, "ca": str(issuer.ca)}
    return settings(issuer.folder, values, {auth: tokens}).azure.mysql


def test_an_expired_certificate_is_named_so(issuer):
    """By the double: a real server does not load one."""
    with running(tls(issuer, days=-1)) as one, pytest.raises(ConfigError, match="its certificate has expired"):
        mysql.connect(at(one, issuer, lambda _: "the-token"), "target")
    assert one.sent == []


class HangsUp:
    """In place of TLS: hears the client out and leaves, as a server does that is shut down just then."""

    def wrap_socket(self, connection: socket.socket, **_: object) -> NoReturn:
        connection.recv(1 << 16)
        connection.close()
        raise EOFError


def test_a_server_that_leaves_in_the_handshake_may_come_back(issuer):
    with running(HangsUp()) as one, pytest.raises(TransientError, match="cannot be reached"):
        mysql.connect(at(one, issuer, lambda _: "the-token"), "target")
    assert one.sent == []


@pytest.mark.parametrize("auth", ["entra", "iam"])
def test_each_connection_gets_a_token_of_its_own(double, issuer, auth):
    asked: list[str] = []

    def tokens(name: str) -> str:
        asked.append(name)
        return f"token-{len(asked)}-" + "x" * 2000

    with double() as one:
        wanted = at(one, issuer, tokens, auth)
        for _ in range(2):
            mysql.connect(wanted, "target").close()
    assert [sent[:8] for sent in one.sent] == ["token-1-", "token-2-"]
    assert len(one.sent[0]) == 2008
    assert asked == [f"app@localhost:{one.port}"] * 2


def test_an_expired_token_is_told_and_not_shown(double, issuer):
    with double(lambda _: False) as one, pytest.raises(ConfigError, match="refuses user app and its token") as refused:
        mysql.connect(at(one, issuer, lambda _: "the-token"), "target")
    assert one.sent == ["the-token"]
    assert "15 minutes" in refused.value.hint
    assert "the-token" not in f"{refused.value} {refused.value.hint} {refused.value.__cause__!r}"


@pytest.mark.parametrize("level", ["verify", "required"])
def test_a_server_that_offers_no_tls_gets_nothing(issuer, level, monkeypatch):
    monkeypatch.setenv("TEST_PASSWORD", "do-not-send")
    with running(None) as one:
        values = {"host": "localhost", "port": one.port, "password": "env:TEST_PASSWORD", "tls": level}
        with pytest.raises(ConfigError, match="the server offers none"):
            mysql.connect(settings(issuer.folder, values).azure.mysql, "source")
    assert one.sent == []


@pytest.mark.parametrize("level", ["off", "required"])
def test_a_password_is_not_sent_as_it_is_without_verified_tls(double, issuer, level, monkeypatch):
    monkeypatch.setenv("TEST_PASSWORD", "do-not-send")
    with double() if level == "required" else running(None) as one:
        values = {"host": "localhost", "port": one.port, "password": "env:TEST_PASSWORD", "tls": level}
        with pytest.raises(ConfigError, match="it was not sent"):
            mysql.connect(settings(issuer.folder, values).azure.mysql, "source")
    assert one.sent == []


def test_a_command_signs_in_with_iam_and_shows_no_token(double, issuer, tmp_path, monkeypatch):
    """The whole program: boto3 signs, the server refuses; nothing that was sent is told or written down."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    with double(lambda _: False) as one:
        login = {"host": "localhost", "port": one.port, "user": "app", "auth": "iam", "ca": str(issuer.ca)}
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump({"environment": "t", "azure": {"mysql": login}}), encoding="utf-8")
        ended = command(file, "preflight")
    assert ended.code == 2
    assert "refuses user app and its token" in ended.told
    assert re.match(rf"localhost:{one.port}/\?Action=connect&DBUser=app&", one.sent[0])
    signature = one.sent[0].rpartition("X-Amz-Signature=")[2]
    written = [
        path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pem"
    ]
    assert len(signature) == 64
    assert not [text for text in (ended.told, str(ended.data), *written) if signature in text]
    assert signature not in str(os.environ)


def test_a_connection_killed_between_two_uses_is_replaced(mysql_pair, tmp_path):
    wanted = server(mysql_pair, tmp_path, ca=str(mysql_pair.source.ca))
    with Pool(lambda: mysql.connect(wanted, "source")) as pool:

        def connection() -> int:
            with pool.session() as session:
                return int(session.value("SELECT CONNECTION_ID()"))

        first = connection()
        assert connection() == first
        execute(mysql_pair.source, f"KILL {first}")
        with pytest.raises(TransientError):
            connection()
        assert call(connection) != first
        second = connection()
        execute(mysql_pair.source, f"KILL {second}")
        assert call(connection) not in {first, second}


def test_a_session_has_its_own_settings_whatever_the_server_has(mysql_pair, tmp_path):
    with mysql.connect(server(mysql_pair, tmp_path, ca=str(mysql_pair.source.ca)), "source") as session:
        names = "@@time_zone, @@character_set_client, @@wait_timeout, @@transaction_isolation, @@sql_mode"
        *found, modes = session.rows(f"SELECT {names}")[0]
        assert found == ["+00:00", "utf8mb4", mysql.YEAR_SECONDS, "REPEATABLE-READ"]
        assert set(modes.split(",")) == set(mysql.SQL_MODE.split(","))
