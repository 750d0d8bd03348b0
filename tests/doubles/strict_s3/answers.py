"""The XML that S3 answers with."""

from __future__ import annotations

from xml.sax.saxutils import escape

XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


def document(tag: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{tag} xmlns="{XMLNS}">{inner}</{tag}>'.encode()


def error(code: str, target: str, text: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(text or code)}</Message>'
        f"<Resource>{escape(target)}</Resource></Error>"
    ).encode()
