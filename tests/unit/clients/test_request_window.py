from __future__ import annotations

import threading

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


def test_a_window_lets_no_more_in_than_its_limit() -> None:
    window = Window(3)
    inside = 0
    most = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with window.slot():
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= 3
