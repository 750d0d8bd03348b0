"""What makes a stock MySQL server behave as Azure Database for MySQL, or as Amazon RDS: its options and privileges.

Both follow what the services document for a flexible server and for an instance of MySQL 8.4. What a stock server
cannot copy: RDS refuses FLUSH TABLES WITH READ LOCK to its master, Azure keeps the `mysql` schema read-only. A MariaDB
server that stands in has neither the invisible keys of Azure nor the revoked `mysql` schema of RDS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_STATIC = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, "
    "CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, CREATE ROLE, DROP ROLE"
)
_AZURE_DYNAMIC = "REPLICATION_APPLIER, ROLE_ADMIN, SESSION_VARIABLES_ADMIN, SHOW_ROUTINE, XA_RECOVER_ADMIN"
_RDS_DYNAMIC = "APPLICATION_PASSWORD_ADMIN, ROLE_ADMIN, SET_ANY_DEFINER, SHOW_ROUTINE, XA_RECOVER_ADMIN"
_RDS_ROLE = "'rds_superuser_role'@'%'"
_WRITES = (
    "INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, "
    "CREATE VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER"
)
_BOTH = (
    "--lower-case-table-names=1",  # Azure's only value; Terraform's parameter group asks RDS for the same
    "--log-bin-trust-function-creators=ON",
    "--local-infile=ON",
    "--character-set-server=utf8mb4",
    "--default-time-zone=+00:00",
    "--event-scheduler=ON",
    "--max-allowed-packet=64M",
    "--max-connections=400",
    "--skip-name-resolve",
    "--mysqlx=OFF",
    "--secure-file-priv=NULL",
    "--innodb-buffer-pool-size=256M",
    "--innodb-redo-log-capacity=256M",
    # A lab's data must outlive the server, not the machine.
    "--innodb-flush-log-at-trx-commit=2",
    "--sync-binlog=0",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A managed service's server: what it is started with, its administrator and how that one is made."""

    name: str
    user: str
    options: tuple[str, ...]
    grants: tuple[str, ...]


AZURE = Profile(
    name="mysql-source",
    user="wkmsadmin",
    options=(
        *_BOTH,
        "--server-id=1",
        "--sql-generate-invisible-primary-key=ON",
        "--log-bin=binlog",
        "--binlog-format=ROW",
        "--binlog-expire-logs-seconds=0",
        "--gtid-mode=ON",
        "--enforce-gtid-consistency=ON",
        "--require-secure-transport=ON",
    ),
    grants=(
        f"GRANT {_STATIC} ON *.* TO 'wkmsadmin'@'%' WITH GRANT OPTION",
        f"GRANT {_AZURE_DYNAMIC} ON *.* TO 'wkmsadmin'@'%' WITH GRANT OPTION",
    ),
)
RDS = Profile(
    name="mysql-target",
    user="wkms_admin",
    options=(
        *_BOTH,
        "--server-id=2",
        "--log-bin=binlog",
        "--binlog-format=ROW",
        "--partial-revokes=ON",
        "--activate-all-roles-on-login=ON",
    ),
    grants=(
        f"CREATE ROLE IF NOT EXISTS {_RDS_ROLE}",
        f"GRANT {_STATIC} ON *.* TO {_RDS_ROLE} WITH GRANT OPTION",
        f"GRANT {_RDS_DYNAMIC} ON *.* TO {_RDS_ROLE} WITH GRANT OPTION",
        f"REVOKE {_WRITES} ON mysql.* FROM {_RDS_ROLE}",
        f"REVOKE {_WRITES} ON sys.* FROM {_RDS_ROLE}",
        f"GRANT {_RDS_ROLE} TO 'wkms_admin'@'%' WITH ADMIN OPTION",
        f"SET DEFAULT ROLE {_RDS_ROLE} TO 'wkms_admin'@'%'",
    ),
)
_MYSQL_ONLY = (
    "--mysqlx",
    "--secure-file-priv",
    "--innodb-redo-log-capacity",
    "--binlog-expire-logs-seconds",
    "--gtid-mode",
    "--enforce-gtid-consistency",
    "--sql-generate-invisible-primary-key",
    "--partial-revokes",
    "--activate-all-roles-on-login",
)
_ROLE_PRIVILEGES = ", CREATE ROLE, DROP ROLE"  # part of CREATE USER in MariaDB


def for_mariadb(profile: Profile) -> Profile:
    """Return the profile as near as a MariaDB server comes to it: the same administrator, without a role."""
    options = tuple(option for option in profile.options if option.partition("=")[0] not in _MYSQL_ONLY)
    everywhere = f"{_STATIC.removesuffix(_ROLE_PRIVILEGES)}, BINLOG MONITOR, SET USER"
    return replace(
        profile,
        options=(*options, "--innodb-log-file-size=128M"),
        grants=(f"GRANT {everywhere} ON *.* TO '{profile.user}'@'%' WITH GRANT OPTION",),
    )
