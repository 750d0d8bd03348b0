"""Which containers are copied, each to which table and by which mapping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wkms_migrate.errors import ConfigError, NotKnownYet
from wkms_migrate.phases.cosmos import mapping_file
from wkms_migrate.phases.cosmos.items import ItemMap
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.keys import keys_of
from wkms_migrate.phases.cosmos.settings import CosmosSettings

if TYPE_CHECKING:
    from wkms_migrate.clients.azure_cosmos import Container
    from wkms_migrate.phases.cosmos.mapping_file import ContainerRules
    from wkms_migrate.plan import Context


def jobs(context: Context, found: list[Container]) -> Iterator[Job]:
    """Yield the work on each chosen container. Raises `ConfigError` for a choice or mapping that cannot be."""
    settings = context.section(CosmosSettings)
    rules = _rules(settings, found)
    for container, table_key in _chosen(settings, found, rules):
        mapping = item_map(container, settings, rules.get(container.name), _bucket(context, settings))
        yield Job(container=container, table_key=table_key, mapping=mapping, rules=rules.get(container.name))


def item_map(container: Container, settings: CosmosSettings, rules: ContainerRules | None, bucket: str) -> ItemMap:
    """Return the mapping of a container: that of the rules, else the one that needs none."""
    if rules is None:
        return ItemMap(
            keys=keys_of(container.key_paths),
            default_ttl=container.default_ttl,
            expiry_name=settings.expiry_attribute,
            large_items=settings.large_items,
            bucket=bucket,
            container=container.name,
        )
    return ItemMap(
        keys=mapping_file.keys_of(rules, container.key_paths),
        default_ttl=container.default_ttl,
        expiry_name=rules.expiry_attribute or settings.expiry_attribute,
        large_items=rules.large_items or settings.large_items,
        out_of_range=rules.out_of_range,
        vectors=mapping_file.forms(rules),
        index_keys=mapping_file.index_keys(rules),
        bucket=bucket,
        container=container.name,
    )


def _rules(settings: CosmosSettings, found: list[Container]) -> dict[str, ContainerRules]:
    if settings.mapping is None:
        return {}
    mapping = mapping_file.load(settings.mapping)
    mapping_file.check(mapping, found, settings.mapping)
    return dict(mapping.containers)


def _chosen(
    settings: CosmosSettings, found: list[Container], rules: dict[str, ContainerRules]
) -> list[tuple[Container, str]]:
    by_name = {container.name: container for container in found}
    tables = {name: rules[name].table if name in rules else name for name in by_name}
    if not settings.containers:
        return [(container, tables[container.name]) for container in found if not rules or container.name in rules]
    missing = sorted(set(settings.containers) - set(by_name))
    if missing:
        raise ConfigError(
            f"phases.cosmos.containers names what is not in the database: {', '.join(missing)}.",
            hint=f"The containers are: {', '.join(sorted(by_name))}.",
        )
    return [(by_name[name], table_key) for name, table_key in settings.containers.items()]


def _bucket(context: Context, settings: CosmosSettings) -> str:
    """Return the bucket for offloaded bodies by its own name; empty where none is set."""
    wanted = settings.offload_bucket or ""
    try:
        known = context.output("provision", "wkms").get("buckets", {})
    except NotKnownYet:
        known = {}
    if settings.large_items == "offload" and not wanted:
        raise ConfigError(
            "phases.cosmos.large_items is `offload`, and no bucket is named.",
            hint="Set phases.cosmos.offload_bucket to one of provision's output `buckets`, e.g. attachments.",
        )
    return str(known.get(wanted, wanted))
