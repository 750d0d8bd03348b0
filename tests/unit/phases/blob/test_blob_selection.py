"""Which blobs are taken under which keys, and which objects are theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.phases.blob import mirror
from wkms_migrate.phases.blob.globs import pattern
from wkms_migrate.phases.blob.place import Place, overlapping
from wkms_migrate.phases.blob.selection import select
from wkms_migrate.phases.blob.settings import BlobSettings

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def blob(name: str, **options: object) -> Blob:
    return Blob(**{"name": name, "etag": "1", "size": 1, "last_modified": "Sun, 01 Mar 2026 12:00:00 GMT", **options})


def taken(names: list[str], place: str = "bucket", **options: object) -> dict[str, str]:
    chosen = select(BlobSettings(**options), Place.of(place))
    return {item.name: key for key, item, reason in chosen.listed(blob(name) for name in names) if not reason}


@pytest.mark.parametrize(
    ("glob", "name", "matches"),
    [
        ("*.pdf", "a.pdf", True),
        ("*.pdf", "b/a.pdf", False),
        ("**/*.pdf", "a.pdf", True),
        ("**/*.pdf", "b/c/a.pdf", True),
        ("b/**", "b/c/a.pdf", True),
        ("b/**", "b", False),
        ("?.txt", "가.txt", True),
        ("?.txt", "/.txt", False),
        ("[a-c].txt", "b.txt", True),
        ("[!a-c].txt", "b.txt", False),
        ("a+b(1).txt", "a+b(1).txt", True),
        ("a.txt", "aXtxt", False),
        ("a//*", "a//b", True),
        ("*", "a\nb", True),
    ],
)
def test_globs(glob, name, matches):
    assert bool(pattern(glob).fullmatch(name)) is matches


@given(NAMES)
def test_a_name_without_signs_matches_itself_and_every_name_matches_two_stars(name):
    assert pattern("**").fullmatch(name)
    if not set("*?[]") & set(name):
        assert pattern(name).fullmatch(name)


def test_everything_that_is_given_must_hold():
    names = ["hr/a.pdf", "hr/b.txt", "hr/old/c.pdf", "it/d.pdf"]
    assert set(taken(names, prefixes=("hr/",), include=("**/*.pdf",), exclude=("**/old/*",))) == {"hr/a.pdf"}


@pytest.mark.parametrize(
    ("limits", "there"),
    [
        ({"modified_after": "2026-03-01"}, True),
        ({"modified_after": datetime(2026, 3, 1, 12, tzinfo=UTC)}, True),
        ({"modified_after": "2026-03-01T12:00:01Z"}, False),
        ({"modified_before": "2026-03-01T12:00:00Z"}, False),
        ({"modified_before": "2026-03-01T21:00:01+09:00"}, True),
    ],
)
def test_dates(limits, there):
    assert bool(taken(["a"], **limits)) is there


@given(NAMES, st.sampled_from(["bucket", "bucket/p", "bucket/p/q/"]))
def test_the_key_of_a_taken_blob_is_always_one_of_those_looked_at(name, place):
    chosen = select(BlobSettings(), Place.of(place))
    for key, _, reason in chosen.listed([blob(name), blob(name, snapshot="2026")]):
        assert reason or chosen.holds(key)


def test_objects_out_of_the_choice_are_not_looked_at(tmp_path: Path):
    renames = tmp_path / "renames.csv"
    renames.write_text("name,key\nhr/long,short\nit/long,other\n", encoding="utf-8")
    chosen = select(BlobSettings(prefixes=("hr/",), renames=renames), Place.of("bucket/p"))
    assert chosen.holds("p/hr/a")
    assert chosen.holds("p/short")
    assert not chosen.holds("p/other")
    assert not chosen.holds("p/it/a")
    assert not chosen.holds("hr/a")
    assert not chosen.holds(".wkms-migrate/metadata/x.json")


def test_places_overlap_when_one_is_inside_the_other():
    assert overlapping(["a", "a"])
    assert overlapping(["a/p", "a/p/q"])
    assert overlapping(["a", "a/p"])
    assert not overlapping(["a/p", "a/pq", "b/p"])
    with pytest.raises(ValidationError, match="share a place"):
        BlobSettings(buckets={"one": "a/p", "two": "a/p/"})


@pytest.mark.parametrize(
    ("most", "of", "allowed"), [("10%", 20, 2), ("10%", 9, 0), ("7", 3, 7), ("0", 10, 0), ("100%", 5, 5)]
)
def test_how_many_may_be_deleted(most, of, allowed):
    assert mirror.allowed(most, of) == allowed


@pytest.mark.parametrize("wrong", ["-1", "10.5%", "all", "", "%"])
def test_a_limit_that_is_none_is_refused(wrong):
    with pytest.raises(ValidationError):
        BlobSettings(max_delete=wrong)
