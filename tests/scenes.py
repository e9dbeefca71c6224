"""Scenes with a known answer: a texture, a depth, a blur."""

from __future__ import annotations

import cv2
import numpy as np


def texture(height: int, width: int, *, seed: int = 0, channels: int = 3) -> np.ndarray:
    """(height, width, channels) float32 noise in 0.1…0.9 with detail at several scales."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, channels), np.float32)
    for scale in (1, 2, 4):
        rows, columns = -(-height // scale), -(-width // scale)
        noise = rng.random((rows, columns, channels), np.float32)
        enlarged = np.repeat(np.repeat(noise, scale, 0), scale, 1)
        picture += enlarged[:height, :width]
    return 0.1 + 0.8 * picture / 3


def scene(height: int, width: int, frame_count: int, *, channels: int = 3, seed: int = 0):
    """Sharp picture, frames of it (float32), and which frame is sharp where: vertical bands."""
    sharp = texture(height, width, seed=seed, channels=channels)
    place = np.arange(width) * frame_count // width
    truth = np.broadcast_to(place, (height, width)).astype(np.uint16)
    frames = []
    for frame in range(frame_count):
        blurred = sharp
        result = sharp.copy()
        for band in range(frame_count):
            if band != frame:
                blurred = cv2.GaussianBlur(sharp, (0, 0), 1.0 + abs(band - frame))
                blurred = blurred.reshape(sharp.shape)
                result[truth == band] = blurred[truth == band]
        frames.append(result)
    return sharp, frames, truth


def as_type(frames, dtype):
    """Frames as samples of an integer type."""
    return [np.rint(frame * np.iinfo(dtype).max).astype(dtype) for frame in frames]


def psnr(first, second):
    """Peak signal-to-noise ratio of pictures in 0…1, in dB."""
    return -10 * np.log10(np.mean((np.float64(first) - second) ** 2) + 1e-20)


# What a frame of a stack may turn out to be, by the others' first.
ODD_FRAMES = {
    "brighter": lambda frame: np.minimum(2.5 * frame, 1),
    "black": lambda frame: np.zeros_like(frame),
    "white": lambda frame: np.ones_like(frame),
    "another scene": lambda frame: texture(*frame.shape[:2], seed=9, channels=frame.shape[2]),
}
