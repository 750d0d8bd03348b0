"""What every command promises: help, exit codes, JSON on stdout alone, no prompt without a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_group

from wkms_migrate.cli import app, areas

ROOT = Path(__file__).parents[2]
WKMS = [sys.executable, "-m", "wkms_migrate"]


def commands(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


WHOLE = areas.load(get_group(app))
ALL = dict(commands(WHOLE))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "broken.yaml").write_text("environment: broken\nworkerz: 1\n", encoding="utf-8")
    return tmp_path


def call(*words, cwd, env=None):
    environ = {key: value for key, value in os.environ.items() if not key.startswith("WKMS_")}
    return subprocess.run(
        [*WKMS, *words],
        cwd=cwd,
        env=environ | {"PYTHONPATH": str(ROOT)} | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("area", areas.AREAS)
def test_an_area_is_called_what_it_calls_itself(area):
    assert get_group(app).commands[area].help == WHOLE.commands[area].help
    assert WHOLE.commands[area].commands, "its own commands are in the place of its name"


def test_help_of_an_area_names_its_commands(folder):
    ended = call("mysql", "--help", cwd=folder)
    assert ended.returncode == 0
    assert "Usage: wkms_migrate mysql [OPTIONS] COMMAND [ARGS]..." in ended.stdout.replace("python -m ", "")
    assert "preflight" in ended.stdout
    assert "completion" not in ended.stdout


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_has_help_for_itself_and_each_option(words):
    command = ALL[words]
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", "") or parameter.name == "help", f"{parameter.name} has no help"


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_refuses_an_unknown_option_with_2(words, folder):
    ended = call(*words, "--no-such-option", cwd=folder)
    assert ended.returncode == 2
    assert "no-such-option" in ended.stderr
    assert "Traceback" not in ended.stderr


FILES_ALONE = {("phases",), ("init",), ("cost", "audit-guide"), ("cost", "reconcile")}
NEEDS_CONFIG = [
    words for words in ALL if words not in FILES_ALONE and words[0] != "lab" and words[:2] != ("cost", "prices")
]


@pytest.mark.parametrize("words", NEEDS_CONFIG, ids=" ".join)
def test_every_command_refuses_a_broken_configuration_with_2_and_says_so_in_json(words, folder):
    arguments = ["mysql" for parameter in ALL[words].params if parameter.param_type_name == "argument"]
    ended = call(*words, *arguments, "--env", "broken", "--json", cwd=folder)
    assert ended.returncode == 2, ended.stderr
    told = json.loads(ended.stdout)
    assert "workerz: unknown key; did you mean workers?" in told["error"]
    assert told["exit_code"] == 2
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("words", [("run",), ("phase", "mysql"), ("plan",), ("status",), ("doctor",)], ids=" ".join)
def test_a_missing_configuration_says_how_to_make_one(words, folder):
    ended = call(*words, "--env", "nowhere", cwd=folder)
    assert ended.returncode == 2
    assert "init" in ended.stderr


def test_an_unknown_phase_is_refused_with_the_list(folder):
    call("init", "--env", "trial", cwd=folder)
    ended = call("phase", "mysqll", "--env", "trial", "--yes", cwd=folder)
    assert ended.returncode == 2
    assert "mysql, blob" in ended.stderr
    assert not (folder / "runs").exists()


def test_init_writes_a_file_that_loads_and_never_overwrites(folder):
    assert call("init", "--env", "trial", cwd=folder).returncode == 0
    path = folder / "config" / "trial.yaml"
    written = path.read_text(encoding="utf-8")
    assert call("status", "--env", "trial", cwd=folder).returncode == 0
    again = call("init", "--env", "trial", cwd=folder)
    assert again.returncode == 2
    assert "already there" in again.stderr
    assert path.read_text(encoding="utf-8") == written


@pytest.mark.parametrize("env", ["../x", "a/b", "", ".hidden", "a b", "..", "/tmp/x"])
def test_init_refuses_an_environment_that_is_no_plain_name(env, folder):
    before = sorted(folder.parent.rglob("*"))
    ended = call("init", "--env", env, cwd=folder)
    assert ended.returncode == 2
    assert "cannot be the name of an environment" in ended.stderr
    assert sorted(folder.parent.rglob("*")) == before


def test_status_says_that_there_is_no_run_or_no_lab(folder):
    call("init", "--env", "trial", cwd=folder)
    assert (
        "There is no run trial yet. `wkms-migrate run --env trial`"
        in call("status", "--env", "trial", cwd=folder).stdout
    )
    assert "There is no lab in this folder. `wkms-migrate lab up`" in call("lab", "status", cwd=folder).stdout
    asked = call("lab", "status", "--json", cwd=folder)
    assert json.loads(asked.stdout) == []
    assert not (folder / ".lab").exists()


def test_a_plan_says_of_each_phase_that_cannot_be_planned_what_to_do(folder):
    """Nothing is configured: more than one phase fails, each with a hint of its own."""
    call("init", "--env", "trial", cwd=folder)
    ended = call("plan", "--env", "trial", "--json", cwd=folder)
    failed = [phase for phase in json.loads(ended.stdout)["phases"] if "error" in phase]
    assert len({phase["hint"] for phase in failed}) > 1
    for phase in failed:
        assert f"  ? {phase['error']}\n    → {phase['hint']}\n" in ended.stderr


def test_status_of_nothing_is_a_table_of_pending_phases_and_json_alone_on_stdout(folder):
    call("init", "--env", "trial", cwd=folder)
    ended = call("status", "--env", "trial", "--json", cwd=folder)
    assert ended.returncode == 0
    told = json.loads(ended.stdout)
    assert {row["state"] for row in told["phases"]} == {"pending"}
    assert "mysql" in ended.stderr
    assert not (folder / "runs").exists(), "a question writes nothing"


def test_without_a_command_help_is_shown(folder):
    ended = call(cwd=folder)
    assert "Usage" in ended.stdout + ended.stderr


def test_version(folder):
    from wkms_migrate import __version__

    assert call("--version", cwd=folder).stdout == f"wkms-migrate {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for_common_shells(folder, shell):
    ended = call("--show-completion", shell, cwd=folder, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert ended.returncode == 0
    assert "complet" in ended.stdout.lower()


def test_the_environment_can_name_the_environment(folder):
    call("init", "--env", "trial", cwd=folder)
    ended = call("status", "--json", cwd=folder, env={"WKMS_ENV": "trial"})
    assert json.loads(ended.stdout)["phases"]


def test_docs_list_every_command_and_option_as_help_says():
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    from wkms_migrate.cli.reference import markdown

    assert text == markdown(), "run `make docs`"
    for words in ALL:
        assert f"## wkms-migrate {' '.join(words)}\n" in text
