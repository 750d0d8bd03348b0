"""Terraform on a private copy of a root module: one command at a time, each streamed as events."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wkms_migrate import process
from wkms_migrate.clients import terraform_stream as stream
from wkms_migrate.errors import WkmsError

MINIMUM = (1, 10)
PLAN_FILE = "plan.tfplan"
LOCK_WAIT = "60s"
# An interrupted apply writes its state before it ends; killing it sooner would lose what it has just made.
GRACE_SECONDS = 300.0
SHOWN_ERRORS = 5
RETRY_HINT = "Correct the cause and run the same command again."
HINTS = {
    "error acquiring the state lock": "Another Terraform works on this state. Wait for it, then run the same command.",
    "no valid credential sources": "Sign in with `aws sso login`, or set aws.profile in the configuration.",
    "does not match any of the checksums": (
        "The lock file of the root knows linux_amd64 only. Elsewhere run `terraform providers lock "
        "-platform=<your platform>` in the root once, and keep the result."
    ),
    "failed to query available provider packages": (
        "The provider cannot be fetched. Without internet set phases.provision.plugin_dir to a filesystem mirror."
    ),
}


def _ignore(_event: stream.Event) -> None:
    """Take an event and do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terraform:
    """Terraform in `folder`, which `lay_out` filled. Every method runs one command and raises `WkmsError` if it fails.

    `environ` is the whole environment of the commands; `secrets` are kept out of the events; `plugin_dir` is a
    filesystem mirror of providers, None for the registry; `locking` False leaves the state's lock alone.
    """

    folder: Path
    environ: Mapping[str, str]
    binary: str = "terraform"
    plugin_dir: Path | None = None
    secrets: tuple[str, ...] = ()
    locking: bool = True
    stop: threading.Event | None = None
    on_event: Callable[[stream.Event], None] = field(default=_ignore)

    @property
    def plan_file(self) -> Path:
        """Where `plan` puts the plan that `apply` carries out."""
        return self.folder / PLAN_FILE

    def check_version(self) -> str:
        """Return the version; raise when the program is missing or too old."""
        if shutil.which(self.binary) is None:
            raise WkmsError(
                f"The program {self.binary} was not found.",
                hint="Install Terraform 1.10 or newer and put it on the PATH, or set phases.provision.binary.",
            )
        version = str(self._read("version", json=_flag())["terraform_version"])
        numbers = tuple(int(part) for part in version.partition("-")[0].split(".")[:2])
        if numbers < MINIMUM:
            raise WkmsError(
                f"Terraform {version} is too old; this root needs {'.'.join(map(str, MINIMUM))} or newer.",
                hint="Install a newer Terraform, or set phases.provision.binary to one.",
            )
        return version

    def init(self) -> None:
        """Install the locked providers and open the state."""
        self._stream("init", json=_flag(), input=False, plugin_dir=self.plugin_dir)

    def plan(self) -> dict[str, Any]:
        """Plan into `plan_file` and return the plan as Terraform's JSON (https://developer.hashicorp.com/terraform/internals/json-format)."""
        self._stream("plan", json=_flag(), input=False, out=self.plan_file, **self._lock())
        self.plan_file.chmod(0o600)
        return self._read("show", str(self.plan_file), json=_flag())

    def apply(self) -> None:
        """Carry out exactly the plan in `plan_file`."""
        self._stream("apply", str(self.plan_file), json=_flag(), input=False, **self._lock())

    def outputs(self) -> dict[str, Any]:
        """Return the outputs by name."""
        return {name: output["value"] for name, output in self._read("output", json=_flag()).items()}

    def state(self) -> dict[str, Any]:
        """Return the state as it is stored; {} when there is none."""
        return self._read("state pull")

    def untaint(self, address: str) -> None:
        """Take back the mark that makes the next plan replace this resource."""
        self._stream("untaint", address, **self._lock())

    def _lock(self) -> dict[str, object]:
        return {"lock_timeout": LOCK_WAIT} if self.locking else {"lock": False}

    def _stream(self, command: str, *operands: str, **options: object) -> None:
        errors: list[stream.Diagnostic] = []
        texts: list[str] = []

        def take(line: str) -> None:
            event = stream.parse(line)
            if isinstance(event, stream.Diagnostic) and event.severity == "error":
                errors.append(event)
            if isinstance(event, stream.Text):
                texts.append(event.text)
            if event is not None:
                self.on_event(event)

        code = self._run(command, operands, {"no_color": _flag(), **options}, take, self.secrets)
        if code:
            raise _failed(command, [str(error) for error in errors] or texts)

    def _read(self, command: str, *operands: str, **options: object) -> dict[str, Any]:
        """Run a command that prints one JSON document. It is read as it is: replacing text in it could break it."""
        lines: list[str] = []
        code = self._run(command, operands, options, lines.append, ())
        if code:
            raise _failed(command, [process.redact(line, self.secrets) for line in lines])
        document = "\n".join(lines).strip()
        return dict(json.loads(document)) if document else {}

    def _run(
        self,
        command: str,
        operands: tuple[str, ...],
        options: Mapping[str, object],
        on_line: Callable[[str], None],
        secrets: tuple[str, ...],
    ) -> int:
        finished = process.run(
            argv(self.binary, command, *operands, **options),
            env=dict(self.environ) | {"TF_DATA_DIR": str(self.folder / "data")},
            cwd=self.folder,
            on_line=on_line,
            secrets=secrets,
            stop=self.stop,
            grace=GRACE_SECONDS,
        )
        return finished.code


def argv(binary: str, command: str, *operands: str, **options: object) -> list[str]:
    """Return a Terraform command line: `input=False` becomes `-input=false`, `json=_flag()` becomes `-json`.

    docs/decisions/0003-terraform-argv.md tells why python-terraform does this and nothing else here.
    """
    from python_terraform import Terraform as Builder

    builder = Builder(working_dir=os.devnull, terraform_bin_path=binary)  # no folder: it would read the state there
    return [str(part) for part in builder.generate_cmd_string(command, *operands, **options)]


def _flag() -> object:
    from python_terraform import IsFlagged

    return IsFlagged


def lay_out(
    folder: Path, root: Path, variables: Mapping[str, object], backend: Mapping[str, Mapping[str, object]]
) -> None:
    """Copy the root module into `folder` and add its variables and backend, readable by their owner only.

    `backend` is `{kind: settings}`, e.g. `{"local": {"path": "…/terraform.tfstate"}}`. What an earlier call left is
    replaced, except the providers that were installed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for stale in root_files(folder):
        stale.unlink()
    for source in root_files(root):
        shutil.copyfile(source, folder / source.name)
    _write_private(folder / "wkms.auto.tfvars.json", variables)
    _write_private(folder / "backend.tf.json", {"terraform": {"backend": backend}})


def root_files(root: Path) -> list[Path]:
    """Return the files that make up a root module, by name; its tests are none."""
    names = ("*.tf", "*.tf.json", ".terraform.lock.hcl", "*.auto.tfvars.json")
    return sorted(path for name in names for path in root.glob(name))


def _write_private(path: Path, content: object) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 - the mode counts from the first byte
        json.dump(content, file, indent=2, ensure_ascii=False)


def environment(
    inherited: Mapping[str, str], extra: Mapping[str, str], cli_config: Path | None = None
) -> dict[str, str]:
    """Return the environment for Terraform: nothing inherited may change what a plan means.

    `cli_config` is Terraform's own configuration file; None uses none, so that a stale one of the user does no harm.
    """
    kept = {name: value for name, value in inherited.items() if not name.startswith("TF_")}
    fixed = {
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_CLI_CONFIG_FILE": str(cli_config or os.devnull),
        "CHECKPOINT_DISABLE": "1",
    }
    return kept | fixed | dict(extra)


def _failed(command: str, reasons: list[str]) -> WkmsError:
    shown = [reason for reason in reasons if reason.strip()][:SHOWN_ERRORS]
    text = "\n  ".join(shown) or "it gave no reason"
    hint = next((hint for sign, hint in HINTS.items() if sign in text.lower()), RETRY_HINT)
    return WkmsError(f"terraform {command} failed:\n  {text}", hint=hint)
