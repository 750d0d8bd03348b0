"""Plan with Terraform, let the policy look at the plan, and carry out that very plan."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wkms_migrate.clients import terraform_stream as stream
from wkms_migrate.phases.provision import ProvisionSettings, policy, recovery, workspace

if TYPE_CHECKING:
    from wkms_migrate.clients.terraform import Terraform
    from wkms_migrate.events import Json
    from wkms_migrate.plan import Context, StepRun

BEGUN = "creating"  # cursor: addresses that an apply of this step began to create


@dataclass(slots=True)
class Watch:
    """Tells the run how far Terraform is: resources done, and the one that was heard of last."""

    run: StepRun
    total: int = 0
    done: int = 0

    def __call__(self, event: stream.Event) -> None:
        """Take one event of Terraform."""
        match event:
            case stream.Operation():
                self._operation(event)
            case stream.Diagnostic():
                self.run.log(f"{event.severity}: {event}")
            case stream.Text():
                self.run.log(event.text)

    def _operation(self, event: stream.Operation) -> None:
        self.done += event.status == "done"
        self.run.progress(
            self.done,
            max(self.total, self.done),
            "resources",
            errors=int(event.status == "failed"),
            item=f"{event.address}: {event.action}, {event.seconds:.0f} s",
        )
        if event.status in {"done", "failed"}:
            self.run.log(f"{event.address}: {event.action} {event.status} after {event.seconds:.0f} s")


def run(run: StepRun) -> Mapping[str, Json]:
    """Bring AWS to what the root says. Returns the outputs and the keys that the tables were asked to have."""
    settings = run.context.settings
    watch = Watch(run)
    tool = workspace.open_in(run.context.run_dir / "terraform", settings, stop=run.stopping, on_event=watch)
    _untaint(run, tool)
    plan = _adopted(run, tool, tool.plan())
    policy.check(plan, settings.section(ProvisionSettings).allow_destroy)
    _begin(run, plan)
    watch.total = sum(len(resource["change"]["actions"]) for resource in policy.changes(plan))
    if plan.get("applyable", True):
        tool.apply()
    return {"wkms": tool.outputs()["wkms"], "table_keys": plan["variables"]["tables"]["value"]}


def _untaint(run: StepRun, tool: Terraform) -> None:
    for resource in recovery.tainted(tool.state()):
        if recovery.settled(run.context.settings.aws, resource, run.stopping) == "ready":
            tool.untaint(resource.address)
            run.finding(
                "provision-untainted",
                "Its creation was cut off; AWS has finished it, so it is kept instead of being made anew.",
                resource.address,
            )


def _adopted(run: StepRun, tool: Terraform, plan: dict[str, Any]) -> dict[str, Any]:
    """Return the plan, made again if something of an earlier apply has to be taken into the state first."""
    aws = run.context.settings.aws
    orphans = recovery.orphans(plan, aws, run.cursors.get(BEGUN, ()))
    if not orphans:
        return plan
    for resource in orphans:
        recovery.settled(aws, resource, run.stopping)
        run.finding("provision-adopted", "An apply that was cut off had made it; it is taken over.", resource.address)
    recovery.adopt(tool.folder, orphans)
    return tool.plan()


def _begin(run: StepRun, plan: Mapping[str, Any]) -> None:
    """Remember what this apply creates, before it does: what is found there later may then be taken over."""
    begun = set(run.cursors.get(BEGUN, ())) | {resource.address for resource in recovery.created(plan)}
    run.checkpoint(sorted(begun), BEGUN)


def preview(context: Context) -> Iterable[str]:
    """Return the lines of a real plan, made in a folder that is gone afterwards; reads AWS, writes nowhere."""
    settings = context.settings
    section = settings.section(ProvisionSettings)
    with tempfile.TemporaryDirectory(prefix="wkms-plan-") as folder:
        tool = workspace.open_scratch(Path(folder), settings)
        if not section.backend:  # the state is a copy, so it may be healed here just as `run` would heal the real one
            for resource in recovery.tainted(tool.state()):
                tool.untaint(resource.address)
        return list(policy.lines(tool.plan(), section.allow_destroy))
