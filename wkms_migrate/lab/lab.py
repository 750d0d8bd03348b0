"""The lab as a whole: `up`, `seed`, `status`, `reset`, `down`, `remove`.

Every function takes the folder of the lab; two commands at once on one lab wait for each other.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wkms_migrate.lab import cache, deploy_overlay, servers, source, target, vm
from wkms_migrate.lab.folder import LabFolder
from wkms_migrate.lab.servers import Say

if TYPE_CHECKING:
    from wkms_migrate.config import Settings

FOLDER = Path(".lab")
_LOCK = "lock"


def up(say: Say, path: Path = FOLDER) -> list[dict[str, Any]]:
    """Start what does not run and write the configuration overlay. Returns the same as `status`."""
    folder = LabFolder(path.resolve())
    with cache.exclusive(folder.path / _LOCK):
        _up(folder, say)
        return _status(folder)


def seed(settings: Settings, scale: str, say: Say) -> dict[str, Any]:
    """Fill the source; what is filled already is left alone."""
    from wkms_migrate.lab import seed as filling

    return filling.seed(settings, scale, say)


def status(path: Path = FOLDER) -> list[dict[str, Any]]:
    """Return one row per server: name, state (`running` or `ended`), ports; for processes also pid, since, log."""
    return _status(LabFolder(path.resolve()))


def reset(say: Say, path: Path = FOLDER) -> list[dict[str, Any]]:
    """End everything, throw all data of the lab away, and start it empty."""
    folder = LabFolder(path.resolve())
    with cache.exclusive(folder.path / _LOCK):
        _empty(folder, say)
        _up(folder, say)
        return _status(folder)


def remove(say: Say, path: Path = FOLDER) -> None:
    """End everything and delete the lab: its data, the VM with its disk, and its folder."""
    folder = LabFolder(path.resolve())
    if not folder.path.exists():
        vm.remove(folder.path)
        return
    with cache.exclusive(folder.path / _LOCK):
        _empty(folder, say)
        shutil.rmtree(folder.path)


def down(say: Say, path: Path = FOLDER) -> None:
    """End every server that the lab started; data on disk is kept."""
    folder = LabFolder(path.resolve())
    if not folder.path.exists():
        vm.stop(folder.path)  # ends the Docker engine that another lab, now deleted, may have left
        return
    with cache.exclusive(folder.path / _LOCK):
        _down(folder, say)


def _up(folder: LabFolder, say: Say) -> None:
    import yaml

    overlay = target.up(folder, say)
    overlay["azure"] = source.up(folder, say)
    ports = {name: running.ports for name, running in _recorded(folder).items()}
    services = deploy_overlay.Services(
        mysql_port=ports["mysql-target"]["mysql"], mysql_tls="required", aws_port=ports["moto"]["http"]
    )
    deployed = overlay["phases"]["deploy"] = deploy_overlay.up(folder.path, services, say)
    if "unavailable" in deployed:
        say(f"No VM, so the deploy phase will be skipped: {deployed['unavailable']}")
    else:
        overlay["phases"]["verify"] = {"api_token": deployed["api_token"]}
    text = "# Written by `wkms-migrate lab up`; do not edit.\n" + yaml.safe_dump(overlay, sort_keys=False)
    servers.write_atomically(folder.overlay, text.encode())


def _down(folder: LabFolder, say: Say) -> None:
    vm.stop(folder.path)
    for name, running in _recorded(folder).items():
        if servers.stop(running, folder.home):
            say(f"Stopped {name}")


def _empty(folder: LabFolder, say: Say) -> None:
    _down(folder, say)
    vm.remove(folder.path)
    for entry in folder.path.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != _LOCK:
            entry.unlink()


def _status(folder: LabFolder) -> list[dict[str, Any]]:
    rows = [
        {
            "name": name,
            "state": "running" if servers.alive(running) else "ended",
            "ports": running.ports,
            "pid": running.pid,
            "since": running.since,
            "log": str(folder.home.log(name)),
        }
        for name, running in _recorded(folder).items()
    ]
    return rows + _vm_status(folder)


def _vm_status(folder: LabFolder) -> list[dict[str, Any]]:
    """Return the row of the VM as the last `up` left it; none when that found no way to have one."""
    import yaml

    if not folder.overlay.exists():
        return []
    deploy = yaml.safe_load(folder.overlay.read_text(encoding="utf-8"))["phases"]["deploy"]
    if "unavailable" in deploy:
        return []
    ports = {"ssh": int(deploy["ssh"]["port"]), "http": int(urlsplit(deploy["url"]).port or 80)}
    return [{"name": "vm", "state": "ended" if servers.is_free(ports["ssh"]) else "running", "ports": ports}]


def _recorded(folder: LabFolder) -> dict[str, servers.Running]:
    names = sorted(file.stem for file in (folder.path / "pids").glob("*.json"))
    found = ((name, folder.home.recorded(name)) for name in names)
    return {name: running for name, running in found if running is not None}
