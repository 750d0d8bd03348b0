from __future__ import annotations

import pytest

from wkms_migrate import assets
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases import PHASES
from wkms_migrate.phases.assess import report


def test_the_mapping_covers_the_guide_with_one_default_per_service():
    services = report.services()
    defaults = [row["azure"] for row in services if row["choice"] == "default"]
    assert len(defaults) == len(set(defaults))
    assert set(defaults) == {row["azure"] for row in services}
    assert {row["aws"] for row in services} >= {
        "AWS Lambda",
        "EC2 + ALB",
        "ECS, EKS",
        "RDS for MySQL",
        "Aurora MySQL",
        "DynamoDB",
        "DocumentDB",
        "Amazon Bedrock",
        "SageMaker",
        "Textract",
        "OpenSearch",
        "S3",
        "SQS",
        "SQS FIFO",
        "CloudWatch",
        "CloudWatch Logs",
    }


def test_the_mapping_names_phases_that_there_are_and_speaks_both_languages():
    for row in report.services():
        assert row["phase"] is None or row["phase"] in PHASES
        for text in (row["way"], row["note"]):
            assert any("가" <= letter <= "힣" for letter in text["ko"])
            assert text["en"].isascii()


def test_a_broken_mapping_is_told_with_its_place(tmp_path, monkeypatch):
    broken = tmp_path / "mapping.yaml"
    broken.write_text("services: [{group: storage, azure: A, aws: B, choice: maybe}]", encoding="utf-8")
    monkeypatch.setattr(assets, "path", lambda _name: broken)
    with pytest.raises(ConfigError, match=r"0\.choice"):
        report.services()
    broken.write_text("nothing: here", encoding="utf-8")
    with pytest.raises(ConfigError, match="services"):
        report.services()


def test_what_was_not_looked_at_is_unknown_and_never_zero():
    found = {"blob": {"containers": [], "blobs": 0, "bytes": 0}}
    told = report.totals(found)
    assert told["blobs"] == 0
    assert told["blob_bytes"] == 0
    assert told["mysql_rows"] is None
    assert told["cosmos_items"] is None


def test_presence_is_yes_no_or_unknown():
    row = {"found_by": "blob", "azure": "Blob Storage"}
    assert report._with_presence(row, {"blob": {"containers": [{}]}})["present"] is True
    assert report._with_presence(row, {"blob": {"containers": []}})["present"] is False
    assert report._with_presence(row, {})["present"] is None
    assert report._with_presence({"found_by": None}, {"blob": {}})["present"] is None
