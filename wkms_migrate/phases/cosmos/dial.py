"""The rates that reading and writing may have: as configured, until `cosmos budget` sets others for a run under way.

`cosmos-budget.json` in the run's folder holds what was set; whoever spends looks at it twice a second. It stays in
force when the run is stopped and goes on, until it is set back.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from wkms_migrate.errors import Refused, WkmsError

FILE: Final = "cosmos-budget.json"
LOOK_SECONDS: Final = 0.5
UNLIMITED: Final = "unlimited"
CONFIGURED: Final = "configured"

Kind: TypeAlias = Literal["ru", "wcu"]
Amount: TypeAlias = float | str | None  # units per second, or "40%" of what is provisioned; None for no limit


class Dial:
    """The present rate of one kind; call it. Thread-safe."""

    def __init__(self, run_dir: Path, kind: Kind, configured: Amount, provisioned: Callable[[], float | None]) -> None:
        self._path = run_dir / FILE
        self._kind = kind
        self._configured = configured
        self._provisioned = provisioned
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._changed = _changed(self._path)
        self._rate = self._read()

    def __call__(self) -> float | None:
        """Return units per second, None for no limit. Raises `Refused` for a percentage of nothing."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked >= LOOK_SECONDS:
                self._looked = now
                changed = _changed(self._path)
                if changed != self._changed:
                    self._changed, self._rate = changed, self._read()
            return self._rate

    def _read(self) -> float | None:
        text = wishes(self._path.parent).get(self._kind, CONFIGURED)
        return self._resolved(self._configured if text == CONFIGURED else text)

    def _resolved(self, amount: Amount) -> float | None:
        if amount is None or amount == UNLIMITED:
            return None
        if not isinstance(amount, str) or not amount.endswith("%"):
            return float(amount)
        provisioned = self._provisioned()
        if provisioned is None:
            raise Refused(
                f"A {self._kind} budget of {amount} has no meaning here: no throughput is provisioned.",
                hint=f"Set phases.cosmos.{self._kind}_budget to units per second.",
            )
        return provisioned * float(amount[:-1]) / 100


def wishes(run_dir: Path) -> dict[str, str]:
    """Return what was set for a run: an amount, `unlimited` or `configured`, by kind."""
    try:
        found: Mapping[str, str] = json.loads((run_dir / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise WkmsError(f"{run_dir / FILE} is not JSON: {error}.", hint="Delete it, or set the budget anew.") from error
    return dict(found)


def wish(run_dir: Path, **amounts: str | None) -> dict[str, str]:
    """Set amounts by kind, `None` leaves one as it is; a run under way sees all of it or nothing. Return what holds."""
    now = wishes(run_dir) | {kind: amount for kind, amount in amounts.items() if amount is not None}
    run_dir.mkdir(parents=True, exist_ok=True)
    part = run_dir / f"{FILE}.part"
    part.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    part.replace(run_dir / FILE)
    return now


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
