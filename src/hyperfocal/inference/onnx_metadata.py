"""What an ONNX file says of itself, read without the onnx package and without its graph.

The file is one message of Protocol Buffers; of its fields only the metadata are read, the others
are passed over by the lengths that they begin with. So a file that is cut off is found, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from hyperfocal.errors import FormatError

_METADATA = 14  # field number of ModelProto.metadata_props; its entries have a key (1), a value (2)
_LARGEST = 1 << 20  # bytes of an entry
_LENGTHS = {1: 8, 5: 4}  # bytes of the kinds of field that have a fixed length


def metadata_of(path: Path) -> dict[str, str]:
    """Texts by name; raises FormatError for a file that is cut off or is no ONNX file."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            entries = [value for number, value in _fields(file, size) if number == _METADATA]
        pairs = [dict(_fields(BytesIO(entry), len(entry), every=True)) for entry in entries]
        return {pair.get(1, b"").decode(): pair.get(2, b"").decode() for pair in pairs}
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror})") from error
    except EOFError as error:
        raise FormatError(
            f"{path} is cut off before its end; copy it again from its source"
        ) from error
    except ValueError as error:
        raise FormatError(f"{path} is no ONNX file; export or copy it again") from error


def _fields(file: BinaryIO, size: int, *, every: bool = False) -> Iterator[tuple[int, bytes]]:
    """Field numbers with their bytes; of the fields of a model only metadata are read."""
    while file.tell() < size:
        number, kind = divmod(_integer(file), 8)
        if kind == 0:
            _integer(file)
            continue
        if kind != 2 and kind not in _LENGTHS:
            raise ValueError(kind)
        length = _LENGTHS.get(kind) or _integer(file)
        if file.tell() + length > size:
            raise EOFError
        if kind == 2 and (every or number == _METADATA):
            if length > _LARGEST:
                raise ValueError(length)
            yield number, file.read(length)
        else:
            file.seek(length, os.SEEK_CUR)


def _integer(file: BinaryIO) -> int:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise EOFError
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise ValueError(value)
