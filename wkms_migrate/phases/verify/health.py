"""Whether the deployed system answers."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from wkms_migrate.events import Json
from wkms_migrate.phases.verify.load import Site, status_of
from wkms_migrate.phases.verify.settings import VerifySettings
from wkms_migrate.plan import Context, StepRun


def url_of(context: Context) -> str:
    """Return where the system answers. Raises `NotKnownYet` while deploy has not said so."""
    settings = context.section(VerifySettings)
    return settings.url or str(context.output("deploy", "url"))


def site(context: Context, *, with_token: bool) -> Site:
    """Return the system as this phase asks it."""
    settings = context.section(VerifySettings)
    token = settings.api_token.reveal() if settings.api_token and with_token else ""
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return Site(url=url_of(context), headers=headers, timeout_seconds=settings.timeout_seconds)


def check(run: StepRun) -> Mapping[str, Json]:
    """Ask the open paths: each must answer 200."""
    open_site = site(run.context, with_token=False)
    for path in run.context.section(VerifySettings).open_paths:
        run.check_stop()
        run.verified(open_site.url, f"GET {path}", int(HTTPStatus.OK), status_of(open_site, path))
    return {"url": open_site.url}
