from __future__ import annotations

import pytest
from external import missing, need
from whole import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A lab that is up and seeded, removed with the session."""
    for program in ("node", "npm", "terraform"):
        need(program)
    lab = Lab(tmp_path_factory.mktemp("whole"))
    up = lab.call("lab", "up")
    try:
        if up.code:
            missing(f"the lab did not come up: {up.err}")
        seeded = lab.call("lab", "seed", "--scale", "s")
        assert seeded.code == 0, seeded.err
        yield lab
    finally:
        lab.call("lab", "remove")
