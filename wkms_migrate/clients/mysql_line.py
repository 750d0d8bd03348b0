r"""A row as it stands on the wire, made a line of LOAD DATA: the innermost loop of a copy.

Fields are parted by tabs, with a backslash before each backslash, tab and line feed, and \N for NULL. Where this
package was built with a C compiler at hand, `_mysql_line.c` does the same as `append_in_python`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

NULL_MARK = 0xFB
LENGTH_BYTES = {0xFC: 2, 0xFD: 3, 0xFE: 8}
ALL_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)
MANY_DIGITS = b"0" * 16  # more than a double keeps
# A number in the text of JSON, as servers write it, that can be a DECIMAL which LOAD DATA makes a double.
LOOSE_NUMBER = re.compile(rb"(?:^|: |, |\[)-?(?:[0-9]+\.[0-9]|[0-9]{16})")
# What a column is, a byte for each: text that needs no backslash, any other, and JSON that is looked through.
PLAIN, ESCAPED, JSON = 0, 1, 2


def append_in_python(lines: bytearray, row: bytes, columns: bytes) -> bool:
    """Append a row's line; return whether JSON in it may hold a number that is written otherwise when read again.

    `columns` tells what each column is; the row may have more of them. Raises `ValueError` when it has fewer.
    """
    at = 0
    fields: list[bytes] = []
    loose = False
    for column in columns:  # no calls per field: they would double the time
        size = row[at] if at < len(row) else 0
        at += 1
        if size == NULL_MARK:
            fields.append(b"\\N")
            continue
        if size > NULL_MARK:
            width = LENGTH_BYTES[size]
            size = int.from_bytes(row[at : at + width], "little")
            at += width
        field = row[at : at + size]
        at += size
        if column == JSON:
            loose = loose or _is_loose(field)
        if column != PLAIN:
            field = field.replace(b"\\", b"\\\\").replace(b"\t", b"\\\t").replace(b"\n", b"\\\n")
        fields.append(field)
    if at > len(row):
        raise ValueError("a row is shorter than its columns")
    lines += b"\t".join(fields) + b"\n"
    return loose


def _is_loose(json: bytes) -> bool:
    """Return whether JSON may hold such a number; most text is told by its bytes, which is quicker than the pattern."""
    may_be = b"." in json or MANY_DIGITS in json.translate(ALL_DIGITS_ALIKE)
    return may_be and LOOSE_NUMBER.search(json) is not None


def _append() -> Callable[[bytearray, bytes, bytes], bool]:
    try:
        from wkms_migrate.clients._mysql_line import append as compiled
    except ImportError:
        return append_in_python
    return compiled


append = _append()
IS_COMPILED = append is not append_in_python
