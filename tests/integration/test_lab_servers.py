"""The emulators are what they claim to be: asked over their own protocols by the SDKs that the movers use."""

from __future__ import annotations

import ssl
from typing import Any

import boto3
import pymysql
import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from endpoints import AwsEndpoint, MysqlEndpoint, MysqlPair, StorageAccount

from wkms_migrate.lab import mysqld

pytestmark = pytest.mark.integration


def test_azurite_serves_blobs_and_queues_to_the_sdk(azurite: StorageAccount) -> None:
    with BlobServiceClient(azurite.blob_endpoint, credential=azurite.key) as blobs:
        blobs.create_container("lab-servers")
        blobs.get_blob_client("lab-servers", "인사팀/규칙.txt").upload_blob("내용".encode())
        assert [blob.name for blob in blobs.get_container_client("lab-servers").list_blobs()] == ["인사팀/규칙.txt"]
    with QueueServiceClient(azurite.queue_endpoint, credential=azurite.key) as queues:
        queue = queues.create_queue("lab-servers")
        queue.send_message("알림")
        assert queue.receive_message().content == "알림"


def test_moto_serves_aws_and_knows_managed_policies(moto_server: AwsEndpoint) -> None:
    s3 = _client(moto_server, "s3")
    s3.create_bucket(Bucket="lab-servers", CreateBucketConfiguration={"LocationConstraint": moto_server.region})
    assert "lab-servers" in {one["Name"] for one in s3.list_buckets()["Buckets"]}
    arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    assert _client(moto_server, "iam").get_policy(PolicyArn=arn)["Policy"]["Arn"] == arn


def test_moto_knows_the_machine_image_that_terraform_looks_up(moto_server: AwsEndpoint) -> None:
    images = _client(moto_server, "ec2").describe_images(
        Owners=["099720109477"], Filters=[{"Name": "name", "Values": ["ubuntu/images/*/ubuntu-noble-24.04-amd64-*"]}]
    )
    assert [image["Architecture"] for image in images["Images"]] == ["x86_64"]


def test_the_source_has_the_options_of_azure(mysql_pair: MysqlPair) -> None:
    assert _variables(mysql_pair.source) >= {
        ("lower_case_table_names", "1"),
        ("sql_generate_invisible_primary_key", "ON"),
        ("binlog_format", "ROW"),
        ("gtid_mode", "ON"),
        ("log_bin_trust_function_creators", "ON"),
        ("require_secure_transport", "ON"),
        ("time_zone", "+00:00"),
    }


def test_neither_administrator_has_what_the_clouds_do_not_grant(mysql_pair: MysqlPair) -> None:
    for server in (mysql_pair.source, mysql_pair.target):
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SHOW GRANTS")
            grants = " ".join(row[0] for row in cursor.fetchall())
            assert "RELOAD" in grants
            for privilege in ("SUPER", "FILE", "BACKUP_ADMIN", "SYSTEM_VARIABLES_ADMIN"):
                assert f" {privilege}," not in grants
            with pytest.raises(pymysql.err.OperationalError, match="BACKUP_ADMIN"):
                cursor.execute("LOCK INSTANCE FOR BACKUP")


def test_the_target_master_has_its_privileges_by_role_and_may_not_write_the_grant_tables(mysql_pair: MysqlPair) -> None:
    with mysql_pair.target.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_ROLE()")
        assert cursor.fetchone() == ("`rds_superuser_role`@`%`",)
        with pytest.raises(pymysql.err.OperationalError, match="INSERT command denied"):
            cursor.execute("INSERT INTO mysql.user (user) VALUES ('x')")


def test_tls_needs_the_authority_of_the_lab(mysql_pair: MysqlPair) -> None:
    source = mysql_pair.source
    with pytest.raises(pymysql.err.OperationalError, match="certificate verify failed"):
        source.connect(ssl=ssl.create_default_context())
    with source.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        assert cursor.fetchone()[1].startswith("TLSv1.")


def test_the_source_refuses_plain_connections(mysql_pair: MysqlPair) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="require_secure_transport"):
        pymysql.connect(
            host=mysql_pair.source.host,
            port=mysql_pair.source.port,
            user=mysqld.OWNER,
            password=mysql_pair.source.owner_password,
            ssl_disabled=True,
        )


def _variables(server: MysqlEndpoint) -> set[tuple[Any, ...]]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL VARIABLES")
        return set(cursor.fetchall())


def _client(server: AwsEndpoint, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.endpoint_url,
        region_name=server.region,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
    )
