"""The only modules that import an SDK, each inside the function that needs it."""

from __future__ import annotations

from importlib import import_module


def import_sdks() -> None:
    """Import the SDKs on this thread. Call it before several threads begin to use them.

    Modules of azure.core import each other in circles; where two threads start at two ends of such a circle, Python
    breaks the deadlock by handing one of them a module that is half there.
    """
    for name in ("azure.identity", "azure.storage.blob", "azure.storage.queue", "azure.cosmos", "boto3"):
        import_module(name)
