"""The strict double itself: it takes what boto3 sends, and refuses what S3 refuses."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3

pytestmark = pytest.mark.integration
MIB = 1 << 20


@pytest.fixture
def double() -> Iterator[StrictS3]:
    with StrictS3() as running:
        running.bucket("bucket")
        yield running


def client(double: StrictS3, secret: str = "testing", **options: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=double.endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key=secret,
        region_name="ap-northeast-2",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, **options),
    )


def refused(code: str, call: Any, **arguments: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code


def test_keeps_everything_of_an_object(double):
    s3 = client(double)
    s3.put_object(
        Bucket="bucket",
        Key="인사팀//a b+c.txt",
        Body=b"hello",
        Metadata={"owner_name": "kim"},
        Tagging="dept=hr&year=2025",
        StorageClass="STANDARD_IA",
        CacheControl="no-cache",
        ContentLanguage="ko",
    )
    found = s3.get_object(Bucket="bucket", Key="인사팀//a b+c.txt")
    assert found["Body"].read() == b"hello"
    assert found["Metadata"] == {"owner_name": "kim"}
    assert (found["StorageClass"], found["CacheControl"], found["ContentLanguage"]) == ("STANDARD_IA", "no-cache", "ko")
    tags = s3.get_object_tagging(Bucket="bucket", Key="인사팀//a b+c.txt")["TagSet"]
    assert tags == [{"Key": "dept", "Value": "hr"}, {"Key": "year", "Value": "2025"}]
    head = s3.head_object(Bucket="bucket", Key="인사팀//a b+c.txt", ChecksumMode="ENABLED")
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert len(base64.b64decode(head["ChecksumCRC64NVME"])) == 8


def test_lists_in_pages_in_the_order_of_bytes(double):
    s3 = client(double)
    names = ["b", "a//b", "/x", "x/", "한글", "z\U0001f600", "z\uffee", *[f"n/{i:03}" for i in range(20)]]
    for name in names:
        s3.put_object(Bucket="bucket", Key=name, Body=name.encode())
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="bucket", PaginationConfig={"PageSize": 7})
    assert [item["Key"] for page in pages for item in page["Contents"]] == sorted(names, key=str.encode)


@pytest.mark.parametrize(
    "arguments",
    [
        {"ContentMD5": base64.b64encode(hashlib.md5(b"other").digest()).decode()},
        {"ChecksumCRC64NVME": base64.b64encode(b"12345678").decode()},
        {"ChecksumCRC32": base64.b64encode(b"1234").decode()},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_refuses_a_wrong_checksum_and_stores_nothing(double, arguments):
    refused("BadDigest", client(double).put_object, Bucket="bucket", Key="k", Body=b"data", **arguments)
    assert double.store.buckets["bucket"].objects == {}


def test_refuses_what_is_over_a_limit(double):
    s3 = client(double)
    refused("KeyTooLongError", s3.put_object, Bucket="bucket", Key="한" * 342, Body=b"")
    refused("MetadataTooLarge", s3.put_object, Bucket="bucket", Key="k", Body=b"", Metadata={"a": "v" * 2048})
    refused("InvalidStorageClass", s3.put_object, Bucket="bucket", Key="k", Body=b"", StorageClass="HOT")
    tags = "&".join(f"k{i}=v" for i in range(11))
    refused("InvalidTag", s3.put_object, Bucket="bucket", Key="k", Body=b"", Tagging=tags)
    refused("NoSuchBucket", s3.put_object, Bucket="nowhere", Key="k", Body=b"")


def test_refuses_a_wrong_signature(double):
    refused("SignatureDoesNotMatch", client(double, secret="other").list_objects_v2, Bucket="bucket")


def test_honours_conditions(double):
    s3 = client(double)
    etag = s3.put_object(Bucket="bucket", Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", s3.put_object, Bucket="bucket", Key="k", Body=b"2", IfNoneMatch="*")
    s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfMatch=etag)
    refused("PreconditionFailed", s3.put_object, Bucket="bucket", Key="k", Body=b"3", IfMatch=etag)
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"2"


def upload(s3: Any, parts: list[bytes]) -> tuple[str, list[dict[str, Any]]]:
    name = s3.create_multipart_upload(
        Bucket="bucket", Key="big", ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
    )["UploadId"]
    stored = [
        s3.upload_part(Bucket="bucket", Key="big", UploadId=name, PartNumber=number, Body=body)["ETag"]
        for number, body in enumerate(parts, 1)
    ]
    return name, [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(stored, 1)]


def test_puts_parts_together_and_compares_the_whole(double):
    s3 = client(double)
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"end"]
    name, listed = upload(s3, parts)
    assert [part["Size"] for part in s3.list_parts(Bucket="bucket", Key="big", UploadId=name)["Parts"]] == [
        5 * MIB,
        5 * MIB,
        3,
    ]
    wrong = base64.b64encode(b"12345678").decode()
    complete = {"Bucket": "bucket", "Key": "big", "UploadId": name, "MultipartUpload": {"Parts": listed}}
    refused("BadDigest", s3.complete_multipart_upload, **complete, ChecksumCRC64NVME=wrong)
    refused("InvalidRequest", s3.complete_multipart_upload, **complete, MpuObjectSize=7)
    assert s3.complete_multipart_upload(**complete)["ETag"].strip('"').endswith("-3")
    assert s3.get_object(Bucket="bucket", Key="big", Range="bytes=5242880-5242889")["Body"].read() == parts[1][:10]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="bucket")


def test_refuses_small_and_foreign_parts_and_forgets_what_is_aborted(double):
    s3 = client(double)
    name, listed = upload(s3, [b"small", b"end"])
    complete = {"Bucket": "bucket", "Key": "big", "UploadId": name}
    refused("EntityTooSmall", s3.complete_multipart_upload, **complete, MultipartUpload={"Parts": listed})
    listed[0]["ETag"] = '"00000000000000000000000000000000"'
    refused("InvalidPart", s3.complete_multipart_upload, **complete, MultipartUpload={"Parts": listed})
    s3.abort_multipart_upload(**complete)
    refused("NoSuchUpload", s3.list_parts, **complete)


def test_keeps_versions_of_a_versioned_bucket(double):
    bucket = double.bucket("kept", versioned=True)
    s3 = client(double)
    assert s3.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
    s3.put_object(Bucket="kept", Key="k", Body=b"1")
    s3.put_object(Bucket="kept", Key="k", Body=b"2")
    s3.delete_object(Bucket="kept", Key="k")
    assert [item.data for item in bucket.versions["k"]] == [b"1", b"2"]


def test_faults_meet_the_request_they_are_for_and_no_other(double):
    s3 = client(double)
    double.faults.add(Fault("unavailable", "PUT", "/bucket/a"))
    s3.put_object(Bucket="bucket", Key="b", Body=b"1")
    refused("SlowDown", s3.put_object, Bucket="bucket", Key="a", Body=b"1")
    s3.put_object(Bucket="bucket", Key="a", Body=b"1")
    double.faults.add(Fault("damage_in", "PUT", "/bucket/a"))
    refused("XAmzContentSHA256Mismatch", s3.put_object, Bucket="bucket", Key="a", Body=b"2")
    double.faults.add(Fault("damage_out", "GET", "/bucket/a"))
    assert s3.get_object(Bucket="bucket", Key="a", ChecksumMode="DISABLED")["Body"].read() == b"0"


def test_versions_are_listed_newest_first_and_read_by_their_id(double):
    double.bucket("kept", versioned=True)
    s3 = client(double)
    for body in (b"one", b"two", b"three"):
        s3.put_object(Bucket="kept", Key="한 글", Body=body)
    s3.put_object(Bucket="kept", Key="한 글 2", Body=b"x")
    s3.delete_object(Bucket="kept", Key="한 글")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket="kept", PaginationConfig={"PageSize": 2})
    found = [(one["Key"], one["VersionId"], one["IsLatest"]) for page in pages for one in page.get("Versions", [])]
    assert [(key, latest) for key, _, latest in found] == [("한 글", False)] * 3 + [("한 글 2", True)]
    markers = s3.list_object_versions(Bucket="kept")["DeleteMarkers"]
    assert [(one["Key"], one["IsLatest"]) for one in markers] == [("한 글", True)]
    bodies = [s3.get_object(Bucket="kept", Key=key, VersionId=version)["Body"].read() for key, version, _ in found[:3]]
    assert bodies == [b"three", b"two", b"one"]
    refused("NoSuchKey", s3.get_object, Bucket="kept", Key="한 글")
