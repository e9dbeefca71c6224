"""Losses against independent computations."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hyperfocal.training.losses import ssim  # noqa: E402


def ssim_by_definition(first, second, size, sigma):
    """Window by window; outside the picture there are zeros."""
    offsets = np.arange(size) - size // 2
    line = np.exp(-(offsets**2) / (2 * sigma**2))
    weights = np.outer(line, line) / line.sum() ** 2
    a, b = (np.pad(picture.astype(float), size // 2) for picture in (first, second))
    values = []
    for row, column in np.ndindex(first.shape):
        near = np.s_[row : row + size, column : column + size]
        means = [(weights * part[near]).sum() for part in (a, b)]
        products = [(weights * x[near] * y[near]).sum() for x, y in ((a, a), (b, b), (a, b))]
        variances = [products[0] - means[0] ** 2, products[1] - means[1] ** 2]
        covariance = products[2] - means[0] * means[1]
        c1, c2 = 0.01**2, 0.03**2
        values.append(
            (2 * means[0] * means[1] + c1)
            * (2 * covariance + c2)
            / ((means[0] ** 2 + means[1] ** 2 + c1) * (sum(variances) + c2))
        )
    return np.mean(values)


@pytest.mark.parametrize(("size", "sigma"), [(5, 1.5), (11, 1.5)])
def test_ssim_is_the_published_one(size, sigma):
    first, second = np.random.default_rng(0).random((2, 17, 21)).astype(np.float32)
    tensors = [torch.from_numpy(picture)[None, None] for picture in (first, second)]
    found = float(ssim(*tensors, window=size, sigma=sigma))
    assert found == pytest.approx(ssim_by_definition(first, second, size, sigma), rel=1e-4)


def test_only_equal_pictures_are_wholly_alike():
    picture = torch.from_numpy(np.random.default_rng(1).random((2, 1, 20, 20), np.float32))
    assert float(ssim(picture, picture)) == pytest.approx(1, abs=1e-6)
    # By the formula: a constant more leaves the contrast, half of the contrast leaves the mean.
    mean, c1, c2 = 0.5, 0.01**2, 0.03**2
    flat = torch.full((1, 1, 40, 40), mean)
    inner = np.s_[:, :, 10:-10, 10:-10]
    brighter = (2 * mean * 0.7 + c1) / (mean**2 + 0.7**2 + c1)
    assert float(ssim(flat[inner], flat[inner] + 0.2)) < 1
    wide = torch.full((1, 1, 400, 400), mean)
    assert float(ssim(wide, wide + 0.2)) == pytest.approx(brighter, abs=2e-3)
    fine = torch.from_numpy(np.indices((400, 400)).sum(0) % 2 * 0.2 - 0.1)[None, None].float()
    assert float(ssim(wide + fine, wide + fine / 2)) == pytest.approx(
        (2 * 0.005 + c2) / (0.01 + 0.0025 + c2), abs=2e-2
    )
