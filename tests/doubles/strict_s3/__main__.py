"""Serve the named buckets until the process is ended: `python -m doubles.strict_s3 BUCKET…` prints the endpoint."""

from __future__ import annotations

import signal
import sys

from doubles.strict_s3 import StrictS3

with StrictS3() as running:
    for name in sys.argv[1:]:
        running.bucket(name)
    sys.stdout.write(f"{running.endpoint}\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
