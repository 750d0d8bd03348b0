"""Sessions with MySQL and MariaDB servers over pymysql.

What pymysql has no call for is done here on its packets, and nowhere else: rows as they stand on the wire, LOAD DATA
LOCAL fed from memory, and statements sent to many servers before the first answer is read.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from wkms_migrate.clients import mysql_tls
from wkms_migrate.clients.mysql_hints import HINTS
from wkms_migrate.config import MysqlServer
from wkms_migrate.errors import ConfigError, TransientError, WkmsError
from wkms_migrate.retry import TRANSIENT_MYSQL

if TYPE_CHECKING:
    from types import TracebackType

CONNECT_SECONDS = 10
READ_BUFFER = 1 << 18
BATCH = 100  # questions under way at once: few enough that all fit into the server's receive buffer
COM_QUERY = 3
LONGEST_PACKET = 0xFFFFFF
EOF_MARK, ERROR_MARK = 0xFE, 0xFF
EOF_BYTES = 9  # an end-of-rows packet is shorter than this; a row may begin with the same byte
LOST = frozenset({2006, 2013, 2014, 1053, 1927, 4031})
# Zero, partial and impossible dates pass, 0 stays 0 in AUTO_INCREMENT columns, and no engine is swapped for another.
SQL_MODE = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION"
YEAR_SECONDS = 31_536_000
NO_TLS = 2026
# What to look at when an account is refused, by `auth` of the configuration.
SIGN_IN = {
    "password": "Check mysql.user and what mysql.password names.",
    "entra": "A token lives about an hour and is asked for anew: is this machine's clock right? mysql.user must be the"
    " Entra name, made on the server with CREATE AADUSER, of whoever is signed in (`az account show`).",
    "iam": "A token lives 15 minutes and is signed anew: is this machine's clock right? The account must be made"
    " IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS', and whoever signs in be allowed rds-db:connect on it.",
}


class SqlError(WkmsError):
    """A statement was refused. `code` is the server's error number."""

    def __init__(self, code: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class SqlTransientError(TransientError):
    """A statement failed in a way that may pass: lost connection, deadlock, lock wait. `code` as above."""

    def __init__(self, code: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the server said about one LOAD DATA."""

    rows: int
    warnings: int


class Session:
    """One connection: UTC, utf8mb4, a known sql_mode. Not thread-safe; a context manager that closes it."""

    def __init__(self, raw: Any, name: str) -> None:
        self._raw = raw
        self.name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def open(self) -> bool:
        """Whether the connection still stands, as far as this end knows."""
        return bool(self._raw.open)

    def close(self) -> None:
        """Close the connection; closing twice is harmless."""
        if self.open:
            self._raw.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query and return all rows."""
        with self._told(sql):
            self._raw.query(sql)
        return list(self._raw._result.rows or ())  # noqa: SLF001

    def records(self, sql: str) -> list[dict[str, Any]]:
        """Run a query and return rows by column name in lower case (servers differ in the case they answer in)."""
        return self._records(self.rows(sql))

    def _records(self, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
        names = [column[0].lower() for column in self._raw._result.description or ()]  # noqa: SLF001
        return [dict(zip(names, row, strict=True)) for row in rows]

    def value(self, sql: str) -> Any:
        """Run a query and return the first column of its first row, or None without rows."""
        rows = self.rows(sql)
        return rows[0][0] if rows else None

    def run(self, sql: str | bytes) -> int:
        """Run a statement and return the number of rows it touched."""
        with self._told(sql):
            return int(self._raw.query(sql))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside; take all of it back when it fails."""
        self.run("START TRANSACTION")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            if self.open:
                with suppress(SqlTransientError):
                    self.run("ROLLBACK")
            raise

    def quoted(self, text: str) -> str:
        """Return a string as an SQL literal."""
        return str(self._raw.escape(text))

    @property
    def warning_count(self) -> int:
        """The number of warnings of the last statement."""
        return int(self._raw._result.warning_count)  # noqa: SLF001

    def warnings(self, limit: int = 5) -> list[str]:
        """Return the first warnings of the last statement as text."""
        return [f"{code} {text}" for _, code, text in self.rows(f"SHOW WARNINGS LIMIT {limit}")]

    def send(self, sql: str) -> None:
        """Send a statement without waiting; every `send` needs its `receive`."""
        with self._told(sql):
            self._raw._execute_command(COM_QUERY, sql)  # noqa: SLF001

    def receive(self) -> list[tuple[Any, ...]]:
        """Read the answer to the statement that was sent; its rows, if it has any."""
        with self._told("a statement sent before"):
            self._raw._read_query_result()  # noqa: SLF001
        return list(self._raw._result.rows or ())  # noqa: SLF001

    def batch(self, queries: Sequence[str]) -> list[list[dict[str, Any]]]:
        """Run short queries, many for one round trip, and return the records of each.

        The first refusal is raised when all that were sent are answered.
        """
        found: list[list[dict[str, Any]]] = []
        for at in range(0, len(queries), BATCH):
            part = queries[at : at + BATCH]
            refusals: list[SqlError] = []
            for sql in part:
                self.send(sql)
            for sql in part:
                try:
                    found.append(self._answer(sql))
                except SqlError as error:
                    refusals.append(error)
            if refusals:
                raise refusals[0]
        return found

    def _answer(self, sql: str) -> list[dict[str, Any]]:
        with self._told(sql):
            self._raw._next_seq_id = 1  # noqa: SLF001 # every answer counts its packets anew
            self._raw._read_query_result()  # noqa: SLF001
        return self._records(list(self._raw._result.rows or ()))  # noqa: SLF001

    def stream(self, sql: str) -> Iterator[bytes]:
        """Run a query and yield each row as on the wire: columns as length-encoded strings, 0xFB for NULL.

        Left before its end, it closes the connection: the rest of the answer would be in the way.
        """
        with self._told(sql):
            self._raw._execute_command(COM_QUERY, sql)  # noqa: SLF001
            columns = self._raw._read_packet().read_length_encoded_integer()  # noqa: SLF001
            for _ in range(columns + 1):  # the definitions and the mark behind them
                self._raw._read_packet()  # noqa: SLF001
            ended = False
            try:
                yield from self._payloads()
                ended = True
            finally:
                if not ended and self._raw.open:
                    self._raw._force_close()  # noqa: SLF001

    def _payloads(self) -> Iterator[bytes]:
        read = self._raw._rfile.read  # noqa: SLF001
        while True:
            payload = _payload(read)
            if payload[0] >= EOF_MARK and self._is_end(payload):
                return
            yield payload

    def _is_end(self, payload: bytes) -> bool:
        from pymysql.protocol import MysqlPacket

        if payload[0] == ERROR_MARK:
            MysqlPacket(payload, "utf-8").raise_for_error()
        return len(payload) < EOF_BYTES

    def load(self, sql: str, blocks: Iterable[bytes]) -> Loaded:
        """Run a LOAD DATA LOCAL INFILE whose "file" is `blocks`, each shorter than the server's max_allowed_packet.

        When making a block fails, the statement is ended with what was sent and the failure is raised: the caller
        rolls back.
        """
        from pymysql.protocol import LoadLocalPacketWrapper

        with self._told(sql):
            self._raw._execute_command(COM_QUERY, sql)  # noqa: SLF001
            LoadLocalPacketWrapper(self._raw._read_packet())  # noqa: SLF001
        try:
            for block in blocks:
                with self._told(sql):
                    self._raw.write_packet(block)
        except BaseException:
            if self.open:
                with suppress(SqlError, SqlTransientError):
                    self._end_load(sql)
            raise
        return self._end_load(sql)

    def _end_load(self, sql: str) -> Loaded:
        from pymysql.protocol import OKPacketWrapper

        with self._told(sql):
            self._raw.write_packet(b"")
            ok = OKPacketWrapper(self._raw._read_packet())  # noqa: SLF001
            return Loaded(ok.affected_rows, ok.warning_count)

    @contextmanager
    def _told(self, sql: str | bytes) -> Iterator[None]:
        """Turn the driver's errors into ours, with the server and the beginning of the statement."""
        from pymysql import MySQLError

        try:
            yield
        except (MySQLError, OSError, EOFError) as error:
            code = error.args[0] if error.args and isinstance(error.args[0], int) else 2013
            text = error.args[1] if len(error.args) > 1 else str(error)
            head = " ".join((sql if isinstance(sql, str) else sql.decode("utf-8", "replace")).split())[:120]
            if code in TRANSIENT_MYSQL | LOST or isinstance(error, OSError):
                raise SqlTransientError(
                    code, f"{self.name}: {text} ({code}) at: {head}", hint=HINTS.get(code, "")
                ) from error
            raise SqlError(
                code, f"{self.name} refused a statement: {text} ({code}) at: {head}", hint=HINTS.get(code, "")
            ) from error


def _payload(read: Any) -> bytes:
    """Read one packet; packets of 16 MiB - 1 go on in the next."""
    payload: bytes = b""
    while True:
        size = int.from_bytes(read(4)[:3], "little")
        part: bytes = read(size)
        if len(part) < size or not (size or payload):
            raise EOFError("the connection ended inside a row")
        if size < LONGEST_PACKET and not payload:
            return part
        payload += part
        if size < LONGEST_PACKET:
            return payload


def connect(server: MysqlServer, name: str, *, database: str | None = None) -> Session:
    """Open a session. `name` ("source", "target") is how messages speak of the server.

    Raises `ConfigError` for a missing host, CA, or refused password, `SqlTransientError` when it cannot be reached.
    """
    import pymysql

    if not server.host:
        hint = "Set azure.mysql.host; that of the target is aws.mysql.host, or what the phase provision puts out."
        raise ConfigError(f"The address of the {name} MySQL server is not set.", hint=hint)
    where = f"{name} MySQL server {server.host}:{server.port}"
    secure = mysql_tls.context(server, where)
    password = server.password.reveal() if server.password else ""
    raw = pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=password.encode(),  # as text it would have to be latin1
        database=database,
        charset="utf8mb4",
        autocommit=True,
        local_infile=True,
        read_timeout=CONNECT_SECONDS,
        ssl=secure,
        ssl_disabled=secure is None,
        auth_plugin_map=mysql_tls.plugins(server, where),
        program_name="wkms-migrate",
        defer_connect=True,
    )
    with _explained(server, where):
        raw.connect(_socket(server))
    # A statement may rightly take hours (an ALTER): from here on keepalive tells a dead peer.
    raw._read_timeout = None  # type: ignore[attr-defined] # noqa: SLF001
    raw._rfile = raw._sock.makefile("rb", buffering=READ_BUFFER)  # type: ignore[attr-defined] # noqa: SLF001
    return _pinned(Session(raw, where))


def _pinned(session: Session) -> Session:
    """Set what every session has alike, whatever the server's own settings are."""
    session.run(
        f"SET SESSION time_zone='+00:00', sql_mode='{SQL_MODE}', wait_timeout={YEAR_SECONDS},"
        " net_read_timeout=1800, net_write_timeout=1800, group_concat_max_len=1073741824"
    )
    session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    session.run("/*!80000 SET SESSION max_execution_time=0, information_schema_stats_expiry=0 */")
    return session


def encoding_of(charset: str) -> str:
    """Return Python's name for a server's character set."""
    from pymysql.charset import charset_by_name

    return str(charset_by_name(charset).encoding)


def _socket(server: MysqlServer) -> socket.socket:
    made = socket.create_connection((server.host, server.port), CONNECT_SECONDS)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 8)):
        if hasattr(socket, option):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
    return made


@contextmanager
def _explained(server: MysqlServer, where: str) -> Iterator[None]:
    from pymysql import MySQLError

    try:
        yield
    except ssl.SSLError as error:
        raise mysql_tls.failure(server, where, error) from error
    except OSError as error:
        raise SqlTransientError(
            2003, f"The {where} cannot be reached: {error}.", hint="Check mysql.host, mysql.port and the firewall."
        ) from error
    except MySQLError as error:
        raise _refused(server, where, error) from error


def _refused(server: MysqlServer, where: str, error: Exception) -> WkmsError:
    cause = getattr(error, "original_exception", None)
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = error.args[1] if len(error.args) > 1 else str(error)
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):  # EOF: cut off, as by a restart
        return mysql_tls.failure(server, where, cause)
    if code == NO_TLS:
        return ConfigError(
            f"TLS with the {where} failed: the server offers none. Nothing was sent.",
            hint="Switch TLS on there, or see who answers at this address.",
        )
    if code in {1820, 1862}:
        return ConfigError(
            f"The {where} refuses user {server.user}: the password has expired.",
            hint="Give the account a new password, and put it where mysql.password points.",
        )
    if code in {1044, 1045, 1698}:
        how = "" if server.auth == "password" else " and its token"
        return ConfigError(f"The {where} refuses user {server.user}{how}: {text}.", hint=SIGN_IN[server.auth])
    if code in TRANSIENT_MYSQL | LOST | {2003}:
        return SqlTransientError(code, f"The {where} cannot be reached: {text}.")
    return SqlError(code, f"The {where} cannot be used: {text}.")
