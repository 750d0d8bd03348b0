"""The phase behind `cosmos follow`: a step for each container, in the run that copied it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

from wkms_migrate.clients import azure_cosmos
from wkms_migrate.clients.azure_cosmos import ALL_VERSIONS
from wkms_migrate.counted import counted
from wkms_migrate.errors import Refused, UsageError
from wkms_migrate.phases.cosmos import choice, follow
from wkms_migrate.phases.cosmos.follow import Wish
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.plan import Context, Phase, Step


def phase(wish: Wish, names: Collection[str]) -> Phase:
    """Return the phase that follows these containers, all that are copied when none is named."""
    return Phase(
        name="cosmos",
        summary="Follow the change feed of Cosmos DB",
        plan=partial(_plan, wish=wish, names=names),
        settings=CosmosSettings,
        needs=("provision",),
    )


def _plan(context: Context, wish: Wish, names: Collection[str]) -> Iterator[Step]:
    with azure_cosmos.connect(context.settings.azure.cosmos) as database:
        found = database.containers()
    jobs = {work.name: work for work in choice.jobs(context, found)}
    if unknown := sorted(set(names) - jobs.keys()):
        raise UsageError(
            f"Container {unknown[0]} is not among those to be copied.", hint=f"They are: {', '.join(sorted(jobs))}."
        )
    chosen = [work for work in jobs.values() if not names or work.name in names]
    if len(chosen) > context.settings.workers:
        raise Refused(
            f"{counted(len(chosen), 'container')} cannot be followed by"
            f" {counted(context.settings.workers, 'worker')}: each needs one.",
            hint=f"Set workers to {len(chosen)} or more in the configuration, or choose with --container.",
        )
    for work in chosen:
        yield _step(context, work, wish)


def _step(context: Context, work: Job, wish: Wish) -> Step:
    begin = follow.start(context.state, work)
    follow.check_mode(begin, wish, context.section(CosmosSettings).on_existing, work.name)
    shown = "with its deletions" if begin.mode == ALL_VERSIONS else "by its latest versions"
    return Step(
        id=follow.step_id(work.name),
        summary=f"Follow container {work.name} {shown} to table {work.table(context)}",
        run=partial(follow.run, work=work, begin=begin, wish=wish),
        digest=begin.digest,
    )
