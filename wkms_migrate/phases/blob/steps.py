"""The steps of the blob phase: thaw, copy and verify, for each container."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

from wkms_migrate.clients import azure_blob
from wkms_migrate.events import Json
from wkms_migrate.phases.blob import history, look
from wkms_migrate.phases.blob.copy import copy_container
from wkms_migrate.phases.blob.listing import Kept, Room
from wkms_migrate.phases.blob.place import UNKNOWN, Place, chosen, place_of
from wkms_migrate.phases.blob.refusals import told
from wkms_migrate.phases.blob.rehydrate import archived, is_pending, request_container, wait_for_container
from wkms_migrate.phases.blob.selection import select
from wkms_migrate.phases.blob.settings import BlobSettings
from wkms_migrate.phases.blob.survey import Survey, survey
from wkms_migrate.phases.blob.verify import verify_container
from wkms_migrate.plan import Context, Step, StepRun, digest_of

Work: TypeAlias = Callable[[StepRun, str, str], Mapping[str, Json]]
HOW = {"storage_classes", "on_bad_md5", "on_existing", "mirror", "max_delete", "past"}


def plan(context: Context) -> Iterator[Step]:
    """Yield copy and verify for every container, and before them what thaws archived blobs; costs one listing each."""
    settings = context.section(BlobSettings)
    service, room = azure_blob.connect(context.settings.azure.storage), Room()
    anew = settings.mirror or settings.archived == "rehydrate"  # deletes by the listing; thaws before it copies
    try:
        with told():
            for container, place in chosen(context, settings.containers, settings.buckets, service).items():
                selection = select(settings, Place.of(place))
                kept = None if anew else Kept(room)
                found = survey(service, settings, container, selection, kept=kept)
                if settings.past == "replay":
                    found.digest += history.digest(service, container, selection)
                if settings.archived == "rehydrate" and found.archived.objects:
                    yield from _thaw(service, settings, container, place)
                yield from _steps(context, settings, container, place, found, kept)
    finally:
        service.close()


def _steps(
    context: Context, settings: BlobSettings, container: str, place: str, found: Survey, kept: Kept | None
) -> Iterator[Step]:
    skip = None if place else f"container {container} has no bucket; name one in phases.blob.buckets"
    yield Step(
        id=f"blob/copy/{container}",
        summary=f"Copy container {container} to bucket {place} ({found.text})",
        run=partial(_on_place, partial(copy_container, kept), container),
        digest=digest_of(place, found.digest, settings.model_dump(include=HOW, mode="json")),
        stage=2,
        skip=skip,
        preview=partial(look.deletions, context, container, place) if settings.mirror and place != UNKNOWN else None,
    )
    yield Step(
        id=f"blob/verify/{container}",
        summary=f"Compare container {container} with bucket {place}",
        run=partial(_on_place, verify_container, container),
        digest=digest_of(place, found.digest, settings.verify),
        stage=3,
        skip=skip or ("phases.blob.verify is none" if settings.verify == "none" else None),
    )


def _thaw(service: azure_blob.BlobService, settings: BlobSettings, container: str, place: str) -> Iterator[Step]:
    waiting = archived(service, settings, container, place)
    asked = [blob.name for blob in waiting if not is_pending(blob)]
    if asked:
        yield Step(
            id=f"blob/rehydrate/{container}",
            summary=f"Ask Azure for {len(asked):,} archived blobs of {container} in tier {settings.rehydrate_tier}",
            run=partial(_on_place, request_container, container),
            digest=digest_of(asked),
            stage=0,
        )
    if waiting:
        yield Step(
            id=f"blob/wait/{container}",
            summary=f"Wait until {len(waiting):,} archived blobs of {container} can be read",
            run=partial(_on_place, wait_for_container, container),
            digest=digest_of(sorted(blob.name for blob in waiting)),
            stage=1,
        )


def _on_place(work: Work, container: str, run: StepRun) -> Mapping[str, Json]:
    """Do the work with the place as it is known now. Raises `NotKnownYet` when provision was not done."""
    return work(run, container, place_of(run.context, run.context.section(BlobSettings).buckets, container))
