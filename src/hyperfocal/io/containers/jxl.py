"""The header of a JPEG XL codestream: size, depth, grey or colour, and whether that is sRGB.

Reads as far as the colour encoding; profiles themselves are compressed and stay unread.
ISO/IEC 18181-1:2024, annex D (headers), table D.2 and on; the bits of a byte go lowest first.
"""

from __future__ import annotations

from dataclasses import dataclass

# Width over height, where the header names one of these in place of a width.
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SRGB, _LINEAR, _GREY = 13, 8, 1
_LONGEST = 4096


@dataclass(frozen=True)
class Header:
    """What a codestream says of its picture; the size is that after turning."""

    height: int
    width: int
    bits: int
    is_float: bool
    is_grey: bool
    has_extra: bool
    is_srgb: bool
    transfer_at: int | None = None  # the bit where the transfer function's number begins


class AnimationError(ValueError):
    """A codestream that moves, whose pictures are not counted in its header."""


class _Bits:
    def __init__(self, content: bytes):
        self._content, self._count = int.from_bytes(content, "little"), 8 * len(content)
        self.at = 0

    def take(self, count: int) -> int:
        if self.at + count > self._count:
            raise ValueError("its header is cut off")
        value = self._content >> self.at & ((1 << count) - 1)
        self.at += count
        return value

    def flag(self) -> bool:
        return bool(self.take(1))

    def choose(self, *ways: tuple[int, int]) -> int:
        """Two bits say which way: so many bits, plus a number."""
        bits, plus = ways[self.take(2)]
        return self.take(bits) + plus

    def named(self) -> int:
        """One of a list."""
        return self.choose((0, 0), (0, 1), (4, 2), (6, 18))


def parse(codestream: bytes) -> Header:
    """The header of a codestream from its first byte; ValueError where it is cut or none."""
    if codestream[:2] != b"\xff\x0a":
        raise ValueError("no JPEG XL codestream")
    bits = _Bits(codestream[2:])
    height, width = _size(bits)
    if bits.flag():  # all as usual
        return Header(height, width, 8, False, False, False, True)
    if bits.flag():
        orientation = bits.take(3) + 1
        if orientation > 4:
            height, width = width, height
        if bits.flag():  # a size to be shown at
            _size(bits)
        if bits.flag():
            _preview(bits)
        if bits.flag():
            raise AnimationError("it is an animation")
    is_float, depth = _depth(bits)
    bits.flag()  # 16 bits suffice for the decoder's buffers
    extra_count = bits.choose((0, 0), (0, 1), (4, 2), (12, 1))
    for _ in range(extra_count):
        _extra(bits)
    bits.flag()  # XYB
    is_grey, is_srgb, transfer_at = _colours(bits)
    return Header(height, width, depth, is_float, is_grey, extra_count > 0, is_srgb, transfer_at)


def as_srgb(codestream: bytes) -> bytes:
    """The same lossless codestream, its samples said to be sRGB's, where they were linear light's.

    imagecodecs calls all 16-bit samples linear.
    """
    at = parse(codestream[:_LONGEST]).transfer_at
    if at is None:
        return codestream
    head = int.from_bytes(codestream[:_LONGEST], "little")
    at += 16  # the signature
    if head >> at & 0b111111 != (_LINEAR - 2) << 2 | 0b10:
        return codestream
    head ^= ((_LINEAR - 2) ^ (_SRGB - 2)) << (at + 2)
    return head.to_bytes(len(codestream[:_LONGEST]), "little") + codestream[_LONGEST:]


def _size(bits: _Bits) -> tuple[int, int]:
    is_small = bits.flag()
    height = (bits.take(5) + 1) * 8 if is_small else _side(bits)
    ratio = bits.take(3)
    if ratio:
        over, under = _RATIOS[ratio - 1]
        return height, height * over // under
    return height, (bits.take(5) + 1) * 8 if is_small else _side(bits)


def _side(bits: _Bits) -> int:
    return bits.choose((9, 1), (13, 1), (18, 1), (30, 1))


def _preview(bits: _Bits) -> None:
    is_small = bits.flag()
    ways = ((6, 1), (8, 65), (10, 321), (12, 1345))
    if is_small:
        ways = ((0, 16), (0, 32), (5, 1), (9, 33))
    bits.choose(*ways)
    if not bits.take(3):
        bits.choose(*ways)


def _depth(bits: _Bits) -> tuple[bool, int]:
    if bits.flag():
        depth = bits.choose((0, 32), (0, 16), (0, 24), (6, 1))
        bits.take(4)  # of them for the exponent
        return True, depth
    return False, bits.choose((0, 8), (0, 10), (0, 12), (6, 1))


def _extra(bits: _Bits) -> None:
    if bits.flag():  # 8 bits of transparency
        return
    kind = bits.named()
    _depth(bits)
    bits.choose((0, 0), (0, 3), (0, 4), (3, 1))  # how many times smaller
    for _ in range(bits.choose((0, 0), (4, 0), (5, 16), (10, 48))):  # its name
        bits.take(8)
    if kind == 0:
        bits.flag()
    elif kind == 2:
        bits.take(64)
    elif kind == 5:
        bits.choose((0, 1), (2, 0), (4, 3), (8, 19))


def _colours(bits: _Bits) -> tuple[bool, bool, int | None]:
    """Whether they are grey, whether as those of sRGB, and where the transfer function stands."""
    if bits.flag():
        return False, True, None
    has_profile = bits.flag()
    space = bits.named()
    if has_profile:
        return space == _GREY, False, None
    white = bits.named()
    if white == 2:
        return space == _GREY, False, None
    primaries = 1 if space == _GREY else bits.named()
    if primaries == 2:
        return space == _GREY, False, None
    has_gamma = bits.flag()
    at = bits.at
    transfer = bits.take(24) if has_gamma else bits.named()
    is_usual = (white, primaries, has_gamma, transfer) == (1, 1, False, _SRGB)
    return space == _GREY, is_usual, None if has_gamma else at
