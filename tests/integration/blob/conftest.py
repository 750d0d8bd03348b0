"""What most tests of the blob phase move from and to; a file that needs other ends makes its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blob_source import Source, new_container
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount


@pytest.fixture
def source(azurite: StorageAccount) -> Source:
    return new_container(azurite)


@pytest.fixture
def target() -> Iterator[StrictS3]:
    with StrictS3() as double:
        double.bucket("target")
        yield double
