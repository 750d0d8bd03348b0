"""The AWS side of the lab: moto's server and the MySQL server that stands for RDS.

moto keeps everything in memory. When it has ended, what Terraform made and what was copied is gone, so everything on
this side begins anew, under a new run name: a journal of a target that is lost must never be gone on with.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wkms_migrate.lab import moto_server, mysql_binaries, mysqld, servers
from wkms_migrate.lab.folder import LabFolder
from wkms_migrate.lab.mysql_profiles import RDS
from wkms_migrate.lab.servers import Say

# What moto cannot do, or only slowly. Everything else of the Terraform root is applied as for AWS.
_VARIABLES = {
    "vm_detailed_monitoring": False,  # MonitorInstances is not implemented
    "enforce_tls_policy": False,  # any Condition in a bucket policy denies every request
    "bucket_lifecycle": False,  # the provider waits about a minute for each rule to settle
}
_PROVIDER = "*/hashicorp/aws"  # under the host name of the registry it mirrors
_MIRRORS = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/opt/*",
)


def up(folder: LabFolder, say: Say) -> dict[str, Any]:
    """Start what does not run; return the settings `run`, `aws` and `phases.provision` for the overlay."""
    moto = moto_server.server()
    if servers.current(moto, folder.home) is None:
        _begin_anew(folder, say)
    aws = servers.ensure(moto, folder.home, say)
    binaries = mysql_binaries.find(say)
    mysqld.prepare(RDS, binaries, folder)
    mysql = servers.ensure(mysqld.server(RDS, binaries, folder), folder.home, say)
    run = _run_file(folder).read_text(encoding="ascii")
    return {
        "run": run,
        "aws": {
            "endpoint_url": moto_server.endpoint(aws.ports),
            "access_key_id": f"file:{folder.secret('aws_access_key_id')}",
            "secret_access_key": f"file:{folder.secret('aws_secret_access_key')}",
            "mysql": mysqld.connection(RDS, folder, mysql.ports),
        },
        "phases": {"provision": _provision(folder, run)},
    }


def _begin_anew(folder: LabFolder, say: Say) -> None:
    """Take the next run name, then throw away what the last target left."""
    run = f"lab-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    if _run_file(folder).exists():
        say(f"AWS was held in memory and is gone: an empty target begins, as run {run}. The source is kept.")
    _run_file(folder).parent.mkdir(parents=True, exist_ok=True)
    _run_file(folder).write_text(run, encoding="ascii")
    if old := folder.home.recorded(RDS.name):
        servers.stop(old, folder.home)
    shutil.rmtree(folder.data(RDS.name), ignore_errors=True)


def _provision(folder: LabFolder, run: str) -> dict[str, Any]:
    state = folder.path / "terraform" / run  # a state of its own: the next target knows nothing of this one
    return {"plugin_dir": _plugin_dir(), "state_dir": str(state), "variables": _VARIABLES}


def _run_file(folder: LabFolder) -> Path:
    return folder.path / "run"


def _plugin_dir() -> str | None:
    """Return a filesystem mirror of Terraform providers that holds the AWS provider; None leaves it to Terraform."""
    for pattern in _MIRRORS:
        place = Path(pattern).expanduser()
        for mirror in sorted(place.parent.glob(place.name)):
            if any(mirror.glob(_PROVIDER)):
                return str(mirror)
    return None
