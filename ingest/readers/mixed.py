"""Files of which some lines are UTF-8 and some GB18030, as when exports of two systems were put together (class 1).

A line is UTF-8 where it is so strictly and has a character of three bytes, as Chinese ones are. Of three Chinese
characters in GB18030 that is true by chance about once in a million, of more it is rarer still; characters of two bytes
alone, which short names in GB18030 often look like, are not enough. All other lines are GB18030.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ENCODING = "utf-8+gb18030"
"""Name under which the two are decoded as one encoding."""
CHARACTER = rb"[\xe2-\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xc2-\xdf][\x80-\xbf]"
"""Bytes of a character beyond ASCII."""
LINE = re.compile(
    rb"(?<![^\r\n])(?=[^\r\n]*[\xe2-\xf0][\x80-\xbf]{2})(?:[^\r\n\x80-\xff]|%s)+(?=[\r\n]|\Z)" % CHARACTER
)
"""A whole line of UTF-8 with at least one character of three bytes or more."""
ENDS = re.compile(rb"(?<=[\r\n])")


def has_utf8_line(piece: bytes) -> bool:
    """Whether some whole line of a piece of a file is UTF-8; the piece ends where a line ends."""
    return LINE.search(piece) is not None


def cut(piece: bytes) -> int:
    """Return the end of the last whole line."""
    return max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1


def _decoded(line: bytes, errors: str) -> str:
    if LINE.match(line):
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return line.decode("gb18030", errors)


class _Decoder(codecs.BufferedIncrementalDecoder):
    """Decodes line by line; what is no whole line yet waits."""

    def _buffer_decode(self, input: ReadableBuffer, errors: str, final: bool) -> tuple[str, int]:
        data = bytes(input)
        end = len(data) if final else cut(data)
        return "".join(_decoded(line, errors) for line in ENDS.split(data[:end])), end


def _find(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") not in (ENCODING, ENCODING.replace("+", "-")):
        return None
    latin = codecs.lookup("utf-8")
    return codecs.CodecInfo(
        name=ENCODING,
        encode=latin.encode,
        decode=lambda data, errors="strict": (_Decoder(errors).decode(bytes(data), True), len(data)),
        incrementaldecoder=_Decoder,
    )


codecs.register(_find)
