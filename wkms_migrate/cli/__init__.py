"""The command line: options in, exit code out. The only place that knows of a dry run."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from wkms_migrate import __version__
from wkms_migrate.cli import areas, inspect, move, reports
from wkms_migrate.errors import WkmsError

# A page of a listing is 100,000 objects without a cycle: looking for one took a quarter of its time.
RARELY = (50_000, 20, 20)

app = typer.Typer(
    name="wkms-migrate",
    cls=areas.Root,
    help="Move a whole WKMS from Azure to AWS: planned, resumable, verified on both ends, priced.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"wkms-migrate {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Move a whole WKMS from Azure to AWS: planned, resumable, verified on both ends, priced."""


move.register(app)
inspect.register(app)
reports.register(app)
areas.register(app)


def main() -> None:
    """Run the command line and exit with the code of the table in errors.py."""
    gc.set_threshold(*RARELY)
    debug = "--debug" in sys.argv
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for any reads every package's metadata
    try:
        app()
    except WkmsError as error:
        if debug:
            import traceback

            traceback.print_exc()
        _tell(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        _tell(_foreign(error))
        sys.exit(1)


def _foreign(error: Exception) -> WkmsError:
    text = f"{type(error).__name__}: {error}"
    return WkmsError(text, hint="Run again with --debug for the traceback; the run's log is in its folder.")


def _tell(error: WkmsError) -> None:
    sys.stderr.write(f"error: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"  → {error.hint}\n")
    if "--json" in sys.argv and not error.in_result:
        import msgspec

        told = {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
