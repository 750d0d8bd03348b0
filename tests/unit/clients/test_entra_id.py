"""Nobody is signed in to Azure: told in one line, with what to do, and never taken for a network that may come back."""

from __future__ import annotations

import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError

from wkms_migrate.clients import entra_id
from wkms_migrate.clients.azure_cosmos import told
from wkms_migrate.errors import ConfigError, TransientError


@pytest.mark.parametrize(
    ("said", "reason"),
    [("No token.", "No token."), ("No token.\nEnvironment: …\nCLI: …", f"No token. {entra_id.DETAILS}")],
)
def test_the_reason_is_one_line(said, reason):
    assert entra_id.reason(ClientAuthenticationError(message=said)) == reason


def test_cosmos_without_a_sign_in_is_a_fault_of_the_configuration():
    with pytest.raises(ConfigError, match="No Microsoft Entra token could be had for Cosmos DB: No token") as caught:
        raise_within(ClientAuthenticationError(message="No token.\nEnvironment: …"))
    assert "azure.cosmos.key" in caught.value.hint
    assert "\n" not in caught.value.message


def test_cosmos_out_of_reach_may_come_back():
    with pytest.raises(TransientError, match="cannot be asked"):
        raise_within(AzureError("connection refused"))


def raise_within(error: AzureError) -> None:
    with told("the account"):
        raise error
