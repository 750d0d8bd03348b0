"""Big things that outlive a checkout: made once per machine, found by name, safe when two commands make one at once."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from wkms_migrate import assets


def folder() -> Path:
    """Return the cache of this tool."""
    return assets.cache()


def ensure(name: str, build: Callable[[Path], None]) -> Path:
    """Return the cached folder `name`; if it is not there, `build` fills it. It is there whole or not at all."""
    target = folder() / name
    if target.exists():
        return target
    with exclusive(folder() / f"{name}.lock"):
        if target.exists():
            return target
        partial = Path(mkdtemp(prefix=f"{name}.", suffix=".partial", dir=folder()))
        try:
            build(partial)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


@contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Hold a lock that other processes respect; the system frees it when this process ends, however it ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
