"""Accounts and roles of a dump, made on the target as a copy makes them, with the same rules for who goes along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wkms_migrate.clients.mysql import Session
from wkms_migrate.events import Json
from wkms_migrate.phases.mysql import servers, users
from wkms_migrate.phases.mysql.load_job import Load
from wkms_migrate.phases.mysql.roster import Account, Roster
from wkms_migrate.phases.mysql.translation import Translation
from wkms_migrate.plan import StepRun


def make(run: StepRun, load: Load) -> Mapping[str, Json]:
    """Make them before the objects that they own; without the hash of its password an account is made locked."""
    with servers.target(run.context) as target:
        return users.make_all(run, target, _people(target, load), lambda account: account)


def grant(run: StepRun, load: Load) -> Mapping[str, Json]:
    """Give them what they had."""
    with servers.target(run.context) as target:
        return users.grant_all(run, target, _people(target, load))


def compare(run: StepRun, target: Session, load: Load, refused: Mapping[str, Json]) -> None:
    """State what each was to get beside what it has."""
    users.compare_all(run, target, _people(target, load), refused)


def _people(target: Session, load: Load) -> users.People:
    words = load.words(target)
    dumped = load.manifest.roster
    known = Roster(
        accounts={name: _as_made(one, words) for name, one in dumped.accounts.items()},
        owners=tuple(sorted({one.definer for one in load.objects if one.definer})),
        me=dumped.me,
        literal=dumped.literal,
    )
    return users.read(known, target, load.settings)


def _as_made(account: Account, words: Translation) -> Account:
    """Return an account as the target can make it: one without a hash gets the target's own way to sign in."""
    if account.identified or account.plugin == users.AAD:
        return account
    return replace(account, plugin="", options=account.options if words.same_family else "")
