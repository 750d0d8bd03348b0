"""The servers, and what the playbook does on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from wkms_migrate import assets
from wkms_migrate.clients import ansible
from wkms_migrate.errors import WkmsError
from wkms_migrate.phases.deploy import release as releases
from wkms_migrate.phases.deploy.environment import known_yet
from wkms_migrate.phases.deploy.settings import DeploySettings

if TYPE_CHECKING:
    from wkms_migrate.events import Json
    from wkms_migrate.plan import Context, StepRun


def known(context: Context) -> tuple[ansible.Host, ...]:
    """Return the servers to deploy to; none while provision is not done."""
    settings = context.section(DeploySettings)
    if settings.hosts:
        found = [(host.name, host.address) for host in settings.hosts]
    elif known_yet(context):
        found = addresses(context.output("provision", "wkms")["vm_hosts"], settings.address)
    else:
        found = []
    ssh = settings.ssh
    return tuple(
        ansible.Host(name=name, address=address, user=ssh.user, port=ssh.port, key=ssh.key, known_hosts=ssh.known_hosts)
        for name, address in found
    )


def addresses(vm_hosts: list[Mapping[str, Any]], kind: str) -> list[tuple[str, str]]:
    """Return name and address of each server that provision put out; the private address where there is no other."""
    return [
        (host["name"], (host.get("public_ip") if kind == "public" else None) or host["private_ip"]) for host in vm_hosts
    ]


def described(context: Context) -> str:
    """Return the servers as words for a summary."""
    hosts = known(context)
    return ", ".join(host.name for host in hosts) if hosts else "the servers (known after provision)"


def url(context: Context) -> str:
    """Return where the stack is reached, without a slash at its end."""
    settings = context.section(DeploySettings)
    if settings.url:
        return settings.url.rstrip("/")
    host = _required(context)[0].address
    return f"http://{host}" if settings.http_port == 80 else f"http://{host}:{settings.http_port}"  # noqa: PLR2004


def set_up(role: str) -> Callable[[StepRun], Mapping[str, Json] | None]:
    """Return what runs one role of the playbook that needs no release."""

    def run(step: StepRun) -> Mapping[str, Json] | None:
        settings = step.context.section(DeploySettings)
        variables = {
            "docker_packages": list(settings.docker_packages),
            "docker_compose_plugin": _absolute(settings.compose_plugin),
        }
        return {"changes": _play(step, role, variables)}

    return run


def release(step: StepRun) -> Mapping[str, Json] | None:
    """Ship the release and switch to it when it is healthy. Raises `WkmsError` with the reason when it is not."""
    settings = step.context.section(DeploySettings)
    made = releases.make(step.context)
    with NamedTemporaryFile(prefix="wkms-release-", suffix=".tar") as bundle:
        bundle.write(made.bundle)
        bundle.flush()
        variables = {
            "stack_release": made.id,
            "stack_bundle": bundle.name,
            "stack_env": made.env,
            "stack_aws_env": made.aws_env,
            "stack_images": list(made.images),
            "stack_builds": list(made.builds),
            "stack_archive": _absolute(settings.images.archive),
            "stack_health_seconds": settings.health_seconds,
            "stack_keep_releases": settings.keep_releases,
        }
        changes = _play(step, "stack", variables)
    return {"release": made.id, "url": url(step.context), "changes": changes}


def _play(step: StepRun, role: str, variables: Mapping[str, object]) -> int:
    done = 0

    def on_task(task: ansible.Task) -> None:
        nonlocal done
        done += 1
        step.progress(done, unit="tasks", item=task.name)
        if task.status in {"changed", "failed", "unreachable"}:
            step.log(f"{task.host}: {task.name}: {task.status}")

    return ansible.play(
        assets.path("playbooks") / "site.yml",
        _required(step.context),
        variables,
        tags=(role,),
        stop=step.stopping,
        on_task=on_task,
    )


def _required(context: Context) -> tuple[ansible.Host, ...]:
    if hosts := known(context):
        return hosts
    context.output("provision", "wkms")  # says that provision is to be run first
    raise WkmsError("provision made no server to deploy to.", hint="Set phases.deploy.hosts, or provision a VM.")


def _absolute(path: Path | None) -> str:
    return os.path.abspath(path) if path else ""  # noqa: PTH100 - Ansible looks beside the playbook otherwise
