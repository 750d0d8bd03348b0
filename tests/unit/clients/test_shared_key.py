"""Our Shared Key signature is the one that Microsoft's SDK makes of the same request."""

from __future__ import annotations

import base64
import urllib.parse
from types import SimpleNamespace

import pytest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients import shared_key as module
from wkms_migrate.clients.http_origin import Request
from wkms_migrate.clients.shared_key import bearer, shared_key
from wkms_migrate.errors import ConfigError

ACCOUNT, KEY = "wkmsstorage", base64.b64encode(b"k" * 64).decode()
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


def sdk_signature(request: Request, headers: dict[str, str]) -> str:
    query = urllib.parse.urlencode(sorted(request.query.items()), quote_via=urllib.parse.quote, safe="-_.~")
    url = f"https://{ACCOUNT}.blob.core.windows.net{request.target_path}" + (f"?{query}" if query else "")
    theirs = HttpRequest(request.method, url, headers=headers)
    wrapped = SimpleNamespace(http_request=theirs, context=SimpleNamespace(options={}, transport=None))
    SharedKeyCredentialPolicy(ACCOUNT, KEY).on_request(wrapped)
    return theirs.headers["Authorization"]


@given(
    name=NAMES,
    query=st.dictionaries(
        st.sampled_from(["comp", "restype", "marker", "prefix", "include", "maxresults"]), NAMES, max_size=4
    ),
    etag=st.none() | st.just('"0x8DEADBEEF"'),
)
def test_signs_as_the_sdk_does(name, query, etag):
    headers = {"If-Match": etag, "x-ms-range": "bytes=0-9"} if etag else {}
    request = Request(method="GET", path=f"/container/{name}", query=query, headers=headers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "formatdate", lambda *_, **__: DATE)
        signed = dict(shared_key(ACCOUNT, KEY)(request))
    ours = signed.pop("Authorization")
    assert ours == sdk_signature(request, signed)


def test_a_key_that_is_no_key_is_named_without_showing_it():
    with pytest.raises(ConfigError) as caught:
        shared_key(ACCOUNT, "no-key!")
    assert ACCOUNT in str(caught.value)
    assert "no-key!" not in str(caught.value)


def test_a_token_is_asked_for_once_and_again_before_it_ends(monkeypatch):
    issued = iter([("one", 1000.0), ("two", 5000.0)])

    class Credential:
        def get_token(self, scope):
            assert scope == "https://storage.azure.com/.default"
            token, expires_on = next(issued)
            return SimpleNamespace(token=token, expires_on=expires_on)

    sign = bearer(Credential())
    seen = []
    for now in (0.0, 600.0, 800.0):
        monkeypatch.setattr(module.time, "time", lambda now=now: now)
        seen.append(sign(Request(method="GET", path="/"))["Authorization"])
    assert seen == ["Bearer one", "Bearer one", "Bearer two"]
