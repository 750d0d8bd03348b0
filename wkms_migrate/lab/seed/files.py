"""Bytes of office files: real enough to be recognised by their format, the same on every machine.

Compressors differ between versions of zlib, so everything is stored uncompressed.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from wkms_migrate.lab.seed.draw import Draw

CONTENT_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "hwp": "application/x-hwp",
    "txt": "text/plain; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv",
    "png": "image/png",
    "json": "application/json",
}
_MAIN_PART = {"docx": "word/document.xml", "xlsx": "xl/sharedStrings.xml", "pptx": "ppt/slides/slide1.xml"}
_OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_ZIP_EPOCH = (2026, 1, 1, 0, 0, 0)
_STORED_MAX = 65_535  # a stored deflate block has a 16-bit length
_PNG_WIDTH = 256


def content(extension: str, text: str, size: int, draw: Draw) -> bytes:
    """Return a file of this format that holds the text; formats with room for it are padded to about `size` bytes."""
    padding = draw.bytes(max(0, size - len(text.encode())))
    match extension:
        case "pdf":
            return _pdf(text, padding)
        case "docx" | "xlsx" | "pptx":
            return _office(_MAIN_PART[extension], text, padding)
        case "hwp":
            return _OLE_MAGIC + bytes(504) + text.encode("utf-16-le") + padding
        case "png":
            return _png(padding)
        case "csv":
            return "\ufeff항목;내용\r\n".encode() + text.replace(". ", ".\r\n").encode()
        case _:
            return text.encode()


def gzipped(data: bytes) -> bytes:
    """Return gzip data without compression, so that its bytes depend on nothing but `data`."""
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    return header + _stored(data) + struct.pack("<II", zlib.crc32(data), len(data))


def _stored(data: bytes) -> bytes:
    blocks = [data[at : at + _STORED_MAX] for at in range(0, len(data), _STORED_MAX)] or [b""]
    last = len(blocks) - 1
    return b"".join(
        struct.pack("<BHH", index == last, len(block), len(block) ^ 0xFFFF) + block
        for index, block in enumerate(blocks)
    )


def _pdf(text: str, padding: bytes) -> bytes:
    title = text.split("\n", 1)[0].encode("utf-16-be").hex().upper()
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
        f"<< /Title <FEFF{title}> /Producer (WKMS) >>".encode(),
        _pdf_stream(text.encode()),
        _pdf_stream(padding),
    ]
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R /Info 4 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def _pdf_stream(data: bytes) -> bytes:
    return f"<< /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def _office(main_part: str, text: str, padding: bytes) -> bytes:
    paragraphs = "".join(f"<p>{line}</p>" for line in text.splitlines())
    parts = {
        "[Content_Types].xml": b'<?xml version="1.0"?><Types/>',
        main_part: f'<?xml version="1.0" encoding="UTF-8"?><doc>{paragraphs}</doc>'.encode(),
        "media/image1.bin": padding,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.create_system = 3
            archive.writestr(entry, data)
    return buffer.getvalue()


def _png(noise: bytes) -> bytes:
    height = max(1, len(noise) // _PNG_WIDTH)
    rows = b"".join(
        b"\x00" + noise[row * _PNG_WIDTH : (row + 1) * _PNG_WIDTH].ljust(_PNG_WIDTH, b"\x00") for row in range(height)
    )
    header = struct.pack(">IIBBBBB", _PNG_WIDTH, height, 8, 0, 0, 0, 0)
    data = b"\x78\x01" + _stored(rows) + struct.pack(">I", zlib.adler32(rows))
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
