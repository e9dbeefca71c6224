"""A frame as it was placed, seen through `fuse` alone."""

from dataclasses import dataclass

import numpy as np

import hyperfocal
from hyperfocal.alignment import transform_file
from hyperfocal.alignment.transform_file import TransformRecord


@dataclass(frozen=True)
class OneFrame:
    """A fusion method that gives one of the frames as it comes."""

    number: int
    halo: int = 0
    grid: int = 1

    def fold(self, height, width, channels):
        return _Taken(self.number)


class _Taken:
    def __init__(self, number):
        self._left = number

    def add(self, pixels):
        if self._left == 0:
            self._pixels = pixels.copy()
        self._left -= 1

    def result(self):
        return self._pixels


def saved(folder, matrices, shape):
    """A file of transforms (reference to frame); the last frame is the reference."""
    names = tuple(str(number) for number in range(len(matrices)))
    path = folder / "transforms.json"
    record = TransformRecord(shape[1], shape[0], len(matrices) - 1, names, tuple(matrices))
    transform_file.save(path, record)
    return path


def placed(folder, frame, matrix, reference, **options):
    """The frame as the reference would show it, whose points the matrix takes into the frame."""
    path = saved(folder, [matrix, np.eye(3)], frame.shape)
    options = {"exposure": "none"} | options
    fusion = hyperfocal.fuse(
        [frame, reference], method=OneFrame(0), apply_transforms=path, **options
    )
    return fusion.picture
