"""Options that many commands share, given to each as one `Options`."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

if TYPE_CHECKING:
    from wkms_migrate.errors import WkmsError
    from wkms_migrate.session import Session
    from wkms_migrate.ui.readers import Reader

LANGUAGES = ("ko", "en")


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line, shared by all commands."""

    env: str = "lab"
    config: Path | None = None
    run: str | None = None
    lang: str | None = None
    json: bool = False
    verbose: int = 0
    quiet: bool = False
    debug: bool = False
    yes: bool = False
    jsonl: bool = False
    junit: Path | None = None

    @property
    def human(self) -> TextIO:
        """Where text for people goes: standard error as soon as standard output carries data."""
        return sys.stderr if self.json or self.jsonl else sys.stdout

    @property
    def level(self) -> int:
        """How verbose to be: -1 with -q, 0, 1 with -v."""
        return -1 if self.quiet else self.verbose

    def say(self, text: str) -> None:
        """Tell a person."""
        if not self.quiet:
            print(text, file=self.human)

    def data(self, value: object, error: WkmsError | None = None) -> None:
        """Give the result to a program, when it asked with --json: one document, with the error that ends it."""
        if error is not None:
            error.in_result = True
            if isinstance(value, dict):
                value = value | {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}
        if self.json:
            import msgspec

            print(msgspec.json.format(msgspec.json.encode(value, enc_hook=str)).decode())  # noqa: T201 - same

    def session(self, flags: Mapping[str, object] | None = None) -> Session:
        """Read the configuration and open the run; `flags` are settings by dotted path that a command was given."""
        from wkms_migrate.session import open_session

        lang = {"lang": self.lang} if self.lang else {}
        return open_session(self.env, file=self.config, run=self.run, flags={**lang, **(flags or {})})

    def readers(self, session: Session) -> list[Reader]:
        """Return the renderers that were asked for."""
        from wkms_migrate.ui.jsonl import JsonLines
        from wkms_migrate.ui.junit import Junit
        from wkms_migrate.ui.live import Live
        from wkms_migrate.ui.logfile import LogFile
        from wkms_migrate.ui.plain import Plain

        readers: list[Reader] = [LogFile(session.run_dir / "logs" / "run.log")]
        if self.human.isatty() and not self.quiet:
            readers.append(Live(self.human, verbose=self.level))
        else:
            readers.append(Plain(self.human, verbose=self.level))
        if self.jsonl:
            readers.append(JsonLines(sys.stdout))
        if self.junit:
            readers.append(Junit(self.junit))
        return readers


def _language(value: str | None) -> str | None:
    if value is not None and value not in LANGUAGES:
        raise typer.BadParameter("choose ko or en")
    return value


_ENV = typer.Option(help="Environment: reads config/<env>.yaml.", envvar="WKMS_ENV")
_SHARED: dict[str, tuple[Any, Any]] = {
    "env": (Annotated[str, _ENV], "lab"),
    "config": (Annotated[Path | None, typer.Option(help="Configuration file to read instead.")], None),
    "run": (Annotated[str | None, typer.Option(help="Name of the run; its folder is runs/<name>.")], None),
    "lang": (Annotated[str | None, typer.Option(help="Language of reports: ko or en.", callback=_language)], None),
    "json": (Annotated[bool, typer.Option("--json", help="Print the result as JSON; text goes to stderr.")], False),
    "verbose": (Annotated[int, typer.Option("-v", "--verbose", count=True, help="Say more.")], 0),
    "quiet": (Annotated[bool, typer.Option("-q", "--quiet", help="Say only what went wrong.")], False),
    "debug": (Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")], False),
}
_RUNNING: dict[str, tuple[Any, Any]] = {
    "yes": (Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing anything.")], False),
    "jsonl": (Annotated[bool, typer.Option("--jsonl", help="Print every event as one JSON line.")], False),
    "junit": (Annotated[Path | None, typer.Option(help="Write the outcome as JUnit XML to this file.")], None),
}


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options every command has, as its first argument."""
    return _with(command, _SHARED)


def running(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of one that runs steps as well."""
    return _with(command, _SHARED | _RUNNING)


def _with(command: Callable[..., None], extra: dict[str, tuple[Any, Any]]) -> Callable[..., None]:
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    kind = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(name, kind, annotation=annotation, default=default)
        for name, (annotation, default) in extra.items()
    ]
    parameters = [parameter.replace(kind=kind) for parameter in own] + added
    names = {field.name for field in fields(Options)}

    @functools.wraps(command)
    def invoked(**given: Any) -> None:
        options = Options(**{name: given.pop(name) for name in list(given) if name in names})
        command(options, **given)

    invoked.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by typer
    invoked.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return invoked
