"""`cost report`: the comparison as files for people and programs."""

from __future__ import annotations

from wkms_migrate.cli.cost.asked import Asked, answer, asking
from wkms_migrate.cli.options import LANGUAGES, Options, shared
from wkms_migrate.cli.report_options import Formats, Output, chosen


@shared
@asking
def report(options: Options, asked: Asked, formats: Formats = None, output: Output = None) -> None:
    """Write the cost comparison: monthly, over 36 months, what it depends on, and where every price comes from.

    What is wrong in a file ends with exit code 2; the report of what is right is written all the same, as incomplete.
    """
    from wkms_migrate.report import cost_files

    session = options.session()
    found = answer(session, asked)
    langs = [options.lang] if options.lang else LANGUAGES
    paths = cost_files.write(found.report, output or session.run_dir / "report", langs, chosen(formats))
    for path in paths:
        options.say(f"Wrote {path}")
    error = found.error()
    options.data({"reports": [str(path) for path in paths]}, error)
    if error:
        raise error
