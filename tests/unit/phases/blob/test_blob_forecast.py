"""What a copy will be charged for: requests and bytes as the copy makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.phases.blob.forecast import Archived, Workload
from wkms_migrate.phases.blob.settings import MIB, BlobSettings

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def blob(size: int, **facts: object) -> Blob:
    return Blob(name="a", etag="1", size=size, **facts)


@pytest.mark.parametrize(
    ("size", "kind", "reads", "writes"),
    [
        (0, "BlockBlob", 1, 1),
        (16 * MIB, "BlockBlob", 1, 1),
        (16 * MIB + 1, "BlockBlob", 2, 4),  # two parts, begun and completed
        (200_000 * MIB, "BlockBlob", 10_000, 10_002),  # parts grow, so that 10,000 do
        (32 * MIB, "PageBlob", 6, 4),  # the list of pages comes twice for each part
    ],
)
def test_requests_follow_size_and_kind(size, kind, reads, writes):
    work = Workload()
    work.add(blob(size, kind=kind, tier="Hot"), BlobSettings())
    assert (work.reads["Hot"], work.writes["STANDARD"], work.read_bytes["Hot"]) == (reads, writes, size)


def test_tiers_and_classes_are_kept_apart():
    work = Workload()
    for tier in ("Hot", "Cool", "Cool", "Cold"):
        work.add(blob(MIB, tier=tier), BlobSettings())
    assert work.reads == {"Hot": 1, "Cool": 2, "Cold": 1}
    assert work.writes == {"STANDARD": 1, "STANDARD_IA": 2, "GLACIER_IR": 1}
    assert (work.objects, work.bytes) == (4, 4 * MIB)


@pytest.mark.parametrize(
    ("facts", "least", "most"),
    [
        ({"tier_changed": "Mon, 01 Jun 2026 00:00:00 GMT"}, 5, 5),  # 30 days ago
        ({"tier_changed": "Wed, 01 Oct 2025 00:00:00 GMT"}, 0, 0),
        ({"last_modified": "Mon, 01 Jun 2026 00:00:00 GMT"}, 5, 6),  # archived then or later
        ({"last_modified": "Wed, 01 Oct 2025 00:00:00 GMT"}, 0, 6),
    ],
)
def test_what_the_minimum_lacks_is_known_or_a_range(facts, least, most):
    archived = Archived()
    archived.add(blob(1000, tier="Archive", **facts), NOW)
    assert (archived.least_early, archived.most_early) == (Decimal(least * 1000), Decimal(most * 1000))
