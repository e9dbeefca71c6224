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


def test_equal_pictures_are_alike():
    picture = torch.rand(2, 1, 20, 20)
    assert float(ssim(picture, picture)) == pytest.approx(1, abs=1e-6)
