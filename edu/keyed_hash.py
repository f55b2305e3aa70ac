"""HMAC of many values under one key (RFC 2104), with SM3 (GB/T 32905-2016) or SHA-256 (FIPS 180-4).

What most values are, short texts, is hashed side by side: each step of the hash is one operation over thousands of values.
A call of the hash for each value would cost more in calls than in hashing. Values of more than one block are hashed one
by one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 64
DIGEST_BYTES = 16
"""Of each code its first 128 bits are kept."""
VALUES_AT_ONCE = 1 << 14
"""So many values keep the words of a hash in the processor's cache."""
SIDE_BY_SIDE_FROM = 256
"""Values from which hashing side by side costs less than one by one."""
WORDS = npt.NDArray[np.uint32]
Word = Any
"""An array of 32-bit words, one a value; or an integer, where all values have the same."""
MASK = 0xFFFFFFFF
END_MARK = 0x80
LENGTH_BYTES = 8

SM3_START = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)
SHA256_START = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
SHA256_CONSTANTS = (
    *(0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5),
    *(0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174),
    *(0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA),
    *(0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967),
    *(0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85),
    *(0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070),
    *(0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3),
    *(0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2),
)


def _left(word: Word, bits: int) -> Word:
    """Return a word rotated to the left."""
    if isinstance(word, int):
        return ((word << bits) | (word >> (32 - bits))) & MASK
    rotated = word << np.uint32(bits)
    rotated |= word >> np.uint32(32 - bits)
    return rotated


def _right(word: Word, bits: int) -> Word:
    return _left(word, 32 - bits)


def _sum(*words: Word) -> Word:
    """Return the sum of words modulo 2^32."""
    constant = sum(word for word in words if isinstance(word, int)) & MASK
    arrays = [word for word in words if not isinstance(word, int)]
    if not arrays:
        return constant
    if len(arrays) == 1:
        return arrays[0] + np.uint32(constant)
    total = arrays[0] + arrays[1]
    for word in arrays[2:]:
        total += word
    if constant:
        total += np.uint32(constant)
    return total


def _xor(*words: Word) -> Word:
    """Return the words combined by exclusive or."""
    constant = 0
    arrays = []
    for word in words:
        if isinstance(word, int):
            constant ^= word
        else:
            arrays.append(word)
    if not arrays:
        return constant
    if len(arrays) == 1:
        return arrays[0] ^ np.uint32(constant)
    total = arrays[0] ^ arrays[1]
    for word in arrays[2:]:
        total ^= word
    if constant:
        total ^= np.uint32(constant)
    return total


SM3_CONSTANTS = tuple(_left(0x79CC4519 if j < 16 else 0x7A879D8A, j % 32) for j in range(64))


def _sm3(state: Sequence[Word], block: Sequence[Word]) -> list[Word]:
    """Return the state after a block of 16 words (GB/T 32905-2016, 5.3)."""
    w = list(block)
    for j in range(16, 68):
        x = _xor(w[j - 16], w[j - 9], _left(w[j - 3], 15))
        w.append(_xor(x, _left(x, 15), _left(x, 23), _left(w[j - 13], 7), w[j - 6]))
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        rotated = _left(a, 12)
        first = _left(_sum(rotated, e, SM3_CONSTANTS[j]), 7)
        if j < 16:
            ff, gg = _xor(a, b, c), _xor(e, f, g)
        else:
            ff, gg = ((a | b) & c) | (a & b), ((f ^ g) & e) ^ g
        one = _sum(ff, d, _xor(first, rotated), _xor(w[j], w[j + 4]))
        two = _sum(gg, h, first, w[j])
        a, b, c, d = one, a, _left(b, 9), c
        e, f, g, h = _xor(two, _left(two, 9), _left(two, 17)), e, _left(f, 19), g
    return [_xor(word, before) for word, before in zip((a, b, c, d, e, f, g, h), state, strict=True)]


def _sha256(state: Sequence[Word], block: Sequence[Word]) -> list[Word]:
    """Return the state after a block of 16 words (FIPS 180-4, 6.2.2)."""
    w = list(block)
    for j in range(16, 64):
        x, y = w[j - 15], w[j - 2]
        small = _xor(_right(x, 7), _right(x, 18), x >> 3), _xor(_right(y, 17), _right(y, 19), y >> 10)
        w.append(_sum(*small, w[j - 7], w[j - 16]))
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        one = _sum(h, _xor(_right(e, 6), _right(e, 11), _right(e, 25)), ((f ^ g) & e) ^ g, SHA256_CONSTANTS[j], w[j])
        two = _sum(_xor(_right(a, 2), _right(a, 13), _right(a, 22)), ((a | b) & c) | (a & b))
        a, b, c, d, e, f, g, h = _sum(one, two), a, b, c, _sum(d, one), e, f, g
    return [_sum(word, before) for word, before in zip((a, b, c, d, e, f, g, h), state, strict=True)]


HASHES: dict[str, tuple[Callable[[Sequence[Word], Sequence[Word]], list[Word]], tuple[int, ...]]] = {
    "sm3": (_sm3, SM3_START),
    "sha256": (_sha256, SHA256_START),
}


def _words(block: bytes) -> list[Word]:
    return [int.from_bytes(block[i : i + 4], "big") for i in range(0, BLOCK_BYTES, 4)]


def _one_by_one(algorithm: str, block: bytes, prefix: bytes, values: Sequence[bytes]) -> bytes:
    """Return the codes of values, end to end; the two padded states of the key are copied for each."""
    inner = hashlib.new(algorithm, bytes(byte ^ 0x36 for byte in block) + prefix)
    outer = hashlib.new(algorithm, bytes(byte ^ 0x5C for byte in block))
    copy_inner, copy_outer = inner.copy, outer.copy
    digests = []
    for value in values:
        first = copy_inner()
        first.update(value)
        second = copy_outer()
        second.update(first.digest())
        digests.append(second.digest()[:DIGEST_BYTES])
    return b"".join(digests)


class _SideBySide:
    """HMAC of values that lie in one block each."""

    def __init__(self, algorithm: str, block: bytes, prefix: bytes) -> None:
        self._compress, start = HASHES[algorithm]
        self._inner = self._compress(start, _words(bytes(byte ^ 0x36 for byte in block)))
        self._outer = self._compress(start, _words(bytes(byte ^ 0x5C for byte in block)))
        self._prefix = prefix

    def codes(
        self, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], data: npt.NDArray[np.uint8]
    ) -> bytes:
        """Return the codes of values that begin at `starts` in `data`, end to end."""
        count, before = len(starts), len(self._prefix)
        longest, shortest = int(lengths.max()), int(lengths.min())
        blocks = np.zeros((count, BLOCK_BYTES), np.uint8)
        blocks[:, :before] = np.frombuffer(self._prefix, np.uint8)
        if longest == shortest:
            blocks[:, before : before + longest] = data[starts[0] : starts[0] + count * longest].reshape(count, longest)
            blocks[:, before + longest] = END_MARK
        else:
            flat = blocks.reshape(-1)
            row = np.arange(count, dtype=np.int64) * BLOCK_BYTES + before
            # Of each byte: where it lies, and where it goes.
            shift = np.repeat(row - starts, lengths)
            first, last = int(starts[0]), int(starts[-1] + lengths[-1])
            flat[np.arange(first, last, dtype=np.int64) + shift] = data[first:last]
            flat[row + lengths] = END_MARK
        columns = blocks.view(">u4").T.astype(np.uint32, order="C")
        # A word that lies before every value or behind the longest is the same in all.
        words: list[Word] = list(columns)
        for i in range(before // 4):
            words[i] = int(columns[i, 0])
        for i in range((before + longest) // 4 + 1, 14):
            words[i] = 0
        bits = (lengths + (BLOCK_BYTES + before)) * 8
        words[14], words[15] = 0, int(bits[0]) if longest == shortest else bits.astype(np.uint32)
        inner = self._compress(self._inner, words)
        digest_bytes = 4 * len(inner)
        padding = [END_MARK << 24, *[0] * 6, (BLOCK_BYTES + digest_bytes) * 8]
        outer = self._compress(self._outer, [*inner, *padding])
        found = np.empty((count, DIGEST_BYTES // 4), ">u4")
        for i in range(DIGEST_BYTES // 4):
            found[:, i] = outer[i]
        return found.tobytes()


def hash_all(key: bytes, prefix: bytes, offsets: bytes, values: bytes, algorithm: str = "sm3") -> bytes:
    """Return the codes of values that lie end to end, in hexadecimal characters, end to end.

    Args:
        key: at most a block.
        prefix: stands before every value.
        offsets: where each value begins, and where the last one ends, as 32-bit integers of this machine; they may
            begin above zero.
        values: the bytes from the first offset on.
        algorithm: sm3 or sha256.

    Raises:
        ValueError: the key is longer than a block; HMAC (RFC 2104, 2) would take its hash, which is not done here.
    """
    if len(key) > BLOCK_BYTES:
        raise ValueError(f"a key has at most {BLOCK_BYTES} bytes, this one {len(key)}")
    block = key.ljust(BLOCK_BYTES, b"\0")
    bounds = np.frombuffer(offsets, np.int32).astype(np.int64)
    bounds -= bounds[0]
    lengths = np.diff(bounds)
    data = np.frombuffer(values, np.uint8)
    side_by_side = _SideBySide(algorithm, block, prefix)
    found = []
    for low in range(0, len(lengths), VALUES_AT_ONCE):
        some = slice(low, low + VALUES_AT_ONCE)
        starts, sizes = bounds[:-1][some], lengths[some]
        fits = len(prefix) + int(sizes.max()) + 1 + LENGTH_BYTES <= BLOCK_BYTES
        if len(starts) >= SIDE_BY_SIDE_FROM and fits:
            found.append(side_by_side.codes(starts, sizes, data))
        else:
            ends = starts + sizes
            every = [values[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
            found.append(_one_by_one(algorithm, block, prefix, every))
    return b"".join(found).hex().encode("ascii")
