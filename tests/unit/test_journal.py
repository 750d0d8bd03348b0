from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wkms_migrate import events, journal
from wkms_migrate.errors import Locked, WkmsError

STARTED = events.StepStarted(phase="mysql", step="mysql/data", summary="Copy", digest="d1")
DONE = events.StepDone(phase="mysql", step="mysql/data", digest="d1", seconds=1.5, result={"rows": 3})


def test_state_is_the_fold_of_what_was_appended(tmp_path):
    with journal.Journal(tmp_path) as book:
        book.append(STARTED)
        book.append(events.Checkpoint(step="mysql/data", key="users#0", cursor={"upto": 10}))
        book.append(DONE)
    state = journal.load(tmp_path)
    assert state.is_done("mysql/data", "d1")
    assert not state.is_done("mysql/data", "d2"), "a changed digest makes a done step pending"
    assert state.steps["mysql/data"].cursors == {"users#0": {"upto": 10}}
    assert state.outputs("mysql") == {"rows": 3}


def test_cursors_of_another_digest_are_void(tmp_path):
    with journal.Journal(tmp_path) as book:
        book.append(STARTED)
        book.append(events.Checkpoint(step="mysql/data", key="", cursor=7))
        book.append(events.StepStarted(phase="mysql", step="mysql/data", summary="Copy", digest="d2"))
        assert book.state.steps["mysql/data"].cursors == {}


@pytest.mark.parametrize("cut", range(1, 30, 7))
def test_a_line_torn_by_a_crash_is_dropped_and_the_next_append_starts_a_line(tmp_path, cut):
    with journal.Journal(tmp_path) as book:
        book.append(STARTED)
        book.append(DONE)
    path = tmp_path / journal.JOURNAL
    path.write_bytes(path.read_bytes()[:-cut])
    assert journal.load(tmp_path).steps["mysql/data"].status == "running"
    with journal.Journal(tmp_path) as book:
        book.append(DONE)
    assert journal.load(tmp_path).steps["mysql/data"].status == "done"


def test_an_edited_line_is_refused_with_its_number(tmp_path):
    with journal.Journal(tmp_path) as book:
        book.append(STARTED)
    path = tmp_path / journal.JOURNAL
    path.write_text(path.read_text() + '{"event": "Nonsense"}\n')
    with pytest.raises(WkmsError, match="line 2 is not an event"):
        journal.load(tmp_path)


def test_a_second_process_is_refused_and_told_who_holds_the_run(tmp_path):
    with journal.Journal(tmp_path), pytest.raises(Locked, match=f"process {os.getpid()} on .* since "):
        journal.Journal(tmp_path)
    journal.Journal(tmp_path).close()


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    code = (
        "import os, pathlib, sys; from wkms_migrate import journal;"
        "journal.Journal(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    child = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert child.returncode == -9
    journal.Journal(tmp_path).close()


def test_a_run_folder_that_is_a_file_is_told_with_its_fix(tmp_path):
    path = tmp_path / "runs"
    path.write_text("")
    with pytest.raises(WkmsError, match="cannot be written") as caught:
        journal.Journal(path / "lab")
    assert "runs_dir" in caught.value.hint


def test_a_full_disk_is_told_with_its_fix(tmp_path):
    book = journal.Journal(tmp_path)
    book._file.close()
    book._file = Path("/dev/full").open("ab", buffering=0)  # noqa: SIM115 - closed with the journal
    with pytest.raises(WkmsError, match="No space left") as caught:
        book.append(DONE)
    book.close()
    assert "Free space" in caught.value.hint
    assert not book.state.is_done("mysql/data", "d1"), "what was not written is not a fact"


def test_a_restarted_step_forgets_what_its_last_try_found(tmp_path):
    with journal.Journal(tmp_path) as book:
        book.append(STARTED)
        book.append(events.Verified(step="mysql/data", object="users", check="rows", source="3", target="2", ok=False))
        book.append(events.Finding(step="mysql/data", code="x", text="y"))
        book.append(STARTED)
        assert book.state.verified == {}
        assert book.state.findings == {}
