"""The backend without anything behind it: who may ask, what a failure tells, what must be configured."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

TOKEN = "x" * 32
ENVIRONMENT = {
    "RELEASE": "r1",
    "API_TOKEN": TOKEN,
    "MYSQL_HOST": "db.internal.example",
    "MYSQL_USER": "u",
    "MYSQL_PASSWORD": "hidden-password",
    "MYSQL_DATABASE": "wkms",
    "MYSQL_TLS": "off",
    "REDIS_HOST": "127.0.0.1",
    "REDIS_PASSWORD": "p",
    "AWS_REGION": "ap-northeast-2",
    "BUCKETS": '{"documents": "d"}',
    "TABLES": '{"chat": "c"}',
}


class Broken:
    """Stands for every dependency, and fails with a message that says too much."""

    def __getattr__(self, name):
        raise OSError("db.internal.example hidden-password")


@pytest.fixture
def api():
    from wkms import backends, main, settings

    made = main.make(settings.load(ENVIRONMENT))
    broken = Broken()
    made.state.backends = backends.Backends(made.state.settings, broken, broken, broken, broken, broken)
    return made


def ask(api, path, **headers):
    async def get():
        transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(get())


def paths(api):
    return [path.replace("{document_id}", "1").replace("{session_id}", "0" * 32) for path in api.openapi()["paths"]]


def test_every_route_asks_for_the_token_unless_it_is_on_the_public_list(api):
    from wkms.auth import PUBLIC

    answers = {path: ask(api, path).status_code for path in paths(api)}
    assert len(answers) > len(PUBLIC)
    assert {path for path, status in answers.items() if status != 401} <= PUBLIC
    assert "/health" not in {path for path, status in answers.items() if status == 401}


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/api/v1/nothing", "/health/", "//health"])
def test_a_path_that_nobody_thought_of_asks_for_the_token(api, path):
    assert ask(api, path).status_code == 401


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x"]
)
def test_nothing_but_the_whole_token_is_the_token(api, given):
    assert ask(api, "/api/v1/stats", authorization=given).status_code == 401


def test_a_failure_tells_an_id_and_nothing_of_the_inside(api):
    answer = ask(api, "/api/v1/documents/1/content", authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["id"] == answer.headers["x-request-id"]
    assert "example" not in answer.text
    assert "hidden" not in answer.text


def test_health_touches_nothing(api):
    assert ask(api, "/health").json() == {"status": "ok", "release": "r1"}


def test_bad_input_is_told_by_the_name_of_the_field_only(api):
    answer = ask(api, "/api/v1/documents?limit=secret", authorization=f"Bearer {TOKEN}")
    assert (answer.status_code, answer.json()["title"]) == (422, "Not acceptable: limit.")


def test_a_request_id_is_kept_only_if_it_is_one(api):
    assert ask(api, "/health", **{"x-request-id": "abcdef-123456"}).headers["x-request-id"] == "abcdef-123456"
    assert ask(api, "/health", **{"x-request-id": 'x"} {"a'}).headers["x-request-id"] != 'x"} {"a'


@pytest.mark.parametrize("change", [{"API_TOKEN": "short"}, {"MYSQL_HOST": ""}, {"MYSQL_TLS": "maybe"}])
def test_does_not_start_on_an_incomplete_or_unsafe_environment(change):
    from wkms import settings

    with pytest.raises(settings.SettingsError, match=next(iter(change))):
        settings.load(ENVIRONMENT | change)


def test_search_text_stands_for_itself():
    from wkms.documents import _literal

    assert _literal("100%_|") == "100|%|_||"


def test_the_key_of_a_session_is_the_one_that_the_migration_wrote():
    from wkms.chat import partition

    from wkms_migrate.phases.cosmos.keys import keys_of

    keys = keys_of(("/userId", "/sessionId"))
    for user, session in (("7", "a-b"), ("a#b", "c"), ("a", "b#c"), ("50%", "#")):
        assert keys.of({"userId": user, "sessionId": session, "id": "m"})["pk"] == partition(user, session)


def test_numbers_of_dynamodb_become_json():
    from wkms.chat import _plain

    item = {"pk": {"S": "x"}, "n": {"N": "2"}, "m": {"M": {"f": {"N": "0.5"}, "l": {"L": [{"BOOL": True}]}}}}
    assert json.loads(json.dumps(_plain(item))) == {"n": 2, "m": {"f": 0.5, "l": [True]}}
