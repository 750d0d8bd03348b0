"""The steps of the verify phase: health, data and KPIs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from wkms_migrate.errors import NotKnownYet
from wkms_migrate.phases.verify import health, kpi, load
from wkms_migrate.phases.verify.proofs import Proof, proofs
from wkms_migrate.phases.verify.recount import recount
from wkms_migrate.phases.verify.settings import VerifySettings
from wkms_migrate.plan import Step, digest_of

if TYPE_CHECKING:
    from wkms_migrate.events import Json
    from wkms_migrate.journal import RunState
    from wkms_migrate.plan import Context, StepRun

MET = "met"


def plan(context: Context) -> Iterable[Step]:
    """Yield health, data and KPIs. Contacts nothing."""
    settings = context.section(VerifySettings)
    url, no_url = _where(context)
    proven = digest_of([(proof.phase, proof.compared, proof.matching) for proof in proofs(context.state)])
    deployed = _deployed(context.state)
    yield Step(
        id="verify/health/wkms",
        summary=f"Check that {url} answers",
        run=health.check,
        digest=digest_of(url, settings.open_paths, deployed),
        skip=no_url,
    )
    yield Step(
        id="verify/data/run",
        summary="Fold the comparisons of this run and count again on both ends",
        run=_data,
        digest=digest_of(proven, settings.recount, _movers(context.state)),
    )
    yield Step(
        id="verify/kpi/wkms",
        summary=f"Measure the KPIs ({settings.goals}) with {settings.requests} requests"
        if no_url is None
        else f"State the KPIs of the data ({no_url})",
        run=_kpis if no_url is None else _kpis_of_data,
        digest=digest_of(settings, url, proven, deployed),
        stage=1,
    )


def _where(context: Context) -> tuple[str, str | None]:
    """Return the URL, or words for it, and why there is none."""
    try:
        return health.url_of(context), None
    except NotKnownYet:
        skipped = [step.reason for step in context.state.steps.values() if _is_skipped_deploy(step.phase, step.status)]
        return "(known after deploy)", f"deploy was skipped: {skipped[0]}" if skipped else None


def _is_skipped_deploy(phase: str, status: str) -> bool:
    return phase == "deploy" and status == "skipped"


def _deployed(state: RunState) -> list[tuple[str, float]]:
    return [(name, step.finished_at) for name, step in state.steps.items() if step.phase == "deploy"]


def _movers(state: RunState) -> list[tuple[str, float]]:
    phases = {proof.phase for proof in proofs(state)}
    return [(name, step.finished_at) for name, step in state.steps.items() if step.phase in phases]


def _data(run: StepRun) -> Mapping[str, Json]:
    found = proofs(run.context.state)
    for proof in found:
        _state(run, proof)
    if run.context.section(VerifySettings).recount:
        recount(run)
    return {"compared": {proof.phase: proof.compared for proof in found if proof.ran}}


def _state(run: StepRun, proof: Proof) -> None:
    if not proof.ran:
        run.finding(
            "verify.not-run",
            f"Phase {proof.phase} did not run in this run.",
            proof.phase,
            kind="risk",
            severity="warning",
        )
        return
    run.verified(proof.phase, "steps not done", 0, len(proof.unfinished))
    run.verified(proof.phase, "comparisons that match", proof.compared, proof.matching)
    if not proof.compared and not proof.skipped:
        run.verified(proof.phase, "comparisons", "some", "none")
    for step in proof.skipped:
        run.finding("verify.skipped", f"Step {step} was skipped.", step, kind="risk", severity="warning")


def _kpis(run: StepRun) -> Mapping[str, Json]:
    settings = run.context.section(VerifySettings)
    goals = kpi.GOALS[settings.goals]
    at_once = settings.at_once or goals.at_once
    paths = settings.paths if settings.api_token else settings.open_paths

    def asked(done: int) -> None:
        run.check_stop()
        run.progress(done, settings.requests, "requests")

    measured = load.measure(health.site(run.context, with_token=True), paths, settings.requests, at_once, asked)
    return _told(run, [*kpi.of_answers(measured, goals), _data_match(run)])


def _kpis_of_data(run: StepRun) -> Mapping[str, Json]:
    run.finding(
        "verify.not-measured",
        "Response time, availability and errors were not measured: nothing is deployed.",
        kind="risk",
        severity="warning",
        hint="Set phases.verify.url to a running system, or deploy.",
    )
    return _told(run, [_data_match(run)])


def _data_match(run: StepRun) -> kpi.Kpi:
    found = proofs(run.context.state)
    return kpi.of_data(sum(proof.matching for proof in found), sum(proof.compared for proof in found))


def _told(run: StepRun, kpis: Iterable[kpi.Kpi]) -> Mapping[str, Json]:
    results = []
    for one in kpis:
        if one.goal is not None:
            run.verified(one.name_en, f"goal {one.goal_text}", MET, MET if one.ok else f"missed: {one.value_text}")
        results.append(one.as_result())
    run.checkpoint(results, key="kpis")  # a missed goal fails the step, and the report must show all of them still
    return {"kpis": results}
