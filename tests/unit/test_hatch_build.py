"""The build goes on where nothing can be compiled, and leaves nothing half-made."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("linker", [None, "no-such-compiler -shared", "false"])
def test_without_a_compiler_an_earlier_build_is_gone_and_the_reason_told(hook, linker, tmp_path, monkeypatch):
    target = tmp_path / "made.so"
    target.write_bytes(b"of an earlier source")
    monkeypatch.setattr(sysconfig, "get_config_var", {"LDSHARED": linker}.get)
    assert hook._build(ROOT / hook.SOURCE, target)
    assert not list(tmp_path.iterdir())
