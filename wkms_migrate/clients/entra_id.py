"""Sign-in to Azure by Microsoft Entra ID: whatever azure-identity finds on this machine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from wkms_migrate.clients import importing

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

DETAILS = "--debug shows what each way to sign in said."


def credential() -> Any:
    """Return a credential that tries the environment, a managed identity and `az login` in turn."""
    with importing:
        from azure.identity import DefaultAzureCredential

    logging.getLogger("azure.identity").setLevel(logging.ERROR)  # it warns of what it raises as well, in fifteen lines
    return DefaultAzureCredential()


def reason(error: AzureError) -> str:
    """Return in one line why Azure did not answer; azure-identity adds a paragraph for each way it tried."""
    first, _, rest = error.message.partition("\n")
    return f"{first} {DETAILS}" if rest else first
