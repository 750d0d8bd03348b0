"""Owners and access lists of a Data Lake, which S3 cannot hold: each file and folder is listed by name."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from blob_driver import Move, new_move
from blob_source import Source, new_container
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

pytestmark = pytest.mark.integration
OWNED = {
    "인사팀": ("o-1", "$superuser", "rwxr-x---", "user::rwx,group::r-x,other::---,default:user:u-7:r-x"),
    "인사팀/규칙.pdf": ("o-1", "g-2", "rw-r-----", "user::rw-,user:u-7:r--,group::r--,mask::r--,other::---"),
    '쉼표, "따옴표".txt': ("o-2", "g-2", "rw-------", "user::rw-,group::---,other::---"),
}


@pytest.fixture
def azure(azurite: StorageAccount) -> Iterator[AzureProxy]:
    with AzureProxy(azurite.blob_endpoint, key=azurite.key) as proxy:
        yield proxy


@pytest.fixture
def source(azurite: StorageAccount, azure: AzureProxy) -> Source:
    made = new_container(azurite)
    made.put("인사팀", b"", metadata={"hdi_isfolder": "true"})
    for name, facts in OWNED.items():
        azure.lake.own(name, *facts)
        if name != "인사팀":
            made.put(name, name.encode())
    return made


@pytest.fixture
def move(azurite: StorageAccount, azure: AzureProxy, source: Source, tmp_path: Path) -> Iterator[Move]:
    with StrictS3() as double:
        double.bucket("target")
        yield new_move(azurite, double, {source.name: "target"}, tmp_path, through=azure.endpoint)


def access_of(ran):
    return [one for one in ran.findings if one.code == "access-list-lost"]


def test_each_file_and_folder_is_listed_with_who_may_do_what(move, source):
    ran = move.run()
    path = move.folder / "runs" / "test" / "blob" / f"{source.name}.access.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row.pop("name"): tuple(row.values()) for row in csv.DictReader(file)}
    assert rows == OWNED
    (found,) = access_of(ran)
    assert (found.kind, found.object) == ("lost", source.name)
    assert "those of 3 files and folders" in found.text
    assert path.name in found.text
    assert all(one.ok for one in ran.verified)


def test_what_may_not_be_read_is_told_and_the_blobs_arrive(move, azure):
    fault = azure.faults.add(Fault("denied", "GET", "include=permissions"))
    ran = move.run()
    assert fault.times == 0
    (found,) = access_of(ran)
    assert found.severity == "warning"
    assert "could not be read" in found.text
    assert "Owner" in found.hint
    assert all(one.ok for one in ran.verified)
    assert ran.state.outputs("blob")


def test_an_account_without_folders_costs_no_listing_more(move, azure, source):
    for name in OWNED:
        source.client.delete_blob(name)
    source.put("a", b"1")
    assert not access_of(move.run())
    assert azure.count("GET", "permissions") == 0
