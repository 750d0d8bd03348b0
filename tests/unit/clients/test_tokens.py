from __future__ import annotations

import os
from urllib.parse import parse_qs, urlsplit

import azure.identity
import pytest
from azure.core.exceptions import ClientAuthenticationError

from wkms_migrate import config
from wkms_migrate.clients import aws, tokens
from wkms_migrate.config import Aws
from wkms_migrate.errors import ConfigError


@pytest.fixture(autouse=True)
def _no_credentials_of_this_machine(monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


def test_an_iam_token_is_what_boto3_signs_for_that_user_and_server(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    settings = Aws(region="ap-northeast-2")
    fetch = tokens.iam(settings)
    client = aws.client(settings, "rds")
    for _ in range(10):  # equal when both are signed in the same second
        ours = fetch("kim@db.internal:3307")
        theirs = client.generate_db_auth_token(DBHostname="db.internal", Port=3307, DBUsername="kim")
        if ours == theirs:
            break
    assert ours == theirs
    parts = urlsplit(f"https://{ours}")
    query = parse_qs(parts.query)
    assert (parts.netloc, query["DBUser"], query["Action"]) == ("db.internal:3307", ["kim"], ["connect"])
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Credential"][0].split("/")[2:4] == ["ap-northeast-2", "rds-db"]


def test_without_credentials_an_iam_token_cannot_be_signed():
    with pytest.raises(ConfigError, match="No IAM token could be signed for kim@h:1"):
        tokens.iam(Aws())("kim@h:1")


def test_an_entra_token_is_for_databases_and_one_credential_gives_all(monkeypatch):
    made: list[object] = []

    class Credential:
        def __init__(self) -> None:
            made.append(self)

        def get_token(self, scope):
            assert scope == "https://ossrdbms-aad.database.windows.net/.default"
            return azure.core.credentials.AccessToken("entra-token", 0)

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", Credential)
    fetch = tokens.entra()
    assert {fetch("kim@h:1"), fetch("kim@h:1")} == {"entra-token"}
    assert len(made) == 1


def test_whoever_is_not_signed_in_to_azure_is_told_to(monkeypatch):
    class Credential:
        def get_token(self, _scope):
            raise ClientAuthenticationError("nobody is signed in")

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", Credential)
    with pytest.raises(ConfigError, match="nobody is signed in") as refused:
        tokens.entra()("kim@h:1")
    assert "az login" in refused.value.hint


def test_each_way_to_sign_in_is_told_once_and_only_to_who_asks(monkeypatch, caplog):
    for name in list(os.environ):
        if name.startswith(("AZURE_", "IDENTITY_", "MSI_")):
            monkeypatch.delenv(name)

    class Credential(azure.identity.ChainedTokenCredential):
        def __init__(self) -> None:
            super().__init__(azure.identity.EnvironmentCredential())

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", Credential)
    with pytest.raises(ConfigError) as refused:
        tokens.entra()("kim@h:1")
    assert "\n" not in refused.value.message
    assert "--debug" in refused.value.message
    assert "EnvironmentCredential" in str(refused.value.__cause__)
    assert caplog.text == ""


def load(tmp_path, text, **fetchers):
    path = tmp_path / "x.yaml"
    path.write_text(f"environment: x\nazure: {{mysql: {text}}}\n", encoding="utf-8")
    return config.load(path, {}, environ={}, fetchers=fetchers)


def test_a_token_is_asked_for_each_time_and_kept_out_of_sight(tmp_path):
    given = iter(["first", "second"])
    settings = load(tmp_path, "{host: h, user: kim, auth: entra}", entra=lambda _: next(given))
    reference = settings.azure.mysql.password
    assert (str(reference), reference.reveal(), reference.reveal()) == ("entra:kim@h:3306", "first", "second")
    assert reference in settings.secrets().values()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{host: h, auth: iam, tls: required}", "tls must be verify"),
        ("{host: h, auth: iam, password: 'env:X'}", "remove password"),
        ("{host: h, password: 'iam:kim@h:1'}", "set auth instead"),
        ("{host: h, auth: kerberos}", "'password', 'entra' or 'iam'"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, text, problem):
    with pytest.raises(ConfigError, match=problem):
        load(tmp_path, text)


def test_the_systems_authorities_may_be_named(tmp_path):
    assert load(tmp_path, "{ca: system}").azure.mysql.ca is None


def test_what_reads_secrets_may_come_after_the_settings(tmp_path):
    fetchers: dict = {}
    path = tmp_path / "x.yaml"
    path.write_text("environment: x\nazure: {mysql: {password: 'keyvault:v/n'}}\n", encoding="utf-8")
    settings = config.load(path, {}, environ={}, fetchers=fetchers)
    fetchers["keyvault"] = {"v/n": "of the vault"}.__getitem__
    assert settings.azure.mysql.password.reveal() == "of the vault"
