"""The accounts in a dump: who has rights on its schemas or owns objects there, and the roles of these."""

from __future__ import annotations

from dataclasses import replace

from wkms_migrate.clients.mysql import Session
from wkms_migrate.counted import counted
from wkms_migrate.phases.mysql import accounts, roster
from wkms_migrate.phases.mysql.roster import Account, Roster
from wkms_migrate.phases.mysql.settings import MysqlSettings
from wkms_migrate.plan import StepRun


def read(run: StepRun, session: Session, settings: MysqlSettings) -> Roster:
    """Return them as they are to be kept: without the hashes of their passwords unless the settings ask for these."""
    if not settings.users:
        return Roster()
    known = roster.read(session, settings.schemas)
    if not known.accounts:
        run.finding(
            "mysql-accounts-unread",
            "The dump holds no accounts: the account that dumps may not read mysql.user.",
            kind="left",
            severity="warning",
            hint="Grant it SELECT on mysql.*, or make accounts by hand after the load.",
        )
        return Roster()
    wanted = known.concerned(settings.schemas, known.owners)
    kept = {
        name: _kept(session, known.accounts[name], hashes=settings.password_hashes)
        for name in sorted(wanted)
        if not accounts.is_reserved(known.accounts[name].user)
    }
    _tell(run, kept, hashes=settings.password_hashes)
    return replace(known, accounts=kept)


def _kept(session: Session, account: Account, *, hashes: bool) -> Account:
    known = roster.identified(session, account)
    return known if hashes else replace(known, identified="")


def _tell(run: StepRun, kept: dict[str, Account], *, hashes: bool) -> None:
    if not kept:
        return
    held = "with the hashes of their passwords" if hashes else "without their passwords"
    run.finding(
        "mysql-accounts-dumped",
        f"{counted(len(kept), 'account or role is', 'accounts and roles are')} in the dump, {held}.",
        severity="warning" if hashes else "info",
        hint="Keep the dump as you keep passwords."
        if hashes
        else "`mysql load` makes them locked; --password-hashes keeps the hashes in the dump.",
    )
