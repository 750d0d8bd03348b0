"""Deaths at random moments of a drain: `MESSAGES=10000 DEATHS=20 pytest tests/bench/bench_queue_kills.py -s`.

That nothing is lost and that a death repeats ten messages at most is asserted; what it cost is printed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import queue_driver
from endpoints import AwsEndpoint, StorageAccount
from queue_ends import Ends, bodies_of, new_ends, numbered

MESSAGES = int(os.environ.get("MESSAGES", "2000"))
DEATHS = int(os.environ.get("DEATHS", "5"))
SHORTEST, LONGEST = 3.0, 9.0  # seconds that a life lasts, some of them spent on starting
HIDDEN_SECONDS = 30  # must be longer than Azurite needs to delete 32 messages for each lane


def fill(ends: Ends) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ends.source.send_message, numbered(MESSAGES)))


def live(path: Path, seconds: float) -> bool:
    """Drain in a process that is killed after so many seconds. Return whether it was not done by then."""
    process = subprocess.Popen([sys.executable, queue_driver.__file__, str(path)])
    try:
        assert process.wait(timeout=seconds) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


@pytest.mark.timeout(3600)
def test_deaths(azurite: StorageAccount, moto_server: AwsEndpoint, tmp_path: Path) -> None:
    ends = new_ends(azurite, moto_server, tmp_path)
    fill(ends)
    path = ends.move.write(hidden_seconds=HIDDEN_SECONDS, lanes=6)
    dice = random.Random(20250101)
    deaths = sum(live(path, dice.uniform(SHORTEST, LONGEST)) for _ in range(DEATHS))
    ran = queue_driver.run(path)
    result = ran.state.outputs("queue")[f"drained/{ends.name}"]
    arrived = bodies_of(ends.arrived())
    twice = arrived.total() - len(arrived)
    print(f"\n{deaths} deaths in a drain of {MESSAGES} messages: {MESSAGES - len(arrived)} lost, {twice} twice")
    print(f"announced as perhaps twice: {result['perhaps_twice']}")
    assert set(arrived) == set(numbered(MESSAGES))
    assert ends.left() == 0
    assert twice <= result["perhaps_twice"] <= 10 * deaths
    assert result["sent"] == MESSAGES
