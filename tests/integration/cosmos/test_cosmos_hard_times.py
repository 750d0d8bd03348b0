"""A whole copy through what may happen to both ends meanwhile: long throttling, splits, an item that is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cosmos_clouds
import pytest
from cosmos_clouds import Clouds
from doubles.strict_dynamodb import StrictDynamo
from endpoints import CosmosAccount

from wkms_migrate import events
from wkms_migrate.clients import azure_cosmos, dynamodb_write
from wkms_migrate.errors import TransientError, VerificationFailed
from wkms_migrate.phases.cosmos.dead import DeadLetters

pytestmark = pytest.mark.integration

ITEMS = 300
ENOUGH = 20  # refusals, twice as many as botocore would bear; waits grow to ten seconds meanwhile


@pytest.fixture
def strict() -> Iterator[StrictDynamo]:
    with StrictDynamo() as double:
        yield double


@pytest.fixture
def clouds(cosmos_double: CosmosAccount, strict: StrictDynamo, tmp_path: Path) -> Iterator[Clouds]:
    with cosmos_clouds.on_strict(cosmos_double, strict, tmp_path) as made:
        made.container("documents", ["/k"], [{"id": f"{n}", "k": f"부서 {n % 7}", "n": n} for n in range(ITEMS)])
        made.table("documents", "k")
        yield made
        made.account.control("PUT", "storm")


def storm(clouds: Clouds, **how: float) -> None:
    clouds.account.control("PUT", "storm", json.dumps(how).encode())


def numbers(clouds: Clouds) -> list[int]:
    return sorted(int(item["n"]["N"]) for item in clouds.items("documents"))


def once_landed(act: Callable[[], None]) -> Callable[[events.Event], None]:
    """Return a watcher that acts when the first page has landed."""
    done = threading.Event()

    def watch(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint) and event.key != "begun" and not done.is_set():
            done.set()
            act()

    return watch


def test_a_source_that_throttles_longer_than_the_sdk_waits_is_waited_for(clouds: Clouds) -> None:
    """The SDK gives up a request after nine tries; this is some thirty times as many."""
    clouds.move(page_size=20).run(once_landed(lambda: storm(clouds, rate=1.0, limit=300, retry_after_ms=5)))
    assert numbers(clouds) == list(range(ITEMS))


def test_a_source_that_throttles_for_ever_stops_the_copy_and_the_next_run_goes_on(
    clouds: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure_cosmos, "PATIENCE_SECONDS", 1.0)
    move = clouds.move(page_size=20)
    with pytest.raises(TransientError, match="429") as caught:
        move.run(once_landed(lambda: storm(clouds, rate=1.0, retry_after_ms=50)))
    assert caught.value.exit_code == TransientError.exit_code
    assert caught.value.hint
    landed = numbers(clouds)
    assert 0 < len(landed) < ITEMS
    storm(clouds)
    move.run()
    assert numbers(clouds) == list(range(ITEMS))


@pytest.mark.parametrize("how", ["refused", "unprocessed"])
def test_a_target_that_takes_nothing_for_long_is_waited_for(
    clouds: Clouds, strict: StrictDynamo, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    answer = StrictDynamo.answer

    def relenting(self: StrictDynamo, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if self.counts[how] >= ENOUGH:
            setattr(self, how, 0.0)
        return answer(self, headers, body)

    monkeypatch.setattr(StrictDynamo, "answer", relenting)
    clouds.move(page_size=20).run(once_landed(lambda: setattr(strict, how, 1.0)))
    assert strict.counts[how] >= ENOUGH
    assert numbers(clouds) == list(range(ITEMS))


def test_a_target_that_never_takes_anything_stops_the_copy_and_the_next_run_goes_on(
    clouds: Clouds, strict: StrictDynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_write, "PATIENCE_SECONDS", 1.0)
    move = clouds.move(page_size=20)
    with pytest.raises(TransientError, match="took no item") as caught:
        move.run(once_landed(lambda: setattr(strict, "unprocessed", 1.0)))
    assert "write capacity" in caught.value.hint
    strict.unprocessed = 0.0
    assert 0 < len(numbers(clouds)) < ITEMS
    move.run()
    assert numbers(clouds) == list(range(ITEMS))


def test_partitions_that_split_under_the_copy_lose_nothing(clouds: Clouds) -> None:
    def split() -> None:
        for _ in range(2):
            clouds.account.control("POST", f"split/{clouds.database.id}/documents")

    before = len(list(clouds.source("documents").read_feed_ranges()))
    state = clouds.move(page_size=10).run(once_landed(split))
    assert len(list(clouds.source("documents").read_feed_ranges(force_refresh=True))) > before
    assert numbers(clouds) == list(range(ITEMS))
    assert all(one.source == one.target for one in state.verified.values())


def test_an_item_that_dynamodb_refuses_is_a_dead_letter_and_the_rest_goes_on(
    clouds: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only the service knows to refuse: here, a value that it does not like."""
    answer = StrictDynamo.answer

    def picky(self: StrictDynamo, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if headers["X-Amz-Target"].endswith("BatchWriteItem") and b'"N":"123"' in body:
            return 400, b'{"__type":"com.amazon.coral.validate#ValidationException","message":"not this one"}'
        return answer(self, headers, body)

    monkeypatch.setattr(StrictDynamo, "answer", picky)
    move = clouds.move(page_size=20)
    with pytest.raises(VerificationFailed, match="dead letters is 0 on the source and 1 on the target"):
        move.run()
    assert numbers(clouds) == [number for number in range(ITEMS) if number != 123]
    letters = list(DeadLetters.of(move.context().run_dir, "documents").read())
    assert [(one.document["id"], one.code) for one in letters] == [("123", "refused")]
    assert "not this one" in letters[0].message
