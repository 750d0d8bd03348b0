"""A strict S3 server for tests; see README.md."""

from doubles.faults import Fault, Faults
from doubles.strict_s3.server import StrictS3
from doubles.strict_s3.store import Store

__all__ = ["Fault", "Faults", "Store", "StrictS3"]
