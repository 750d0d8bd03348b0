"""Two real MySQL servers: the source behaves as Azure Database for MySQL, the target as Amazon RDS.

Options and privileges follow what the two services document for a flexible server and for an RDS instance of MySQL
8.4. What a stock server cannot copy: RDS refuses FLUSH TABLES WITH READ LOCK to its master, Azure keeps the `mysql`
schema read-only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wkms_migrate import process
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import cache
from wkms_migrate.lab.certificates import Certificates
from wkms_migrate.lab.mysql_binaries import MysqlBinaries
from wkms_migrate.lab.servers import HOST, Ports, Server

OWNER = "lab"  # has every privilege; for seeding and for looking inside, never used by a phase
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
    user="admin",
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
        f"GRANT {_RDS_ROLE} TO 'admin'@'%' WITH ADMIN OPTION",
        f"SET DEFAULT ROLE {_RDS_ROLE} TO 'admin'@'%'",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one server lives: its data, the file with its accounts (0600), and what it shows to clients."""

    data: Path
    accounts: Path
    certificates: Certificates


def prepare(profile: Profile, binaries: MysqlBinaries, place: Place, password: str, owner_password: str) -> None:
    """Make what the server starts from, once: an initialised data folder and the file that creates its accounts."""
    statements = _accounts(profile, password, owner_password)
    place.accounts.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    place.accounts.touch(mode=0o600)
    place.accounts.write_text("".join(f"{statement};\n" for statement in statements), encoding="utf-8")
    if place.data.exists():
        return
    template = cache.ensure(f"mysql-data-{binaries.version}", lambda folder: _initialise(binaries, folder))
    partial = place.data.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    place.data.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(template / "data", partial)
    (partial / "auto.cnf").unlink(missing_ok=True)  # each server draws its own server_uuid
    partial.rename(place.data)


def server(profile: Profile, binaries: MysqlBinaries, place: Place, owner_password: str) -> Server:
    """Return the server to start. It is ready when its owner can log in over verified TLS."""

    def command(ports: Ports) -> list[str]:
        return [
            *_base(binaries, place.data),
            *profile.options,
            f"--bind-address={HOST}",
            f"--port={ports['mysql']}",
            "--socket=mysqld.sock",  # relative to the data folder: a path of any length would not fit
            f"--ssl-ca={place.certificates.ca}",
            f"--ssl-cert={place.certificates.certificate}",
            f"--ssl-key={place.certificates.key}",
            f"--init-file={place.accounts}",
        ]

    return Server(
        name=profile.name,
        ports=("mysql",),
        command=command,
        probe=_probe(place.certificates.ca, owner_password),
        patience=120,
    )


def _accounts(profile: Profile, password: str, owner_password: str) -> list[str]:
    """Return statements that may run at every start."""
    admin, owner = f"'{profile.user}'@'%'", f"'{OWNER}'@'%'"
    return [
        "SET SESSION sql_log_bin = 0",  # accounts are the service's own, no client's change
        f"CREATE USER IF NOT EXISTS {owner}",
        f"ALTER USER {owner} IDENTIFIED BY '{owner_password}'",
        f"GRANT ALL PRIVILEGES ON *.* TO {owner} WITH GRANT OPTION",
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{owner_password}'",
        f"CREATE USER IF NOT EXISTS {admin}",
        f"ALTER USER {admin} IDENTIFIED BY '{password}'",
        *profile.grants,
    ]


def _initialise(binaries: MysqlBinaries, folder: Path) -> None:
    argv = [*_base(binaries, folder / "data"), "--initialize-insecure", "--lower-case-table-names=1"]
    done = process.run([*argv, "--innodb-redo-log-capacity=16M"], env=os.environ)
    if done.code:
        raise WkmsError(
            "mysqld could not make a data folder:\n" + "\n".join(done.tail[-8:]),
            hint="Check that the cache folder has 300 MB free, then try again.",
        )


def _base(binaries: MysqlBinaries, data: Path) -> list[str]:
    user = ["--user=root"] if os.geteuid() == 0 else []  # mysqld asks root to say so
    return [*binaries.mysqld, "--no-defaults", *user, f"--basedir={binaries.basedir}", f"--datadir={data}"]


def _probe(ca: Path, owner_password: str) -> Callable[[Ports], str | None]:
    def probe(ports: Ports) -> str | None:
        import pymysql

        try:
            pymysql.connect(
                host=HOST,
                port=ports["mysql"],
                user=OWNER,
                password=owner_password,
                connect_timeout=5,
                ssl={"ca": str(ca)},
            ).close()
        except (pymysql.Error, OSError) as error:
            return str(error)
        return None

    return probe
