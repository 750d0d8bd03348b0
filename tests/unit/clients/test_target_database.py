from __future__ import annotations

import pytest

from wkms_migrate import config, journal
from wkms_migrate.clients import target_database
from wkms_migrate.errors import NotKnownYet
from wkms_migrate.plan import Context

ARN = "arn:aws:secretsmanager:ap-northeast-2:1:secret:rds!db-1"
MADE = {"database": {"address": "db.internal", "port": 3307, "secret_arn": ARN}}


def context(tmp_path, mysql, outputs=None):
    path = tmp_path / "x.yaml"
    path.write_text(f"environment: x\naws: {{mysql: {mysql}}}\n", encoding="utf-8")
    settings = config.load(path, {}, environ={}, fetchers={"secretsmanager": {ARN: "from-rds"}.__getitem__})
    state = journal.RunState()
    if outputs:
        done = journal.StepState(phase="provision", status="done", result={"wkms": outputs})
        state.steps["provision/apply"] = done
    return Context(settings, state, tmp_path)


def test_what_provision_made_is_taken_with_the_password_that_rds_keeps(tmp_path):
    here = context(tmp_path, "{user: admin}", MADE)
    server = target_database.server(here)
    assert (server.host, server.port, server.user) == ("db.internal", 3307, "admin")
    assert server.password.reveal() == "from-rds"
    assert server.password in here.settings.secrets().values(), "else it would not be kept out of logs"


def test_a_configured_password_and_host_come_first(tmp_path, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "mine")
    server = target_database.server(context(tmp_path, "{password: 'env:DB_PASSWORD'}", MADE))
    assert server.password.reveal() == "mine"
    assert target_database.server(context(tmp_path, "{host: other}", MADE)).host == "other"


def test_before_provision_it_is_not_known_yet(tmp_path):
    with pytest.raises(NotKnownYet):
        target_database.server(context(tmp_path, "{user: admin}"))


def test_a_token_is_for_the_server_that_provision_made(tmp_path):
    here = context(tmp_path, "{user: admin, auth: iam}", MADE)
    server = target_database.server(here)
    assert str(server.password) == "iam:admin@db.internal:3307"
    assert target_database.server(here).password is server.password
