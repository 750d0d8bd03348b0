"""A queue of a test's own on both ends: Azurite, and moto or what stands before it."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import boto3
from azure.storage.queue import QueueClient, QueueServiceClient
from endpoints import AwsEndpoint, StorageAccount
from queue_driver import Move

from wkms_migrate.phases.queue.mapping import original


@dataclass(slots=True)
class Ends:
    """A queue of this test's own on both ends."""

    name: str
    source: QueueClient
    sqs: object
    url: str
    move: Move

    def put(self, bodies: list[str], hidden: int | None = None) -> None:
        for body in bodies:
            self.source.send_message(body, visibility_timeout=hidden)

    def left(self) -> int:
        return self.source.get_queue_properties().approximate_message_count

    def arrived(self) -> list[dict]:
        """Take everything off the target."""
        messages = []
        while answer := self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            messages += answer
            entries = [{"Id": str(index), "ReceiptHandle": one["ReceiptHandle"]} for index, one in enumerate(answer)]
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return messages


def bodies_of(messages: list[dict]) -> Counter[str]:
    return Counter(original(one["Body"], one["MessageAttributes"]["azure.encoding"]["StringValue"]) for one in messages)


def new_queue(sqs: object, name: str, **attributes: str) -> str:
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def numbered(count: int) -> list[str]:
    return [f"알림 {number} 🎉" for number in range(count)]


def new_ends(azurite: StorageAccount, aws: AwsEndpoint, folder: Path, name: str = "") -> Ends:
    name = name or f"q{uuid.uuid4().hex[:12]}"
    service = QueueServiceClient(azurite.queue_endpoint, credential=azurite.key)
    sqs = boto3.client(
        "sqs",
        endpoint_url=aws.endpoint_url,
        region_name=aws.region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    url = new_queue(sqs, name, VisibilityTimeout="600")
    move = Move(
        folder=folder / "move",
        queue_endpoint=azurite.queue_endpoint,
        account=azurite.account,
        key=azurite.key,
        aws_endpoint=aws.endpoint_url,
        targets={name: url},
    )
    return Ends(name, service.create_queue(name), sqs, url, move)
