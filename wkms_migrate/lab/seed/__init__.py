"""The believable WKMS that fills the lab's source: the same bytes on every machine, only once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from wkms_migrate.errors import UsageError
from wkms_migrate.lab.seed.dataset import Expected, Job, Part, Tell, dataset_id, refuse_real_clouds
from wkms_migrate.lab.seed.scale import scale as scale_named

if TYPE_CHECKING:
    from wkms_migrate.config import Settings

PARTS = ("mysql", "blob", "cosmos", "queue")
SDKS = ("azure.storage.blob", "azure.storage.queue", "azure.cosmos")
MANIFEST = Path(".lab/seed.json")


def seed(
    settings: Settings, scale: str, emit: Tell, *, parts: Iterable[str] = PARTS, manifest: Path = MANIFEST
) -> dict[str, Any]:
    """Fill the source with the data set of a scale (`s`, `m`, `l`) and return what it holds now.

    A part that holds the data set already is left alone; any other content of a part is replaced. `emit` takes lines
    for people; `manifest` gets the expected counts and digests per part. Raises `Refused` for a source that is not
    on this machine.
    """
    refuse_real_clouds(settings)
    job = Job(settings=settings, scale=scale_named(scale), dataset=dataset_id(scale), tell=emit, stopping=Event())
    known = _known(manifest, job.dataset)
    chosen = [_part(name) for name in parts]
    for name in SDKS:  # before the parts' threads import them: see wkms_migrate.clients
        import_module(name)
    with ThreadPoolExecutor(max(1, len(chosen)), thread_name_prefix="seed") as pool:
        try:
            for name, expected in pool.map(lambda part: (part.name, _fill(part, job, known.get(part.name))), chosen):
                known[name] = expected
                _write(manifest, {"dataset": job.dataset, "scale": scale, "parts": known})
        except BaseException:
            job.stopping.set()
            raise
    return {"dataset": job.dataset, "scale": scale, "parts": known}


def _fill(part: Part, job: Job, known: Expected | None) -> Expected:
    if known is not None and part.marker(job.settings) == job.dataset:
        job.tell(f"{part.name}: already seeded")
        return known
    started = time.monotonic()
    expected = part.fill(job)
    job.tell(f"{part.name}: seeded in {time.monotonic() - started:.1f} s")
    return expected


def _part(name: str) -> Part:
    if name not in PARTS:
        raise UsageError(f"There is no part {name!r} to seed.", hint=f"Choose among {', '.join(PARTS)}.")
    part: Part = import_module(f"wkms_migrate.lab.seed.fill_{name}").PART
    return part


def _known(manifest: Path, dataset: str) -> dict[str, Any]:
    """Return what earlier seeding of this very data set wrote down."""
    if not manifest.exists():
        return {}
    written: Mapping[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    return dict(written["parts"]) if written.get("dataset") == dataset else {}


def _write(manifest: Path, value: Mapping[str, Any]) -> None:
    manifest.parent.mkdir(parents=True, exist_ok=True)
    partial = manifest.with_suffix(".partial")
    partial.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    partial.replace(manifest)
