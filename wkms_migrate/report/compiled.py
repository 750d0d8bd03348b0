"""Templates compiled once per machine: to compile one takes fifty times as long as to fill it in."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2  # noqa: TID253 - who imports this module is about to use a template

from wkms_migrate import assets

if TYPE_CHECKING:
    from jinja2.bccache import Bucket


class Compiled(jinja2.FileSystemBytecodeCache):
    """Keeps compiled templates in this machine's cache, by their content; where nothing can be kept, it keeps nothing.

    Jinja names an entry by the Python that compiled it and by the template, not by its own version, nor by what else
    the code depends on: whether values are escaped.
    """

    def __init__(self, *, escape: bool) -> None:
        folder = assets.cache() / f"templates-jinja{jinja2.__version__}"
        super().__init__(str(folder), f"{'escaped' if escape else 'plain'}-%s")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load what was kept, if anything was."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template. A full disk or a home that is read-only costs time, never a report."""
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)
