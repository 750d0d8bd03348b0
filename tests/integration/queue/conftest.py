"""What most tests of the queue phase move from and to; a file that needs other ends makes its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from endpoints import AwsEndpoint, StorageAccount
from queue_ends import Ends, new_ends


@pytest.fixture
def ends(azurite: StorageAccount, moto_server: AwsEndpoint, tmp_path: Path) -> Ends:
    return new_ends(azurite, moto_server, tmp_path)
