"""The steps of the deploy phase: servers, database account, release and its verification."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from wkms_migrate import assets
from wkms_migrate.phases.deploy import servers
from wkms_migrate.phases.deploy.environment import known_yet
from wkms_migrate.phases.deploy.settings import DeploySettings
from wkms_migrate.plan import Step, digest_of

if TYPE_CHECKING:
    from wkms_migrate.events import Json
    from wkms_migrate.plan import Context, StepRun


def plan(context: Context) -> Iterable[Step]:
    """Plan the servers, the database account, the release and its verification. Contacts nothing."""
    from wkms_migrate.phases.deploy import database, verify

    settings = context.section(DeploySettings)
    where = servers.described(context)
    inputs = _inputs(context)

    def step(stage: int, name: str, summary: str, run: Callable[[StepRun], Mapping[str, Json] | None]) -> Step:
        return Step(
            id=f"deploy/{name}",
            summary=summary,
            run=run,
            digest=inputs,
            stage=stage,
            preview=(lambda: _preview(context)) if name == "release/wkms" else None,
            skip=settings.unavailable if not settings.hosts else None,
        )

    account = settings.app_database.user
    yield step(0, "servers/system", f"Set up {where}", servers.set_up("server"))
    yield step(0, "database/account", f"Make the read-only database account {account}", database.make_account)
    yield step(1, "servers/docker", f"Install Docker and Compose on {where}", servers.set_up("docker"))
    yield step(2, "release/wkms", f"Start the WKMS on {where} and wait until it is healthy", servers.release)
    yield step(3, "verify/wkms", "Check that the WKMS serves this release and every migrated document", verify.run)


def _inputs(context: Context) -> str:
    wkms = context.output("provision", "wkms") if known_yet(context) else None
    files = [
        (path.relative_to(root).as_posix(), path.read_bytes().hex())
        for root in (assets.path("stack"), assets.path("playbooks"))
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return digest_of(context.section(DeploySettings), context.settings.aws.mysql, wkms, files)


def _preview(context: Context) -> Iterator[str]:
    settings = context.section(DeploySettings)
    for host in servers.known(context):
        yield f"server {host.name}: {host.user}@{host.address}:{host.port}"
    images = settings.images
    source = f"from {images.archive.name}" if images.archive else "pulled or built on the servers"
    yield f"images {source}: backend ×2, nginx, redis"
    yield f"the release before keeps serving unless the new one is healthy within {settings.health_seconds} s"
