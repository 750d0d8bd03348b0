"""The mysql phase beside `mysqldump | mysql` and `mydumper` + `myloader`: `make bench-mysql`.

Three workloads are made on one private server and copied to another with the same settings, by each tool in turn, as
often as asked. Ours does all that it does for a user: preflight, snapshot, schema, rows, indexes, objects and the
verification of every row on both ends. A figure is the median of its runs; a ratio is that tool's time by ours.
"busy" is the processor time of the whole machine, both servers included: no tool is faster than that by its processors.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pymysql
import yaml

from wkms_migrate.lab import mysql_binaries, mysqld, servers
from wkms_migrate.lab.folder import LabFolder
from wkms_migrate.lab.mysql_profiles import AZURE, RDS, Profile

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "build/bench/mysql.json"
OURS, VERIFY, MYDUMPER = "wkms-migrate", "mysql verify", "mydumper + myloader"
SCHEMA = "bench"


@dataclass(frozen=True, slots=True)
class Workload:
    """A table: its columns and, as an SQL expression of `n`, its rows."""

    columns: str
    values: str
    rows: int


WORKLOADS = {
    "narrow": Workload(
        "id BIGINT UNSIGNED PRIMARY KEY, a INT, b INT, c DATETIME, d VARCHAR(20), KEY (a)",
        "n, CRC32(n) % 1000000, n * 3, '2025-01-01' + INTERVAL n SECOND, CONCAT('abc', n)",
        2_000_000,
    ),
    "wide": Workload(
        "id BIGINT UNSIGNED PRIMARY KEY, title VARCHAR(300), body MEDIUMTEXT, meta JSON, at DATETIME(6), score DOUBLE,"
        " near FLOAT, raw VARBINARY(64), KEY (title(20))",
        "n, CONCAT('취업규칙 개정안 ', n), REPEAT(CONCAT('연차 휴가는 언제까지 써야 하나요? 😀 ', n), 26),"
        " JSON_OBJECT('no', n, 'tags', JSON_ARRAY('인사', '규정'), 'hash', SHA2(n, 256)),"
        " '2025-01-01' + INTERVAL n SECOND, n / 7, n / 3, UNHEX(SHA2(n, 512))",
        280_000,
    ),
    "blobs": Workload(
        "id INT PRIMARY KEY, body LONGBLOB",
        "n, REPEAT(RANDOM_BYTES(1024), 1024 * (1 + n % 8))",
        111,
    ),
}


@dataclass(frozen=True, slots=True)
class Server:
    """A private server and where its clients find how to log in."""

    host: str
    port: int
    user: str
    password_file: Path
    ca: Path
    owner_password: str
    login: Path

    def connect(self) -> pymysql.Connection[Any]:
        """Return a connection of the owner."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=mysqld.OWNER,
            password=self.owner_password,
            ssl={"ca": str(self.ca)},
            autocommit=True,
        )

    def run(self, *statements: str) -> tuple[tuple[Any, ...], ...]:
        """Run statements as the owner; return the rows of the last."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return tuple(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one tool: seconds of the clock, of the client's processors and of all, MiB of its biggest process."""

    wall_s: float
    cpu_s: float
    busy_s: float
    rss_mib: float


@contextlib.contextmanager
def pair(folder: Path) -> Iterator[tuple[Server, Server]]:
    """Start two servers and end them."""
    lab = LabFolder(folder / "lab")
    home = servers.Home(folder / "servers")
    binaries = mysql_binaries.find(print)
    started: list[servers.Running] = []

    def start(profile: Profile) -> Server:
        mysqld.prepare(profile, binaries, lab)
        running = servers.ensure(mysqld.server(profile, binaries, lab), home)
        started.append(running)
        login = mysqld.connection(profile, lab, running.ports)
        password = lab.secret(profile.name)
        options = folder / f"{profile.name}.cnf"
        options.write_text(
            f"[client]\nhost={login['host']}\nport={login['port']}\nuser={profile.user}\n"
            f"password={password.read_text(encoding='ascii')}\n",
            encoding="ascii",
        )
        options.chmod(0o600)
        return Server(
            host=str(login["host"]),
            port=int(login["port"]),
            user=profile.user,
            password_file=password,
            ca=Path(str(login["ca"])),
            owner_password=lab.secret(mysqld.OWNER).read_text(encoding="ascii"),
            login=options,
        )

    try:
        yield start(AZURE), start(RDS)
    finally:
        for running in started:
            servers.stop(running, home)


def fill(source: Server, workload: Workload) -> None:
    """Make the table of a workload, in twenty transactions."""
    source.run(
        f"DROP DATABASE IF EXISTS {SCHEMA}",
        f"CREATE DATABASE {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.t ({workload.columns})",
    )
    step = max(1, workload.rows // 20)
    for first in range(1, workload.rows + 1, step):
        last = min(first + step - 1, workload.rows)
        numbers = f"WITH RECURSIVE s (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last})"
        source.run(
            f"SET SESSION cte_max_recursion_depth = {step + 1}",
            f"INSERT INTO {SCHEMA}.t SELECT {workload.values} FROM ({numbers} SELECT n FROM s) r",
        )
    source.run(f"ANALYZE TABLE {SCHEMA}.t")


def measured(argv: list[str], log: Path, env: dict[str, str] | None = None) -> Measured:
    """Run a program to its end with all that it starts. Raises `RuntimeError` with its last lines when it fails."""
    began, busy = time.monotonic(), busy_seconds()
    with log.open("wb") as output:
        pid = os.posix_spawnp(
            argv[0],
            argv,
            {**environment(), **(env or {})},
            file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)],
        )
        _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - began
    if status:
        raise RuntimeError(f"{argv[0]} failed:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, busy_seconds() - busy, usage.ru_maxrss / 1024)


def environment() -> dict[str, str]:
    """Return this environment with bytecode kept, as that of an installed program is."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def compile_ours() -> None:
    """Leave the bytecode of ours as an installation does, so that the first run does not pay for it."""
    program = "from wkms_migrate import cli, phases; phases.load()"
    subprocess.run([sys.executable, "-c", program], env=environment(), cwd=ROOT, check=True)


def busy_seconds() -> float:
    """Return what all processors of the machine have worked since it started."""
    user, nice, system, _idle, _wait, irq, softirq = Path("/proc/stat").read_text("ascii").split(maxsplit=8)[1:8]
    return sum(map(int, (user, nice, system, irq, softirq))) / os.sysconf("SC_CLK_TCK")


def ours(source: Server, target: Server, folder: Path, log: Path) -> Measured:
    """Copy with this project's command, as a user does."""
    shutil.rmtree(folder / "runs", ignore_errors=True)
    return measured([*_wkms(source, target, folder), "phase", "mysql", "--env", "bench", "--yes"], log)


def verification(source: Server, target: Server, folder: Path, log: Path) -> Measured:
    """Compare all rows of both ends once more, to know what part of a copy that is."""
    return measured([*_wkms(source, target, folder), "mysql", "verify", "--env", "bench"], log)


def _wkms(source: Server, target: Server, folder: Path) -> list[str]:
    values = {
        "environment": "bench",
        "runs_dir": str(folder / "runs"),
        "azure": {"mysql": _server(source)},
        "aws": {"mysql": _server(target)},
        "phases": {"mysql": {"schemas": [SCHEMA]}},
    }
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config/bench.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return ["env", "-C", str(folder), sys.executable, "-m", "wkms_migrate"]


def _server(server: Server) -> dict[str, Any]:
    return {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "password": f"file:{server.password_file}",
        "ca": str(server.ca),
    }


def mysqldump(source: Server, target: Server, folder: Path, log: Path) -> Measured:
    """Pipe the official dump into the official client."""
    del folder
    dump = [*_program("mysqldump"), f"--defaults-file={source.login}", "--single-transaction", "--no-tablespaces"]
    dump += ["--set-gtid-purged=OFF", "--max-allowed-packet=64M", "--databases", SCHEMA]
    load = [*_program("mysql"), f"--defaults-file={target.login}", "--max-allowed-packet=64M"]
    return measured(["bash", "-c", f"set -o pipefail; {shlex.join(dump)} | {shlex.join(load)}"], log)


def _program(name: str) -> list[str]:
    """Return how to run a client program that came with the server."""
    binaries = mysql_binaries.find(print)
    words = [name if word == "mysqld" else word for word in binaries.mysqld[:-1]]
    return [*words, str(binaries.basedir / "bin" / name)]


def mydumper(source: Server, target: Server, folder: Path, log: Path) -> Measured:
    """Dump into a folder with mydumper, load it with myloader, four threads each, as ours has by default."""
    staged = folder / "mydumper"
    shutil.rmtree(staged, ignore_errors=True)
    dump = ["mydumper", f"--defaults-file={source.login}", "--ssl", "--threads=4", f"--database={SCHEMA}"]
    dump += ["--rows=200000", f"--outputdir={staged}", "--no-backup-locks"]
    load = ["myloader", f"--defaults-file={target.login}", "--ssl", "--threads=4", f"--directory={staged}"]
    return measured(["bash", "-c", f"{shlex.join(dump)} && {shlex.join(load)}"], log)


TOOLS: dict[str, Callable[[Server, Server, Path, Path], Measured]] = {
    OURS: ours,
    VERIFY: verification,
    "mysqldump | mysql": mysqldump,
    MYDUMPER: mydumper,
}


def compare(cases: list[str], tools: list[str], runs: int, scale: float) -> list[dict[str, Any]]:
    """Run every tool on every workload, in turn, and return the figures."""
    found: list[dict[str, Any]] = []
    compile_ours()
    with TemporaryDirectory(prefix="bench-mysql-") as temporary, pair(Path(temporary)) as (source, target):
        for case in cases:
            workload = WORKLOADS[case]
            fill(source, replace(workload, rows=max(1, int(workload.rows * scale))))
            taken: dict[str, list[Measured]] = {tool: [] for tool in tools}
            for _ in range(runs):
                for tool in tools:
                    taken[tool].append(copied(case, tool, source, target, Path(temporary)))
            found += figures(case, taken)
    return found


def copied(case: str, tool: str, source: Server, target: Server, folder: Path) -> Measured:
    """Run one tool on an empty target. Raises `RuntimeError` when ours does not end with the same bytes."""
    if tool != VERIFY:  # which looks at what ours has just copied
        target.run(f"DROP DATABASE IF EXISTS {SCHEMA}", "FLUSH BINARY LOGS", "PURGE BINARY LOGS BEFORE NOW()")
    one = TOOLS[tool](source, target, folder, folder / "log")
    same = equal(source, target)
    note = "" if same else ", its copy is not equal"
    print(
        f"{case}: {tool}: {one.wall_s:.1f} s, {one.cpu_s:.1f} s of client CPU, {one.busy_s:.1f} s of all{note}",
        flush=True,
    )
    if tool == OURS and not same:
        message = "our copy is not equal"
        raise RuntimeError(message)
    return one


def equal(source: Server, target: Server) -> bool:
    """Compare the servers' own checksums of what they store."""
    return source.run(f"CHECKSUM TABLE {SCHEMA}.t") == target.run(f"CHECKSUM TABLE {SCHEMA}.t")


def figures(case: str, taken: dict[str, list[Measured]]) -> Iterator[dict[str, Any]]:
    """Yield the medians of each tool and its ratio to ours."""
    walls = {tool: statistics.median(one.wall_s for one in many) for tool, many in taken.items()}
    for tool, many in taken.items():
        yield {
            "case": case,
            "tool": tool,
            "wall_s": round(walls[tool], 2),
            "cpu_s": round(statistics.median(one.cpu_s for one in many), 2),
            "busy_s": round(statistics.median(one.busy_s for one in many), 2),
            "rss_mib": round(max(one.rss_mib for one in many), 1),
            "ratio": round(walls[tool] / walls[OURS], 2) if OURS in walls else None,
        }


def main() -> None:
    """Measure, print a table and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--case", action="append", choices=WORKLOADS)
    parser.add_argument("--tool", action="append", choices=TOOLS)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows, to try things out")
    chosen = parser.parse_args()
    tools = chosen.tool or list(TOOLS)
    if MYDUMPER in tools and not shutil.which("myloader"):
        print("mydumper is not installed and is left out (Debian: apt-get install mydumper)")
        tools.remove(MYDUMPER)
    found = compare(chosen.case or list(WORKLOADS), tools, chosen.runs, chosen.scale)
    print(f"{'case':<8} {'tool':<20} {'wall s':>8} {'cpu s':>8} {'busy s':>8} {'rss MiB':>8} {'ratio':>6}")
    for row in found:
        print("{case:<8} {tool:<20} {wall_s:>8} {cpu_s:>8} {busy_s:>8} {rss_mib:>8} {ratio!s:>6}".format(**row))
    if chosen.scale != 1:
        return  # figures of a trial do not take the place of the bench's
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
