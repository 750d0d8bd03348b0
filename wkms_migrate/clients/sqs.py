"""Amazon SQS: what a queue says of itself, its redrive policy, and batches sent to it.

The service is spoken to in its own JSON over `http_origin`: so every try of a send is known, and with it what may be
there twice. Limits: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

import hashlib
import threading
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from wkms_migrate import retry
from wkms_migrate.clients import aws as aws_client
from wkms_migrate.clients.aws_keys import ENDED, AwsKeys
from wkms_migrate.clients.http_origin import Origin, Request, ServiceError
from wkms_migrate.clients.sigv4 import sigv4
from wkms_migrate.counted import counted
from wkms_migrate.errors import TransientError, WkmsError

if TYPE_CHECKING:
    from wkms_migrate.config import Aws

MOST_AT_ONCE = 10  # messages that one call sends
ABSENT = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message to send. `key` is the sender's own id for it; attributes are text or whole numbers.

    `group` orders messages on a FIFO queue; `delay` is how many seconds a standard queue hides it, 0 to 900.
    """

    key: str
    body: str
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    group: str = ""
    delay: int = 0

    @property
    def size(self) -> int:
        """Bytes that count towards the limits: body, and names, types and values of attributes."""
        pairs = ((name, str(value)) for name, value in self.attributes.items())
        return len(self.body.encode()) + sum(len((name + value).encode()) + len("String") for name, value in pairs)


@dataclass(slots=True)
class Outcome:
    """What became of a batch, by key. `rejected` is for good, with the reason; `waiting` may be tried again.

    `repeated` of them may be on the queue twice, because an answer was lost and they were sent again.
    """

    sent: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, Letter] = field(default_factory=dict)
    repeated: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    """Where a queue puts what was received `most` times and never deleted."""

    arn: str
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a queue says of itself: messages in it, seen or not; most bytes of one; seconds that it keeps one."""

    arn: str
    messages: int
    most_bytes: int
    retention_seconds: int
    redrive: Redrive | None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and how many tries it took: with more than one, the first may have been carried out as well."""

    value: Any
    tries: int


Call: TypeAlias = Callable[[str, Mapping[str, object]], Reply]  # operation and its input


class SqsQueue:
    """One queue, by its URL. Thread-safe."""

    def __init__(self, call: Call, url: str, stop: threading.Event | None = None) -> None:
        self._call = call
        self._again = retry.policy(stop=stop)
        self.url = url

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.url.rpartition("/")[2]

    @property
    def fifo(self) -> bool:
        """Whether the queue keeps the order."""
        return self.url.endswith(".fifo")

    def facts(self) -> Facts:
        """Ask the queue about itself. Raises `WkmsError` when it is not there or may not be asked."""
        reply = self._call("GetQueueAttributes", {"QueueUrl": self.url, "AttributeNames": ["All"]})
        found = reply.value["Attributes"]
        policy = orjson.loads(found["RedrivePolicy"]) if found.get("RedrivePolicy") else None
        return Facts(
            arn=found["QueueArn"],
            messages=sum(int(found[name]) for name in COUNTS),
            most_bytes=int(found["MaximumMessageSize"]),
            retention_seconds=int(found["MessageRetentionPeriod"]),
            redrive=Redrive(arn=policy["deadLetterTargetArn"], most=int(policy["maxReceiveCount"])) if policy else None,
        )

    def set_redrive(self, redrive: Redrive) -> None:
        """Let the queue give up a message after so many receives."""
        policy = orjson.dumps({"deadLetterTargetArn": redrive.arn, "maxReceiveCount": redrive.most}).decode()
        self._call("SetQueueAttributes", {"QueueUrl": self.url, "Attributes": {"RedrivePolicy": policy}})

    def send(self, letters: Sequence[Letter]) -> Outcome:
        """Send up to 10 letters; those that were not taken but may be later are sent again.

        Every success is checked against the digests that SQS returns. Giving up is no error here but part of the
        outcome, since others of the batch may have been sent. Raises `WkmsError` for a refusal of the whole call.
        """
        outcome = Outcome(waiting={letter.key: letter for letter in letters})
        try:
            self._again(self._attempt, outcome)
        except TransientError as error:
            outcome.reason = error.message
        return outcome

    def _attempt(self, outcome: Outcome) -> None:
        keys = list(outcome.waiting)
        entries = [self._entry(str(index), outcome.waiting[key]) for index, key in enumerate(keys)]
        try:
            reply = self._call("SendMessageBatch", {"QueueUrl": self.url, "Entries": entries})
        except TransientError as error:  # it was tried often enough already
            outcome.reason = error.message
            return
        if reply.tries > 1 and not self.fifo:  # a FIFO queue knows a repeated message
            outcome.repeated += len(keys)
        for success in reply.value.get("Successful", ()):
            key = keys[int(success["Id"])]
            _check_digests(outcome.waiting.pop(key), success)
            outcome.sent.append(key)
        reasons = []
        for failure in reply.value.get("Failed", ()):
            key, reason = keys[int(failure["Id"])], f"{failure['Code']}: {failure.get('Message', '')}"
            if failure["SenderFault"]:
                del outcome.waiting[key]
                outcome.rejected[key] = reason
            reasons.append(reason)
        if outcome.waiting:
            why = reasons[0] if reasons else "it does not say why"
            raise TransientError(f"SQS did not take {counted(len(outcome.waiting), 'message')} of {self.name}: {why}.")

    def _entry(self, entry_id: str, letter: Letter) -> dict[str, object]:
        attributes = {
            name: {"DataType": _type(value), "StringValue": str(value)} for name, value in letter.attributes.items()
        }
        entry: dict[str, object] = {"Id": entry_id, "MessageBody": letter.body, "MessageAttributes": attributes}
        if self.fifo:
            return entry | {"MessageGroupId": letter.group or self.name, "MessageDeduplicationId": letter.key}
        return entry | ({"DelaySeconds": letter.delay} if letter.delay else {})


class Sqs:
    """SQS in one region. Thread-safe; every call tries again while the failure may pass."""

    def __init__(self, endpoint: str, region: str, keys: AwsKeys, stop: threading.Event) -> None:
        host = urllib.parse.urlsplit(endpoint).netloc
        self._keys = keys
        self._sign = sigv4(keys, region=region, service="sqs", host=host)
        self._origin = Origin("SQS", endpoint, self._signed, stop)
        self._tries = threading.local()
        self._stop = stop

    def queue(self, url: str) -> SqsQueue:
        """Return a queue by its URL; nothing is asked."""
        return SqsQueue(self.call, url, self._stop)

    def call(self, operation: str, wanted: Mapping[str, object]) -> Reply:
        """Call an operation with its input. Raises `ServiceError` on a refusal for good.

        Credentials that have ended are read anew once. What they were refused for was not carried out.
        """
        used = self._keys()
        try:
            return self._ask(operation, wanted)
        except ServiceError as error:
            if refusal := _refusal(error.code, operation, wanted["QueueUrl"]):
                raise refusal from error
            if error.code not in ENDED:
                raise
            self._keys.renew(used, error)
        return self._ask(operation, wanted)

    def _ask(self, operation: str, wanted: Mapping[str, object]) -> Reply:
        headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        self._tries.made = 0
        answer = self._origin.call(
            Request(
                method="POST",
                path="/",
                headers=headers,
                body=orjson.dumps(wanted),
                repeatable=operation != "SendMessageBatch",
            )
        )
        return Reply(orjson.loads(answer.body or b"{}"), self._tries.made)

    def close(self) -> None:
        """Close the connections."""
        self._origin.close()

    def _signed(self, request: Request) -> Mapping[str, str]:
        self._tries.made += 1  # each try is signed anew
        return self._sign(request)


def connect(aws: Aws, stop: threading.Event | None = None) -> Sqs:
    """Sign in to SQS. `stop` ends waits between tries."""
    keys = AwsKeys(aws)
    endpoint = aws.endpoint_url or str(aws_client.session(aws).client("sqs").meta.endpoint_url)
    return Sqs(endpoint, aws.region, keys, stop or threading.Event())


def _refusal(code: str, operation: str, url: object) -> WkmsError | None:
    """Return the error for what SQS refuses because of rights or a queue that is not there."""
    if code in DENIED:
        return WkmsError(
            f"SQS refuses {operation} on {url}: {code}.",
            hint=f"The AWS credentials need the right sqs:{operation.removesuffix('Batch')}.",
        )
    if code in ABSENT:
        hint = "Run `wkms-migrate phase provision`, or correct phases.queue; then run the same command again."
        return WkmsError(f"There is no SQS queue {url}.", hint=hint)
    return None


def _type(value: str | int) -> str:
    return "Number" if isinstance(value, int) else "String"


def _check_digests(letter: Letter, success: Mapping[str, str]) -> None:
    body = hashlib.md5(letter.body.encode(), usedforsecurity=False).hexdigest()
    pairs = [(body, success["MD5OfMessageBody"])]
    if letter.attributes:
        pairs.append((attributes_digest(letter.attributes), success.get("MD5OfMessageAttributes", "")))
    if any(ours != theirs for ours, theirs in pairs):
        raise WkmsError(
            f"SQS holds another text than was sent for message {letter.key}.",
            hint="The source still has it. Look at what stands between here and SQS, then run again.",
        )


def attributes_digest(attributes: Mapping[str, str | int]) -> str:
    """Return the MD5 that SQS gives for these attributes.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    hasher = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        for text in (name, _type(attributes[name])):
            hasher.update(_counted(text))
        hasher.update(b"\x01" + _counted(str(attributes[name])))  # 1: the value is text
    return hasher.hexdigest()


def _counted(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded
