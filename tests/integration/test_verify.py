"""Health and load against a real HTTP server of the test's own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from wkms_migrate import engine, events
from wkms_migrate.config import Root, Settings
from wkms_migrate.errors import Interrupted, VerificationFailed
from wkms_migrate.journal import RunState
from wkms_migrate.lab.servers import free_port
from wkms_migrate.phases import verify
from wkms_migrate.phases.verify import VerifySettings, load
from wkms_migrate.plan import Context

pytestmark = pytest.mark.integration


class System(ThreadingHTTPServer):
    """A system whose answers a test decides; counts what it is asked and how many ask at once."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = Counter({"/health": 200, "/ready": 200, "/api/v1/stats": 200})
        self.asked = Counter()
        self.tokens = set()
        self.every = {}
        self.gate = threading.Barrier(1)
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass

    def do_GET(self):
        with self.server.lock:
            self.server.asked[self.path] += 1
            number = self.server.asked[self.path]
            self.server.tokens.add(self.headers.get("Authorization"))
        self.server.gate.wait(20)
        nth, status = self.server.every.get(self.path, (0, 0))
        if nth and number % nth == 0:
            if not status:
                self.close_connection = True
                return
        else:
            status = self.server.status[self.path] or 404
        body = b"{}"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def system() -> Iterator[System]:
    with System() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def site(url, **headers):
    return load.Site(url=url, headers=headers, timeout_seconds=10)


def nothing(_):
    pass


def test_every_request_is_made_and_timed_and_paths_take_turns(system):
    measured = load.measure(site(system.url), ("/health", "/ready"), 100, 4, nothing)
    assert system.asked == Counter({"/health": 50, "/ready": 50})
    assert len(measured.seconds) == 100
    assert all(seconds > 0 for seconds in measured.seconds)
    assert (measured.refused, measured.unavailable) == (0, 0)
    assert measured.at_once <= 4


def test_requests_really_run_at_once(system):
    system.gate = threading.Barrier(8)  # opens only when eight are in
    assert load.measure(site(system.url), ("/health",), 16, 8, nothing).at_once == 8


@pytest.mark.parametrize(
    ("every", "refused", "unavailable"), [((10, 503), 0, 10), ((10, 404), 10, 0), ((10, 0), 0, 10)]
)
def test_answers_of_each_kind_are_told_apart(system, every, refused, unavailable):
    system.every["/health"] = every
    measured = load.measure(site(system.url), ("/health",), 100, 5, nothing)
    assert (measured.refused, measured.unavailable) == (refused, unavailable)
    assert measured.asked == 100


def test_nobody_there_is_unavailable_not_an_error():
    measured = load.measure(site(f"http://127.0.0.1:{free_port()}"), ("/health",), 6, 2, nothing)
    assert (measured.unavailable, len(measured.seconds)) == (6, 0)


def test_a_stop_ends_the_measurement_soon(system):
    def stop_at_ten(done):
        if done >= 10:
            raise Interrupted("stop")

    with pytest.raises(Interrupted):
        load.measure(site(system.url), ("/health",), 10_000, 4, stop_at_ten)
    assert system.asked["/health"] < 100


def verified(url, **options):
    stated = []
    settings = Settings(Root(environment="test"), {"verify": VerifySettings(url=url, recount=False, **options)}, ())
    state = RunState()
    state.apply(events.StepStarted(phase="mysql", step="mysql/verify/x", summary="", digest="d"))
    state.apply(events.StepDone(phase="mysql", step="mysql/verify/x", digest="d", seconds=1.0, result={}))
    state.apply(
        events.Verified(step="mysql/verify/x", object="wkms.users", check="digest", source="1", target="1", ok=True)
    )

    def sink(event):
        stated.append(event)
        state.apply(event)

    engine.Engine(Context(settings, state, Path()), sink).run([verify.PHASE])
    return state


def test_a_healthy_system_meets_every_goal(system, tmp_path):
    (tmp_path / "token").write_text("t" * 40)
    state = verified(system.url, requests=100, api_token=f"file:{tmp_path}/token", paths=("/api/v1/stats",))
    kpis = {one["id"]: one for one in state.outputs("verify")["kpis"]}
    assert list(kpis) == ["response_mean", "response_p95", "availability", "error_rate", "at_once", "data_match"]
    assert all(one["ok"] for one in kpis.values())
    assert kpis["at_once"]["value"] == 20
    assert system.asked["/api/v1/stats"] == 100
    assert f"Bearer {'t' * 40}" in system.tokens


def test_a_system_that_is_not_ready_fails_with_exit_code_3(system):
    system.status["/ready"] = 503
    with pytest.raises(VerificationFailed, match="GET /ready is 200 on the source and 503 on the target") as caught:
        verified(system.url, requests=10)
    assert caught.value.exit_code == 3


def test_too_many_failures_miss_the_availability(system):
    system.every["/ready"] = (4, 500)
    with pytest.raises(VerificationFailed, match="Availability"):
        verified(system.url, requests=200, open_paths=("/ready",))


def test_nobody_there_fails_health():
    with pytest.raises(VerificationFailed, match="no answer"):
        verified(f"http://127.0.0.1:{free_port()}", requests=4)
