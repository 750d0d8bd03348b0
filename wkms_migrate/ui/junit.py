"""JUnit XML of a run: a suite per phase, a case per step and per comparison."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from wkms_migrate import events


class Junit:
    """Collects what a run did and writes the file at its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._steps: dict[str, events.StepDone | events.StepFailed | events.StepSkipped] = {}
        self._checks: list[events.Verified] = []
        self._phases: dict[str, str] = {}

    def __call__(self, event: events.Event) -> None:
        """Take one event."""
        match event:
            case events.StepStarted():
                self._phases[event.step] = event.phase
            case events.StepDone() | events.StepFailed() | events.StepSkipped():
                self._phases[event.step] = event.phase
                self._steps[event.step] = event
            case events.Verified():
                self._checks.append(event)
            case _:
                pass

    def close(self) -> None:
        """Write the file."""
        root = Element("testsuites", name="wkms-migrate")
        for phase in dict.fromkeys(self._phases.values()):
            self._suite(root, phase)
        indent(root)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        ElementTree(root).write(self._path, encoding="utf-8", xml_declaration=True)

    def _suite(self, root: Element, phase: str) -> None:
        suite = SubElement(root, "testsuite", name=phase)
        for step, event in self._steps.items():
            if self._phases[step] == phase:
                _step_case(suite, phase, event)
        for check in self._checks:
            if self._phases.get(check.step) == phase:
                case = SubElement(suite, "testcase", classname=f"{phase}.verify", name=f"{check.object}: {check.check}")
                if not check.ok:
                    SubElement(case, "failure", message=f"source {check.source}, target {check.target}")
        cases = suite.findall("testcase")
        suite.set("tests", str(len(cases)))
        suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
        suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))


def _step_case(suite: Element, phase: str, event: events.StepDone | events.StepFailed | events.StepSkipped) -> None:
    case = SubElement(suite, "testcase", classname=phase, name=event.step)
    match event:
        case events.StepDone():
            case.set("time", f"{event.seconds:.3f}")
        case events.StepSkipped():
            SubElement(case, "skipped", message=event.reason)
        case events.StepFailed():
            case.set("time", f"{event.seconds:.3f}")
            SubElement(case, "failure", message=event.message).text = event.hint
