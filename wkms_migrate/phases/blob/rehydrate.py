"""Blobs in the archive tier: ask Azure for them, and wait until they can be read.

Source: https://learn.microsoft.com/azure/storage/blobs/archive-rehydrate-overview (hours; the tier stays Archive and
`ArchiveStatus` says rehydrate-pending-to-… until it is done).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wkms_migrate.clients import azure_blob
from wkms_migrate.clients.azure_blob import Blob, BlobService
from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.counted import counted
from wkms_migrate.errors import Interrupted, WkmsError
from wkms_migrate.phases.blob.crew import each
from wkms_migrate.phases.blob.place import Place
from wkms_migrate.phases.blob.selection import select
from wkms_migrate.phases.blob.settings import BlobSettings
from wkms_migrate.phases.blob.survey import PENDING, sized

if TYPE_CHECKING:
    from wkms_migrate.events import Json
    from wkms_migrate.plan import StepRun

ARCHIVE = "Archive"


def request_container(run: StepRun, container: str, place: str) -> Mapping[str, Json]:
    """Ask for every selected blob that is archived and not asked for yet. The only write to the source."""
    settings = run.context.section(BlobSettings)
    with _service(run) as service:
        asked = [blob for blob in archived(service, settings, container, place) if not is_pending(blob)]
        tier, priority = settings.rehydrate_tier, settings.rehydrate_priority

        def ask(blob: Blob) -> None:
            try:
                service.thaw(container, blob.name, tier=tier, priority=priority)
            except ServiceError as error:
                raise WkmsError(
                    f"{blob.name!r} cannot be rehydrated: {error.message}",
                    hint="Needed is the right to write to the source (Storage Blob Data Contributor, or w in a SAS).",
                ) from error

        each(iter(asked), ask, workers=settings.workers, check_stop=run.check_stop)
    size = sum(blob.size for blob in asked)
    run.finding(
        "rehydration-asked",
        f"{len(asked)} archived blobs ({sized(size)}) were asked for in tier {tier} with priority {priority}.",
        object=container,
    )
    return {f"asked/{container}": {"objects": len(asked), "bytes": size}}


def wait_for_container(run: StepRun, container: str, place: str) -> Mapping[str, Json]:
    """Look again and again until nothing selected is archived any more. Can be stopped, and goes on when run again."""
    settings = run.context.section(BlobSettings)
    most = 0
    with _service(run) as service:
        while waiting := archived(service, settings, container, place):
            most = max(most, len(waiting))
            run.progress(most - len(waiting), most, "objects", item=waiting[0].name)
            if lost := [blob.name for blob in waiting if not is_pending(blob)]:
                raise WkmsError(
                    f"{counted(len(lost), 'blob')} of {container} archived and not being rehydrated, e.g. {lost[0]!r}.",
                    hint="Run the same command again: it asks for them.",
                )
            if run.stopping.wait(settings.poll_seconds):
                raise Interrupted("Stopped by the user.", hint="Run the same command again to go on waiting.")
    return {f"rehydrated/{container}": {"objects": most}}


def archived(service: BlobService, settings: BlobSettings, container: str, place: str) -> list[Blob]:
    """Return the selected blobs that are in the archive tier; no snapshots, which cannot be rehydrated in place."""
    chosen = select(settings, Place.of(place))
    blobs = service.blobs(container, prefix=chosen.source_prefix, tags=False)
    return [blob for _, blob, reason in chosen.listed(blobs) if blob.tier == ARCHIVE and reason == "archived"]


def is_pending(blob: Blob) -> bool:
    """Say whether Azure is at it already."""
    return blob.archive_status.startswith(PENDING)


@contextmanager
def _service(run: StepRun) -> Iterator[BlobService]:
    service = azure_blob.connect(run.context.settings.azure.storage, run.stopping)
    try:
        yield service
    finally:
        service.close()
