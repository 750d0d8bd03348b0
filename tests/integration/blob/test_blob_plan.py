"""What the blob phase plans: before provision, with its buckets, without one; and that planning writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blob_driver import Move
from blob_source import Source, content, new_container
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

from wkms_migrate import config, engine
from wkms_migrate.errors import ConfigError, NotKnownYet
from wkms_migrate.journal import RunState, StepState
from wkms_migrate.phases import blob
from wkms_migrate.plan import Context

pytestmark = pytest.mark.integration


@pytest.fixture
def sources(azurite: StorageAccount) -> tuple[Source, Source]:
    first, second = new_container(azurite), new_container(azurite)
    first.put("인사팀/a.pdf", content(3000))
    first.put("b", b"")
    second.put("c", b"1")
    return first, second


@pytest.fixture
def target() -> Iterator[StrictS3]:
    with StrictS3() as double:
        double.bucket("made")
        yield double


def settings(
    azurite: StorageAccount, target: StrictS3, folder: Path, containers: list[str], buckets: dict[str, str]
) -> config.Settings:
    move = Move(
        folder=folder,
        blob_endpoint=azurite.blob_endpoint,
        account=azurite.account,
        key=azurite.key,
        s3_endpoint=target.endpoint,
        containers={},
    )
    return config.load(move.write(containers=containers, buckets=buckets), {"blob": blob.BlobSettings}, environ={})


def provisioned(buckets: dict[str, str]) -> RunState:
    done = StepState(phase="provision", status="done", result={"wkms": {"buckets": buckets}})
    return RunState(steps={"provision/apply/aws": done})


def test_before_provision_the_plan_says_what_is_not_known(azurite, sources, target, tmp_path):
    names = [source.name for source in sources]
    context = Context(settings(azurite, target, tmp_path / "m", names, {}), RunState(), tmp_path / "run")
    steps = list(blob.plan(context))
    assert [step.id for step in steps] == [f"blob/{what}/{name}" for name in names for what in ("copy", "verify")]
    assert steps[0].summary == f"Copy container {names[0]} to bucket (known after provision) (2 objects, 2.9 KiB)"
    assert target.requests == []
    assert not (tmp_path / "run").exists()
    with pytest.raises(NotKnownYet):
        engine.Engine(context, lambda _: None).run([blob.PHASE])


def test_buckets_come_from_provision_and_a_container_without_one_is_skipped(azurite, sources, target, tmp_path):
    names = [source.name for source in sources]
    context = Context(
        settings(azurite, target, tmp_path / "m", names, {}), provisioned({names[0]: "made"}), tmp_path / "run"
    )
    engine.Engine(context, lambda _: None).run([blob.PHASE])
    assert set(target.store.buckets["made"].objects) == {"인사팀/a.pdf", "b"}
    skipped = {step.id: step.skip for step in blob.plan(context) if step.skip}
    assert set(skipped) == {f"blob/copy/{names[1]}", f"blob/verify/{names[1]}"}
    assert "phases.blob.buckets" in next(iter(skipped.values()))


def test_two_containers_never_share_a_bucket(azurite, sources, target, tmp_path):
    names = [source.name for source in sources]
    shared = settings(azurite, target, tmp_path / "m", names, {names[1]: "made"})
    with pytest.raises(ConfigError, match="share a bucket"):
        list(blob.plan(Context(shared, provisioned({names[0]: "made"}), tmp_path / "run")))


def test_the_digest_follows_the_source_and_nothing_else(azurite, sources, target, tmp_path):
    name = sources[0].name
    context = Context(settings(azurite, target, tmp_path / "m", [name], {name: "made"}), RunState(), tmp_path / "run")

    def digests() -> list[str]:
        return [step.digest for step in blob.plan(context)]

    before = digests()
    assert digests() == before
    sources[0].client.get_blob_client("b").set_blob_metadata({"owner": "kim"})
    assert all(new != old for new, old in zip(digests(), before, strict=True))
