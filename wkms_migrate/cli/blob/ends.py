"""The containers of a command and where they go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.options import Options
from wkms_migrate.errors import NotKnownYet

if TYPE_CHECKING:
    from wkms_migrate.clients.azure_blob import BlobService
    from wkms_migrate.phases.blob.settings import BlobSettings
    from wkms_migrate.plan import Context

Limit = Annotated[int, typer.Option(min=0, help="Names to show of each kind of difference.")]


@dataclass(frozen=True, slots=True)
class Ends:
    """What a reading command works with: `places` is bucket or bucket/prefix by container, empty for none."""

    context: Context
    settings: BlobSettings
    service: BlobService
    places: dict[str, str]

    def known(self) -> Iterator[tuple[str, str]]:
        """Yield container and place. Raises `NotKnownYet` for a bucket that is not made yet."""
        from wkms_migrate.phases.blob.place import UNKNOWN

        for container, place in self.places.items():
            if not place or place == UNKNOWN:
                raise NotKnownYet(
                    f"Container {container} has no bucket yet.",
                    hint="Run `wkms-migrate phase provision`, or name one with --to.",
                )
            yield container, place


@contextmanager
def opened(options: Options, flags: Flags) -> Iterator[Ends]:
    """Sign in at the source and find out what goes where."""
    from wkms_migrate.clients import azure_blob
    from wkms_migrate.phases.blob.place import chosen
    from wkms_migrate.phases.blob.refusals import told
    from wkms_migrate.phases.blob.settings import BlobSettings

    context = options.session(flags).context()
    settings = context.section(BlobSettings)
    service = azure_blob.connect(context.settings.azure.storage)
    try:
        with told():
            yield Ends(context, settings, service, chosen(context, settings.containers, settings.buckets, service))
    finally:
        service.close()
