"""Amazon SQS: counts of a queue, and batches sent to it.

Source of limits: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wkms_migrate import retry
from wkms_migrate.clients import aws, importing
from wkms_migrate.errors import TransientError, WkmsError

if TYPE_CHECKING:
    from wkms_migrate.config import Aws

MOST_AT_ONCE = 10  # messages that one call sends
ABSENT = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message to send. `key` is the sender's own id for it; attributes are text or whole numbers."""

    key: str
    body: str
    attributes: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that count towards the limits: body, and names, types and values of attributes."""
        pairs = ((name, str(value)) for name, value in self.attributes.items())
        return len(self.body.encode()) + sum(len((name + value).encode()) + len("String") for name, value in pairs)


@dataclass(slots=True)
class Outcome:
    """What became of a batch, by key. `rejected` is for good, with the reason; `waiting` may be tried again."""

    sent: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, Letter] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the queue says of itself: messages in it, seen or not, and the bytes that a message or batch may have."""

    messages: int
    most_bytes: int


class SqsQueue:
    """One queue, by its URL. Thread-safe."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
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
        answer = aws.found(
            ABSENT,
            self._client.get_queue_attributes,
            QueueUrl=self.url,
            AttributeNames=[*COUNTS, "MaximumMessageSize"],
        )
        if answer is None:
            raise WkmsError(
                f"There is no SQS queue {self.url}.",
                hint="Run `wkms-migrate phase provision`, or correct phases.queue.",
            )
        found = answer["Attributes"]
        return Facts(messages=sum(int(found[name]) for name in COUNTS), most_bytes=int(found["MaximumMessageSize"]))

    def send(self, letters: Sequence[Letter]) -> Outcome:
        """Send up to 10 letters; those that were not taken but may be later are sent again.

        Every success is checked against the digest that SQS returns. Giving up is no error here but part of the
        outcome, since others of the batch may have been sent. Raises `WkmsError` for a refusal of the whole call.
        """
        outcome = Outcome(waiting={letter.key: letter for letter in letters})
        try:
            retry.call(self._attempt, outcome)
        except TransientError as error:
            outcome.reason = error.message
        return outcome

    def _attempt(self, outcome: Outcome) -> None:
        keys = list(outcome.waiting)
        entries = [self._entry(str(index), outcome.waiting[key]) for index, key in enumerate(keys)]
        with _told(self.name):
            answer = self._client.send_message_batch(QueueUrl=self.url, Entries=entries)
        for success in answer.get("Successful", ()):
            key = keys[int(success["Id"])]
            _check_digest(outcome.waiting.pop(key), success["MD5OfMessageBody"])
            outcome.sent.append(key)
        reasons = []
        for failure in answer.get("Failed", ()):
            key, reason = keys[int(failure["Id"])], f"{failure['Code']}: {failure.get('Message', '')}"
            if failure["SenderFault"]:
                del outcome.waiting[key]
                outcome.rejected[key] = reason
            reasons.append(reason)
        if outcome.waiting:
            raise TransientError(f"SQS did not take {len(outcome.waiting)} messages of {self.name}: {reasons[0]}.")

    def _entry(self, entry_id: str, letter: Letter) -> dict[str, object]:
        attributes = {
            name: {"DataType": "Number" if isinstance(value, int) else "String", "StringValue": str(value)}
            for name, value in letter.attributes.items()
        }
        order = {"MessageGroupId": self.name, "MessageDeduplicationId": letter.key} if self.fifo else {}
        return {"Id": entry_id, "MessageBody": letter.body, "MessageAttributes": attributes, **order}


def connect(settings: Aws, url: str) -> SqsQueue:
    """Return a queue of the configured account."""
    return SqsQueue(aws.client(settings, "sqs"), url)


@contextmanager
def _told(queue: str) -> Iterator[None]:
    """Turn the SDK's errors into ours: transient or for good."""
    with importing:
        from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        if retry.is_transient(error):
            raise TransientError(f"Sending to SQS queue {queue} failed: {error}") from error
        raise WkmsError(
            f"SQS queue {queue} refuses: {error}", hint="Check the rights of the AWS credentials: sqs:SendMessage."
        ) from error


def _check_digest(letter: Letter, digest: str) -> None:
    if hashlib.md5(letter.body.encode(), usedforsecurity=False).hexdigest() != digest:
        raise WkmsError(
            f"SQS holds another text than was sent for message {letter.key}.",
            hint="The source still has it. Look at what stands between here and SQS, then run again.",
        )
