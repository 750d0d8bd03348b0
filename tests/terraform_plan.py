"""A plan as Terraform writes it: the root in `terraform/`, planned against a server, as `terraform show -json`.

`python tests/terraform_plan.py URL` records the one in `tests/cases/cost/plan.json`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from wkms_migrate import assets
from wkms_migrate.lab import target
from wkms_migrate.phases.provision import workspace

RECORDED = Path(__file__).parent / "cases" / "cost" / "plan.json"
KEPT = ("format_version", "terraform_version", "planned_values")  # no variables, no endpoint, no state before
PATIENCE = 180


def shown(terraform: str, folder: Path, endpoint_url: str) -> dict:
    """Return the plan of the root's defaults; what it says of this machine and of a state is left out."""
    root = folder / "root"
    shutil.copytree(assets.path(workspace.ROOT), root, ignore=shutil.ignore_patterns("tests", ".terraform"))
    mirror = target._plugin_dir()
    environ = {key: value for key, value in os.environ.items() if key != "AWS_CA_BUNDLE"} | {
        "AWS_ACCESS_KEY_ID": "plan",
        "AWS_SECRET_ACCESS_KEY": "plan",
        "TF_CLI_CONFIG_FILE": os.devnull,
        "TF_VAR_endpoint_url": endpoint_url,
        "TF_VAR_ami_id": "ami-0123456789abcdef0",  # moto knows no image of Ubuntu
        "TF_VAR_environment": "trial",
        "TF_VAR_name_prefix": "wkms-trial",
    }

    def run(*words: str) -> str:
        ended = subprocess.run(
            [terraform, *words], cwd=root, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    run("init", "-input=false", "-no-color", *([f"-plugin-dir={mirror}"] if mirror else []), "-lockfile=readonly")
    run("plan", "-input=false", "-no-color", "-out=plan.bin")
    plan = json.loads(run("show", "-json", "plan.bin"))
    return {key: plan[key] for key in KEPT}


def main() -> None:
    """Record the plan."""
    terraform = shutil.which("terraform")
    assert terraform, "terraform is not on the path"
    with tempfile.TemporaryDirectory() as folder:
        plan = shown(terraform, Path(folder), sys.argv[1])
    RECORDED.write_text(json.dumps(plan, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
