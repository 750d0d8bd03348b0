"""Between reading and writing: packs each page as it comes, and hands its items on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import msgspec

from wkms_migrate.clients.dynamodb_write import put_request
from wkms_migrate.phases.cosmos.bodies import Bodies
from wkms_migrate.phases.cosmos.dead import DeadLetters
from wkms_migrate.phases.cosmos.items import ItemMap, UnmappableError
from wkms_migrate.phases.cosmos.landing import Landing
from wkms_migrate.phases.cosmos.lanes import Entry, Key
from wkms_migrate.phases.cosmos.pack import Packed, Packer, document_of
from wkms_migrate.phases.cosmos.read import Part, Reading
from wkms_migrate.phases.cosmos.tally import Tally


class Sink(Protocol):
    """Whatever takes items over: lanes to the table, or staging in S3."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None: ...

    def put(self, entries: Sequence[Entry]) -> None:
        """Take a page over; its load says when it has landed."""

    def check(self) -> None:
        """Raise what it has failed with."""

    def fail(self, error: BaseException) -> None:
        """End early."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A copy under way. `put_parts` and `bodies` take what has to be there before an item."""

    mapping: ItemMap
    sink: Sink
    landing: Landing
    letters: DeadLetters
    bodies: Bodies
    put_parts: Callable[[Sequence[bytes]], None]

    def lane(self, reading: Reading) -> None:
        """Copy pages until nothing is left to read."""
        packer = Packer(self.mapping)
        try:
            for part in reading.lane():
                self._hand_over(part, packer)
        except BaseException as error:
            self.sink.fail(error)
            raise

    def _hand_over(self, part: Part, packer: Packer) -> None:
        """Give a page to the sink. Of items with the same key the last stays."""
        done = Tally()
        packed: dict[Key, tuple[Packed, msgspec.Raw]] = {}
        for document in part.page.documents if part.page else ():
            one = self._packed(document, packer, done)
            if one is not None:
                packed.pop(one.key, None)
                packed[one.key] = (one, document)
        done.items = len(packed)
        load = self.landing.expect(part, done, len(packed))
        self.sink.put([Entry(key, put_request(one.json), document, load) for key, (one, document) in packed.items()])

    def _packed(self, document: msgspec.Raw, packer: Packer, done: Tally) -> Packed | None:
        """Pack a document and write what has to be there before its item; None when it is a dead letter."""
        try:
            packed = packer.pack(document)
        except UnmappableError as reason:
            self.letters.add([(document_of(bytes(document)), reason)])
            done.dead += 1
            return None
        if packed.mapped is not None:
            done.note(packed.mapped)
            if packed.mapped.object is not None:
                self.bodies.keep(packed.mapped.object)
            if packed.mapped.parts:
                self.put_parts(packed.mapped.parts)
        return packed
