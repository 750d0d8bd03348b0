"""`blob verify`: whether the objects are what the blobs are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wkms_migrate.cli.blob import ends
from wkms_migrate.cli.blob.selection import selected
from wkms_migrate.cli.flags import Flags
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted
from wkms_migrate.errors import VerificationFailed

if TYPE_CHECKING:
    from wkms_migrate.phases.blob.look import Verdict

Mode = Annotated[
    Literal["size", "checksum", "sample", "deep"] | None,
    typer.Option(help="size: names and sizes; checksum: downloads nothing; sample, deep: read both ends."),
]
Sample = Annotated[float | None, typer.Option(min=0.01, max=100, help="Percent of the objects that sample reads.")]


@shared
@selected
def verify(options: Options, flags: Flags, mode: Mode = None, sample: Sample = None) -> None:
    """Compare both ends as they are now; exit 3 when anything differs. Changes nothing."""
    from wkms_migrate.phases.blob import look

    wanted = {"verify": mode or ("sample" if sample else None), "sample_percent": sample}
    own = {f"phases.blob.{name}": value for name, value in wanted.items() if value is not None}
    found: dict[str, Verdict] = {}
    with ends.opened(options, {**flags, **own}) as both:
        for container, place in both.known():
            with look.both(both.context, container, place) as seen:
                found[container] = seen.compare()
            _say(options, container, found[container])
    wrong = [name for name, verdict in found.items() if not all(one.ok for one in verdict.verified)]
    error = None
    if wrong:
        error = VerificationFailed(
            f"{counted(len(wrong), 'container differs', 'containers differ')}: {', '.join(wrong)}.",
            hint="`wkms-migrate blob diff` names what; `wkms-migrate blob copy` copies what is missing or changed.",
        )
    options.data({"equal": not wrong, "containers": {name: _as_data(one) for name, one in found.items()}}, error)
    if error:
        raise error
    options.say(f"{counted(len(found), 'container')}: equal.")


def _say(options: Options, container: str, verdict: Verdict) -> None:
    for one in verdict.verified:
        if one.ok and options.level < 1:
            continue
        sign = "✔" if one.ok else "✘"
        options.say(f"{sign} {one.object}: {one.check}: {one.source}" + ("" if one.ok else f" ≠ {one.target}"))
    for finding in verdict.findings:
        options.say(f"    {finding.object}: {finding.text}")
    facts = verdict.facts
    checked = f"{facts['checked']} by checksum, {facts['read_back']} read back"
    options.say(f"{container}: {counted(facts['objects'], 'object')}, {facts['bytes']} bytes; {checked}")


def _as_data(verdict: Verdict) -> dict[str, Any]:
    return {
        **verdict.facts,
        "checks": [
            {"object": one.object, "check": one.check, "source": one.source, "target": one.target, "ok": one.ok}
            for one in verdict.verified
        ],
        "findings": [{"code": one.code, "object": one.object, "text": one.text} for one in verdict.findings],
    }
