"""Training of Prism: it learns, goes on after an interruption, and exports what inference takes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hyperfocal.inference.checkpoints import load_network  # noqa: E402
from hyperfocal.methods.prism.config import PrismConfig  # noqa: E402
from hyperfocal.methods.prism.network import (  # noqa: E402
    PrismNetwork,
    PyramidStack,
    expanded,
    reduced,
    softened,
)
from hyperfocal.training import run  # noqa: E402
from hyperfocal.training.lessons.prism import TrainPrism  # noqa: E402


class Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(4):
        coarse = rng.integers(0, 255, (60, 60), np.uint8)
        picture = cv2.resize(coarse, (180, 180), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


def options(out, **more):
    small = {"scenes": 40, "held_out_scenes": 40, "height": 64, "width": 64, "batch": 12}
    small |= {"channels": 8, "refine_channels": 8, "threads": 1, "precision": "fp32", "epochs": 2}
    return TrainPrism(out=str(out), validation_share=0.25, **(small | more))


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory):
    return run.train(options(tmp_path_factory.mktemp("run") / "whole"), [photos])


@pytest.mark.slow
def test_it_learns_without_labels(finished, photos):
    losses = [terms["picture"] for terms in finished.history.validation]
    with torch.no_grad():
        untrained = PrismConfig(channels=8, refine_channels=8)
        network, scenes = PrismNetwork(untrained).eval(), list(finished.validation.fixed())
        errors = [(network(s[:, :-1]) - s[:, -1:]).square().mean().log10() for s in scenes]
    before = 60 + 10 * float(torch.stack(errors).mean())
    assert min(losses) < before - 0.2


@pytest.mark.slow
def test_an_interrupted_run_ends_with_the_same_weights(finished, photos, tmp_path):
    def interrupt(stage, step, count):
        if stage.startswith("epoch 2") and step == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        run.train(options(tmp_path / "run"), [photos], on_progress=interrupt)
    again = run.train(options(tmp_path / "run"), [photos])
    pairs = zip(again.best().parameters(), finished.best().parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.slow
def test_what_is_exported_is_what_was_trained(finished, photos):
    paths = run.export(finished, [photos])
    names = {path.name for path in paths}
    graphs = {f"prism.{part}.onnx" for part in ("coarse", "fine", "refine")}
    assert names == graphs | {"prism.safetensors", "MODEL_CARD.md"}
    network = load_network(finished.folder / "prism.safetensors")
    frames = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(network(frames), finished.best()(frames), atol=1e-5)
    assert "hyperfocal train prism" in (finished.folder / "MODEL_CARD.md").read_text("utf-8")


@pytest.mark.parametrize("size", [(32, 48), (2, 2), (64, 4)])
def test_pyramids_are_those_of_opencv(size):
    picture = np.random.default_rng(0).random(size, np.float32)
    tensor = torch.from_numpy(picture)[None, None]
    if min(size) > 2:
        assert np.abs(reduced(tensor)[0, 0].numpy() - cv2.pyrDown(picture)).max() < 1e-6
    assert np.abs(expanded(tensor)[0, 0].numpy() - cv2.pyrUp(picture)).max() < 1e-6
    blurred = cv2.GaussianBlur(picture, (3, 3), 0)
    assert np.abs(softened(tensor)[0, 0].numpy() - blurred).max() < 1e-6


def test_before_training_it_is_the_classical_rule():
    frames = torch.rand(1, 3, 64, 64)
    network = PrismNetwork().eval()
    stack = PyramidStack(frames, 5)
    with torch.no_grad():
        made, first, second = network.composites(frames)
    power = network.config.power
    weights = torch.softmax(power * stack.energies[0], 1)
    assert torch.allclose(first, (weights * frames).sum(1, keepdim=True), atol=1e-5)
    assert torch.allclose(made, first, atol=1e-5)
    parts = [*stack.bands, stack.lows[-1]]
    shares = [torch.softmax(power * energy, 1) for energy in stack.energies]
    low = parts[-1].mean(1, keepdim=True)
    for share, band in reversed(list(zip(shares, parts[:-1], strict=True))):
        low = (share * band).sum(1, keepdim=True) + expanded(low)
    assert torch.allclose(second, low, atol=1e-5)
