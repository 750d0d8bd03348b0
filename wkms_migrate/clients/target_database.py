"""How to reach the target's MySQL server: `aws.mysql`, completed by what provision put out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wkms_migrate.config import token_reference
from wkms_migrate.errors import NotKnownYet
from wkms_migrate.secret import TOKENS

if TYPE_CHECKING:
    from wkms_migrate.config import MysqlServer
    from wkms_migrate.plan import Context


def server(context: Context) -> MysqlServer:
    """Return where the target is and how to sign in.

    A host that is null is the address of provision's database; a password that is null is the one that RDS keeps in
    Secrets Manager, or a token where the settings ask for one. Raises `NotKnownYet` while either is missing and
    provision is not done.
    """
    wanted: MysqlServer = context.settings.aws.mysql
    if wanted.host:
        return wanted
    database = context.output("provision", "wkms")["database"]
    known: dict[str, Any] = {"host": database["address"], "port": int(database.get("port") or wanted.port)}
    if wanted.auth in TOKENS:
        reference = token_reference(wanted.auth, wanted.user, known["host"], known["port"])
        known["password"] = context.settings.secret(reference)
    elif wanted.password is None and database.get("secret_arn"):
        known["password"] = context.settings.secret(f"secretsmanager:{database['secret_arn']}")
    return wanted.model_copy(update=known)


def name(context: Context) -> str:
    """Return `host:port` of the target, or that it is known after provision."""
    try:
        known = server(context)
    except NotKnownYet:
        return "(known after provision)"
    return f"{known.host}:{known.port}"
