"""Structured bodies are read as they are specified, and damage in any byte is found."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients.crc64 import crc64
from wkms_migrate.clients.structured_body import read_body
from wkms_migrate.errors import TransientError


class Response(io.BytesIO):
    """What `read_body` uses of an HTTP response."""

    def __init__(self, body: bytes, header: str | None = "XSM/1.0; properties=crc64") -> None:
        super().__init__(body)
        self.header = header

    def getheader(self, _name: str) -> Any:
        return self.header


def message(data: bytes, segment: int) -> bytes:
    pieces = [data[at : at + segment] for at in range(0, len(data), segment)] or [b""]
    body = b"".join(
        struct.pack("<HQ", number, len(piece)) + piece + struct.pack("<Q", crc64(piece))
        for number, piece in enumerate(pieces, 1)
    )
    return struct.pack("<BQHH", 1, 13 + len(body) + 8, 1, len(pieces)) + body + struct.pack("<Q", crc64(data))


@given(data=st.binary(max_size=200), segment=st.integers(1, 64))
def test_content_comes_out_with_its_checksum(data, segment):
    buffer = bytearray(len(data))
    assert read_body(Response(message(data, segment)), buffer) == crc64(data)
    assert bytes(buffer) == data


@given(data=st.binary(min_size=1, max_size=60), segment=st.integers(1, 30), where=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_found(data, segment, where, bit):
    body = bytearray(message(data, segment))
    # The length of the message is redundant: content, segments and end are all checked without it.
    spots = [at for at in range(len(body)) if not 1 <= at < 9]
    body[spots[where % len(spots)]] ^= 1 << bit
    buffer = bytearray(len(data))
    try:
        read_body(Response(bytes(body)), buffer)
    except TransientError:
        return
    assert bytes(buffer) == data  # a flag that means nothing to us


@given(data=st.binary(min_size=1, max_size=60), cut=st.integers(1, 60))
def test_a_body_that_is_cut_off_is_found(data, cut):
    body = message(data, 16)
    with pytest.raises(TransientError):
        read_body(Response(body[: max(0, len(body) - cut)]), bytearray(len(data)))


@pytest.mark.parametrize("size", [2, 4])
def test_a_body_of_another_length_than_asked_for_is_found(size):
    with pytest.raises(TransientError):
        read_body(Response(message(b"abc", 2)), bytearray(size))
    with pytest.raises(TransientError):
        read_body(Response(b"abc", header=None), bytearray(size))


def test_a_plain_body_is_taken_when_the_service_sends_one():
    buffer = bytearray(3)
    assert read_body(Response(b"abc", header=None), buffer) == crc64(b"abc")
    assert bytes(buffer) == b"abc"
