"""Training of UMS-Fusion's network: published settings, losses by hand, and a run."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scenes import texture  # noqa: E402

from hyperfocal.training.lessons.ums import TrainUms  # noqa: E402
from hyperfocal.training.losses import gradient_loss, spatial_frequency_loss  # noqa: E402
from hyperfocal.training.run import export, options_of, train  # noqa: E402


def pictures(seed=0, shape=(9, 12)):
    return np.random.default_rng(seed).random((2, 1, *shape)).astype(np.float32)


def sobel_magnitude(picture):
    """Pixel by pixel, without the border."""
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    rows, columns = picture.shape
    found = np.empty((rows - 2, columns - 2))
    for row, column in np.ndindex(found.shape):
        near = picture[row : row + 3, column : column + 3]
        found[row, column] = np.hypot((near * kernel).sum(), (near * kernel.T).sum())
    return found


def frequency(picture):
    return np.hypot(np.diff(picture, axis=1)[1:], np.diff(picture, axis=0)[:, 1:])


@pytest.mark.parametrize(
    ("loss", "magnitude"),
    [(gradient_loss, sobel_magnitude), (spatial_frequency_loss, frequency)],
)
def test_a_loss_is_the_mean_squared_difference_of_magnitudes(loss, magnitude):
    first, second = pictures(0), pictures(1)
    differences = [magnitude(a[0]) - magnitude(b[0]) for a, b in zip(first, second, strict=True)]
    found = float(loss(torch.from_numpy(first), torch.from_numpy(second)))
    assert found == pytest.approx(np.mean(np.square(differences)), rel=1e-3)


@pytest.mark.parametrize("loss", [gradient_loss, spatial_frequency_loss])
def test_a_flat_picture_has_a_slope_to_learn_from(loss):
    flat = torch.full((1, 1, 8, 8), 0.5, requires_grad=True)
    loss(flat, torch.from_numpy(pictures()[:1, :, :8, :8])).backward()
    assert torch.isfinite(flat.grad).all()


def test_the_published_settings_are_the_defaults():
    options = options_of("ums")()
    assert (options.epochs, options.batch, options.learning_rate) == (80, 8, 1e-4)
    assert (options.decay, options.decay_epochs, options.weight_decay) == (0.9, 1, 5e-4)
    assert (options.height, options.width, options.flip, options.crop) == (600, 717, True, False)
    lesson = options.lesson()
    optimizer = options.optimizer(lesson.network)
    assert type(optimizer).__name__ == "AdamW"
    assert optimizer.defaults["weight_decay"] == 5e-4


def test_the_total_is_the_weighted_sum_of_the_terms():
    torch.manual_seed(0)
    terms = TrainUms().lesson().losses(torch.rand(2, 1, 32, 32))
    total = terms["MSE"] + 3 * terms["1 - SSIM"] + terms["gradient"] + 2 * terms["frequency"]
    assert float(terms["total"].detach()) == pytest.approx(float(total.detach()))


@pytest.mark.slow
def test_a_run_learns_and_leaves_weights_and_a_card(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        smooth = cv2.GaussianBlur(texture(48, 48, seed=number, channels=1), (0, 0), 2)
        cv2.imwrite(str(photos / f"photo{number}.png"), (smooth * 255).astype(np.uint8))
    options = TrainUms(
        out=str(tmp_path / "run"), epochs=2, batch=3, height=32, width=32, repeats=6,
        validation_share=0.25, device="cpu", precision="fp32", learning_rate=2e-3, threads=1,
    )  # fmt: skip
    training = train(options, [photos])
    losses = [terms["total"] for terms in training.history.train]
    assert losses[-1] < losses[0]
    names = [path.name for path in export(training, [photos])]
    assert names == [
        "ums.safetensors",
        "ums.onnx",
        "ums.gates.onnx",
        "ums.whole.onnx",
        "MODEL_CARD.md",
    ]
    assert "--frequency-weight 2.0" in (training.folder / "MODEL_CARD.md").read_text()
