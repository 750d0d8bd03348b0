"""One JSON object per event on a stream: `--jsonl`."""

from __future__ import annotations

from typing import TextIO

import msgspec

from wkms_migrate import events


class JsonLines:
    """Writes every event, sampled progress included."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoder = msgspec.json.Encoder()

    def __call__(self, event: events.Event) -> None:
        """Write one event."""
        self._stream.write(self._encoder.encode(event).decode() + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave nothing in the buffer."""
        self._stream.flush()
