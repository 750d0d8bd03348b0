"""Our signature is the one that botocore makes of the same request."""

from __future__ import annotations

import time
import urllib.parse

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients import sigv4 as module
from wkms_migrate.clients.http_origin import Request
from wkms_migrate.clients.sigv4 import Credentials, sigv4

HOST = "s3.ap-northeast-2.amazonaws.com"
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


class Frozen(S3SigV4Auth):
    """botocore's signer at a given moment, with an unsigned payload."""

    def __init__(self, moment: str, credentials: BotocoreCredentials) -> None:
        super().__init__(credentials, "s3", "ap-northeast-2")
        self.moment = moment

    def payload(self, request):  # noqa: ARG002 - the signature of botocore
        return "UNSIGNED-PAYLOAD"


def botocore_signature(request: Request, moment: str, credentials: Credentials) -> str:
    query = urllib.parse.urlencode(sorted(request.query.items()), quote_via=urllib.parse.quote, safe="-_.~")
    url = f"https://{HOST}{request.target_path}" + (f"?{query}" if query else "")
    theirs = AWSRequest(method=request.method, url=url, headers=dict(request.headers))
    theirs.headers = HTTPHeaders.from_dict(dict(request.headers))
    theirs.headers["Host"] = HOST
    theirs.headers["X-Amz-Date"] = moment
    theirs.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    if credentials.token:
        theirs.headers["X-Amz-Security-Token"] = credentials.token
    theirs.context["timestamp"] = moment
    auth = Frozen(moment, BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.token))
    canonical = auth.canonical_request(theirs)
    return auth.signature(auth.string_to_sign(theirs, canonical), theirs)


@given(
    key=WORDS,
    query=st.dictionaries(WORDS, st.text(max_size=20), max_size=3),
    metadata=st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), VALUES, max_size=3),
    token=st.none() | VALUES,
)
def test_signs_as_botocore_does(key, query, metadata, token):
    moment = "20260101T000000Z"
    credentials = Credentials("AKID", "secret/+=", token)
    request = Request(
        method="PUT",
        path=f"/bucket/{key}",
        query=query,
        headers={f"x-amz-meta-{name}": value for name, value in metadata.items()},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.time, "strftime", lambda *_: moment)
        headers = sigv4(lambda: credentials, region="ap-northeast-2", service="s3", host=HOST)(request)
    assert headers["Authorization"].rpartition("=")[2] == botocore_signature(request, moment, credentials)


def test_asks_for_credentials_at_each_request():
    turns = iter([Credentials("FIRST", "s"), Credentials("SECOND", "s")])
    sign = sigv4(lambda: next(turns), region="r", service="s3", host=HOST)
    signed = [sign(Request(method="GET", path="/b"))["Authorization"] for _ in range(2)]
    assert ["FIRST" in signed[0], "SECOND" in signed[1]] == [True, True]


def test_states_the_present_moment():
    headers = sigv4(lambda: Credentials("A", "s"), region="r", service="s3", host=HOST)(Request(method="GET", path="/"))
    assert headers["x-amz-date"][:4] == time.strftime("%Y", time.gmtime())
