"""What the C library does with large buffers once they are freed."""

from __future__ import annotations

import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3  # malloc.h of glibc


def give_back_from(size: int) -> None:
    """Let glibc give every freed buffer of `size` bytes or more back to the kernel, at once. Elsewhere, do nothing.

    Left to itself it raises that limit up to 32 MiB with the buffers it sees, and then keeps what is freed in the
    arenas of its threads: with objects of many sizes a copy holds twice the memory that it counts.
    Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, size)
