"""The target database: the application's account, and what is counted to check the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wkms_migrate.clients import mysql, target_database
from wkms_migrate.phases.deploy.environment import required
from wkms_migrate.phases.deploy.settings import DeploySettings

if TYPE_CHECKING:
    from wkms_migrate.clients.mysql import Session
    from wkms_migrate.events import Json
    from wkms_migrate.plan import Context, StepRun


def make_account(run: StepRun) -> dict[str, Json]:
    """Make the account that may read the application's database and nothing else; set its password if it is there."""
    wanted = run.context.section(DeploySettings).app_database
    password = required(wanted.password, "app_database.password")
    with session(run.context) as target:
        account = f"{target.quoted(wanted.user)}@'%'"
        secured = "NONE" if wanted.tls == "off" else "SSL"
        target.run(f"CREATE USER IF NOT EXISTS {account}")
        target.run(f"ALTER USER {account} IDENTIFIED BY {target.quoted(password)} REQUIRE {secured}")
        target.run(f"GRANT SELECT ON `{wanted.name}`.* TO {account}")
    return {"account": wanted.user}


def count_documents(context: Context) -> int:
    """Return the number of rows of the documents table on the target."""
    name = context.section(DeploySettings).app_database.name
    with session(context) as target:
        return int(target.value(f"SELECT COUNT(*) FROM `{name}`.documents"))  # noqa: S608 - a name of the settings


def session(context: Context) -> Session:
    """Open a session with the target as its administrator; its address may come from provision."""
    return mysql.connect(target_database.server(context), "target")
