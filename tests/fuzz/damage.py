"""What is done to a sound file: slips that any file can have, and slips in its structure."""

from __future__ import annotations

import json
import random
import re
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

# Where programs count wrong: at none, at one too many, at the sign, at the end of a type.
_NUMBERS = [0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63]
_TAGS = {
    b"\x89PNG": rb"IHDR|IDAT|PLTE|eXIf|iCCP|IEND",
    b"RIFF": rb"VP8[ LX]|EXIF|avih|strh|strf|idx1|movi|00dc|LIST",
    b"ftyp": rb"ftyp|meta|iinf|infe|iloc|iref|ipco|ispe|ipma|mdat|moov|st(?:ts|sz|sc|co|sd)|jxlc",
    b"\xff\xd8": rb"\xff[\xc0-\xc4\xda-\xdd\xe1-\xe2]",
    b"GIF8": rb"[,!]",
}
_LEAVES: list[Any] = [0, -1, 2**31, 10**9, 1e308, None, "", "../..", [], {}, [2**40, 1, 1], "|O"]


def damaged(rng: random.Random, sound: Path, target: Path) -> str:
    """Write a damaged copy; what was done to it. `cut` means that bytes are missing at its end."""
    if sound.is_dir():
        shutil.copytree(sound, target)
        inner = rng.choice(sorted(path for path in target.rglob("*") if path.is_file()))
        if rng.random() < 0.1:
            inner.unlink()
            return f"{inner.name} removed"
        what, content = _slip(rng, inner.read_bytes())
        inner.write_bytes(content)
        return f"{what} in {inner.name}"
    what, content = _slip(rng, sound.read_bytes())
    target.write_bytes(content)
    return what


def _slip(rng: random.Random, content: bytes) -> tuple[str, bytes]:
    structured = (_json, _directory, _tagged, _header)
    if rng.random() < 0.55:
        for change in rng.sample(structured, len(structured)):
            made = change(rng, content)
            if made is not None:
                return change.__name__[1:], made
    return _anywhere(rng, content)


def _anywhere(rng: random.Random, content: bytes) -> tuple[str, bytes]:
    at, length = rng.randrange(max(1, len(content))), rng.randint(1, 200)
    what = rng.choice(["cut", "cut", "bits", "number", "number", "lost", "twice", "zeros", "more"])
    if what == "cut":
        return what, content[:at]
    if what == "bits":
        changed = bytearray(content)
        for _ in range(rng.choice([1, 4, 32])):
            changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        return what, bytes(changed)
    if what == "number":
        return what, _with_number(rng, content, min(at, rng.choice([100, 1000, at + 1])))
    between = {"lost": b"", "twice": 2 * content[at : at + length], "zeros": bytes(length)}
    if what in between:
        return what, content[:at] + between[what] + content[at + length :]
    return what, content + rng.randbytes(10 * length)


def _with_number(rng: random.Random, content: bytes, at: int) -> bytes:
    size = rng.choice([1, 2, 4, 4, 8])
    number = rng.choice(_NUMBERS) % (1 << 8 * size)
    packed = number.to_bytes(size, rng.choice(["little", "big"]))
    return content[:at] + packed + content[at + size :]


def _tagged(rng: random.Random, content: bytes) -> bytes | None:
    """A number before, in, or behind a part that has a name; a PNG's check sums stay right."""
    for mark, pattern in _TAGS.items():
        if content.startswith(mark) or content[4:8] == mark:
            places = [found.start() for found in re.finditer(pattern, content)][:60]
            if not places:
                return None
            at = max(0, rng.choice(places) + rng.choice([-4, 4, 4 + rng.randrange(28)]))
            changed = _with_number(rng, content, at)
            return _checked(changed) if mark == b"\x89PNG" else changed
    return None


def _checked(content: bytes) -> bytes:
    made, at = content[:8], 8
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        part = content[at + 4 : at + 8 + length]
        made += struct.pack(">I", length) + part + struct.pack(">I", zlib.crc32(part))
        at += 12 + length
    return made


def _directory(rng: random.Random, content: bytes) -> bytes | None:
    """A tag, type, count, value or link in a TIFF's first directory."""
    if content[:4] not in (b"II*\0", b"MM\0*") or len(content) < 8:
        return None
    order = "<" if content[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", content, 4)
    if start + 2 > len(content):
        return None
    (count,) = struct.unpack_from(order + "H", content, start)
    row = start + 2 + 12 * rng.randint(0, count)  # the last is the link to the next
    return _with_number(rng, content, row + rng.choice([0, 2, 4, 8, 8, 8]))


def _header(rng: random.Random, content: bytes) -> bytes | None:
    """A shape or type in the text that begins an array of NumPy."""
    if not content.startswith(b"\x93NUMPY"):
        return None
    shape = rng.choice([b"(3, -1, 52)", b"(2147483648, 9, 9)", b"()", b"(1e9, 1)", b"(0, 4, 4)"])
    kind = rng.choice([b"'|O'", b"'<f8'", b"'|V9'", b"'>u2'", b"'|S999999999'", b"None"])
    which = (rb"\([0-9, ]*\)", shape) if rng.random() < 0.5 else (rb"'[<>|][a-z][0-9]+'", kind)
    text = re.sub(which[0], lambda _: which[1], content[10:128], count=1)
    return content[:8] + struct.pack("<H", len(text)) + text + content[128:]


def _json(rng: random.Random, content: bytes) -> bytes | None:
    """A leaf of a description."""
    if not content.startswith(b"{"):
        return None
    told = json.loads(content)
    leaves: list[tuple[Any, Any]] = []
    waiting = [told]
    while waiting:
        branch = waiting.pop()
        for key in branch if isinstance(branch, dict) else range(len(branch)):
            leaves.append((branch, key))
            if isinstance(branch[key], dict | list):
                waiting.append(branch[key])
    branch, key = rng.choice(leaves)
    branch[key] = rng.choice(_LEAVES)
    return json.dumps(told).encode()
