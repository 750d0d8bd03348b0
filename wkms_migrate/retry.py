"""The one place that tells a failure that may pass from one that will not, and how long to wait between tries."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from wkms_migrate.errors import Interrupted, TransientError, WkmsError

P = ParamSpec("P")
T = TypeVar("T")

TRANSIENT_STATUS = frozenset({408, 425, 429, 449, 500, 502, 503, 504})
TRANSIENT_ERRNO = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ETIMEDOUT, errno.ENETUNREACH})
# Names, because this module must not import an SDK. From the services' own error pages.
TRANSIENT_CODES = frozenset(
    {
        "BadDigest",  # S3: the body was damaged on its way
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "InternalServerError",
        "KmsThrottled",  # SQS: the key of an encrypted queue is asked too often
        "LimitExceededException",
        "OperationAborted",  # S3: another operation on the same key was under way
        "OperationTimedOut",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServerBusy",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
# SDK exception classes that mean "the connection broke", by name for the same reason.
TRANSIENT_CLASSES = frozenset(
    {
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "IncompleteRead",
        "IncompleteReadError",
        "ProtocolError",
        "ReadTimeoutError",
        "RemoteDisconnected",
        "ResponseStreamingError",
        "ServiceRequestError",
        "ServiceRequestTimeoutError",
        "ServiceResponseError",
        "ServiceResponseTimeoutError",
    }
)
# MySQL: too many connections, lock wait timeout, deadlock, server gone, lost connection.
TRANSIENT_MYSQL = frozenset({1040, 1205, 1213, 2006, 2013})


def is_transient(error: BaseException) -> bool:
    """Say whether trying again may help."""
    if isinstance(error, TransientError):
        return True
    if isinstance(error, WkmsError):
        return False
    if TRANSIENT_CLASSES & {kind.__name__ for kind in type(error).__mro__}:
        return True
    if isinstance(error, (ConnectionResetError, BrokenPipeError, TimeoutError)):
        return True
    if isinstance(error, OSError) and error.errno in TRANSIENT_ERRNO:
        return True
    return status_of(error) in TRANSIENT_STATUS or code_of(error) in TRANSIENT_CODES or _is_transient_mysql(error)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status inside an Azure or AWS SDK error, if any."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return found if isinstance(found, int) else None
    return None


def code_of(error: BaseException) -> str:
    """Return the service's error code inside an Azure or AWS SDK error, or an empty string."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))
    return str(getattr(error, "error_code", "") or "")


def _is_transient_mysql(error: BaseException) -> bool:
    is_mysql = type(error).__module__.startswith("pymysql")
    return is_mysql and bool(error.args) and error.args[0] in TRANSIENT_MYSQL


def policy(*, attempts: int = 6, seconds: float = 120, stop: threading.Event | None = None) -> Retrying:
    """Return the retry policy: full jitter from 0.2 s to 20 s, or what the service asks for; `stop` ends a wait."""
    pause = threading.Event() if stop is None else stop

    def sleep(delay: float) -> None:
        if pause.wait(delay):
            raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")

    return Retrying(
        retry=retry_if_exception(is_transient),
        stop=stop_after_attempt(attempts) | stop_after_delay(seconds),
        wait=_wait,
        sleep=sleep,
        reraise=True,
    )


_jitter = wait_random_exponential(multiplier=0.2, max=20)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    return float(asked) if asked is not None else _jitter(state)


def call(
    function: Callable[P, T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call `function`, trying again while the failure is transient; the last error is raised as it came."""
    return policy()(function, *args, **kwargs)
