"""Where files are: what is bundled (beside the package in a checkout, inside it in a wheel), and what is cached."""

from __future__ import annotations

import os
from pathlib import Path

from wkms_migrate.errors import WkmsError

_PACKAGE = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """Return the bundled file or folder `name`, e.g. `terraform/aws`."""
    for root in (_PACKAGE / "_assets", _PACKAGE.parent):
        if (found := root / name).exists():
            return found
    raise WkmsError(f"The bundled folder {name} is missing.", hint="Install wkms-migrate again.")


def cache() -> Path:
    """Return the folder of what is made once per machine and may be deleted at any time (XDG base directory rules)."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "wkms-migrate"
