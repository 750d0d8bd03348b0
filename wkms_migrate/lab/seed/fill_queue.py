"""Fills the queues."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from wkms_migrate.config import Settings
from wkms_migrate.lab.seed.dataset import Expected, Job, OrderFreeDigest, Part, plain
from wkms_migrate.lab.seed.letters import INDEXING, NOTIFICATIONS, POISON, Letter, letters

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueServiceClient

QUEUES = (INDEXING, NOTIFICATIONS, POISON)
WORKERS = 8
FOREVER = -1


def marker(settings: Settings) -> str | None:
    """Read the data set's id from the metadata of the first queue; it stays when the queue has been drained."""
    from azure.core.exceptions import ResourceNotFoundError

    with _service(settings) as service:
        try:
            found = service.get_queue_client(INDEXING).get_queue_properties().metadata.get("dataset")
        except ResourceNotFoundError:
            return None
    return str(found) if found else None


def fill(job: Job) -> Expected:
    """Empty the queues and put every message."""
    digests = {name: OrderFreeDigest() for name in QUEUES}
    with _service(job.settings) as service, ThreadPoolExecutor(WORKERS) as pool:
        clients = {name: _emptied(service, name) for name in QUEUES}

        def put(letter: Letter) -> None:
            clients[letter.queue].send_message(
                letter.body, visibility_timeout=letter.hidden or None, time_to_live=FOREVER
            )

        all_letters = list(letters(job.scale))
        for letter in all_letters:
            digests[letter.queue].add(letter.body.encode())
        for _ in job.until_stopped(pool.map(put, all_letters)):
            pass
        clients[INDEXING].set_queue_metadata({"dataset": job.dataset})
    job.tell(f"Queue: {len(all_letters):,} messages")
    return plain(digests)


def _emptied(service: QueueServiceClient, name: str) -> QueueClient:
    from azure.core.exceptions import ResourceExistsError

    client = service.get_queue_client(name)
    try:
        client.create_queue()
    except ResourceExistsError:
        client.clear_messages()
    return client


def _service(settings: Settings) -> QueueServiceClient:
    from azure.storage.queue import QueueServiceClient

    storage = settings.azure.storage
    return QueueServiceClient(storage.queue_endpoint, credential=storage.key.reveal())


PART = Part(name="queue", marker=marker, fill=fill)
