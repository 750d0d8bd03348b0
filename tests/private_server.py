"""A target of a test's own, to be killed, started again, filled up and shut out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from endpoints import MysqlEndpoint

from wkms_migrate.lab import mysql_binaries, mysqld, servers
from wkms_migrate.lab.folder import LabFolder
from wkms_migrate.lab.mysql_profiles import RDS

MIB = 1 << 20
ROOM = 512 * MIB


@dataclass(frozen=True, slots=True)
class PrivateServer:
    """A server that runs on a small disk of its own where `limited`."""

    endpoint: MysqlEndpoint
    disk: Path
    limited: bool
    server: servers.Server
    home: servers.Home

    def kill(self) -> None:
        """End it as a power cut would."""
        running = servers.current(self.server, self.home)
        assert running is not None
        os.killpg(running.pid, signal.SIGKILL)
        os.waitpid(running.pid, 0)  # while it is a zombie, the next server takes its socket for one in use

    def start(self) -> None:
        """Start it again at the same address."""
        running = servers.ensure(self.server, self.home)
        assert running.ports["mysql"] == self.endpoint.port

    @contextmanager
    def nearly_full(self, left: int) -> Iterator[None]:
        """Leave `left` bytes on its disk while the block runs."""
        filler = self.disk / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.disk).free - left)
        try:
            yield
        finally:
            filler.unlink()


@contextmanager
def private_target(folder: Path) -> Iterator[PrivateServer]:
    """Run a server with the options and accounts of the target. Its log of changes lies outside its small disk."""
    disk = folder / "disk"
    disk.mkdir(parents=True)
    limited = _mount(disk)
    binaries = mysql_binaries.find(print)
    lab = LabFolder(disk)
    elsewhere = (
        "--log-bin=" + str(folder / "binlog"),
        "--innodb-redo-log-capacity=16M",
        "--innodb-buffer-pool-size=64M",
    )
    profile = replace(RDS, options=(*(one for one in RDS.options if not one.startswith("--log-bin=")), *elsewhere))
    mysqld.prepare(profile, binaries, lab)
    server, home = mysqld.server(profile, binaries, lab), servers.Home(folder)
    try:
        login = mysqld.connection(profile, lab, servers.ensure(server, home).ports)
        endpoint = MysqlEndpoint(
            host=str(login["host"]),
            port=int(login["port"]),
            user=profile.user,
            password=lab.secret(profile.name).read_text(encoding="ascii"),
            ca=Path(str(login["ca"])),
            owner=mysqld.OWNER,
            owner_password=lab.secret(mysqld.OWNER).read_text(encoding="ascii"),
        )
        yield PrivateServer(endpoint, disk, limited, server, home)
    finally:
        if running := servers.current(server, home):
            servers.stop(running, home)
        if limited:
            subprocess.run(["umount", disk], check=True)


def _mount(disk: Path) -> bool:
    """Give the folder a disk of its own where this account may."""
    mount = shutil.which("mount")
    if not mount or os.geteuid() != 0:
        return False
    tried = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={ROOM},mode=0700", "tmpfs", disk], capture_output=True, check=False
    )
    return tried.returncode == 0
