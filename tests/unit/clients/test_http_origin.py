from __future__ import annotations

import urllib.parse

from hypothesis import given
from hypothesis import strategies as st

from wkms_migrate.clients.http_origin import Request


@given(path=st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.just("/")), max_size=60))
def test_a_path_is_encoded_as_a_whole_whatever_its_slashes(path):
    assert Request(method="GET", path=f"/{path}").target_path == urllib.parse.quote(f"/{path}", safe="/-_.~")
