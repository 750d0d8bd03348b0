"""Move a whole WKMS from Azure to AWS."""

__version__ = "0.1.0"
