"""Detached servers: found again, never mistaken for another process, ended without leftovers."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import cache, servers
from wkms_migrate.lab.servers import Home, Ports, Server

pytestmark = pytest.mark.integration

LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\nwhile True: s.accept()"
DEAF = "import signal, socket, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LISTEN.replace(
    "import socket, sys; ", ""
)

# Its first thread ends, as in a program that is on its way out, and another serves on.
HEADLESS = f"""
import ctypes, socket, sys, threading
server = socket.create_server(('127.0.0.1', int(sys.argv[1])))
def serve():
    while True: server.accept()
threading.Thread(target=serve).start()
ctypes.CDLL(None).syscall({60 if platform.machine() == "x86_64" else 93}, 0)
"""


def listener(name: str = "listener", program: str = LISTEN, *, mark: str = "", patience: float = 30.0) -> Server:
    def probe(ports: Ports) -> str | None:
        try:
            socket.create_connection((servers.HOST, ports["tcp"]), timeout=1).close()
        except OSError as error:
            return str(error)
        return None

    def command(ports: Ports) -> list[str]:
        return [sys.executable, "-c", program, str(ports["tcp"]), mark]

    return Server(name=name, ports=("tcp",), command=command, probe=probe, patience=patience)


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    for file in (tmp_path / "pids").glob("*.json"):
        if running := home.recorded(file.stem):
            servers.stop(running, home)


def test_a_running_server_is_found_again_not_started_twice(home: Home) -> None:
    said: list[str] = []
    first = servers.ensure(listener(), home, said.append)
    assert servers.ensure(listener(), home, said.append) == first
    assert said == ["Starting listener"]


def test_a_server_that_was_killed_comes_back_on_its_port(home: Home) -> None:
    first = servers.ensure(listener(), home)
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    again = servers.ensure(listener(), home)
    assert again.pid != first.pid
    assert again.ports == first.ports


def test_another_command_ends_the_old_server(home: Home) -> None:
    first = servers.ensure(listener(mark="old"), home)
    second = servers.ensure(listener(mark="new"), home)
    assert not servers.alive(first)
    assert servers.alive(second)


def test_stop_ends_the_server_and_forgets_it(home: Home) -> None:
    running = servers.ensure(listener(), home)
    assert servers.stop(running, home)
    assert not servers.alive(running)
    assert home.recorded("listener") is None
    assert not servers.stop(running, home)


def test_stop_kills_a_server_that_does_not_listen_to_reason(home: Home) -> None:
    running = servers.ensure(listener(program=DEAF), home)
    assert servers.stop(running, home, grace=0.3)
    assert not servers.alive(running)


def test_a_server_whose_last_threads_still_end_is_not_gone_yet(home: Home) -> None:
    running = servers.ensure(listener(program=HEADLESS), home)
    deadline = time.monotonic() + 10
    while (state := state_of(running.pid)) != "Z" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert state == "Z"
    assert servers.alive(running)
    assert servers.stop(running, home)
    assert not Path(f"/proc/{running.pid}").exists()


def test_a_pid_that_belongs_to_another_process_now_is_never_signalled(home: Home) -> None:
    running = servers.ensure(listener(), home)
    servers.stop(running, home)
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    ) as bystander:
        reused = msgspec.structs.replace(running, pid=bystander.pid)
        assert not servers.alive(reused)
        assert not servers.stop(reused, home)
        assert bystander.poll() is None
        bystander.communicate(b"\n")


def test_a_server_that_ends_at_once_is_told_with_its_last_lines(home: Home) -> None:
    failing = listener(program="import sys; sys.exit('the data folder is broken')")
    with pytest.raises(WkmsError, match=r"ended while it was starting[\s\S]*the data folder is broken") as caught:
        servers.ensure(failing, home)
    assert str(home.log("listener")) in caught.value.hint


def test_a_server_that_never_gets_ready_is_ended_and_told(home: Home) -> None:
    silent = listener(program="import time\nwhile True: time.sleep(60)", patience=0.5)
    with pytest.raises(WkmsError, match=r"not ready after 0 s \(.*refused"):
        servers.ensure(silent, home)
    assert home.recorded("listener") is None


def test_a_port_that_is_taken_meanwhile_is_left_to_its_owner(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((servers.HOST, 0)) as owner:
        busy = int(owner.getsockname()[1])
        free = servers.free_port
        choices = iter([busy])
        monkeypatch.setattr(servers, "free_port", lambda: next(choices, 0) or free())
        # The owner of the port answers the probe too, so only the process itself can tell that it has failed.
        asked = listener()
        probe = lambda ports: "not mine" if ports["tcp"] == busy else asked.probe(ports)  # noqa: E731
        running = servers.ensure(replace(asked, probe=probe), home)
    assert running.ports["tcp"] != busy


def test_a_missing_program_says_how_to_get_it(home: Home) -> None:
    server = Server(name="none", ports=(), command=lambda _: ["no-such-program"], probe=lambda _: None)
    with pytest.raises(WkmsError, match="no-such-program") as caught:
        servers.ensure(server, home)
    assert "make setup" in caught.value.hint


def test_a_cached_folder_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def broken(folder: Path) -> None:
        (folder / "half").touch()
        raise WkmsError("no space left")

    with pytest.raises(WkmsError):
        cache.ensure("thing", broken)
    assert not [path for path in cache.folder().iterdir() if path.suffix != ".lock"]
    built = cache.ensure("thing", lambda folder: (folder / "whole").touch())
    assert (cache.ensure("thing", broken) / "whole").exists()
    assert built == cache.folder() / "thing"
