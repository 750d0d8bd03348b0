"""What a service's refusal means: for one object, for the whole bucket, or for the sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.errors import Damaged, Partial, Refused, WkmsError

# Codes of both services' documentation ("Error responses" of S3, "Blob Storage error codes").
EXPIRED = frozenset(
    {"ExpiredToken", "TokenRefreshRequired", "InvalidToken", "RequestTimeTooSkewed", "InvalidAuthenticationInfo"}
)
ELSEWHERE = frozenset({"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "301", "307"})
DENIED = frozenset(
    {
        "AccessDenied",
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "InsufficientAccountPermissions",
        "AuthorizationResourceTypeMismatch",
    }
)
BAD_REQUEST, CONFLICT = 400, 409
MOST_DAMAGED: Final = 20  # objects more than were copied
MOST_DENIED: Final = 2  # likewise; one may be the only one that is due
GO_ON = "Then run the same command again: it goes on where it stopped."


def of_one_object(error: ServiceError | Damaged, *, copied: int, failed: int) -> bool:
    """Say whether only this object is meant: its headers, its state, its encryption, its body, or a right on its name.

    A right that is missing for the first objects is missing for all; where far more objects are damaged than arrive
    whole, it is the way that damages them.
    """
    if isinstance(error, Damaged):
        return failed <= copied + MOST_DAMAGED
    if error.code in EXPIRED | ELSEWHERE:
        return False
    return error.status in {BAD_REQUEST, CONFLICT} or (error.code in DENIED and failed < copied + MOST_DENIED)


def explained(error: ServiceError, bucket: str) -> WkmsError:
    """Return the error in the words of a migration, or the same one when there is nothing to add."""
    if error.code in EXPIRED:
        return Partial(f"{error.message} The credentials have ended.", hint=f"Sign in again. {GO_ON}")
    if error.code in ELSEWHERE:
        return Refused(
            f"Bucket {bucket} is in another region than aws.region says ({error.code}).",
            hint="Set aws.region to the bucket's region (`aws s3api get-bucket-location`), or name another bucket.",
        )
    if error.code in DENIED and error.message.startswith("S3"):
        return Refused(
            f"{error.message} The bucket belongs to another account, or these credentials lack a right on it.",
            hint="Needed: s3:ListBucket, GetBucketVersioning, ListBucketMultipartUploads, GetObject, PutObject, "
            "PutObjectTagging, AbortMultipartUpload, DeleteObject.",
        )
    if error.code in DENIED:
        return Refused(
            f"{error.message} These credentials lack a right on the source, or its firewall keeps this machine out.",
            hint="Check the credentials, and this machine's address in the account's network rules. Needed: Storage "
            "Blob Data Reader, or the rights r, l and t in a SAS.",
        )
    return error


@contextmanager
def told(bucket: str = "") -> Iterator[None]:
    """Tell a refusal in the words of a migration."""
    try:
        yield
    except ServiceError as error:
        said = explained(error, bucket)
        if said is error:
            raise
        raise said from error
