from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from wkms_migrate import process
from wkms_migrate.errors import Interrupted, WkmsError


def python(code):
    return [sys.executable, "-u", "-c", code]


def test_lines_of_both_streams_come_as_they_are_written():
    lines, first = [], threading.Event()

    def on_line(line):
        lines.append(line)
        if line == "go":
            first.set()

    finished = process.run(
        python("import sys; print('go'); print('bad', file=sys.stderr); sys.exit(3)"), on_line=on_line
    )
    assert first.is_set()
    assert sorted(lines) == ["bad", "go"]
    assert finished.code == 3
    assert sorted(finished.tail) == ["bad", "go"]


def test_secrets_are_cut_out_of_what_is_seen():
    lines = []
    process.run(python("print('password=s3cr3t!')"), on_line=lines.append, secrets=["s3cr3t!"])
    assert lines == ["password=********"]


def test_a_program_that_is_not_there_is_told():
    with pytest.raises(WkmsError, match="no-such-program was not found") as caught:
        process.run(["no-such-program"])
    assert "doctor" in caught.value.hint


def test_stopping_asks_once_and_lets_the_program_finish():
    stop, lines = threading.Event(), []
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: (print('saving'), sys.exit(0)))\n"
        "print('ready')\n"
        "time.sleep(60)\n"
    )

    def on_line(line):
        lines.append(line)
        if line == "ready":
            stop.set()

    with pytest.raises(Interrupted):
        process.run(python(code), stop=stop, on_line=on_line)
    assert lines == ["ready", "saving"]


def test_a_deaf_program_and_its_children_are_killed_after_the_grace(tmp_path):
    stop, pids = threading.Event(), tmp_path / "pids"
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "print('ready')\n"
        "time.sleep(60)\n"
    )
    with pytest.raises(Interrupted):
        process.run(python(code), stop=stop, grace=0.2, on_line=lambda _: stop.set())
    deadline = time.monotonic() + 10
    alive = [int(pid) for pid in pids.read_text().split()]
    while alive and time.monotonic() < deadline:
        alive = [pid for pid in alive if _is_running(pid)]
    assert not alive


def _is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_that_hangs_is_ended_at_its_time_limit():
    with pytest.raises(WkmsError, match="did not end within"):
        process.run(python("import time; time.sleep(60)"), timeout=0.5, grace=0.2)


def test_the_environment_is_exactly_what_was_given():
    finished = process.run(python("import os; print(os.environ.get('HOME'), os.environ['ONLY'])"), env={"ONLY": "this"})
    assert finished.tail == ("None this",)
    assert "HOME" in os.environ
