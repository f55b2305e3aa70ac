"""HMAC-SM3 of many values: the two padded states of a key are computed once and copied for each value.

Imports the standard library alone, so that a worker process is at work at once.
"""

from __future__ import annotations

import hashlib
from array import array

BLOCK_BYTES = 64
DIGEST_BYTES = 16
"""Of each code its first 128 bits are kept."""


def hash_all(key: bytes, prefix: bytes, offsets: bytes, values: bytes) -> bytes:
    """Return the codes of values that lie end to end, in hexadecimal characters, end to end.

    Args:
        key: at most a block.
        prefix: stands before every value.
        offsets: where each value begins, and where the last one ends, as 32-bit integers of this machine; they may
            begin above zero.
        values: the bytes from the first offset on.
    """
    block = key.ljust(BLOCK_BYTES, b"\0")
    inner = hashlib.new("sm3", bytes(byte ^ 0x36 for byte in block) + prefix)
    outer = hashlib.new("sm3", bytes(byte ^ 0x5C for byte in block))
    copy_inner, copy_outer = inner.copy, outer.copy
    bounds = array("i", offsets)
    digests = []
    zero, start = bounds[0], 0
    for bound in bounds[1:]:
        end = bound - zero
        first = copy_inner()
        first.update(values[start:end])
        second = copy_outer()
        second.update(first.digest())
        digests.append(second.digest()[:DIGEST_BYTES])
        start = end
    return b"".join(digests).hex().encode("ascii")
