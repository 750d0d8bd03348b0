"""A proxy in front of moto that holds a client to the limits of SQS; see README.md."""

from doubles.strict_sqs.proxy import StrictSqs

__all__ = ["StrictSqs"]
