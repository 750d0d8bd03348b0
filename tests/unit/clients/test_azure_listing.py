"""What a listing of Azure says beside the current blobs; Azurite has neither versions nor soft deletion."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from wkms_migrate.clients.azure_blob import TAGS_REFUSED, BlobService
from wkms_migrate.clients.http_origin import Request, ServiceError
from wkms_migrate.phases.blob.place import Place
from wkms_migrate.phases.blob.selection import select
from wkms_migrate.phases.blob.settings import BlobSettings
from wkms_migrate.phases.blob.survey import past

PAGE = """<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>
<Blob><Name>a</Name><VersionId>2026-01-01T00:00:00.0000000Z</VersionId><Properties><Etag>1</Etag></Properties></Blob>
<Blob><Name>a</Name><VersionId>2026-02-01T00:00:00.0000000Z</VersionId><IsCurrentVersion>true</IsCurrentVersion>
<Properties><Etag>2</Etag></Properties></Blob>
<Blob><Name>a</Name><Snapshot>2026-01-15T00:00:00.0000000Z</Snapshot><Properties><Etag>3</Etag></Properties></Blob>
<Blob><Name>b</Name><Deleted>true</Deleted><Properties><Etag>4</Etag></Properties></Blob>
<Blob><Name>c</Name><Properties><Etag>5</Etag><AccessTier>Archive</AccessTier>
<ArchiveStatus>rehydrate-pending-to-hot</ArchiveStatus></Properties></Blob>
</Blobs><NextMarker /></EnumerationResults>"""


def service() -> BlobService:
    origin = SimpleNamespace(call=lambda _: SimpleNamespace(body=PAGE.encode()))
    return BlobService("account", origin, "")


def test_versions_snapshots_and_deleted_blobs_are_told_apart():
    found = [
        (one.name, one.past, one.deleted) for one in service().blobs("c", also=("versions", "snapshots", "deleted"))
    ]
    assert found == [
        ("a", "2026-01-01T00:00:00.0000000Z", False),
        ("a", "", False),
        ("a", "2026-01-15T00:00:00.0000000Z", False),
        ("b", "", True),
        ("c", "", False),
    ]
    assert list(service().blobs("c"))[-1].archive_status == "rehydrate-pending-to-hot"


def test_the_plan_counts_what_the_plain_listing_does_not_show():
    chosen = select(BlobSettings(), Place.of("bucket"))
    assert past(service(), "c", chosen) == {"earlier versions": 1, "snapshots": 1, "soft-deleted blobs": 1}


def test_files_and_folders_of_a_data_lake_are_known():
    """Its listing names the kind of each; that of a flat account does not."""
    page = PAGE.replace("<Etag>1</Etag>", "<Etag>1</Etag><ResourceType>file</ResourceType>")
    page = page.replace("<Etag>5</Etag>", "<Etag>5</Etag><ResourceType>directory</ResourceType>")
    lake = BlobService("account", SimpleNamespace(call=lambda _: SimpleNamespace(body=page.encode())), "")
    found = [(one.posix, one.folder) for one in lake.blobs("c")]
    assert found == [(True, False), (False, False), (False, False), (False, False), (True, True)]


@pytest.mark.parametrize("code", sorted(TAGS_REFUSED))
def test_tags_are_asked_for_until_they_are_refused(code):
    asked: list[str] = []

    def call(request: Request) -> SimpleNamespace:
        asked.append(request.query["include"])
        if "tags" in request.query["include"]:
            raise ServiceError("no", status=403, code=code)
        return SimpleNamespace(body=PAGE.encode())

    account = BlobService("account", SimpleNamespace(call=call), "")
    assert account.lists_tags("c")
    assert [len(list(account.blobs("c"))) for _ in range(2)] == [5, 5]
    assert (account.lists_tags("c"), account.lists_tags("other")) == (False, True)
    assert asked == ["metadata,tags", "metadata", "metadata"]


def test_a_refusal_of_the_listing_itself_is_told():
    def call(_: Request) -> SimpleNamespace:
        raise ServiceError("no", status=403, code="AuthorizationPermissionMismatch")

    with pytest.raises(ServiceError):
        list(BlobService("account", SimpleNamespace(call=call), "").blobs("c"))
