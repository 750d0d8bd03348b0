"""What to do next about the errors of a MySQL server that a user can mend, by the server's error number."""

from __future__ import annotations

from collections.abc import Mapping

_STORAGE = "That server's storage is full: enlarge it (RDS: allocated_storage), then run again."
_GRANT = "Grant the account what the message names, then run again."
_PACKET = "Raise max_allowed_packet on that server above the largest value, then run again."
_BYTES = (
    "A text holds bytes that its column's character set does not know. Correct it on the source, or make the column"
    " binary on both ends; then run again."
)
_READ_ONLY = (
    "That server takes no writes now (read_only, a replica, or its storage is full). Mend that, then run again."
)
_LOST = "Check that the server runs and the way to it is open; running again goes on where this ended."

HINTS: Mapping[int, str] = {
    3: _STORAGE,  # EE_WRITE: a temporary file or a table could not grow
    1021: _STORAGE,
    1026: _STORAGE,
    1114: _STORAGE,
    1044: _GRANT,
    1142: _GRANT,
    1143: _GRANT,
    1227: _GRANT,
    1370: _GRANT,
    1153: _PACKET,
    1301: _PACKET,
    1300: _BYTES,
    1366: _BYTES,
    1290: _READ_ONLY,
    1836: _READ_ONLY,
    1053: _LOST,
    2006: _LOST,
    2013: _LOST,
    4031: _LOST,
}
