"""What holds for every service of the stack, whoever adds the next one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

STACK = Path(__file__).parents[3] / "stack"
TEXT = (STACK / "compose.yaml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
MEGABYTES_OF_THE_SMALLEST_SERVER = 3_800


@pytest.fixture(params=SERVICES)
def service(request):
    return SERVICES[request.param]


def test_only_nginx_publishes_a_port():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]


def test_is_checked_for_health(service):
    assert service["healthcheck"]["test"]
    assert service["healthcheck"]["interval"] == "3s"


def test_is_limited_in_memory_and_processes(service):
    assert re.fullmatch(r"\d+m", service["mem_limit"])
    assert service["pids_limit"] > 0


def test_turns_its_log_over(service):
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}


def test_runs_with_nothing_that_it_does_not_need(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_waits_for_health_and_not_for_a_start(service):
    conditions = {wait["condition"] for wait in service.get("depends_on", {}).values()}
    assert conditions <= {"service_healthy"}


def test_fits_the_smallest_server_with_room_to_spare():
    total = sum(int(service["mem_limit"].removesuffix("m")) for service in SERVICES.values())
    assert total * 1.15 <= MEGABYTES_OF_THE_SMALLEST_SERVER


def test_a_missing_variable_stops_everything():
    assert set(re.findall(r"\$\{\w+([^}]*)\}", TEXT)) <= {":?", "?"}


def test_the_cache_is_reached_by_the_backends_only():
    assert COMPOSE["networks"]["data"]["internal"] is True
    assert SERVICES["redis"]["networks"] == ["data"]
    assert "data" not in SERVICES["nginx"]["networks"]


def test_no_secret_is_on_a_command_line():
    commands = [str(service.get(part, "")) for service in SERVICES.values() for part in ("command", "entrypoint")]
    assert not [command for command in commands if re.search(r"\$\{\w*(PASSWORD|TOKEN|KEY)", command)]


def test_images_are_given_and_base_images_are_arguments():
    assert all(re.fullmatch(r"\$\{\w+_IMAGE:\?\}", service["image"]) for service in SERVICES.values())
    for dockerfile in STACK.glob("*/Dockerfile"):
        lines = dockerfile.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if line.startswith("FROM")] == ["FROM ${BASE}"]
        assert "USER 10001:10001" in lines
