"""What was done to the items of a range, kept in its cursor so that no conversion is forgotten by a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wkms_migrate.phases.cosmos.items import Mapped
from wkms_migrate.phases.cosmos.values import Notes
from wkms_migrate.plan import StepRun

EXAMPLES: Final = 3
TEXTS: Final[Mapping[str, str]] = {
    "number-as-text": "numbers are out of the range of DynamoDB's N; each is kept exactly, as text in a binary"
    " attribute that begins with `number:`",
    "depth-as-text": "values are nested deeper than the 32 levels of DynamoDB; each is kept as JSON in a binary"
    " attribute that begins with `json:`",
    "large-item": "items are over 400 KB; each is kept whole, compressed, by its attribute `~wkms`",
    "split-item": "of them are in several parts",
    "offloaded-item": "of them are objects in S3",
    "key-as-text": "partition keys are not strings; each key attribute holds a text that begins with `~`",
    "index-key-aside": "values cannot be the key of an index; each is kept under its name with `~wkms:` before it",
    "vector-packed": "vectors are 32-bit floats packed into a binary attribute that begins with `f32:`",
    "vector-rounded": "vectors had more digits than 32-bit floats, which is what they are now",
    "number-clamped": "numbers are out of the range of DynamoDB's N; each became the nearest one in it",
    "negative-zero": "numbers are -0, which DynamoDB holds as 0",
}
LOST: Final = frozenset({"vector-rounded", "number-clamped", "negative-zero"})
HARMLESS: Final = frozenset({"negative-zero"})


@dataclass(slots=True)
class Tally:
    """Counts of a range: items landed, dead letters, conversions by code with the ids of the first few."""

    items: int = 0
    dead: int = 0
    notes: Notes = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Tally:
        """Return what was saved in a cursor."""
        return cls(saved["items"], saved["dead"], Counter(saved["notes"]), dict(saved["examples"]))

    def as_json(self) -> dict[str, Any]:
        """Return it as a part of a cursor."""
        return {"items": self.items, "dead": self.dead, "notes": dict(self.notes), "examples": self.examples}

    def note(self, item: Mapped) -> None:
        """Take in the conversions of one item."""
        for code, count in item.notes.items():
            self.notes[code] += count
            known = self.examples.setdefault(code, [])
            if len(known) < EXAMPLES and item.id not in known:
                known.append(item.id)


def merged(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of the tallies of all ranges."""
    whole = Tally()
    for one in tallies:
        whole.items += one.items
        whole.dead += one.dead
        whole.notes += one.notes
        for code, ids in one.examples.items():
            whole.examples[code] = (whole.examples.get(code, []) + ids)[:EXAMPLES]
    return whole


def state(run: StepRun, name: str, tally: Tally) -> None:
    """State every conversion as a finding."""
    for code, count in sorted(tally.notes.items()):
        first = ", ".join(tally.examples.get(code, ()))
        lost = code in LOST
        run.finding(
            code,
            f"{count:,} {TEXTS[code]}. First: {first}.",
            name,
            kind="lost" if lost else "converted",
            severity="info" if code in HARMLESS else "warning",
            hint="" if lost else "The application must read it the same way; docs/cosmos.md shows how.",
        )
