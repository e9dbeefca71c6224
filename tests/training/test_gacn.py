"""GACN's network, and what it learns from."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scenes import scene, texture  # noqa: E402

from hyperfocal.inference.checkpoints import load_network  # noqa: E402
from hyperfocal.inference.weights import shipped  # noqa: E402
from hyperfocal.methods.gacn import Gacn, boundary  # noqa: E402
from hyperfocal.methods.gacn.decider import Decider  # noqa: E402
from hyperfocal.methods.gacn.network import GacnNetwork  # noqa: E402
from hyperfocal.metrics.qg import qg  # noqa: E402
from hyperfocal.training.boundary import softened  # noqa: E402
from hyperfocal.training.losses import dice_loss, gradient_transfer_loss  # noqa: E402
from hyperfocal.training.matted_pairs import matted_pairs  # noqa: E402


def views(count, side, seed=0):
    made = [texture(side, side, seed=seed + at, channels=1)[:, :, 0] for at in range(count)]
    return torch.from_numpy(np.stack(made)[:, None])


def test_the_network_has_the_published_number_of_parameters():
    network = GacnNetwork()
    decision = [*network.gates.parameters(), *network.decision.parameters()]
    assert sum(values.numel() for values in network.parameters()) == 68_820
    assert sum(values.numel() for values in decision) == 54_404


def test_activity_is_the_windowed_sum_of_squared_differences():
    features = torch.rand(2, 64, 17, 20, generator=torch.Generator().manual_seed(0))
    found = GacnNetwork().activity(features).numpy()
    maps = features.numpy().astype(float)
    squared = np.zeros_like(maps)
    squared[..., 1:] += np.diff(maps, axis=3) ** 2
    squared[..., 1:, :] += np.diff(maps, axis=2) ** 2
    for row, column in [(0, 0), (8, 9), (16, 3), (2, 19)]:
        near = np.s_[..., max(0, row - 5) : row + 6, max(0, column - 5) : column + 6]
        assert np.allclose(found[..., row, column], squared[near].sum((2, 3)), rtol=1e-4)


def test_graphs_decide_as_the_network_does():
    """The one kernel of 7×7 in two steps, and activities subtracted before the graph."""
    network = load_network(shipped("gacn").path)
    first, second = (frame[:, :, 0] for frame in scene(90, 120, 2, channels=1)[1])
    with torch.no_grad():
        frames = (torch.from_numpy(frame.copy())[None, None] for frame in (first, second))
        expected = network(*frames)[0, 0].numpy()
    work = Decider(Gacn(precision="fp32"))
    activities = work.new_activities(90, 120)
    half = len(activities) // 2
    work.encode(first, None, activities[:half])
    work.encode(second, None, activities[half:])
    assert ((work.decide(activities) >= 0.5) != (expected >= 0.5)).mean() < 1e-3


def test_the_filter_with_a_gradient_is_the_filter_of_the_method():
    rng = np.random.default_rng(0)
    decision = np.clip(rng.normal(0.5, 3, (12, 10)), 0, 1).astype(np.float32)
    decision = np.kron(decision, np.ones((6, 7), np.float32))
    first, second = rng.random((2, *decision.shape), np.float32)
    tensors = [torch.from_numpy(plane)[None, None] for plane in (decision, first, second)]
    found = softened(*tensors)[0, 0].numpy()
    expected, _ = boundary.softened(decision, decision * first + (1 - decision) * second)
    assert np.abs(found - expected).max() < 1e-4


def test_dice_is_nothing_for_the_mask_and_nearly_one_for_its_reverse():
    mask = (torch.rand(3, 1, 20, 20, generator=torch.Generator().manual_seed(0)) > 0.6).float()
    assert float(dice_loss(mask, mask)) == pytest.approx(0, abs=1e-6)
    assert float(dice_loss(1 - mask, mask)) > 0.99


def test_the_gradient_loss_is_one_less_the_metric():
    """The metric's own way with edges, but for the border, which repeats here."""
    first, second = (frame[:, :, 0] for frame in scene(64, 80, 2, channels=1)[1])
    fused = (first + second) / 2

    def edges(plane):
        right, down = (
            cv2.Sobel(plane, cv2.CV_64F, *axis, borderType=cv2.BORDER_REPLICATE)
            for axis in ((1, 0), (0, 1))
        )
        return np.hypot(right, down), np.arctan(down / right)

    strength, angle = edges(fused)
    gained, total = np.zeros((2, *fused.shape))
    for frame in (first, second):
        wanted, wanted_angle = edges(frame)
        relative = np.minimum(wanted, strength) / np.maximum(wanted, strength)
        aligned = np.abs(np.abs(wanted_angle - angle) - np.pi / 2) * 2 / np.pi
        kept = 1 / ((1 + np.exp(-10 * (relative - 0.5))) * (1 + np.exp(-20 * (aligned - 0.75))))
        gained += kept * wanted
        total += wanted
    tensors = [torch.from_numpy(plane)[None, None] for plane in (fused, first, second)]
    found = 1 - float(gradient_transfer_loss(*tensors))
    assert found == pytest.approx(np.mean(gained / total), abs=1e-3)
    assert found == pytest.approx(qg(fused, [first, second]), abs=0.04)


@pytest.mark.parametrize("kind", ["published", "lens"])
def test_the_right_choice_costs_less_than_its_reverse(kind):
    pairs = matted_pairs(views(4, 96), kind, disturbed=False)
    right = pairs.mask * pairs.first + (1 - pairs.mask) * pairs.second
    wrong = (1 - pairs.mask) * pairs.first + pairs.mask * pairs.second
    losses = [
        float(gradient_transfer_loss(fused, pairs.first, pairs.second)) for fused in (right, wrong)
    ]
    assert losses[0] < losses[1] - 0.05


def test_both_frames_of_a_published_pair_are_soft_just_outside_the_object():
    """A defocused foreground spreads: the two frames have different mattes."""
    given = views(6, 128)
    pairs = matted_pairs(given, "published", disturbed=False)
    near = torch.nn.functional.max_pool2d(pairs.mask, 5, 1, 2)
    rim = (near == 1) & (pairs.mask == 0)
    assert (pairs.first - given)[pairs.mask == 1].abs().max() < 1e-6
    for frame in (pairs.first, pairs.second):
        assert (frame - given)[rim].abs().mean() > 0.01


def test_masks_cover_neither_too_little_nor_too_much():
    mask = matted_pairs(views(24, 64), "published", disturbed=False).mask
    shares = mask.mean((1, 2, 3))
    assert ((shares > 0.05) & (shares < 0.95)).float().mean() > 0.9
    assert shares.std() > 0.1


def test_pairs_depend_on_the_views_alone():
    given = views(3, 64)
    one, again = (matted_pairs(given, "both", disturbed=True) for _ in range(2))
    other = matted_pairs(views(3, 64, seed=9), "both", disturbed=True)
    for name in ("first", "second", "mask"):
        assert torch.equal(getattr(one, name), getattr(again, name))
        assert not torch.equal(getattr(one, name), getattr(other, name))


def test_disturbed_pairs_come_in_either_order():
    given = views(24, 64)
    pairs = matted_pairs(given, "published", disturbed=True)
    assert ((pairs.mask == 0) | (pairs.mask == 1)).all()
    sharper = [
        (part * (pairs.mask == side)).diff(dim=3).abs().sum() for side in (0, 1)
        for part in (pairs.first, pairs.second)
    ]  # fmt: skip
    assert sharper[1] > sharper[0]  # where the mask is 0, the second frame is the sharper one
    assert sharper[2] > sharper[3]
