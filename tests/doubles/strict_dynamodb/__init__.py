"""A strict DynamoDB for tests, in front of moto; see README.md."""

from doubles.strict_dynamodb.proxy import StrictDynamo

__all__ = ["StrictDynamo"]
