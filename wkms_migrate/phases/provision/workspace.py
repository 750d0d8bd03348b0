"""Where Terraform works for one environment: its files, variables, credentials and state."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wkms_migrate import assets, config
from wkms_migrate.clients import terraform
from wkms_migrate.phases.provision import ProvisionSettings

if TYPE_CHECKING:
    import threading

    from wkms_migrate.clients.terraform_stream import Event
    from wkms_migrate.config import Settings

ROOT = "terraform/aws"
STATE = "terraform.tfstate"
STATE_COPY = "copy.tfstate"  # under its usual name `init` would move it into the backend, and so empty it
# An emulator answers what it does not know with a server error, which the provider would repeat for minutes.
EMULATOR_RETRIES = 2


def variables(settings: Settings) -> dict[str, Any]:
    """Return the variables of the root: those that follow from the configuration, then the user's own."""
    derived: dict[str, Any] = {
        "name_prefix": settings.name_prefix,
        "environment": settings.environment,
        "region": settings.aws.region,
        "database": {"username": settings.aws.mysql.user},
    }
    if settings.aws.endpoint_url:
        derived |= {"endpoint_url": settings.aws.endpoint_url, "api_max_retries": EMULATOR_RETRIES}
    return config.merged(derived, settings.section(ProvisionSettings).variables)


def fingerprint(root: str) -> dict[str, str]:
    """Return a digest per file of a bundled root."""
    return {
        path.name: blake2b(path.read_bytes(), digest_size=12).hexdigest()
        for path in terraform.root_files(assets.path(root))
    }


def state_file(settings: Settings) -> Path:
    """Return where this environment's state is kept when no backend is configured."""
    folder = settings.section(ProvisionSettings).state_dir or settings.runs_dir.parent / "state" / settings.environment
    return Path(folder).absolute() / STATE


def open_in(
    folder: Path,
    settings: Settings,
    *,
    stop: threading.Event | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> terraform.Terraform:
    """Lay the root out in `folder`, open the state, and return Terraform ready to plan."""
    state = state_file(settings)
    state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _ready(folder, settings, state, _tool(folder, settings, stop, on_event))


def open_scratch(folder: Path, settings: Settings) -> terraform.Terraform:
    """Do the same for a plan that leaves no trace: on a copy of the state, without its lock."""
    state = state_file(settings)
    copy = folder / STATE_COPY
    if state.exists():
        copy.touch(mode=0o600)
        copy.write_bytes(state.read_bytes())
    return _ready(folder, settings, copy, replace(_tool(folder, settings, None, None), locking=False))


def _ready(folder: Path, settings: Settings, state: Path, tool: terraform.Terraform) -> terraform.Terraform:
    backend = settings.section(ProvisionSettings).backend or {"local": {"path": str(state)}}
    terraform.lay_out(folder, assets.path(ROOT), variables(settings), backend)
    tool.check_version()
    tool.init()
    return tool


def _tool(
    folder: Path, settings: Settings, stop: threading.Event | None, on_event: Callable[[Event], None] | None
) -> terraform.Terraform:
    section = settings.section(ProvisionSettings)
    credentials = _credentials(settings)
    tool = terraform.Terraform(
        folder=folder.absolute(),
        environ=terraform.environment(os.environ, credentials, section.cli_config),
        binary=section.binary,
        plugin_dir=section.plugin_dir.absolute() if section.plugin_dir else None,
        secrets=tuple(credentials[name] for name in ("AWS_SECRET_ACCESS_KEY",) if name in credentials),
        stop=stop,
    )
    return replace(tool, on_event=on_event) if on_event else tool


def _credentials(settings: Settings) -> Mapping[str, str]:
    """Return how to sign in, as the environment that the AWS provider and the S3 backend read."""
    aws = settings.aws
    found = {"AWS_REGION": aws.region}
    if aws.profile:
        found["AWS_PROFILE"] = aws.profile
    if aws.access_key_id and aws.secret_access_key:
        found["AWS_ACCESS_KEY_ID"] = aws.access_key_id.reveal()
        found["AWS_SECRET_ACCESS_KEY"] = aws.secret_access_key.reveal()
    return found
