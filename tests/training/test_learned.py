"""Training of CNN-Fuse, DenseFuse, DeepFuse: defocus made by ourselves, losses, and runs."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scenes import texture  # noqa: E402

from hyperfocal.metrics import mef_ssim as reference  # noqa: E402
from hyperfocal.training import focus_pairs  # noqa: E402
from hyperfocal.training.lessons.cnn_fuse import TrainCnnFuse  # noqa: E402
from hyperfocal.training.lessons.deep_fuse import TrainDeepFuse  # noqa: E402
from hyperfocal.training.lessons.dense_fuse import TrainDenseFuse  # noqa: E402
from hyperfocal.training.losses import brightness_loss, mef_ssim  # noqa: E402
from hyperfocal.training.run import export, options_of, train  # noqa: E402


def views(count=3, side=48):
    made = [texture(side, side, seed=seed, channels=1)[:, :, 0] for seed in range(count)]
    return torch.from_numpy(np.stack(made)[:, None])


def test_each_level_is_blurred_from_the_one_before():
    given = views()
    made = focus_pairs.blurred(given, 3).numpy()
    expected = given.numpy()[0, 0]
    for level in range(4):
        assert np.abs(made[0, level] - expected).max() < 1e-5
        expected = cv2.GaussianBlur(expected, (7, 7), 2, borderType=cv2.BORDER_REFLECT_101)


def test_every_pixel_is_sharp_in_one_frame_of_a_pair():
    given = views()
    frames = focus_pairs.focus_pairs(given, 5)
    is_sharp = torch.isclose(frames, given, atol=1e-7)
    assert is_sharp.any(1).all()
    assert (is_sharp.float().mean((2, 3)) < 0.99).all()
    assert torch.equal(frames, focus_pairs.focus_pairs(given, 5))
    assert not torch.equal(frames, focus_pairs.focus_pairs(given.flip(0), 5).flip(0))


def test_patches_are_compared_with_themselves_out_of_focus():
    given = views(side=40)
    given[0] = 0.5
    lesson = TrainCnnFuse(levels=1, patches=30).lesson()
    sharp, soft, is_flat = lesson.pairs(given)
    assert sharp.shape == soft.shape == (90, 16, 16)
    assert is_flat[:30].all()
    assert not is_flat[30:].any()
    assert (soft.var((1, 2)) < sharp.var((1, 2)))[30:].all()
    inner = soft[40, 8, 8]
    window = cv2.getGaussianKernel(7, 2) @ cv2.getGaussianKernel(7, 2).T
    assert float(inner) == pytest.approx((sharp[40, 5:12, 5:12].numpy() * window).sum(), abs=1e-5)


def test_a_lesson_repeated_is_the_same():
    for name in ("cnn_fuse", "deep_fuse"):
        lesson = options_of(name)().lesson()
        first, second = (lesson.losses(views())["total"].item() for _ in range(2))
        assert first == second


@pytest.mark.parametrize("frame_count", [2, 3])
def test_the_differentiable_mef_ssim_is_the_metric(frame_count):
    sharp = views(1).numpy()[0, 0]
    rng = np.random.default_rng(0)
    frames = [cv2.GaussianBlur(sharp, (0, 0), sigma) for sigma in rng.uniform(0.5, 3, frame_count)]
    frames[0][:20] = sharp[:20]
    for made in (sharp, frames[0], np.mean(frames, 0)):
        expected = reference.mef_ssim(made * 255.0, [frame * 255.0 for frame in frames])
        found = mef_ssim(
            torch.from_numpy(made)[None, None], torch.from_numpy(np.stack(frames))[None]
        )
        assert float(found) == pytest.approx(expected, abs=1e-4)


def test_flat_pictures_have_a_slope_to_learn_from():
    made = torch.full((1, 1, 16, 16), 0.5, requires_grad=True)
    frames = torch.full((1, 2, 16, 16), 0.25)
    (mef_ssim(made, frames) + brightness_loss(made, frames)).backward()
    assert torch.isfinite(made.grad).all()
    assert float(brightness_loss(made, frames).detach()) == pytest.approx(0.25**2)


def test_the_published_settings_are_the_defaults():
    cnn, dense = TrainCnnFuse(), TrainDenseFuse()
    assert (cnn.learning_rate, cnn.momentum, cnn.weight_decay, cnn.decay) == (1e-4, 0.9, 5e-4, 0.1)
    assert (cnn.batch * cnn.patches * 2, cnn.levels, cnn.flattest) == (128, 5, 25)
    assert (dense.epochs, dense.batch, dense.learning_rate) == (4, 2, 1e-4)
    assert (dense.height, dense.width, dense.ssim_weight) == (256, 256, 1000)
    deep = TrainDeepFuse()
    assert (deep.epochs, deep.learning_rate, deep.height, deep.width) == (100, 1e-4, 64, 64)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options_class", "changes", "files"),
    [
        (TrainCnnFuse, {"learning_rate": 0.02}, ["cnn_fuse.scores.onnx"]),
        (
            TrainDenseFuse,
            {"learning_rate": 3e-3},
            ["dense_fuse.encoder.onnx", "dense_fuse.decoder.onnx"],
        ),
        (
            TrainDeepFuse,
            {"learning_rate": 3e-3},
            ["deep_fuse.encoder.onnx", "deep_fuse.decoder.onnx"],
        ),
    ],
)
def test_a_run_learns_and_leaves_weights_and_a_card(options_class, changes, files, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(3):
        picture = texture(48, 48, seed=number, channels=1)
        cv2.imwrite(str(photos / f"photo{number}.png"), (picture * 255).astype(np.uint8))
    options = options_class(
        out=str(tmp_path / "run"), epochs=2, batch=2, height=32, width=32, repeats=12,
        validation_share=0.3, device="cpu", precision="fp32", threads=1, **changes,
    )  # fmt: skip
    training = train(options, [photos])
    losses = [terms["total"] for terms in training.history.train]
    assert losses[-1] < losses[0]
    names = [path.name for path in export(training, [photos])]
    stem = files[0].partition(".")[0]
    assert names == [f"{stem}.safetensors", *files, "MODEL_CARD.md"]
    card = (training.folder / "MODEL_CARD.md").read_text()
    assert f"hyperfocal train {stem} --photos" in card
