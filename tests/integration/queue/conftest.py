"""What most tests of the queue phase move from and to; a file that needs other ends makes its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles.azure_proxy import AzureProxy
from doubles.strict_sqs import StrictSqs
from endpoints import AwsEndpoint, StorageAccount
from queue_ends import Ends, new_ends


@pytest.fixture
def proxy(azurite: StorageAccount) -> Iterator[AzureProxy]:
    with AzureProxy(azurite.queue_endpoint) as running:
        yield running


@pytest.fixture
def double(moto_server: AwsEndpoint) -> Iterator[StrictSqs]:
    with StrictSqs(moto_server.endpoint_url) as running:
        yield running


@pytest.fixture
def ends(azurite: StorageAccount, moto_server: AwsEndpoint, tmp_path: Path) -> Ends:
    return new_ends(azurite, moto_server, tmp_path)
