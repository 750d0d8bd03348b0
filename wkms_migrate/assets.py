"""Where the bundled folders are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from wkms_migrate.errors import WkmsError

_PACKAGE = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """Return the bundled file or folder `name`, e.g. `terraform/aws`."""
    for root in (_PACKAGE / "_assets", _PACKAGE.parent):
        if (found := root / name).exists():
            return found
    raise WkmsError(f"The bundled folder {name} is missing.", hint="Install wkms-migrate again.")
