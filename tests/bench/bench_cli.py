"""CPU time of `wkms-migrate --help`, beside a bare interpreter's: `make bench`."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

TRIES = 15


def cpu_ms(argv):
    """Return the least CPU time of several tries, in ms: what the machine does besides only adds."""
    spent = []
    for _ in range(TRIES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True, env=environ)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return 1000 * min(spent)


def test_help():
    bare = cpu_ms([sys.executable, "-c", "pass"])
    ours = cpu_ms([sys.executable, "-m", "wkms_migrate", "--help"])
    print(f"\n--help: {ours:.0f} ms of CPU, bare interpreter {bare:.0f} ms, ratio {ours / bare:.1f}")
    assert ours <= 150
