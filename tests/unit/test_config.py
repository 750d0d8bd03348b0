from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from wkms_migrate import config, phases
from wkms_migrate.config_example import render
from wkms_migrate.errors import ConfigError

ROOT = Path(__file__).parents[2]
SECTIONS = {phase.name: phase.settings for phase in phases.load()}


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def load(path, **options):
    return config.load(path, SECTIONS, environ=options.pop("environ", {}), **options)


def test_all_problems_are_told_at_once_with_their_paths(tmp_path):
    path = write(
        tmp_path / "x.yaml",
        "environment: x\nworkers: 0\nazure:\n  mysql: {hots: a, port: 99999}\nphases:\n  mysqll: {}\n",
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    text = str(caught.value)
    assert "4 problems" in text
    assert "azure.mysql.hots: unknown key; did you mean host?" in text
    assert "phases.mysqll: unknown key; did you mean mysql?" in text
    assert "azure.mysql.port" in text
    assert "workers" in text
    assert caught.value.exit_code == 2


def test_flag_beats_environment_beats_overlay_beats_file(tmp_path):
    over = write(tmp_path / "over.yaml", "workers: 3\nlang: en\nazure: {mysql: {host: overlaid}}\n")
    path = write(
        tmp_path / "x.yaml",
        f"environment: x\noverlay: {over}\nworkers: 2\nname_prefix: from-file\n"
        "azure: {mysql: {host: file, port: 1}}\n",
    )
    settings = load(path, environ={"WKMS_WORKERS": "5", "WKMS_AZURE__MYSQL__PORT": "33"}, flags={"workers": 7})
    assert settings.workers == 7
    assert settings.azure.mysql.port == 33
    assert settings.azure.mysql.host == "overlaid"
    assert settings.name_prefix == "from-file"
    assert settings.sources == (path, over)
    assert load(path).workers == 3


def test_an_environment_variable_with_a_wrong_key_is_refused(tmp_path):
    path = write(tmp_path / "x.yaml", "environment: x\n")
    with pytest.raises(ConfigError, match=r"azure\.mysql\.prot: unknown key; did you mean port"):
        load(path, environ={"WKMS_AZURE__MYSQL__PROT": "1"})


def test_a_missing_overlay_says_how_to_make_it(tmp_path):
    path = write(tmp_path / "x.yaml", f"environment: x\noverlay: {tmp_path}/none.yaml\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert "lab up" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("- a\n- b\n", "not a mapping"),
        ("environment: x\nazure:\n  mysql: {host: a\n", "line"),
        ("environment: x\n\tworkers: 1\n", "line 2"),
    ],
)
def test_a_half_written_file_is_refused_with_its_line(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says):
        load(write(tmp_path / "x.yaml", text))


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.yaml")
    assert "init" in caught.value.hint


def test_a_secret_in_clear_is_refused_and_not_repeated(tmp_path):
    path = write(tmp_path / "x.yaml", "environment: x\nazure: {mysql: {password: hunter2secret}}\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert "azure.mysql.password: must be a reference" in str(caught.value)
    assert "hunter2secret" not in str(caught.value)


def test_a_secret_is_read_when_needed_and_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "hunter2secret")
    path = write(tmp_path / "x.yaml", "environment: x\nazure: {mysql: {password: 'env:DB_PASSWORD'}}\n")
    settings = load(path)
    reference = settings.azure.mysql.password
    assert reference.reveal() == "hunter2secret"
    shown = f"{settings.azure!r} {settings.azure} {settings.azure.model_dump_json()} {reference!r} {settings.secrets()}"
    assert "hunter2secret" not in shown
    assert "env:DB_PASSWORD" in shown


@pytest.mark.parametrize("reference", ["env:NOT_SET_ANYWHERE", "file:/nowhere/at/all"])
def test_a_secret_that_cannot_be_read_names_its_reference(tmp_path, reference):
    path = write(tmp_path / "x.yaml", f"environment: x\nazure: {{mysql: {{password: '{reference}'}}}}\n")
    with pytest.raises(ConfigError, match=reference):
        load(path).azure.mysql.password.reveal()


def test_secrets_of_a_vault_come_from_its_fetcher(tmp_path):
    path = write(tmp_path / "x.yaml", "environment: x\nazure: {cosmos: {key: 'keyvault:kv1/cosmos-key'}}\n")
    settings = load(path, fetchers={"keyvault": {"kv1/cosmos-key": "k3y"}.__getitem__})
    assert settings.azure.cosmos.key.reveal() == "k3y"


def test_the_example_has_every_key_commented_and_is_what_the_models_say():
    text = (ROOT / "config" / "example.yaml").read_text(encoding="utf-8")
    assert text == render(config.model(SECTIONS), environment="example"), "run `make docs`"
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith("#"):
            assert lines[number - 1].lstrip().startswith("#"), f"line {number + 1} has no comment: {line}"
    assert load(ROOT / "config" / "example.yaml").environment == "example"


def test_a_written_configuration_loads_and_changes_nothing(tmp_path):
    text = render(config.model(SECTIONS), environment="trial")
    path = write(tmp_path / "trial.yaml", text)
    bare = write(tmp_path / "bare.yaml", "environment: trial\n")
    assert load(path)._root.model_dump() == load(bare)._root.model_dump()


@pytest.mark.parametrize("env", ["lab", "dev", "staging", "prod"])
def test_every_bundled_environment_loads(env, tmp_path):
    values = yaml.safe_load((ROOT / "config" / f"{env}.yaml").read_text(encoding="utf-8"))
    values.pop("overlay", None)
    settings = load(write(tmp_path / f"{env}.yaml", yaml.safe_dump(values)))
    assert settings.environment == env
