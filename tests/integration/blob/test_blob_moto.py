"""From Azurite to moto: another S3, with other habits. What moto is known to lose is named here, not hidden."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
from blob_driver import Move
from blob_source import Source, content
from endpoints import AwsEndpoint, StorageAccount

from wkms_migrate.errors import Refused, VerificationFailed

pytestmark = pytest.mark.integration
MIB = 1 << 20


@pytest.fixture
def s3(moto_server: AwsEndpoint) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=moto_server.endpoint_url,
        region_name=moto_server.region,
        aws_access_key_id=moto_server.access_key_id,
        aws_secret_access_key=moto_server.secret_access_key,
    )


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"b{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    return name


@pytest.fixture
def move(azurite: StorageAccount, source: Source, moto_server: AwsEndpoint, bucket: str, tmp_path: Path) -> Move:
    return Move(
        folder=tmp_path / "move",
        blob_endpoint=azurite.blob_endpoint,
        account=azurite.account,
        key=azurite.key,
        s3_endpoint=moto_server.endpoint_url,
        containers={source.name: bucket},
        secret=moto_server.secret_access_key,
    )


def test_a_container_arrives_whole_and_a_second_run_has_nothing_to_do(move, source, s3, bucket):
    names = ["인사팀/2025/취업규칙 개정안 v2.pdf", "a//b", "x/", "+ &=%41", "empty"]
    for name in names:
        source.put(name, b"" if name == "empty" else name.encode(), tags={"dept": "hr"}, metadata={"owner": "kim"})
    source.put("big", content(13 * MIB), headers={"content_type": "video/mp4", "content_language": "ko"})
    ran = move.run(part_mib=5)
    assert all(one.ok for one in ran.verified)
    listed = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert listed == {*names, "big"}
    assert s3.get_object(Bucket=bucket, Key=names[0])["Body"].read() == names[0].encode()
    assert s3.get_object_tagging(Bucket=bucket, Key=names[0])["TagSet"] == [{"Key": "dept", "Value": "hr"}]
    assert s3.head_object(Bucket=bucket, Key=names[0])["Metadata"]["owner"] == "kim"
    big = s3.get_object(Bucket=bucket, Key="big")
    assert big["Body"].read() == content(13 * MIB)
    assert (big["ContentType"], big["ContentLanguage"]) == ("video/mp4", "ko")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert move.run(part_mib=5).ran == 0


def test_a_changed_blob_replaces_its_object(move, source, s3, bucket):
    source.put("a", b"one")
    move.run()
    source.put("a", b"two")
    move.run()
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"two"


def test_objects_of_others_are_refused(move, source, s3, bucket):
    s3.put_object(Bucket=bucket, Key="theirs", Body=b"theirs")
    source.put("a", b"one")
    with pytest.raises(Refused):
        move.run()
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["theirs"]


def test_replace_copies_what_it_overwrites_and_deletes(move, source, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"theirs")
    s3.put_object(Bucket=bucket, Key="한글 b", Body=b"theirs too")
    source.put("a", b"mine")
    move.run(on_existing="replace")
    found = {item["Key"]: s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listed(s3, bucket)}
    assert found == {
        "a": b"mine",
        ".wkms-migrate/backup/test/a": b"theirs",
        ".wkms-migrate/backup/test/한글 b": b"theirs too",
    }


def test_content_that_differs_is_found_by_reading_back(move, source, s3, bucket):
    """moto repeats whatever checksum it was given, so only reading back tells anything there."""
    source.put("a", content(1000))
    move.run()
    metadata = s3.head_object(Bucket=bucket, Key="a")["Metadata"]
    s3.put_object(Bucket=bucket, Key="a", Body=content(1000, 1), Metadata=metadata)
    with pytest.raises(VerificationFailed):
        move.run(verify="deep")


def listed(s3: Any, bucket: str) -> list[dict[str, Any]]:
    return s3.list_objects_v2(Bucket=bucket).get("Contents", [])
