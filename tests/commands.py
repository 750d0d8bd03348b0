"""Calls the commands of an area as their own program, with the configuration of a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its code, its JSON document, what it told people."""

    code: int
    data: dict[str, Any]
    told: str


def command(area: str, file: Path, *words: str) -> Ended:
    """Run `AREA WORDS` with --json."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("WKMS_")}
    ended = subprocess.run(
        [sys.executable, "-m", "wkms_migrate", area, *words, "--config", file, "--json"],
        cwd=file.parent,
        env=environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return Ended(ended.returncode, json.loads(ended.stdout) if ended.stdout else {}, ended.stderr)


blob = partial(command, "blob")
mysql = partial(command, "mysql")
