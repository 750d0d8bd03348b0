"""What the steps of one container share: where it is, where it goes, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from wkms_migrate.clients import azure_cosmos, dynamodb
from wkms_migrate.clients.azure_cosmos import Container, Database, Feed, NotAllowedError
from wkms_migrate.errors import ConfigError
from wkms_migrate.phases.cosmos.budget import UnitBudget
from wkms_migrate.phases.cosmos.dial import Dial
from wkms_migrate.phases.cosmos.items import ItemMap
from wkms_migrate.phases.cosmos.mapping_file import ContainerRules
from wkms_migrate.phases.cosmos.paths import Rate
from wkms_migrate.phases.cosmos.settings import CosmosSettings
from wkms_migrate.plan import Context, StepRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One container to copy. `table_key` names its table in provision's output, `rules` come from the mapping file."""

    container: Container
    table_key: str
    mapping: ItemMap
    rules: ContainerRules | None = None

    @property
    def name(self) -> str:
        """The container's name."""
        return self.container.name

    def table(self, context: Context) -> str:
        """Return the name of the table. Raises `NotKnownYet` before provision is done, `ConfigError` without one."""
        known = context.output("provision", "wkms")["tables"]
        if self.table_key in known:
            return str(known[self.table_key])
        if context.section(CosmosSettings).tables.make:
            return f"{context.settings.name_prefix}-{self.table_key}"
        raise ConfigError(
            f"Container {self.name} has no table: provision's output `tables` has no {self.table_key}, but"
            f" {', '.join(sorted(known)) or 'nothing'}.",
            hint="Add it to the variable `tables` of the Terraform root, set phases.cosmos.tables.make, or name the"
            " containers to copy in phases.cosmos.containers.",
        )

    def feed(self, run: StepRun, feed_range: Mapping[str, Any]) -> Feed:
        """Return the change feed of a range of the container."""
        page_size = run.context.section(CosmosSettings).page_size
        return Feed(container=self.name, feed_range=feed_range, page_size=page_size)


def reading_budget(run: StepRun, database: Database, container: str) -> UnitBudget:
    """Return the request units that reading a container may use, as they stand at each moment."""
    return UnitBudget(_reading(run, database, container), run.stopping)


def reading_rate(run: StepRun, database: Database, container: str) -> Rate | None:
    """Return how fast a container may be read at this moment; None where the sign-in may not see the throughput."""
    try:
        provisioned = database.throughput(container)
    except NotAllowedError:  # the role that reads items does not read offers
        return None
    return Rate(provisioned=provisioned, allowed=_reading(run, database, container)())


def writing_budget(run: StepRun, dynamo: dynamodb.Dynamo, table: str) -> UnitBudget:
    """Return the write units that a table may be given, as they stand at each moment."""
    return UnitBudget(_writing(run, dynamo, table), run.stopping)


def writing_rate(run: StepRun, dynamo: dynamodb.Dynamo, table: str) -> Rate:
    """Return how fast a table may be written at this moment."""
    return Rate(provisioned=dynamo.write_capacity(table), allowed=_writing(run, dynamo, table)())


def planned_rate(run: StepRun) -> Rate:
    """Return how fast a table that is yet to be made may be written."""
    settings = run.context.section(CosmosSettings)
    provisioned = None if settings.tables.capacity is None else float(settings.tables.capacity.write)
    if isinstance(settings.wcu_budget, str):
        share = float(settings.wcu_budget.rstrip("%")) / 100
        return Rate(provisioned=provisioned, allowed=None if provisioned is None else provisioned * share)
    return Rate(provisioned=provisioned, allowed=settings.wcu_budget)


def _reading(run: StepRun, database: Database, container: str) -> Dial:
    wanted = run.context.section(CosmosSettings).ru_budget
    return Dial(run.context.run_dir, "ru", wanted, lambda: database.throughput(container))


def _writing(run: StepRun, dynamo: dynamodb.Dynamo, table: str) -> Dial:
    wanted = run.context.section(CosmosSettings).wcu_budget
    return Dial(run.context.run_dir, "wcu", wanted, lambda: dynamo.write_capacity(table))


def workers_of(run: StepRun) -> int:
    """Return how many ranges and batches are worked on at the same time."""
    return run.context.section(CosmosSettings).workers or int(run.context.settings.workers)


@contextmanager
def source(run: StepRun) -> Iterator[Database]:
    """Sign in to the source; what it gives is for one thread."""
    with azure_cosmos.connect(run.context.settings.azure.cosmos) as database:
        yield database


@contextmanager
def target(run: StepRun) -> Iterator[dynamodb.Dynamo]:
    """Sign in to the target; what it gives is for all threads."""
    with dynamodb.connect(run.context.settings.aws, run.stopping) as dynamo:
        yield dynamo
