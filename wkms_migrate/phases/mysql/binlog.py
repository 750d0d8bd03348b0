"""Where a server's binary log stands, as MySQL with or without GTIDs and as MariaDB tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from wkms_migrate.clients.mysql import Session, SqlError

SYNTAX_ERROR = 1064
STATEMENTS = ("SHOW BINARY LOG STATUS", "SHOW MASTER STATUS")  # the second was removed in MySQL 8.4
GTID_COLUMN = 4
VARIABLES = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'gtid_mode', 'version')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the source's binary log stood; empty where a server has none. What a follower would start from."""

    server_uuid: str = ""
    gtid_executed: str = ""
    binlog_file: str = ""
    binlog_position: int = 0

    def to_json(self) -> dict[str, str | int]:
        """Return the form kept in the step's result."""
        return {
            "server_uuid": self.server_uuid,
            "gtid_executed": self.gtid_executed,
            "binlog_file": self.binlog_file,
            "binlog_position": self.binlog_position,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryLog:
    """How this server's log is asked. `statement` is empty where there is no log, or we may not ask."""

    statement: str
    server_uuid: str
    gtids: bool
    mariadb: bool

    def position(self, rows: Sequence[Sequence[Any]]) -> Position:
        """Read the answer to `statement`."""
        if not rows:
            return Position(server_uuid=self.server_uuid)
        row = rows[0]
        gtids = str(row[GTID_COLUMN]).replace("\n", "") if len(row) > GTID_COLUMN else ""
        return Position(
            server_uuid=self.server_uuid, gtid_executed=gtids, binlog_file=row[0], binlog_position=int(row[1])
        )

    def with_gtids(self, session: Session, position: Position) -> Position:
        """Return the position with its GTIDs where MariaDB, which keeps them apart, has to be asked for them."""
        if not self.mariadb or not position.binlog_file:
            return position
        call = f"BINLOG_GTID_POS({session.quoted(position.binlog_file)}, {position.binlog_position})"
        return replace(position, gtid_executed=str(session.value(f"SELECT {call}") or ""))


def examine(session: Session) -> BinaryLog:
    """Find out how the server is asked."""
    variables = {row[0].lower(): str(row[1]) for row in session.rows(VARIABLES)}
    return BinaryLog(
        statement=_statement(session),
        server_uuid=variables.get("server_uuid", ""),  # MariaDB has none
        gtids=variables.get("gtid_mode") == "ON",
        mariadb="mariadb" in variables["version"].lower(),
    )


def _statement(session: Session) -> str:
    for statement in STATEMENTS:
        try:
            if session.rows(statement):
                return statement
        except SqlError as error:
            if error.code != SYNTAX_ERROR:  # we may not ask, and the older words will not change that
                return ""
    return ""
