"""`lab`: the embedded clouds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from wkms_migrate.cli.options import Options, shared

app = typer.Typer(
    help="The embedded clouds: an Azure to leave and an AWS to arrive at, on this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Scale = Annotated[
    Literal["s", "m", "l"],
    typer.Option(help="How much data: s is about 200 k rows and 60 MB; m is 5, l 20 times that."),
]


@app.command()
@shared
def up(options: Options) -> None:
    """Start the embedded clouds; what runs already is left alone."""
    from wkms_migrate.lab import lab

    _show(options, lab.up(options.say))


@app.command()
@shared
def seed(options: Options, scale: Scale = "s") -> None:
    """Fill the source with a believable Korean WKMS; what is filled already is left alone."""
    from wkms_migrate.lab import lab

    options.data(lab.seed(options.session().settings, scale, options.say))


@app.command()
@shared
def status(options: Options) -> None:
    """Say which of the embedded clouds run, and where."""
    from wkms_migrate.lab import lab

    servers = lab.status()
    if not servers:
        options.say("There is no lab in this folder. `wkms-migrate lab up` starts one.")
    _show(options, servers)


@app.command()
@shared
def reset(options: Options) -> None:
    """Stop the embedded clouds, throw their data away, and start them empty."""
    from wkms_migrate.lab import lab

    _show(options, lab.reset(options.say))


@app.command()
@shared
def down(options: Options) -> None:
    """Stop the embedded clouds; data on disk is kept."""
    from wkms_migrate.lab import lab

    lab.down(options.say)
    options.data({"running": []})


@app.command()
@shared
def remove(options: Options) -> None:
    """Stop the embedded clouds and delete them: their data, the VM with its disk, and the folder of the lab."""
    from wkms_migrate.lab import lab

    lab.remove(options.say)
    options.data({"running": []})


def _show(options: Options, servers: list[dict[str, Any]]) -> None:
    for row in servers:
        ports = " ".join(f"{name}=127.0.0.1:{port}" for name, port in row["ports"].items())
        options.say(f"{row['name']:<14} {row['state']:<8} {ports}".rstrip())
    options.data(servers)
