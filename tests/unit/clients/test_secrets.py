from __future__ import annotations

import pytest

from wkms_migrate.clients import secrets


@pytest.mark.parametrize(
    ("stored", "password"),
    [
        ('{"username": "wkmsadmin", "password": "a\\"b"}', 'a"b'),
        ("plain-text", "plain-text"),
        ("{not json", "{not json"),
        ('{"token": 1}', '{"token": 1}'),
        ("12345", "12345"),
    ],
)
def test_the_password_of_a_secret_that_rds_manages_is_taken_out_of_its_json(stored, password):
    assert secrets._password(stored) == password
