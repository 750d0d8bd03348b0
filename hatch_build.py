"""Builds `clients/_mysql_line.c` where there is a C compiler; without one, Python does the same more slowly."""

from __future__ import annotations

import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("wkms_migrate/clients/_mysql_line.c")
FLAGS = ("-O2", "-fPIC", "-Wall", "-Wextra")


class CustomBuildHook(BuildHookInterface[Any]):
    """Called by hatchling for every wheel, also for the one of an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build beside the source, and make it part of a wheel for this platform."""
        del version
        target = SOURCE.with_suffix(".abi3.so")
        problem = _build(Path(self.root) / SOURCE, Path(self.root) / target)
        if problem:
            self.app.display_warning(f"{SOURCE} was not built, so MySQL is copied more slowly: {problem}")
            return
        build_data["artifacts"].append(f"/{target}")
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"


def _build(source: Path, target: Path) -> str:
    """Compile and link; return why that cannot be. What an earlier build left is gone then."""
    target.unlink(missing_ok=True)
    linker = sysconfig.get_config_var("LDSHARED")
    if not linker:
        return "this Python does not say how it is extended"
    made = target.with_suffix(".new")
    words = [*shlex.split(linker), *FLAGS, f"-I{sysconfig.get_path('include')}", str(source), "-o", str(made)]
    try:
        subprocess.run(words, check=True, capture_output=True, text=True)
    except OSError as error:
        return str(error)
    except subprocess.CalledProcessError as error:
        return str(error.stderr) or str(error)
    made.replace(target)
    return ""
