"""`blob plan`: what is there, what will become of it, how long it takes and what Azure charges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wkms_migrate.cli.blob import charges, ends
from wkms_migrate.cli.blob.ends import Ends
from wkms_migrate.cli.blob.selection import selected
from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted

if TYPE_CHECKING:
    from wkms_migrate.cost.egress import Egress
    from wkms_migrate.phases.blob.forecast import Rate, Workload
    from wkms_migrate.phases.blob.survey import Heap, Survey

Measure = Annotated[
    bool, typer.Option("--measure", help="Read the beginnings of some blobs to see how fast they come.")
]
Speed = Annotated[float | None, typer.Option(min=0.001, help="MiB a second to reckon with.")]


@dataclass(frozen=True, slots=True)
class Seen:
    """One container: where it goes, what its listing says, and what is to be copied; None: not compared, and why."""

    place: str
    survey: Survey
    past: Mapping[str, int]
    due: Workload | None
    why: str

    @property
    def work(self) -> Workload:
        """What is to be copied: all of it where the bucket cannot be asked."""
        return self.due or self.survey.work


@shared
@selected
def plan(options: Options, flags: Flags, measure: Measure = False, speed: Speed = None) -> None:
    """Say what each container holds, what cannot stay as it is, how long a copy takes and what leaving costs.

    Costs two listings a container, and one of its bucket. Changes nothing.
    """
    seen: dict[str, Seen] = {}
    with ends.opened(options, flags) as both:
        for container, place in both.places.items():
            seen[container] = _look(both, container, place)
            _say(options, container, seen[container])
        rate = _rate(both, seen, speed, measure=measure)
    objects, size = _total(seen)
    seconds = rate.seconds(objects, size) if rate else None
    _say_total(options, rate, (objects, size, seconds))
    found = charges.of([one.work for one in seen.values()], [one.survey.thaw for one in seen.values()])
    charges.say(options, found)
    options.data(
        {
            "containers": {name: _as_data(one) for name, one in seen.items()},
            "to_copy": {"objects": objects, "bytes": size},
            "seconds": seconds,
            "rate": asdict(rate) if rate else None,
            "egress": asdict(_egress(size)),
            "charges": charges.as_data(found),
        }
    )


def _look(both: Ends, container: str, place: str) -> Seen:
    from wkms_migrate.phases.blob.place import Place
    from wkms_migrate.phases.blob.selection import select
    from wkms_migrate.phases.blob.survey import past, survey

    selection = select(both.settings, Place.of(place))
    found = survey(both.service, both.settings, container, selection, notes=True)
    due, why = _due(both, container, place)
    return Seen(place, found, past(both.service, container, selection), due, why)


def _due(both: Ends, container: str, place: str) -> tuple[Workload | None, str]:
    """Return what is not in the bucket yet; None and the reason where the bucket cannot be asked."""
    from wkms_migrate.errors import WkmsError
    from wkms_migrate.phases.blob import look
    from wkms_migrate.phases.blob.forecast import Workload
    from wkms_migrate.phases.blob.place import UNKNOWN

    if not place or place == UNKNOWN:
        return None, "the bucket is not known yet"
    try:
        with look.both(both.context, container, place) as seen:
            due = Workload()
            for item in seen.job.manifest.pending():
                due.add(item.blob, both.settings)
            return due, ""
    except WkmsError as error:
        return None, error.message


def _rate(both: Ends, seen: Mapping[str, Seen], speed: float | None, *, measure: bool) -> Rate | None:
    from wkms_migrate.phases.blob import forecast
    from wkms_migrate.phases.blob.settings import MIB

    if speed is not None:
        return forecast.Rate(speed * MIB, None, "--speed")
    if not measure:
        return forecast.from_run(both.context)
    rates = [forecast.measured(both.service, name, one.survey.largest) for name, one in seen.items()]
    return max((rate for rate in rates if rate), key=lambda rate: rate.bytes, default=None)


def _total(seen: Mapping[str, Seen]) -> tuple[int, int]:
    work = [one.work for one in seen.values()]
    return sum(one.objects for one in work), sum(one.bytes for one in work)


def _egress(size: int) -> Egress:
    from wkms_migrate import assets
    from wkms_migrate.cost import egress

    return egress.of(size, assets.path("config") / "prices")


def _say(options: Options, container: str, one: Seen) -> None:
    from wkms_migrate.phases.blob.findings import LEFT
    from wkms_migrate.phases.blob.survey import sized
    from wkms_migrate.ui.text import short

    found = one.survey
    options.say(f"{container} → {one.place or '(no bucket)'}: {found.taken.text}")
    due = f"{counted(one.work.objects, 'object')}, {sized(one.work.bytes)}" if one.due else f"all of it ({one.why})"
    options.say(f"    to copy: {due}")
    options.say(f"    tiers: {_heaps(found.tiers)}")
    options.say(f"    storage classes: {_heaps(found.classes) or 'none'}")
    if found.archived.objects:
        options.say(f"    archived: {found.archived.text}, {found.rehydrating} of them being rehydrated")
    for reason, count in sorted(found.left.items()):
        why = f" (each {LEFT[reason][0]})" if reason in LEFT else ""
        options.say(f"    ! left behind, {reason}: {count:,}{why}, e.g. {short(found.examples[reason][0])!r}")
    for note, count in sorted(found.notes.items()):
        options.say(f"    converted, {note}: {count:,}")
    for what, count in sorted(one.past.items()):
        options.say(f"    beside them {count:,} {what}")
    if found.unselected:
        options.say(f"    not selected: {found.unselected:,}")
    if not found.tags:
        options.say("    ! index tags cannot be read with this sign-in")


def _heaps(heaps: Mapping[str, Heap]) -> str:
    return "; ".join(f"{name} {heap.text}" for name, heap in sorted(heaps.items()))


def _say_total(options: Options, rate: Rate | None, total: tuple[int, int, float | None]) -> None:
    from wkms_migrate.phases.blob.survey import sized
    from wkms_migrate.ui.text import duration

    objects, size, seconds = total
    options.say(f"To copy: {counted(objects, 'object')}, {sized(size)}." if objects else "To copy: nothing.")
    if not objects:
        return
    if rate and seconds is not None:
        options.say(f"Takes about {duration(seconds)} at {sized(rate.bytes)} a second, known by {rate.known_by}.")
    else:
        options.say(
            "How long it takes is not known before something was copied: --measure reads some, --speed N reckons."
        )


def _as_data(one: Seen) -> dict[str, Any]:
    found = one.survey
    return {
        "place": one.place,
        "objects": found.taken.objects,
        "bytes": found.taken.bytes,
        "to_copy": {"objects": one.due.objects, "bytes": one.due.bytes} if one.due else None,
        "not_compared": one.why,
        "tiers": {name: asdict(heap) for name, heap in found.tiers.items()},
        "storage_classes": {name: asdict(heap) for name, heap in found.classes.items()},
        "kinds": dict(found.kinds),
        "archived": {**asdict(found.archived), "rehydrating": found.rehydrating},
        "left": dict(found.left),
        "examples": found.examples,
        "converted": dict(found.notes),
        "past": dict(one.past),
        "unselected": found.unselected,
        "tags_readable": found.tags,
    }
