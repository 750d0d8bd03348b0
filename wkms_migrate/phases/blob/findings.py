"""What the reader of the report should know of a container, in words."""

from __future__ import annotations

from typing import Literal

from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.blob import access_lists
from wkms_migrate.phases.blob.job import Job, manifest_path
from wkms_migrate.phases.blob.mapping import METADATA_BYTES
from wkms_migrate.phases.blob.renames import write_left

SHOWN = 50  # findings per container and reason; the CSV has all

LEFT: dict[str, tuple[str, str]] = {
    "archived": (
        "is in the archive tier and cannot be read",
        "`wkms-migrate blob rehydrate` asks Azure for it, which takes up to 15 hours, and copies it.",
    ),
    "key-too-long": (
        "has a name of more than 1,024 bytes in UTF-8, S3's limit",
        "The CSV proposes a shorter key; set phases.blob.renames to it, then run the same command again.",
    ),
    "too-large": ("is larger than 50 TB, S3's limit", "Split it at the source."),
    "reserved": (
        "has a name that begins with .wkms-migrate/, which this tool uses itself",
        "Give it another key by phases.blob.renames.",
    ),
    "collision": (
        "would get the same key as another blob, by phases.blob.renames",
        "Give it a key of its own in that file, then run the same command again.",
    ),
    "taken": (
        "would overwrite an object that somebody else put into the bucket",
        "Move that object away, or set phases.blob.on_existing to replace.",
    ),
}
NOTES: dict[str, tuple[Literal["note", "converted", "lost"], str]] = {
    "changed": ("note", "were changed while they were read; a later version was copied whole"),
    "gone": ("note", "were deleted or archived while the copy ran"),
    "header-not-ascii": ("converted", "have a content header that is not ASCII; it is kept as metadata azure-<header>"),
    "metadata-in-sidecar": (
        "converted",
        f"have metadata that S3 does not take (over {METADATA_BYTES} bytes, or odd names); "  # noqa: ISC004 - one text
        "it is kept under .wkms-migrate/metadata/, the object's metadata azure-metadata names it",
    ),
    "metadata-encoded": ("converted", "have metadata values that are not plain ASCII; they are encoded by RFC 2047"),
    "metadata-lowercased": ("converted", "have metadata names with capitals; S3 keeps names in lower case"),
    "past-left": ("lost", "have earlier versions that cannot be copied (archived, or too long a key); they were left"),
    "past-taken": ("lost", "have earlier versions that were left, because somebody else's object has their key"),
    "soft-deleted": ("note", "are soft-deleted and were not copied; undelete on Azure what is to be kept"),
    "written-as-object": ("note", "are append or page blobs; their content was copied as an object"),
}


def report(job: Job) -> None:
    """State what was converted, and list what is left behind; all of it goes into a CSV beside the manifest."""
    for code, count in sorted(job.tally.notes.items()):
        if code == access_lists.CODE:
            access_lists.report_access_lists(job)
            continue
        kind, text = NOTES[code]
        example = job.tally.examples[code]
        job.run.finding(code, f"{count} blobs {text}, e.g. {example!r}.", object=job.container, kind=kind)
    if not job.tags:
        job.run.finding(
            "tags-not-readable",
            "These credentials may not read index tags, so no tags were copied.",
            object=job.container,
            kind="lost",
            severity="warning",
            hint="Sign in with the account key, or with the right to read tags (t), then run with a new run name.",
        )
    _report_left(job)


def _report_left(job: Job) -> None:
    left, renames = job.manifest.left(), job.selection.renames
    path = manifest_path(job.run.context, job.container).with_suffix(".left.csv")
    if left or renames:
        write_left(path, ((name, reason) for name, _, reason in left), renames, job.selection.room)
    folders = sum(1 for _, _, reason in left if reason == "folder")
    if folders:
        text = f"{folders} folder stubs (hdi_isfolder) have no content and were not copied; S3 needs none."
        hint = "phases.blob.folder_stubs: copy writes them as empty objects, with their metadata."
        job.run.finding("folder-stubs", text, object=job.container, hint=hint)
    for reason, (text, hint) in LEFT.items():
        names = [name for name, _, why in left if why == reason]
        for name in names[:SHOWN]:
            _left(job, reason, f"It {text}.", f"{job.container}/{name}", hint)
        if len(names) > SHOWN:
            _left(job, reason, f"{len(names)} blobs in all: each {text}. {path.name} lists them.", job.container, hint)


def _left(job: Job, reason: str, text: str, about: str, hint: str) -> None:
    severity: Literal["error", "warning"] = "error" if reason in {"taken", "collision"} else "warning"
    job.run.finding(f"left-{reason}", text, object=about, kind="left", severity=severity, hint=hint)


def failed(job: Job, name: str, error: WkmsError) -> None:
    """State that one object could not be copied."""
    about = f"{job.container}/{name}"
    job.run.finding("not-copied", error.message, object=about, kind="left", severity="error", hint=error.hint)


def wrong_md5(job: Job, name: str) -> None:
    """State that a blob was copied although its stored MD5 is wrong."""
    job.run.finding(
        "wrong-md5",
        f"{name!r} does not match its stored Content-MD5 and was copied as Azure holds it.",
        object=f"{job.container}/{name}",
        kind="risk",
        severity="warning",
    )
