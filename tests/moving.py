"""Stacks that move, with a known truth."""

from __future__ import annotations

import cv2
import numpy as np
from scenes import as_type

from hyperfocal import alignment
from hyperfocal.alignment import transforms
from hyperfocal.frame import to_samples
from hyperfocal.stack.opening import open_stack

SHAPE = 200, 300


def similarity(scale=1.0, degrees=0.0, shift=(0.0, 0.0), shape=SHAPE):
    """About the centre of a picture, in coordinates of pixel centres."""
    centre = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
    turn = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, centre - linear @ centre + shift
    return matrix


def natural(height, width, *, seed=0, channels=3):
    """A texture with detail at all scales, smooth enough to be warped without loss."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, channels))
    for scale in (3, 8, 24):
        size = (width // scale + 2, height // scale + 2)
        noise = rng.random((size[1], size[0], channels))
        picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).reshape(
            picture.shape
        )
    return np.clip(picture / 3, 0.02, 0.98).astype(np.float32)


def blurred_in_bands(picture, sharp_band, count):
    """The picture with all vertical bands out of focus but one."""
    result = picture.copy()
    place = np.arange(picture.shape[1]) * count // picture.shape[1]
    for band in range(count):
        if band != sharp_band:
            sigma = 1.0 + abs(band - sharp_band)
            blurred = cv2.GaussianBlur(picture, (0, 0), sigma).reshape(picture.shape)
            result[:, place == band] = blurred[:, place == band]
    return result


def moving_stack(matrices, *, channels=3, seed=0, margin=24):
    """uint8 frames sharp in one band each; matrices take the scene into them."""
    shape = SHAPE[0] + 2 * margin, SHAPE[1] + 2 * margin
    sharp = natural(*shape, seed=seed, channels=channels)
    outer = np.array([[1, 0, margin], [0, 1, margin], [0, 0, 1.0]])
    frames = []
    for number, matrix in enumerate(matrices):
        defocused = blurred_in_bands(sharp, number, len(matrices))
        moved = outer @ matrix @ np.linalg.inv(outer)
        frame = cv2.warpPerspective(defocused, moved, shape[::-1], flags=cv2.INTER_LANCZOS4)
        frames.append(frame.reshape(defocused.shape)[margin:-margin, margin:-margin])
    inner = sharp[margin:-margin, margin:-margin]
    return inner, as_type([np.clip(frame, 0, 1) for frame in frames], np.uint8)


BREATHING = [
    similarity(1 + 0.004 * number, 0.15 * (-1) ** number, (0.7 * number, 0.4 - 0.5 * number))
    for number in range(5)
]


def found_in(frames, **options):
    """Matrices from the reference to each frame, the reference, and the report."""
    with open_stack(frames) as stack:
        aligned = alignment.align(stack, **options)
        aligned.stack.close()
    return aligned.record.matrices, aligned.record.reference, aligned.report


def worst_error(matrices, truth, reference, shape=SHAPE):
    points = transforms.border(*shape)
    back = np.linalg.inv(truth[reference])
    return max(
        np.hypot(
            *(transforms.mapped(found, points) - transforms.mapped(true @ back, points)).T
        ).max()
        for found, true in zip(matrices, truth, strict=True)
    )


def samples_of(stack, index):
    """A frame rounded to the samples of its files; frames that were placed are pixels."""
    samples = stack.samples(index)
    return samples if samples.dtype == stack.info.dtype else to_samples(samples, stack.info.dtype)
