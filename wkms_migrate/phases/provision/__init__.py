"""Make the infrastructure on AWS with Terraform, and look at it afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from wkms_migrate.config import Section
from wkms_migrate.plan import Phase, Step, digest_of

if TYPE_CHECKING:
    from wkms_migrate.plan import Context


class ProvisionSettings(Section):
    """Terraform and what it makes on AWS."""

    binary: str = Field("terraform", description="Terraform program, by name or path; version 1.10 or newer.")
    plugin_dir: Path | None = Field(
        None, description="Filesystem mirror of providers, for machines without internet; null fetches them."
    )
    cli_config: Path | None = Field(None, description="Terraform's own configuration file; null uses none.")
    state_dir: Path | None = Field(
        None, description="Folder of the state file; null takes state/<environment> beside runs_dir. Keep it safe."
    )
    backend: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Shared state instead of state_dir, as {s3: {bucket: …, key: …, region: …, use_lockfile: true}}.",
        max_length=1,
    )
    variables: dict[str, Any] = Field(
        default_factory=dict, description="Variables of terraform/aws, as its variables.tf documents them."
    )
    allow_destroy: tuple[str, ...] = Field(
        (), description="Addresses that hold data and may be destroyed or replaced all the same."
    )


def plan(context: Context) -> Iterable[Step]:
    """Plan two steps: apply the root, verify what it made. Reads the root's files only; `preview` asks the cloud."""
    from wkms_migrate.phases.provision import apply, verify, workspace

    settings = context.settings
    inputs = digest_of(workspace.fingerprint(workspace.ROOT), workspace.variables(settings))
    yield Step(
        id="provision/apply",
        summary=f"Make the infrastructure {settings.name_prefix}-* in {settings.aws.region} with Terraform",
        run=apply.run,
        digest=inputs,
        preview=lambda: apply.preview(context),
    )
    yield Step(
        id="provision/verify",
        summary="Check on AWS that everything Terraform put out is there",
        run=verify.run,
        digest=inputs,
        stage=1,
    )


PHASE = Phase(name="provision", summary="Make the AWS infrastructure", plan=plan, settings=ProvisionSettings)
