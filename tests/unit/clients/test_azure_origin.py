"""A SAS as it is written, when it has ended, and a token that cannot be had."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from azure.core.exceptions import ClientAuthenticationError

from wkms_migrate.clients import azure_origin
from wkms_migrate.clients.http_origin import Answer, Origin, Request, ServiceError
from wkms_migrate.clients.shared_key import bearer
from wkms_migrate.errors import ConfigError, Partial
from wkms_migrate.secret import SecretRef

TOKEN = "sv=2025-05-05&se=2099-01-01T00%3A00%3A00Z&sr=c&sp=rlt&sig=a%2Bb%3D"
ASKED = Request(method="GET", path="/c/b", query={"snapshot": "1"})


@pytest.fixture
def sas(tmp_path: Path) -> Path:
    path = tmp_path / "sas"
    path.write_text(TOKEN, encoding="ascii")
    return path


def reference(path: Path) -> SecretRef:
    return SecretRef(f"file:{path}")


@pytest.mark.parametrize("before", ["", "?", "https://a.blob.core.windows.net/c?"])
def test_a_sas_is_read_as_token_query_or_url(sas, before):
    sas.write_text(before + TOKEN, encoding="ascii")
    assert azure_origin.fields(reference(sas))["sig"] == "a+b="
    assert azure_origin.is_narrow(reference(sas))


def answering(monkeypatch: pytest.MonkeyPatch, code: str, until: str) -> list[str]:
    """Refuse every SAS but `until`; return the signatures that were seen."""
    seen: list[str] = []

    def stream(_self: Origin, request: Request, _take: object) -> Answer:
        seen.append(request.query["sig"])
        assert request.query["snapshot"] == "1"
        if request.query["sig"] != until:
            raise ServiceError("Azure answered 403.", status=403, code=code)
        return Answer(200, SimpleNamespace(), b"good")  # type: ignore[arg-type] # not looked at

    monkeypatch.setattr(Origin, "stream", stream)
    return seen


def test_a_refused_sas_is_read_anew_once(sas, monkeypatch):
    seen = answering(monkeypatch, "AuthenticationFailed", "new")
    origin = azure_origin.SasOrigin("Azure", "http://127.0.0.1:1/a", reference(sas), None)
    sas.write_text(TOKEN.replace("a%2Bb%3D", "new"), encoding="ascii")
    assert origin.call(ASKED).body == b"good"
    assert origin.call(ASKED).body == b"good"
    assert seen == ["a+b=", "new", "new"]


def test_the_same_sas_is_not_tried_twice_and_never_shown(sas, monkeypatch):
    seen = answering(monkeypatch, "AuthenticationFailed", "new")
    origin = azure_origin.SasOrigin("Azure", "http://127.0.0.1:1/a", reference(sas), None)
    with pytest.raises(Partial, match="holds until 2099") as caught:
        origin.call(ASKED)
    assert seen == ["a+b="]
    assert "a+b=" not in f"{caught.value}{caught.value.hint}"


def test_a_right_that_is_missing_is_no_end_of_the_sas(sas, monkeypatch):
    answering(monkeypatch, "AuthorizationPermissionMismatch", "new")
    origin = azure_origin.SasOrigin("Azure", "http://127.0.0.1:1/a", reference(sas), None)
    with pytest.raises(ServiceError):
        origin.call(ASKED)


def test_a_token_that_cannot_be_had_is_told_with_what_to_do():
    class Credential:
        def get_token(self, _scope: str) -> None:
            raise ClientAuthenticationError(message="az login has ended")

    with pytest.raises(ConfigError, match="az login has ended") as caught:
        bearer(Credential())(ASKED)
    assert "az login" in caught.value.hint
