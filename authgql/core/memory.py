"""Memory that is used again soon is kept, and goes back to the system when it is not (glibc)."""

import ctypes
from contextlib import suppress
from typing import Final

# The parameters of mallopt(3), as malloc.h numbers them
M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
LARGEST_MAPPED: Final = 32 * 2**20  # the most that it can be set to
NEVER: Final = 2**31 - 1


def keep_until_asked() -> None:
    """Have all threads allocate from one heap, which shrinks when `give_back` says so; before there are any.

    By itself glibc gives the 19 MiB of a hash back at once, or never: each thread's own heap keeps what is
    free at its end, whatever it is asked.
    """
    with suppress(AttributeError, TypeError):  # other C libraries have no such heaps
        library = ctypes.CDLL(None)
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_MAPPED)
        library.mallopt(M_TRIM_THRESHOLD, NEVER)


def give_back() -> None:
    """Give back every page that nothing is in."""
    with suppress(AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
