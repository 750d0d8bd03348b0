from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.deploy import environment
from wkms_migrate.phases.deploy.settings import AppCredentials, DeploySettings
from wkms_migrate.secret import SecretRef

_ESCAPE = re.compile(r"\\(.)")


def as_compose_reads(text: str) -> dict[str, str]:
    """Double-quoted values as Compose reads them: an escaped character is itself, a bare $ would interpolate."""
    values = {}
    for line in text.splitlines():
        name, _, quoted = line.partition("=")
        inner = quoted[1:-1]
        assert quoted[0] == quoted[-1] == '"'
        assert not re.search(r'(?<!\\)(\\\\)*["$]', inner)
        values[name] = _ESCAPE.sub(r"\1", inner)
    return values


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
def test_every_value_stands_for_itself(value):
    assert as_compose_reads(environment.rendered({"A": value})) == {"A": value}


@pytest.mark.parametrize("value", ["a\nB=c", "a\rb"])
def test_a_line_break_cannot_smuggle_in_another_variable(value):
    with pytest.raises(ConfigError, match="API_TOKEN has a line break"):
        environment.rendered({"API_TOKEN": value})


def test_servers_with_a_role_get_no_keys():
    assert environment.aws(DeploySettings()) == {}


def test_servers_without_a_role_get_the_keys_of_the_application(monkeypatch):
    monkeypatch.setenv("APP_ID", "id")
    monkeypatch.setenv("APP_KEY", "key")
    keys = AppCredentials(access_key_id=SecretRef("env:APP_ID"), secret_access_key=SecretRef("env:APP_KEY"))
    settings = DeploySettings(app_credentials=keys, app_endpoint_url="http://10.0.0.1:5000")
    assert environment.aws(settings) == {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_ENDPOINT_URL": "http://10.0.0.1:5000",
    }
