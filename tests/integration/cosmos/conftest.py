"""What most tests of the cosmos phase move from and to; a file that needs other ends makes its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cosmos_clouds
import pytest
from cosmos_clouds import Clouds
from endpoints import AwsEndpoint, CosmosAccount


@pytest.fixture
def clouds(cosmos_double: CosmosAccount, moto_server: AwsEndpoint, tmp_path: Path) -> Iterator[Clouds]:
    with cosmos_clouds.opened(cosmos_double, moto_server, tmp_path) as made:
        yield made
