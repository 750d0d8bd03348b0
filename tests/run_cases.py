"""Journals of runs that ended in different ways, for the tests of the migration report."""

from __future__ import annotations

from wkms_migrate import events

PHASES = ("provision", "mysql", "blob", "deploy")
BEGIN = 1795348800.0
STEPS = (
    ("provision", "provision/apply", "Apply Terraform (42 resources)", 92.4),
    ("mysql", "mysql/data/wkms", "Copy 9 tables of wkms (201,345 rows)", 48.1),
    ("mysql", "mysql/verify/wkms", "Verify 9 tables", 6.3),
    ("blob", "blob/copy/documents", "Copy 1,204 blobs of documents", 3731.0),
)


def started():
    """Begin a run."""
    return events.RunStarted(at=BEGIN, run="lab-1", environment="lab", version="0", phases=PHASES)


def steps(rows=STEPS, begin=BEGIN):
    """Do every step, one after the other."""
    at = begin
    for phase, step, summary, seconds in rows:
        yield events.StepStarted(at=at, phase=phase, step=step, summary=summary, digest="d")
        at += seconds
        yield events.StepDone(at=at, phase=phase, step=step, digest="d", seconds=seconds, result={})


def checks(lost_rows=0):
    """Verify two tables, one of which may lack rows on the target."""
    for table, rows, lost in (("wkms.users", 150, lost_rows), ("wkms.chat_messages", 180_000, 0)):
        source, target = str(rows), str(rows - lost)
        yield check(table, "rows", source, target)
        yield check(table, "digest", "9f86d081884c7d65", "9f86d081884c7d65")
    for container, blobs, size in (("documents", 1204, 52_114_553), ("attachments", 147, 4_804_768)):
        for kind, value in (("objects", blobs), ("bytes", size), ("CRC64NVME of all objects", "42ecf64843f55ce6")):
            yield check(container, kind, str(value), str(value), step="blob/verify/documents")


def check(about, kind, source, target, step="mysql/verify/wkms"):
    """Compare one thing."""
    return events.Verified(step=step, object=about, check=kind, source=source, target=target, ok=source == target)


def findings():
    """Report one of several kinds; one holds characters that HTML must not see."""
    yield events.Finding(
        step="blob/copy/documents",
        code="left-archived",
        text="'인사팀/2019/규정.pdf' is in the archive tier and cannot be read.",
        object="documents/인사팀/2019/규정.pdf",
        kind="left",
        severity="warning",
        hint="Rehydrate them, then run again.",
    )
    yield events.Finding(
        step="mysql/data/wkms", code="mysql-definer", text="3 definers changed.", severity="warning", kind="converted"
    )
    yield events.Finding(step="mysql/data/wkms", code="odd", text="<script>alert('1 & 2')</script>", object="<b>")


def skipped():
    """Skip the application."""
    return events.StepSkipped(phase="deploy", step="deploy/hosts", summary="Deploy", reason="Docker is not running.")


def ended(exit_code=0):
    """End the run."""
    return events.RunDone(at=BEGIN + 4000, run="lab-1", exit_code=exit_code, ran=4, seconds=200.0)


def kpi(value, threshold=3.0):
    """Measure the mean answer, as the verify phase puts it out."""
    met = threshold is None or value <= threshold
    goal = "–" if threshold is None else f"≤ {threshold:g} s"
    names = {"id": "response_mean", "name_ko": "평균 응답 시간", "name_en": "Mean response time"}
    figures = {"value": value, "unit": "s", "threshold": threshold, "goal": goal, "measured": f"{value:g} s"}
    return {**names, **figures, "ok": met}


def deployed():
    """Deploy, and measure the goals."""
    result = {"kpis": [kpi(0.4), kpi(0.9, threshold=None)]}
    for at, phase, of_step in ((BEGIN + 3900, "deploy", {}), (BEGIN + 3902, "verify", result)):
        step = f"{phase}/all"
        yield events.StepStarted(at=at, phase=phase, step=step, summary=f"Do {phase}", digest="d")
        yield events.StepDone(at=at + 2, phase=phase, step=step, digest="d", seconds=2.0, result=of_step)
