"""Composed scenes: what is in focus equals the reference, blur is what it says, runs repeat."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hyperfocal.training.scenes import composing, defocus, textures  # noqa: E402
from hyperfocal.training.scenes.dataset import COUNTS, SceneDataset  # noqa: E402


def noise(rng: np.random.Generator, side: int) -> composing.Plane:
    """A stand-in for photographs."""
    coarse = rng.uniform(0, 1, (side // 3, side // 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), 0, 1)


def plane(depth: float, side: int, seed: int = 0) -> composing.Layer:
    light = noise(np.random.default_rng(seed), side)
    return composing.Layer(light, np.ones_like(light), np.full_like(light, depth))


@pytest.mark.parametrize("kind", [composing._lens, composing._light_field, composing._masked])
def test_a_flat_scene_in_focus_is_the_reference(kind, monkeypatch):
    monkeypatch.setattr(composing, "_layers", lambda rng, photo, side, *_: [plane(1.0, side)])
    half = lambda rng, side: np.repeat(np.float32([[1], [0]]), side // 2, 0).repeat(side, 1)  # noqa: E731
    monkeypatch.setattr(textures, "matte", half)
    focus = (np.array([0.0, 1.0]), 8.0, True)
    monkeypatch.setattr(composing, "_focus", lambda rng, count: focus)
    rng = np.random.default_rng(3)
    frames, reference = kind(rng, noise, 2, 64)
    inner = slice(composing.MARGIN, -composing.MARGIN)
    error = (frames - reference).abs()[:, inner, inner]
    if kind is composing._masked:  # every pixel is in focus in one of the frames
        assert error.amin(0).quantile(0.8) < 0.01
        assert error.amax(0).max() > 0.05
    else:
        assert error[1].mean() < 0.03  # softness of some lenses, interpolation of light fields
        assert error[0].mean() > 3 * error[1].mean()


@pytest.mark.parametrize("radius", [0, 0.3, 1, 2.5, 7, 30])
def test_a_disc_has_the_variance_of_a_disc(radius):
    kernel = defocus.aperture_kernel(radius, 0, 0.0, 0.0)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    # r²/4 of a disc, where it is larger than a pixel.
    if radius >= 2.5:
        assert variance(kernel) == pytest.approx(radius**2 / 4, rel=0.08)
    if radius <= 0.3:
        assert variance(kernel) < 0.1


def variance(kernel: composing.Plane) -> float:
    places = np.arange(len(kernel)) - len(kernel) // 2
    return float((kernel.sum(0) * places**2).sum())


@pytest.mark.parametrize("blades", [5, 6, 8])
def test_a_polygon_blurs_about_as_much_as_a_disc(blades):
    disc = defocus.aperture_kernel(9, 0, 0.0, 0.0)
    polygon = defocus.aperture_kernel(9, blades, 0.3, 0.0)
    assert variance(polygon) == pytest.approx(variance(disc), rel=0.15)
    assert not np.allclose(polygon, disc, atol=1e-4)


def test_a_ring_is_empty_inside():
    ring = defocus.aperture_kernel(9, 0, 0.0, 0.5)
    middle = len(ring) // 2
    assert ring[middle - 2 : middle + 3, middle - 2 : middle + 3].max() == 0


def test_shifting_moves_by_whole_pixels_exactly():
    picture = torch.rand(32, 32)
    transfer = defocus.shift_transfer(32, np.array([3.0]), linear=True)[:, :17]
    moved = torch.fft.irfft2(torch.fft.rfft2(picture) * transfer, s=(32, 32))
    assert torch.allclose(moved, picture.roll(3, 1), atol=1e-5)


def test_a_linear_shift_by_half_a_pixel_is_the_mean_of_neighbours():
    picture = torch.rand(32, 32)
    transfer = defocus.shift_transfer(32, np.array([0.5]), linear=True)[:, :17]
    moved = torch.fft.irfft2(torch.fft.rfft2(picture) * transfer, s=(32, 32))
    assert torch.allclose(moved, (picture + picture.roll(1, 1)) / 2, atol=1e-5)


def test_encoding_and_decoding_are_inverse():
    values = np.linspace(0, 1, 256, dtype=np.float32)
    assert np.abs(composing.encoded(composing.decoded(values)) - values).max() < 1e-5


@pytest.mark.parametrize("number", range(12))
def test_scenes_are_whole_and_repeat(number):
    count = [2, 3, 5][number % 3]
    made = [composing.make(np.random.default_rng(number), noise, count, 64) for _ in range(2)]
    one, again = made
    assert np.array_equal(one.frames, again.frames)
    assert one.frames.shape == (count, 64, 64)
    assert one.reference.shape == (64, 64)
    assert np.isfinite(one.reference).all()
    assert 0 <= one.reference.min() <= one.reference.max() <= 1


@pytest.mark.parametrize("seed", range(20))
def test_mattes_cover_between_nothing_and_everything(seed):
    matte = textures.matte(np.random.default_rng(seed), 64)
    assert 0 <= matte.min() <= matte.max() <= 1


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> SceneDataset:
    folder = tmp_path_factory.mktemp("bank")
    photographs = []
    for number in range(3):
        path = folder / f"{number}.png"
        picture = noise(np.random.default_rng(number), 120)
        cv2.imwrite(str(path), (255 * picture).astype(np.uint8))
        photographs.append(path)
    bank = SceneDataset(folder / "scenes", photographs, 40, 64, seed=5)
    bank.prepare(lambda *_: None)
    return bank


def test_a_bank_is_made_once(bank: SceneDataset):
    (chunk,) = sorted(bank.folder.iterdir())
    before = chunk.stat().st_mtime_ns
    again = SceneDataset(bank.folder, bank.paths, bank.count, bank.size, bank.seed)
    again.prepare(lambda *_: None)
    assert chunk.stat().st_mtime_ns == before
    pairs = zip(bank.fixed(), again.fixed(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_what_was_cut_off_is_made_again(bank: SceneDataset, tmp_path: Path):
    again = SceneDataset(tmp_path / "scenes", bank.paths, bank.count, bank.size, bank.seed)
    again.folder.mkdir()
    (again.folder / "scenes-00000.part").write_bytes(b"half")
    again.prepare(lambda *_: None)
    assert torch.equal(next(again.fixed()), next(bank.fixed()))


def test_an_epoch_shows_every_scene_once_and_can_be_joined_late(bank: SceneDataset):
    batches = list(bank.batches(0, batch=24, repeats=1))
    assert len(batches) == bank.batch_count(batch=24, repeats=1)
    seen = sorted(itertools.chain.from_iterable([len(b[0]) - 1] * len(b) for b in batches))
    assert seen == sorted(4 * COUNTS)
    late = list(bank.batches(0, batch=24, repeats=1, skip=3))
    assert len(late) == len(batches) - 3
    assert all(torch.equal(one, other) for one, other in zip(late, batches[3:], strict=True))
    other_epoch = next(bank.batches(1, batch=24, repeats=1))
    assert other_epoch.shape != batches[0].shape or not torch.equal(other_epoch, batches[0])
