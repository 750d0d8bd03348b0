from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients import cosmos_token
from wkms_migrate.clients.cosmos_token import WHOLE
from wkms_migrate.errors import WkmsError

KEYS = st.integers(0, (0x40 << 120) - 1).map(lambda number: f"{number:032X}")


def token(*windows: tuple[str, str]) -> str:
    places = [
        {"token": f'"{number}"', "range": cosmos_token.feed_range(one)["Range"]} for number, one in enumerate(windows)
    ]
    held = {"v": "v2", "rid": "r", "continuation": places, **cosmos_token.feed_range(WHOLE)}
    data = {"v": "v2", "containerRid": "r", "mode": "LatestVersion", "startFrom": {}, "continuation": held}
    return base64.b64encode(json.dumps(data).encode()).decode()


@given(low=KEYS, high=KEYS)
def test_a_cut_lies_within_and_halves(low: str, high: str) -> None:
    if low > high:
        low, high = high, low
    cut = cosmos_token.middle((low, high))
    if cut is None:
        assert int(high, 16) - int(low, 16) <= 1
    else:
        assert low < cut < high
        left, right = cosmos_token.width((low, cut)), cosmos_token.width((cut, high))
        assert left == pytest.approx(right, abs=2**-120)


def test_the_whole_is_cut_where_hashes_are() -> None:
    assert cosmos_token.middle(WHOLE) == "2" + "0" * 31
    assert cosmos_token.width(WHOLE) == 1
    assert cosmos_token.middle(("2" + "0" * 31 + "AB" * 16, "FF")) == "3" + "0" * 31


def test_a_token_is_cut_back_to_its_part() -> None:
    cut = cosmos_token.narrowed(token(WHOLE), ("10", "20"))
    assert cosmos_token.windows(cut) == [("10", "20")]
    assert cosmos_token.container_of(cut) == "r"
    held = json.loads(base64.b64decode(cut))["continuation"]
    assert held["continuation"][0]["token"] == '"0"'
    assert held["Range"]["max"] == "20"
    assert cosmos_token.windows(token(("", "10"), ("10", "FF"))) == [("", "10"), ("10", "FF")]


@pytest.mark.parametrize(
    "text", ["", "no base64!", base64.b64encode(b"{}").decode(), base64.b64encode(b"[1]").decode()]
)
def test_what_is_no_token_is_told(text: str) -> None:
    with pytest.raises(WkmsError, match="cannot be read"):
        cosmos_token.windows(text)
