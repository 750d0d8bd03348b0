"""Check that the stack serves this release, that all behind it answers, and that it counts every document."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from wkms_migrate import retry
from wkms_migrate.phases.deploy import database, served, servers
from wkms_migrate.phases.deploy.environment import required
from wkms_migrate.phases.deploy.settings import DeploySettings

if TYPE_CHECKING:
    from wkms_migrate.events import Json
    from wkms_migrate.plan import StepRun

_MAY_BE_NOT_READY = frozenset({HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE})


def run(step: StepRun) -> dict[str, Json]:
    """Ask through nginx, as a user would."""
    context = step.context
    url = servers.url(context)
    deployed = context.output("deploy", "release")
    health = retry.call(served.get, f"{url}/health")
    step.verified("wkms", "release", deployed, health.get("release"))
    ready = served.get(f"{url}/ready", accept=_MAY_BE_NOT_READY)
    for name, state in ready.get("dependencies", {}).items():
        step.verified(name, "ready", source=True, target=state["ok"])
    step.check_stop()
    token = required(context.section(DeploySettings).api_token, "api_token")
    counted = served.get(f"{url}/api/v1/stats", token)
    step.verified("documents", "count served", database.count_documents(context), counted.get("documents"))
    return {"url": url, "release": deployed}
