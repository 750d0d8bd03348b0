"""Real MySQL servers, one per profile of mysql_profiles.py, with the data, accounts and certificates of one lab."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from wkms_migrate import process
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import cache, certificates
from wkms_migrate.lab.folder import LabFolder
from wkms_migrate.lab.mysql_binaries import MysqlBinaries
from wkms_migrate.lab.mysql_profiles import Profile, for_mariadb
from wkms_migrate.lab.servers import HOST, Ports, Server

_MARIADB_TABLES = (
    "mysql_system_tables",
    "mysql_performance_tables",
    "mysql_system_tables_data",
    "maria_add_gis_sp_bootstrap",
    "mysql_sys_schema",
)
_ONE_ROOT = "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';\n"
OWNER = "lab"  # has every privilege, to look inside a server; no phase ever uses it


def prepare(profile: Profile, binaries: MysqlBinaries, folder: LabFolder) -> None:
    """Make what the server starts from: the file that creates its accounts and, once, a data folder."""
    accounts = _accounts(_fitting(profile, binaries), folder)
    folder.secret(f"{profile.name}.sql").write_text(accounts, encoding="utf-8")
    data = folder.data(profile.name)
    if data.exists():
        return
    brand = "mariadb" if binaries.mariadb else "mysql"
    template = cache.ensure(f"{brand}-data-{binaries.version}", lambda made: _initialise(binaries, made))
    partial = data.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(template / "data", partial)
    (partial / "auto.cnf").unlink(missing_ok=True)  # each server draws its own server_uuid
    partial.rename(data)


def server(profile: Profile, binaries: MysqlBinaries, folder: LabFolder) -> Server:
    """Return the server to start. It is ready when its administrator can log in over verified TLS."""
    shown = _certificates(folder)

    def command(ports: Ports) -> list[str]:
        return [
            *_base(binaries, folder.data(profile.name)),
            *_fitting(profile, binaries).options,
            f"--bind-address={HOST}",
            f"--port={ports['mysql']}",
            "--socket=mysqld.sock",  # relative to the data folder: a path of any length would not fit
            f"--ssl-ca={shown.ca}",
            f"--ssl-cert={shown.certificate}",
            f"--ssl-key={shown.key}",
            f"--init-file={folder.secret(f'{profile.name}.sql')}",
        ]

    def probe(ports: Ports) -> str | None:
        import pymysql

        try:
            pymysql.connect(
                host=HOST,
                port=ports["mysql"],
                user=profile.user,
                password=folder.secret(profile.name).read_text(encoding="ascii"),
                connect_timeout=5,
                ssl={"ca": str(shown.ca)},
            ).close()
        except (pymysql.Error, OSError) as error:
            return str(error)
        return None

    return Server(name=profile.name, ports=("mysql",), command=command, probe=probe, patience=120)


def connection(profile: Profile, folder: LabFolder, ports: Ports) -> dict[str, str | int]:
    """Return how the administrator reaches the server, as the configuration takes it."""
    return {
        "host": HOST,
        "port": ports["mysql"],
        "user": profile.user,
        "password": f"file:{folder.secret(profile.name)}",
        "tls": "verify",
        "ca": str(_certificates(folder).ca),
    }


def _certificates(folder: LabFolder) -> certificates.Certificates:
    return certificates.ensure(folder.path / "tls", [HOST])


def _accounts(profile: Profile, folder: LabFolder) -> str:
    """Return statements that may run at every start."""
    admin, owner = f"'{profile.user}'@'%'", f"'{OWNER}'@'%'"
    password, owner_password = (folder.secret(name).read_text(encoding="ascii") for name in (profile.name, OWNER))
    statements = [
        "SET SESSION sql_log_bin = 0",  # accounts are the service's own, no client's change
        f"CREATE USER IF NOT EXISTS {owner}",
        f"ALTER USER {owner} IDENTIFIED BY '{owner_password}'",
        f"GRANT ALL PRIVILEGES ON *.* TO {owner} WITH GRANT OPTION",
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{owner_password}'",
        f"CREATE USER IF NOT EXISTS {admin}",
        f"ALTER USER {admin} IDENTIFIED BY '{password}'",
        *profile.grants,
    ]
    return "".join(f"{statement};\n" for statement in statements)


def _fitting(profile: Profile, binaries: MysqlBinaries) -> Profile:
    return for_mariadb(profile) if binaries.mariadb else profile


def _initialise(binaries: MysqlBinaries, folder: Path) -> None:
    argv = [*_base(binaries, folder / "data"), "--lower-case-table-names=1"]
    if binaries.mariadb:
        done = _bootstrap(argv, binaries.basedir / "share/mysql", folder)
    else:
        argv += ["--initialize-insecure", "--innodb-redo-log-capacity=16M"]
        done = process.run(argv, env=os.environ)
    if done.code:
        raise WkmsError(
            "mysqld could not make a data folder:\n" + "\n".join(done.tail[-8:]),
            hint=f"Check that {cache.folder()} has 300 MB free, then try again.",
        )


def _bootstrap(argv: list[str], share: Path, folder: Path) -> process.Finished:
    """Make MariaDB's own tables, as `mariadb-install-db` does: that script knows only a server that is installed."""
    (folder / "data/mysql").mkdir(parents=True)
    script = folder / "bootstrap.sql"
    texts = [(share / f"{name}.sql").read_text(encoding="utf-8") for name in _MARIADB_TABLES]
    script.write_text("\n".join(["USE mysql;", *texts, _ONE_ROOT]), encoding="utf-8")
    words = ["--bootstrap", f"--lc-messages-dir={share}", "--innodb-log-file-size=16M"]
    return process.run([*argv, *words], env=os.environ, stdin=script)


def _base(binaries: MysqlBinaries, data: Path) -> list[str]:
    user = ["--user=root"] if os.geteuid() == 0 else []  # mysqld asks root to say so
    own = data.with_name(f"{data.name}.tmp")  # MariaDB deletes at its start what another has in the same folder
    own.mkdir(parents=True, exist_ok=True)
    folders = [f"--basedir={binaries.basedir}", f"--datadir={data}", f"--tmpdir={own}"]
    return [*binaries.mysqld, "--no-defaults", *user, *folders]
