"""What a blob becomes: nothing is lost without a word, and nothing is written that S3 refuses."""

from __future__ import annotations

import base64
import json
from email.header import decode_header, make_header

import pytest
from doubles.strict_s3.store import described
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients.azure_blob import Blob
from wkms_migrate.phases.blob import mapping

CLASSES = {"Hot": "STANDARD", "Cool": "STANDARD_IA", "Cold": "GLACIER_IR"}
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def blob(name: str = "a", **options: object) -> Blob:
    return Blob(**{"name": name, "etag": "0x8D", "size": 1 << 20, "last_modified": "then", **options})


def decoded(value: str) -> str:
    return str(make_header(decode_header(value))) if value.startswith("=?UTF-8?B?") else value


@given(metadata=st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True), TEXT, max_size=8))
def test_metadata_is_whole_in_headers_or_beside_the_object(metadata):
    one = mapping.mapped(blob(metadata=metadata), "a", "account/container", CLASSES)
    stored = described(one.headers, []).metadata  # refuses what S3 refuses
    if one.sidecar:
        name, body = one.sidecar
        assert stored["azure-metadata"] == name
        assert json.loads(body) == {"key": "a", "name": "a", "metadata": metadata}
        assert "metadata-in-sidecar" in one.notes
    else:
        lowered = {name.lower(): value for name, value in metadata.items()}
        assert {name: decoded(value) for name, value in stored.items() if not name.startswith("azure-")} == lowered


@given(
    tags=st.dictionaries(
        st.text("abc +-.:=_/", min_size=1, max_size=9), st.text("xyz +-.:=_/", max_size=9), max_size=10
    )
)
def test_tags_survive_the_header(tags):
    from urllib.parse import parse_qsl

    header = mapping.mapped(blob(tags=tags), "a", "s", CLASSES).headers.get("x-amz-tagging", "")
    assert dict(parse_qsl(header, keep_blank_values=True)) == tags


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=300, max_size=700))
def test_a_proposed_key_fits_and_is_its_own(name):
    key = mapping.proposed_key(name)
    assert len(key.encode()) <= mapping.KEY_BYTES
    assert key == mapping.proposed_key(name)
    assert key != mapping.proposed_key(name + "x")


def test_a_proposed_key_keeps_folder_and_suffix():
    key = mapping.proposed_key("인사팀/" + "긴" * 400 + ".pdf")
    assert key.startswith("인사팀/긴")
    assert key.endswith(".pdf")


def test_owner_and_access_list_of_a_data_lake_are_noted_as_lost():
    assert mapping.mapped(blob(posix=True), "a", "s", CLASSES).notes == ("access-list-lost",)


def test_a_header_that_is_not_ascii_is_kept_as_metadata_and_noted():
    one = mapping.mapped(blob(headers={"Content-Disposition": "filename=한글.pdf"}), "a", "s", CLASSES)
    assert "Content-Disposition" not in one.headers
    kept = one.headers["x-amz-meta-azure-content-disposition"]
    assert base64.b64decode(kept[10:-2]).decode() == "filename=한글.pdf"
    assert "header-not-ascii" in one.notes


@pytest.mark.parametrize(
    ("tier", "inferred", "size", "expected"),
    [
        ("Hot", False, 1 << 20, "STANDARD"),
        ("Cool", False, 1 << 20, "STANDARD_IA"),
        ("Cold", False, 1 << 20, "GLACIER_IR"),
        ("Cool", True, 1 << 20, "STANDARD"),
        ("Cool", False, 131_071, "STANDARD"),
        ("Cool", False, 131_072, "STANDARD_IA"),
        ("P10", False, 1 << 20, "STANDARD"),
    ],
)
def test_tiers_become_storage_classes(tier, inferred, size, expected):
    assert mapping.storage_class(blob(tier=tier, tier_inferred=inferred, size=size), CLASSES) == expected


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, ""),
        ({"folder": True, "size": 0}, "folder"),
        ({"folder": True, "size": 1}, ""),
        ({"tier": "Archive"}, "archived"),
        ({"name": "한" * 341}, ""),
        ({"name": "한" * 342}, "key-too-long"),
        ({"size": mapping.OBJECT_BYTES + 1}, "too-large"),
        ({"name": ".wkms-migrate/x"}, "reserved"),
    ],
)
def test_what_cannot_be_copied_says_why(options, reason):
    one = blob(**options)
    assert mapping.left(one, one.name) == reason


def test_a_fingerprint_follows_all_that_is_copied():
    first = blob(tags={"a": "1"})
    others = [blob(etag="0x8E", tags={"a": "1"}), blob(tags={"a": "2"}), blob(tier="Cool", tags={"a": "1"})]
    prints = {mapping.fingerprint(one, "a") for one in [first, *others]} | {mapping.fingerprint(first, "b")}
    assert len(prints) == 5
    assert mapping.fingerprint(first, "a") == mapping.fingerprint(blob(tags={"a": "1"}), "a")


def test_what_has_no_room_in_the_metadata_is_all_beside_the_object():
    long = "가" * 1024
    headers = {"Content-Disposition": "attachment; filename=한글.pdf", "Content-Type": "text/plain"}
    one = mapping.mapped(blob(long, headers=headers, metadata={"owner": "kim"}), "short", "account/container", CLASSES)
    described(one.headers, [])
    assert one.headers["Content-Type"] == "text/plain"
    assert one.sidecar
    assert json.loads(one.sidecar[1]) == {
        "key": "short",
        "name": long,
        "metadata": {"owner": "kim"},
        "headers": {"azure-content-disposition": headers["Content-Disposition"]},
    }
