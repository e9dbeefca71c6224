"""What the chunks of a Zarr array inflate to, known before they are inflated.

A chunk's size is declared once, with the array, and zarr inflates whatever its file holds. Here
each way of compression tells, or is asked bit by bit, whether a file holds more than that. Ways
that are not known are refused: some run code that stands in the file.
Zarr 2 and 3; RFC 8878 (Zstandard), section 3.1.1.
"""

from __future__ import annotations

import bz2
import lzma
import math
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hyperfocal.io.limits import LARGEST_CHUNK, LARGEST_RATIO

# Those that only change what values look like, or check them.
_PLAIN = (
    "bytes", "transpose", "crc32c", "crc32", "adler32", "fletcher32", "jenkins_lookup3", "delta",
    "shuffle", "fixedscaleoffset", "astype", "bitround", "quantize",
)  # fmt: skip
_SHARDS = "sharding_indexed"
_SLACK = 1 << 16  # bytes; check sums, and what a filter adds
_STEP = 1 << 20  # bytes that are inflated at a time to ask
_DEFLATE = 1100  # times its size, a Deflate stream cannot hold more
_ABSENT = (1 << 64) - 1


def require_fitting(array: Any, path: Path) -> None:
    """ValueError where a chunk's file holds more than the array declares, or hides how much."""
    size = path.stat().st_size
    shape = array.shards or array.chunks
    declared = math.prod(shape) * array.dtype.itemsize
    if declared > max(LARGEST_CHUNK, LARGEST_RATIO * size):
        raise ValueError(f"a chunk of {size} bytes is declared to hold {declared}")
    names = _names(array)
    if names[:1] == [_SHARDS]:
        inner = math.prod(array.chunks) * array.dtype.itemsize
        _require_shard(array, path.read_bytes(), math.prod(shape) // math.prod(array.chunks), inner)
        return
    way = _way(names)
    if way is not None and not way(path.read_bytes(), 2 * declared + _SLACK):
        raise ValueError(f"a chunk inflates to more than the {declared} bytes that are declared")


def _require_shard(array: Any, content: bytes, count: int, declared: int) -> None:
    sharding = array.metadata.codecs[0]
    way = _way([_name(codec) for codec in reversed(sharding.codecs)])
    index = [_name(codec) for codec in sharding.index_codecs]
    if index not in (["bytes"], ["bytes", "crc32c"]):
        raise ValueError("the index of its shards is compressed")
    length = 16 * count + 4 * (len(index) - 1)
    if length > len(content):
        raise ValueError("a shard is cut off")
    is_first = str(getattr(sharding.index_location, "value", sharding.index_location)) == "start"
    start = 0 if is_first else len(content) - length
    for offset, size in struct.iter_unpack("<QQ", content[start : start + 16 * count]):
        part = content[offset : offset + size] if offset != _ABSENT else b""
        if way is not None and part and not way(part, 2 * declared + _SLACK):
            raise ValueError(f"a chunk inflates to more than the {declared} bytes declared")


def _names(array: Any) -> list[str]:
    """The ways of a chunk, as they are undone."""
    told = array.metadata
    if told.zarr_format == 2:
        ways = [*(told.filters or ()), *([told.compressor] if told.compressor else [])]
    else:
        ways = list(told.codecs)
    return [_name(way) for way in reversed(ways)]


def _name(codec: Any) -> str:
    name = getattr(codec, "codec_id", None)
    if name is None:
        told = codec.to_dict()
        name = told.get("name") or told.get("id")
    return str(name).removeprefix("numcodecs.")


_Way = Callable[[bytes, int], bool]


def _way(names: Sequence[str]) -> _Way | None:
    """How to ask whether a content inflates to at most so much; None where nothing inflates."""
    unknown = [name for name in names if name not in (*_PLAIN, *_WAYS)]
    if unknown:
        raise ValueError(f"its chunks are compressed by {unknown[0]!r}, which is not read")
    found = [_WAYS[name] for name in names if name in _WAYS]
    if len(found) > 1:
        raise ValueError("its chunks are compressed twice")
    return found[0] if found else None


def _blosc(content: bytes, most: int) -> bool:
    return len(content) < 16 or struct.unpack_from("<I", content, 4)[0] <= most


def _lz4(content: bytes, most: int) -> bool:
    return len(content) < 4 or struct.unpack_from("<I", content)[0] <= most


def _zstd(content: bytes, most: int) -> bool:
    import imagecodecs

    told = _zstd_told(content)
    if told is not None:
        return told <= most
    try:
        imagecodecs.zstd_decode(content, out=bytearray(most))
    except (RuntimeError, ValueError):
        return False
    return True


def _zstd_told(content: bytes) -> int | None:
    """What the first frame's header says; None where it says nothing."""
    if len(content) < 6 or content[:4] != b"\x28\xb5\x2f\xfd":
        return 0  # no frame: its decoder will say so
    flags = content[4]
    is_single = bool(flags & 0x20)
    width = (1 if is_single else 0, 2, 4, 8)[flags >> 6]
    at = 5 + (not is_single) + (0, 1, 2, 4)[flags & 3]
    told = int.from_bytes(content[at : at + width], "little")
    return None if not width else told + 256 * (width == 2)


def _deflate(content: bytes, most: int) -> bool:
    if _DEFLATE * len(content) <= max(most, LARGEST_CHUNK):
        return True
    # Either header. Members of a gzip file follow each other.
    return _within(_streams(lambda: zlib.decompressobj(47), content), most)


def _bz2(content: bytes, most: int) -> bool:
    return _within(_streams(bz2.BZ2Decompressor, content), most)


def _lzma(content: bytes, most: int) -> bool:
    try:
        return _within(_streams(lzma.LZMADecompressor, content), most)
    except lzma.LZMAError as error:
        # Streams without a header need what the array says of them.
        raise ValueError(f"its chunks are compressed by lzma in an odd way ({error})") from error


def _within(lengths: Iterator[int], most: int) -> bool:
    total = 0
    for length in lengths:
        total += length
        if total > most:
            return False
    return True


def _streams(new: Callable[[], Any], content: bytes) -> Iterator[int]:
    """The lengths of the pieces that the streams in a content inflate to."""
    while content:
        stream = new()
        piece = stream.decompress(content, _STEP)
        yield len(piece)
        while not stream.eof:
            tail = getattr(stream, "unconsumed_tail", b"")
            piece = stream.decompress(tail, _STEP)
            if not piece and not tail:
                return  # cut off: its decoder will say so
            yield len(piece)
        content = stream.unused_data.lstrip(b"\0")


_WAYS: dict[str, _Way] = {
    "blosc": _blosc, "zstd": _zstd, "zlib": _deflate, "gzip": _deflate, "lz4": _lz4, "bz2": _bz2,
    "lzma": _lzma,
}  # fmt: skip
