"""CPU seconds of writing reports: every usual format, both languages, in a process of its own.

python tests/bench/report_formats.py [--runs 3]: the smallest of the runs counts; imports and computing are in it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
COST = """
import sys
from datetime import date
from pathlib import Path
from wkms_migrate.cost import build
from wkms_migrate.report import cost_files, files
asked = build.Question(baseline="azure-now", target="aws-vm", as_of=date(2026, 11, 22))
cost_files.write(build.build(Path(sys.argv[1]) / "config", asked), Path(sys.argv[2]), ("ko", "en"), files.USUAL)
"""
RUN = """
import sys
from datetime import date
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1]) / "tests"))
import run_cases as case
from wkms_migrate.report import files, recorded, run_files, run_report
stream = [case.started(), *case.steps(), *case.checks(), *case.findings(), case.ended()]
stream += [case.check(f"wkms.t{n}", "rows", "1", "1") for n in range(1000)]
report = run_report.build(recorded.fold(stream, "0" * 64), date(2026, 11, 22), case.PHASES)
run_files.write(report, Path(sys.argv[2]), ("ko", "en"), files.USUAL)
"""


def spent(code: str, folder: Path) -> float:
    """Return the CPU seconds of one run, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code, str(ROOT), str(folder)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure both reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        for name, code in (("cost", COST), ("run", RUN)):
            print(f"{name}: {min(spent(code, Path(folder)) for _ in range(runs)):.2f} CPU s")
        size = max(path.stat().st_size for path in Path(folder).glob("*.html"))
        print(f"largest page: {size:,} bytes")


if __name__ == "__main__":
    main()
