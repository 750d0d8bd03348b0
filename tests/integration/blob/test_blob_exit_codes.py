"""Bad input from the command line: what is told of which object, what to do, the exit code; and the rest goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.storage.blob import ContentSettings, StandardBlobTier
from blob_driver import Move, new_move
from blob_source import Source, content, new_container
from commands import blob
from doubles.azure_proxy import AzureProxy
from doubles.faults import Fault
from doubles.strict_s3 import StrictS3
from endpoints import StorageAccount

pytestmark = pytest.mark.integration
LONG = "가" * 400
OTHERS = {f"다른 문서 {number}.txt": content(100 + number, number) for number in range(4)}


@dataclass(slots=True)
class Ends:
    """Both ends of one copy, and what stands between."""

    source: Source
    azure: AzureProxy
    target: StrictS3
    move: Move

    def shown(self) -> dict[str, bytes]:
        return {key: item.data for key, item in self.target.store.buckets["target"].objects.items()}

    def wrong_md5(self, name: str) -> None:
        self.source.put(name, b"content")
        settings = ContentSettings(content_md5=bytearray(hashlib.md5(b"other").digest()))
        self.source.client.get_blob_client(name).set_http_headers(settings)

    def collide(self) -> None:
        self.source.put("bad", b"1")
        self.source.put("worse", b"2")
        self.move.folder.mkdir(exist_ok=True)
        (self.move.folder / "renames.csv").write_text("name,key\nbad,same\nworse,same\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Case:
    """What is wrong; the exit code; code, text and hint of what is told; which objects are named; whether others go."""

    make: Callable[[Ends], object]
    exit_code: int
    cause: str
    fix: str
    code: str = ""
    named: tuple[str, ...] = ("bad",)
    rest: bool = True


def put(name: str = "bad", **options: object) -> Callable[[Ends], None]:
    return lambda ends: ends.source.put(name, content(500), **options)


def fault(kind: str, method: str, where: str, *, at: str, times: int = 10_000) -> Callable[[Ends], None]:
    def make(ends: Ends) -> None:
        ends.source.put("bad", content(500))
        {"azure": ends.azure, "target": ends.target}[at].faults.add(Fault(kind, method, where, times=times))

    return make


RENAMES = "two blobs, one key"
CASES = {
    "right on one object": Case(
        fault("denied", "PUT", "/bad", at="target"), 5, "AccessDenied", "their rights", "not-copied"
    ),
    "right on one blob": Case(
        fault("denied", "GET", "/bad", at="azure"), 5, "AuthorizationPermissionMismatch", "their rights", "not-copied"
    ),
    "right on the bucket": Case(
        fault("denied", "PUT", "/target", at="target"), 2, "lack a right", "PutObject", named=(), rest=False
    ),
    "right on the container": Case(
        fault("denied", "GET", "comp=list", at="azure"),
        2,
        "lack a right",
        "Storage Blob Data Reader",
        named=(),
        rest=False,
    ),
    "bucket of another account": Case(
        fault("denied", "GET", "/target", at="target"), 2, "another account", "s3:ListBucket", named=(), rest=False
    ),
    "bucket in another region": Case(
        fault("elsewhere", "GET", "/target", at="target"), 2, "another region", "aws.region", named=(), rest=False
    ),
    "sign-in of Azure has ended": Case(
        fault("token_ended", "GET", "/bad", at="azure"), 5, "have ended", "again", named=(), rest=False
    ),
    "credentials of AWS have ended": Case(
        fault("expired", "PUT", "/bad", at="target"), 5, "have ended", "again", named=(), rest=False
    ),
    "key too long": Case(put(LONG), 0, "more than 1,024 bytes", "phases.blob.renames", "left-key-too-long", (LONG,)),
    "in the archive": Case(
        put(standard_blob_tier=StandardBlobTier.ARCHIVE), 0, "archive tier", "blob rehydrate", "left-archived"
    ),
    RENAMES: Case(Ends.collide, 0, "same key as another", "key of its own", "left-collision", ("bad", "worse")),
    "wrong stored MD5": Case(lambda ends: ends.wrong_md5("bad"), 5, "Content-MD5", "on_bad_md5", "not-copied"),
    "never keeps still": Case(fault("changed", "GET", "/bad", at="azure"), 5, "changed", "", "not-copied"),
}


@pytest.fixture
def ends(azurite: StorageAccount, tmp_path: Path) -> Iterator[Ends]:
    source = new_container(azurite)
    for name, data in OTHERS.items():
        source.put(name, data)
    with AzureProxy(azurite.blob_endpoint) as azure, StrictS3() as target:
        target.bucket("target")
        move = new_move(azurite, target, {source.name: "target"}, tmp_path, through=azure.endpoint)
        yield Ends(source, azure, target, move)


@pytest.mark.parametrize("name", CASES)
def test_object_cause_fix_and_exit_code(ends, name):
    case = CASES[name]
    case.make(ends)
    options = {"renames": str(ends.move.folder / "renames.csv")} if name == RENAMES else {}
    ended = blob(ends.move.write(workers=2, **options), "copy", "--yes")
    assert ended.code == case.exit_code, ended.told
    assert ended.data["exit_code"] == case.exit_code
    if case.code:
        found = [one for one in ends.move.state().findings.values() if one.code == case.code]
        assert {one.object for one in found} == {f"{ends.source.name}/{one}" for one in case.named}
        words, fix = found[0].text, found[0].hint
    else:
        words, fix = ended.data["error"], ended.data["hint"]
    assert case.cause in words
    assert case.fix in fix
    assert case.cause in ended.told, "people see it too"
    shown = ends.shown()
    assert shown == OTHERS if case.rest else shown.items() <= OTHERS.items(), "and nothing of what is wrong is visible"
    assert ends.target.store.buckets["target"].uploads == {}
