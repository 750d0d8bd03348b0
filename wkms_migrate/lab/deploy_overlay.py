"""What the lab tells the deploy phase: the VM, the images, and where the services are as seen from the VM."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import debian, stack_images, vm
from wkms_migrate.lab.docker_engine import Say
from wkms_migrate.lab.folder import LabFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the application uses, by its port on this machine's loopback."""

    mysql_port: int
    mysql_tls: str
    aws_port: int


def up(lab_dir: Path, services: Services, say: Say) -> dict[str, Any]:
    """Bring up VM, images and the way to the services; return the settings `phases.deploy` for the lab's overlay."""
    found = vm.ensure(lab_dir, say)
    if isinstance(found, vm.Unavailable):
        return {"unavailable": found.reason}
    try:
        images = stack_images.ensure(say)
        compose = debian.package_files("docker-compose", "sid") / "usr/libexec/docker/cli-plugins/docker-compose"
        vm.connect(lab_dir, found, (services.mysql_port, services.aws_port))
    except WkmsError as error:
        return {"unavailable": error.message}
    return _reach(lab_dir, found) | _software(images, compose) | _application(lab_dir, found.gateway, services)


def _reach(lab_dir: Path, host: vm.Vm) -> dict[str, Any]:
    return {
        "hosts": [{"name": "wkms-vm-1", "address": host.host}],
        "ssh": {"user": host.user, "port": host.ssh_port, "key": str(host.key), "known_hosts": str(host.known_hosts)},
        "url": f"http://{host.host}:{host.http_port}",
        "api_token": _secret(lab_dir, "api_token"),
    }


def _software(images: stack_images.StackImages, compose: Path) -> dict[str, Any]:
    names = {"backend": images.backend, "nginx": images.nginx, "redis": images.redis}
    return {
        "docker_packages": ["docker.io"],
        "compose_plugin": str(compose),
        "images": {"archive": str(images.archive), **names},
    }


def _application(lab_dir: Path, gateway: str, services: Services) -> dict[str, Any]:
    return {
        "app_database": {
            "host": gateway,
            "port": services.mysql_port,
            "tls": services.mysql_tls,
            "password": _secret(lab_dir, "app_database_password"),
        },
        "app_endpoint_url": f"http://{gateway}:{services.aws_port}",
        "app_credentials": {
            "access_key_id": _secret(lab_dir, "app_access_key_id"),
            "secret_access_key": _secret(lab_dir, "app_secret_access_key"),
        },
    }


def _secret(lab_dir: Path, name: str) -> str:
    return f"file:{LabFolder(lab_dir.resolve()).secret(name)}"
