"""Rules of ARCHITECTURE.md that a tool does not hold already."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "wkms_migrate"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = [*MODULES, *sorted((ROOT / "stack").rglob("*.py"))]
VAGUE = {"util", "utils", "helper", "helpers", "common", "base", "misc", "manager"}


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_are_of_one_idea(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in VAGUE
    assert not VAGUE & {part.lower() for part in path.relative_to(ROOT).parts}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_are_short(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            assert length <= 40, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", [path for path in MODULES if "cli" not in path.relative_to(PACKAGE).parts], ids=name)
def test_only_the_command_line_knows_a_dry_run(path):
    assert not re.search(r"dry_?run", path.read_text(encoding="utf-8"), re.IGNORECASE)


@pytest.mark.parametrize("path", [path for path in MODULES if "lab" not in path.relative_to(PACKAGE).parts], ids=name)
def test_nothing_asks_whether_it_runs_in_the_lab(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"""environment\s*[=!]=\s*["']lab|\bis_lab\b|\bif lab\b""", text)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_classes_are_not_managers(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            assert not re.search(r"(Manager|Helper|Util|Utils|Base)$", node.name), node.name


def test_import_contracts_hold():
    checker = Path(sys.executable).parent / "lint-imports"
    ended = subprocess.run(
        [checker, "--config", "pyproject.toml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_help_imports_no_sdk_and_no_model_library():
    code = (
        "import sys; sys.argv = ['wkms-migrate', '--help']\n"
        "from wkms_migrate.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'boto3', 'azure', 'pymysql', 'pydantic', 'rich', 'yaml', 'jinja2', 'ansible_runner', 'msgspec'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LOADED []" in ended.stdout


def imported_by(code):
    """Return the modules that a process has imported after this code."""
    code = f"import sys\n{code}\nprint('LOADED', *sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ended.stdout.rpartition("LOADED")[2].split())


def test_phases_are_known_without_their_steps_and_clients():
    loaded = imported_by("from wkms_migrate.phases import load\nload()")
    ours = {module for module in loaded if module.startswith("wkms_migrate.")}
    assert "wkms_migrate.phases.mysql.settings" in ours
    assert [module for module in ours if module.endswith(".steps") or ".clients" in module] == []
    assert not loaded & {"boto3", "botocore", "azure", "pymysql", "tenacity", "cryptography"}


def test_an_area_is_not_imported_for_another():
    calling = "sys.argv = ['wkms-migrate', 'blob', '--help']\nfrom wkms_migrate.cli import main"
    loaded = imported_by(f"{calling}\ntry: main()\nexcept SystemExit: pass")
    assert "wkms_migrate.cli.blob" in loaded
    assert not loaded & {f"wkms_migrate.cli.{area}" for area in ("mysql", "queue", "cosmos", "lab", "cost")}


def test_no_file_names_this_machine_or_a_package_host():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    hosts = re.compile(
        r"registry\.npm" + r"js\.org|pypi\.org|files\.python" + r"hosted|deb\.debian\.org|snapshot\.debian"
    )
    for file in filter(None, tracked):
        path = ROOT / file
        if path.suffix in {".png", ".ico", ".gz", ".pdf", ".xlsx"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found = hosts.search(text)
        assert not found or file.endswith("test_architecture.py"), f"{file}: {found}"
