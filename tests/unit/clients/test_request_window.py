from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from wkms_migrate.clients.request_window import Window


def test_a_window_halves_on_throttling_and_grows_again_to_its_limit() -> None:
    window = Window(8)
    with window.slot() as throttled:
        throttled()
    assert window.limit == 4
    for _ in range(10):
        with window.slot() as throttled:
            throttled()
    assert window.limit == 1
    for _ in range(200):
        with window.slot():
            pass
    assert window.limit == 8


def test_a_window_lets_as_many_in_as_its_limit_and_no_more() -> None:
    window = Window(3)
    together, entered, leave = threading.Barrier(4, timeout=10), threading.Event(), threading.Event()

    def hold() -> None:
        with window.slot():
            together.wait()
            assert leave.wait(10)

    def follow() -> None:
        with window.slot():
            entered.set()

    with ThreadPoolExecutor(4) as pool:
        holding = [pool.submit(hold) for _ in range(3)]
        together.wait()  # three are inside
        following = pool.submit(follow)
        assert not entered.wait(0.2)
        leave.set()
        for one in (*holding, following):
            one.result()
    assert entered.is_set()
