"""The contract of fusion methods, over every file of the room; what holds for single ones below."""

import sys

import cv2
import numpy as np
import pytest
from scenes import psnr, scene, texture

import hyperfocal
from hyperfocal import MissingExtra, OptionError, StackError, registry
from hyperfocal.baselines.dsift import DescriptorSum
from hyperfocal.baselines.dtcwt import DualTree
from hyperfocal.baselines.dwt import Dwt
from hyperfocal.baselines.gf import Gf
from hyperfocal.baselines.imf import MattingLaplacian, matte
from hyperfocal.baselines.lp import LaplacianPyramid
from hyperfocal.baselines.mwg import Mwg, integrated
from hyperfocal.baselines.nsct import Contourlets, fan_filters, pyramid_filters
from hyperfocal.baselines.rp import RatioPyramid
from hyperfocal.baselines.sf import spatial_frequency
from hyperfocal.baselines.sr import dictionary, pursued
from hyperfocal.methods import Folding, Selecting
from tests.extras import NEEDED, cases

# Those that are not slow with the values they are published with.
CLASSICAL = {
    name: name
    for name in ("cvt", "dsift", "dtcwt", "dwt", "focusstack", "gf", "imf", "mwg", "nsct", "rp")
}
CLASSICAL |= {"sf": "sf", "lp": "lp:consistency=yes", "sr": "sr:step=4,tolerance=40"}
TILED = [name for name in CLASSICAL if name not in ("cvt", "imf", "mwg", "nsct", "sr")]
WHOLE = ["cvt", "imf", "mwg", "nsct"]


def fuse(frames, name, **options):
    return hyperfocal.fuse(frames, method=CLASSICAL[name], **options).picture


@pytest.mark.parametrize("name", cases(CLASSICAL))
@pytest.mark.parametrize("frame_count", [2, 3])
def test_the_composite_comes_closer_to_the_truth_than_the_mean(name, frame_count):
    sharp, frames, _ = scene(96, 192, frame_count)
    gain = psnr(fuse(frames, name), sharp) - psnr(np.mean(frames, 0), sharp)
    assert gain > 3


@pytest.mark.parametrize("name", cases(CLASSICAL))
def test_the_order_of_frames_does_not_matter(name):
    _, frames, _ = scene(64, 96, 3, channels=1)
    one, other = (fuse(order, name) for order in (frames, frames[::-1]))
    # Where frames are equally active the later one is taken; that is rare.
    assert (np.abs(one - other) > 1e-3).mean() < 0.02


@pytest.mark.parametrize("name", cases(TILED))
def test_a_tile_gives_what_the_whole_gives(name):
    method = registry.make("methods", CLASSICAL[name])
    reach = method.halo if isinstance(method, Folding) else method.measure.halo
    grid = method.grid if isinstance(method, Folding) else 1
    held = getattr(method, "bytes_per_pixel", 80)
    rows, width = 2 * reach + 3 * grid + 20, 40
    height = rows + 2 * grid + 60
    _, frames, _ = scene(height, width, 2, channels=1)
    tiled = fuse(frames, name, memory=str(held * width * rows))
    assert np.abs(tiled - fuse(frames, name)).max() < 1e-5


def test_sparse_representation_works_on_tiles():
    _, frames, _ = scene(80, 24, 2, channels=1)
    method = registry.make("methods", "sr:step=2,tolerance=40")
    tiled = hyperfocal.fuse(frames, method=method, memory=str(method.bytes_per_pixel * 24 * 60))
    assert np.abs(tiled.picture - hyperfocal.fuse(frames, method=method).picture).max() < 1e-5


@pytest.mark.parametrize("name", cases(WHOLE))
def test_what_takes_the_whole_picture_is_refused_where_it_does_not_fit(name):
    frames = [texture(200, 300, seed=seed) for seed in range(2)]
    with pytest.raises(StackError, match=r"as a whole.*--memory"):
        fuse(frames, name, memory="2MB", align="none", exposure="none")


COEFFICIENTS = [
    "dwt:wavelet=db1",
    "dwt:wavelet=bior2.2",
    "dwt:wavelet=sym4",
    "dtcwt",
    "cvt",
    "nsct",
]


@pytest.mark.parametrize("name", ["lp", "rp", *cases(COEFFICIENTS)])
def test_a_transform_and_its_inverse_give_the_picture(name):
    pyramids = {"lp": LaplacianPyramid, "rp": RatioPyramid}
    if name in pyramids:
        transform = pyramids[name](4)
    else:
        transform = registry.make("methods", name).fold(91, 67, 1)._transform
    pixels = np.random.default_rng(0).random((91, 67, 3), np.float32)
    joined = transform.join(*transform.split(pixels))
    assert np.abs(joined[:91, :67] - pixels).max() < 2e-6


def wave(angle, frequency, side=192):
    rows, columns = np.mgrid[:side, :side]
    phase = np.cos(np.deg2rad(angle)) * columns + np.sin(np.deg2rad(angle)) * rows
    return np.cos(2 * np.pi * frequency * phase).astype(np.float32)[:, :, None]


def energies(bands):
    """Mean squares away from the borders."""
    inner = [slice(len(band) // 3, -(len(band) // 3)) for band in bands]
    return np.array(
        [(np.abs(band[cut, cut]) ** 2).mean() for band, cut in zip(bands, inner, strict=True)]
    )


@pytest.mark.parametrize("level", range(4))
def test_dual_tree_bands_see_one_of_two_mirrored_diagonals(level):
    pytest.importorskip("pywt")
    bands, _ = DualTree(4).split(wave(45, 0.45 / 2**level, side=384))
    first, second = energies(bands[6 * level : 6 * level + 6]).reshape(3, 2).T
    assert (np.maximum(first, second) > 8 * np.minimum(first, second)).all()


def test_dual_tree_magnitudes_hardly_change_with_shifts():
    pytest.importorskip("pywt")

    def strengths(transform, pixels):
        return np.array([np.abs(band).sum() for band in transform.split(pixels)[0]])

    frame = np.pad(texture(64, 64, channels=1), ((64, 64), (64, 64), (0, 0)), mode="edge")
    spot = cv2.GaussianBlur(np.where(np.hypot(*np.mgrid[-96:96, -96:96]) < 20, 1.0, 0), (0, 0), 1)
    spot = spot.astype(np.float32)[:, :, None]
    assert frame.shape == spot.shape
    coarse = {}
    for name, transform in (("tree", DualTree(3)), ("dwt", Dwt(levels=3).fold(8, 8, 1)._transform)):
        shifted = [strengths(transform, np.roll(spot, shift, 1)) for shift in range(8)]
        coarse[name] = (np.std(shifted, 0) / np.mean(shifted, 0))[-3:].mean()
    assert coarse["tree"] < coarse["dwt"] / 3


@pytest.mark.parametrize(("angle", "band"), [(80, 3), (60, 1), (30, 9), (10, 11), (170, 12)])
def test_contourlets_tell_sixteen_orientations_apart(angle, band):
    bands, _ = Contourlets((4, 3, 3, 2), 192, 192).split(wave(angle, 0.35))
    shares = energies(bands[:16])
    assert shares.argmax() == band
    assert shares[band] > 0.5 * shares.sum()


@pytest.mark.parametrize("filters", [pyramid_filters, fan_filters])
def test_contourlet_filters_obey_the_identity_of_bezout(filters):
    low, high = filters()
    x = np.linspace(-1, 1, 41)
    assert np.allclose(low(x) * high(x) + low(-x) * high(-x), 1, atol=1e-12)


def test_pursuit_equals_least_squares_on_the_atoms_it_takes():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(20, 64)).astype(np.float32)
    sparse, activity = pursued(rows, 3.0)
    atoms = dictionary().astype(np.float64)
    for row, found, norm in zip(rows, sparse, activity, strict=True):
        left, taken = row.astype(np.float64), []
        while np.linalg.norm(left) > 3.0:
            taken.append(int(np.abs(atoms @ left).argmax()))
            weights = np.linalg.lstsq(atoms[taken].T, row, rcond=None)[0]
            left = row - weights @ atoms[taken]
        assert np.allclose(found, row - left, atol=1e-4)
        assert norm == pytest.approx(np.abs(weights).sum(), rel=1e-3)


def test_sparse_representation_gives_equal_frames_to_within_its_tolerance():
    frame = texture(24, 30, channels=1)
    fused = hyperfocal.fuse([frame, frame], method="sr:tolerance=1").picture
    assert np.sqrt(np.mean((fused - frame[:, :, 0]) ** 2)) < 1 / 255 / 8


def test_the_spatial_frequency_of_a_block_is_its_definition():
    grey = texture(20, 25, channels=1)[:, :, 0]
    found = spatial_frequency(grey, 7)
    assert found.shape == (3, 4)
    for row, column in ((0, 0), (1, 2), (2, 3)):
        block = grey[7 * row : 7 * row + 7, 7 * column : 7 * column + 7].astype(np.float64)
        energy = (np.diff(block, axis=0) ** 2).sum() + (np.diff(block, axis=1) ** 2).sum()
        assert found[row, column] == pytest.approx(np.sqrt(energy / block.size), rel=1e-5)


def test_gradients_of_a_picture_lead_back_to_it():
    pixels = texture(40, 50).astype(np.float32)
    across = np.diff(pixels, axis=1, append=pixels[:, -1:])
    down = np.diff(pixels, axis=0, append=pixels[-1:])
    flat = np.broadcast_to(pixels.mean((0, 1)), pixels.shape).astype(np.float32)
    assert np.abs(integrated(flat, across, down, steps=100_000) - pixels).max() < 1e-4
    assert np.abs(integrated(pixels, across, down, steps=500) - pixels).max() < 1e-6


def test_steps_towards_gradients_are_those_of_descent():
    rng = np.random.default_rng(2)
    start, across, down = rng.random((3, 12, 17, 1), np.float32)
    across[:, -1] = down[-1] = 0
    pixels = start.astype(np.float64)
    for _ in range(7):
        wrong = [across - np.diff(pixels, axis=1, append=pixels[:, -1:])]
        wrong.append(down - np.diff(pixels, axis=0, append=pixels[-1:]))
        change = -wrong[0] - wrong[1]
        change[:, 1:] += wrong[0][:, :-1]
        change[1:] += wrong[1][:-1]
        pixels += change / 8
    assert np.abs(integrated(start, across, down, steps=7) - pixels).max() < 1e-5


def test_corners_and_edges_are_more_salient_than_flat_areas():
    frame = np.zeros((60, 60), np.float32)
    frame[20:40, 20:40] = 1
    saliency = Mwg().saliency(frame, 2.0)
    assert saliency[20, 20] > 0.1 < saliency[30, 20]
    assert saliency[5, 5] == 0


def test_the_matting_laplacian_is_that_of_its_definition():
    rng = np.random.default_rng(3)
    guide, alpha = rng.random((2, 7, 8))
    epsilon, energy = 1e-3, 0.0
    for row in range(7):
        for column in range(8):
            window = (slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2))
            seen, target = guide[window].ravel(), alpha[window].ravel()
            design = np.stack([seen, np.ones_like(seen)], axis=1)
            design = np.vstack([design, [np.sqrt(epsilon), 0]])
            wanted = np.append(target, 0)
            fit = np.linalg.lstsq(design, wanted, rcond=None)[0]
            energy += ((design @ fit - wanted) ** 2).sum()
    found = np.vdot(alpha, MattingLaplacian(guide, 1, epsilon)(alpha))
    assert found == pytest.approx(energy, rel=1e-9)


def test_a_matte_follows_the_edge_that_the_choice_missed():
    guide = np.zeros((40, 40), np.float32)
    guide[:, 22:] = 1
    chosen, unknown = np.zeros((2, 40, 40), np.bool_)
    chosen[:, 18:] = True  # four pixels too far
    unknown[:, 12:28] = True
    alpha = matte(guide, chosen, unknown, radius=1, epsilon=1e-6)
    assert alpha[:, :21].max() < 0.05
    assert alpha[:, 23:].min() > 0.95


def test_guided_weights_follow_the_published_steps():
    _, frames, _ = scene(24, 30, 2, channels=1)
    options = Gf(base_radius=3, detail_radius=2, mean_radius=2, saliency_radius=2)
    chosen = np.argmax([options.saliency(frame[:, :, 0]) for frame in frames], 0)
    totals, shares = np.zeros((2, 2, 24, 30))
    for frame, pixels in enumerate(frames):
        grey = pixels[:, :, 0].astype(np.float64)
        base = window_mean(np.pad(grey, 2, mode="edge"), 2)[2:-2, 2:-2]
        mask = (chosen == frame).astype(np.float64)
        weights = np.stack([guided(grey, mask, 3, 0.3), guided(grey, mask, 2, 1e-6)])
        totals += weights * (base, grey - base)
        shares += weights
    fused = hyperfocal.fuse(frames, method=options).picture
    assert np.abs(fused - (totals / shares).sum(0)).max() < 2e-3


def guided(guide, mask, radius, epsilon):
    def mean(values):
        return window_mean(values, radius)

    covariance = mean(guide * mask) - mean(guide) * mean(mask)
    slope = covariance / (mean(guide**2) - mean(guide) ** 2 + epsilon)
    offset = mean(mask) - slope * mean(guide)
    return np.clip(mean(slope) * guide + mean(offset), 0, 1) + 1e-12


def window_mean(values, radius):
    """Mean over what of the window lies inside."""
    means = np.empty_like(values)
    for row, column in np.ndindex(values.shape):
        rows = slice(max(0, row - radius), row + radius + 1)
        means[row, column] = values[rows, max(0, column - radius) : column + radius + 1].mean()
    return means


def test_descriptor_cells_cover_the_patch_evenly():
    window = DescriptorSum(scale=48)._triangles
    assert len(window) == 29
    assert np.allclose(window[5:24], window[14])
    assert window.sum() == pytest.approx(1)


def test_an_absent_package_is_named_with_the_command(monkeypatch):
    frames = [texture(20, 20, seed=seed) for seed in range(2)]
    for package in set(NEEDED.values()):
        monkeypatch.setitem(sys.modules, package, None)
    told = {}
    for name in registry.names("methods"):
        try:
            hyperfocal.fuse(frames, method="sr:step=4,tolerance=60" if name == "sr" else name)
        except MissingExtra as error:
            told[name] = str(error)
    command = "which is not installed; pip install 'hyperfocal[methods]'"
    assert told == {
        name: f"this method needs the package {package}, {command}"
        for name, package in NEEDED.items()
    }


def test_a_wavelet_that_does_not_exist_is_refused():
    pytest.importorskip("pywt")
    frames = [texture(20, 20, seed=seed) for seed in range(2)]
    with pytest.raises(OptionError, match=r"bior2\.2"):
        hyperfocal.fuse(frames, method="dwt:wavelet=db99")


@pytest.mark.parametrize("name", cases(registry.names("methods")))
def test_every_method_selects_or_folds(name):
    method = registry.make("methods", name)
    assert isinstance(method, Selecting) != isinstance(method, Folding)
