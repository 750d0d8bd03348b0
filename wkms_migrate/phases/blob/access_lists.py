"""Owners and access lists of a Data Lake, which S3 cannot hold: a CSV beside the manifest has them all."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from wkms_migrate.clients.azure_access import AccessList
from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.counted import counted
from wkms_migrate.phases.blob.job import manifest_path

if TYPE_CHECKING:
    from pathlib import Path

    from wkms_migrate.phases.blob.job import Job

CODE = "access-list-lost"


def report_access_lists(job: Job) -> None:
    """List who may do what with each file and folder, and say where the list is; costs one listing."""
    path = manifest_path(job.run.context, job.container).with_suffix(".access.csv")
    try:
        count = _write(job, path)
    except ServiceError as error:
        job.run.finding(
            CODE,
            f"S3 has no POSIX owner and access list, and those of this Data Lake could not be read: {error.message}",
            object=job.container,
            kind="lost",
            severity="warning",
            hint="Sign in with the account key, or as Storage Blob Data Owner, then run with a new run name.",
        )
        return
    job.run.finding(
        CODE,
        f"S3 has no POSIX owner and access list; {path.name} lists those of"
        f" {counted(count, 'file or folder', 'files and folders')}.",
        object=job.container,
        kind="lost",
        hint=f"Give access by IAM and bucket policies: {path}.",
    )


def _write(job: Job, path: Path) -> int:
    """Write all that the choice's prefix shows: what may be done with a file depends on its folders too."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(AccessList._fields)
        count = 0
        for one in job.source.access_lists(job.container, job.selection.source_prefix):
            writer.writerow(one)
            count += 1
    return count
