"""What each Terraform resource type costs: from its planned values to SKUs and quantities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from wkms_migrate.cost.fields import Area

Values = Mapping[str, Any]
HOURS = "hours_per_month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One thing that a resource is billed for. Equal charges of several resources are counted together."""

    key: str
    area: Area
    what: str
    sku: str
    quantity: tuple[str, ...]
    charge: Literal["fixed", "usage"] = "fixed"
    lifecycle: str = ""
    lifecycle_units: tuple[str, ...] = ()


Pricing = Callable[[Values], tuple[Charge, ...]]


def _hourly(key: str, area: Area, what: str, sku: str) -> Pricing:
    charge = Charge(key=key, area=area, what=what, sku=sku, quantity=(HOURS,))
    return lambda _values: (charge,)


def _volume(key: str, kind: str | None, size: int | None) -> Charge:
    kind, size = kind or "gp3", size or 8
    return Charge(
        key=f"{key}-{kind}-{size}",
        area="compute",
        what=f"{kind} {size} GB",
        sku=f"aws.ebs.{kind}",
        quantity=(str(size),),
    )


def _instance(values: Values) -> tuple[Charge, ...]:
    kind = values["instance_type"]
    machine = Charge(key=f"instance-{kind}", area="compute", what=kind, sku=f"aws.ec2.{kind}", quantity=(HOURS,))
    roots = values.get("root_block_device") or [{}]
    return (machine, *(_volume("root-volume", root.get("volume_type"), root.get("volume_size")) for root in roots))


def _ebs(values: Values) -> tuple[Charge, ...]:
    return (_volume("volume", values.get("type"), values.get("size")),)


def _vcpus(kind: str) -> str:
    """Return how many vCPU a database class has: 2 up to large, then 4 per "xlarge"."""
    size = kind.rsplit(".", 1)[-1]
    return str(4 * int(size.removesuffix("xlarge") or 1)) if size.endswith("xlarge") else "2"


def _database(values: Values) -> tuple[Charge, ...]:
    kind, zones = values["instance_class"], ".multi-az" if values.get("multi_az") else ""
    size = str(values.get("allocated_storage") or 20)
    old = str(values.get("engine_version") or "").startswith("8.0")
    machines = "2" if zones else "1"
    charges = [
        Charge(
            key=f"database-{kind}{zones}",
            area="database",
            what=f"{kind}, MySQL {values.get('engine_version') or ''}{', two zones' if zones else ''}",
            sku=f"aws.rds.mysql.{kind}",
            quantity=(machines, HOURS),
            lifecycle="rds-mysql-8.0" if old else "",
            lifecycle_units=(_vcpus(kind), machines) if old else (),
        ),
        Charge(
            key=f"database-storage-{size}",
            area="database",
            what=f"{values.get('storage_type') or 'gp3'} {size} GB",
            sku=f"aws.rds.gp3{zones}",
            quantity=(size,),
        ),
    ]
    if values.get("manage_master_user_password"):
        secret = Charge(key="database-password", area="database", what="Secret", sku="aws.secret", quantity=("1",))
        charges.append(secret)
    return tuple(charges)


def _nat(_values: Values) -> tuple[Charge, ...]:
    return (
        Charge(key="nat", area="network", what="NAT gateway", sku="aws.nat.hour", quantity=(HOURS,)),
        Charge(
            key="nat-use",
            area="network",
            what="NAT gateway, data",
            sku="aws.nat.gb",
            quantity=("egress_gb",),
            charge="usage",
        ),
    )


def _balancer(values: Values) -> tuple[Charge, ...]:
    addresses = () if values.get("internal") else ("2",)  # one in each of two zones
    return (
        Charge(key="balancer", area="network", what="Load balancer", sku="aws.alb.hour", quantity=(HOURS,)),
        Charge(
            key="balancer-use",
            area="network",
            what="Load balancer, LCU",
            sku="aws.alb.lcu",
            quantity=("lcu", HOURS),
            charge="usage",
        ),
        *(
            Charge(
                key="balancer-addresses",
                area="network",
                what="Public IPv4",
                sku="aws.ipv4",
                quantity=(number, HOURS),
            )
            for number in addresses
        ),
    )


def _endpoint(values: Values) -> tuple[Charge, ...]:
    if values.get("vpc_endpoint_type") in (None, "Gateway"):
        return ()
    return (
        Charge(
            key="vpc-endpoint",
            area="network",
            what="Interface endpoint",
            sku="aws.vpc-endpoint.hour",
            quantity=(HOURS,),
        ),
    )


def _cache(values: Values) -> tuple[Charge, ...]:
    engine, kind = values.get("engine") or "redis", values.get("node_type") or "cache.t4g.micro"
    nodes = str(values.get("num_cache_clusters") or values.get("num_cache_nodes") or 1)
    old = engine == "redis"
    return (
        Charge(
            key=f"cache-{engine}-{kind}",
            area="cache",
            what=f"{engine} {kind}",
            sku=f"aws.elasticache.{engine}.{kind}",
            quantity=(nodes, HOURS),
            lifecycle="elasticache-redis-oss" if old else "",
            lifecycle_units=(nodes,) if old else (),
        ),
    )


def _monthly(key: str, area: Area, what: str, sku: str) -> Pricing:
    charge = Charge(key=key, area=area, what=what, sku=sku, quantity=("1",))
    return lambda _values: (charge,)


def _by_use(_values: Values) -> tuple[Charge, ...]:
    """Billed by use alone: the scenario that tells the use has lines for it, or names the area as left outside."""
    return ()


def _table(values: Values) -> tuple[Charge, ...]:
    """Return the provisioned throughput; on demand a table is billed by use alone."""
    if values.get("billing_mode") != "PROVISIONED":
        return ()
    return tuple(
        Charge(
            key=f"table-{unit}-{capacity}",
            area="nosql",
            what=f"{capacity} {unit.upper()}",
            sku=f"aws.dynamodb.{unit}",
            quantity=(str(capacity), HOURS),
        )
        for unit, capacity in (("rcu", values.get("read_capacity") or 1), ("wcu", values.get("write_capacity") or 1))
    )


PRICED: Mapping[str, Pricing] = {
    "aws_instance": _instance,
    "aws_ebs_volume": _ebs,
    "aws_eip": _hourly("addresses", "network", "Public IPv4", "aws.ipv4"),
    "aws_nat_gateway": _nat,
    "aws_lb": _balancer,
    "aws_vpc_endpoint": _endpoint,
    "aws_db_instance": _database,
    "aws_elasticache_replication_group": _cache,
    "aws_elasticache_cluster": _cache,
    "aws_secretsmanager_secret": _monthly("secrets", "database", "Secret", "aws.secret"),
    "aws_kms_key": _monthly("keys", "database", "KMS key", "aws.kms.key"),
    "aws_cloudwatch_log_group": _by_use,
    "aws_dynamodb_table": _table,
    "aws_s3_bucket": _by_use,
    "aws_sqs_queue": _by_use,
}

# No charge of their own: settings, rights, routes, and what only hands on traffic that is billed elsewhere.
FREE = frozenset(
    {
        "aws_db_parameter_group",
        "aws_db_subnet_group",
        "aws_default_security_group",
        "aws_elasticache_parameter_group",
        "aws_elasticache_subnet_group",
        "aws_iam_instance_profile",
        "aws_iam_policy",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachment",
        "aws_internet_gateway",
        "aws_key_pair",
        "aws_kms_alias",
        "aws_launch_template",
        "aws_lb_listener",
        "aws_lb_target_group",
        "aws_lb_target_group_attachment",
        "aws_route",
        "aws_route_table",
        "aws_route_table_association",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_notification",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
        "aws_security_group",
        "aws_security_group_rule",
        "aws_sqs_queue_policy",
        "aws_sqs_queue_redrive_allow_policy",
        "aws_sqs_queue_redrive_policy",
        "aws_subnet",
        "aws_volume_attachment",
        "aws_vpc",
        "aws_vpc_security_group_egress_rule",
        "aws_vpc_security_group_ingress_rule",
        "null_resource",
        "random_id",
        "random_password",
        "terraform_data",
    }
)
