"""`cost audit-guide`: where the migration guide's own figures contradict each other."""

from __future__ import annotations

from wkms_migrate.cli.cost.asked import Folder, folder_of
from wkms_migrate.cli.options import Options, shared
from wkms_migrate.counted import counted


@shared
def audit_guide(options: Options, inputs: Folder = None) -> None:
    """List the contradictions among the guide's figures, each by its id, with the figures that show it."""
    from wkms_migrate.cost import audit
    from wkms_migrate.cost import inputs as reading
    from wkms_migrate.report import page, words

    read = reading.load(folder_of(inputs))
    found = audit.audit(read.guide)
    lang = options.lang or "en"
    tell = words.Words(lang, page.environment(read.assumptions.currency, escape=False))
    for notice in found:
        options.say(f"{notice.code}: {tell.notice(notice)}")
    options.say(f"{counted(len(found), 'contradiction')}.")
    options.data(
        {
            "contradictions": [
                {"id": notice.code, "values": {name: str(value) for name, value in notice.values}} for notice in found
            ]
        }
    )
