"""What every lesson minimises, and what the loop makes of it epoch by epoch."""

from dataclasses import dataclass

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hyperfocal.training.lessons.deep_fuse import TrainDeepFuse  # noqa: E402
from hyperfocal.training.lessons.dense_fuse import TrainDenseFuse  # noqa: E402
from hyperfocal.training.lessons.gacn import TrainGacn  # noqa: E402
from hyperfocal.training.lessons.prism import TrainPrism  # noqa: E402
from hyperfocal.training.lessons.sesf import TrainSesf  # noqa: E402
from hyperfocal.training.lessons.ums import TrainUms  # noqa: E402
from hyperfocal.training.loop import Schedule, Training  # noqa: E402
from hyperfocal.training.scenes.dataset import SceneDataset  # noqa: E402


def views(*shape):
    return torch.from_numpy(np.random.default_rng(0).random(shape, np.float32))


def with_ssim(weight):
    return lambda terms: weight * terms["1 - SSIM"] + terms["pixel"]


def of_prism(terms):
    unlike = 40 + 10 * torch.log10(terms["1 - SSIM"] + 1e-4)
    averages = terms["average of frames"] + terms["average of bands"]
    return terms["picture"] + 0.5 * averages + 3 * unlike


@pytest.mark.parametrize(
    ("options", "given", "total"),
    [
        (TrainSesf(ssim_weight=7), views(2, 1, 32, 32), with_ssim(7)),
        (TrainSesf(ssim_weight=0), views(2, 1, 32, 32), with_ssim(0)),
        (TrainDenseFuse(ssim_weight=7), views(2, 1, 32, 32), with_ssim(7)),
        (
            TrainDeepFuse(brightness_weight=5),
            views(2, 1, 32, 32),
            lambda terms: terms["1 - MEF-SSIM"] + 5 * terms["brightness"],
        ),
        (
            TrainGacn(dice_weight=3, gradient_weight=5),
            views(2, 1, 48, 48),
            lambda terms: 3 * terms["1 - Dice"] + 5 * terms["1 - Qg"],
        ),
        (
            TrainUms(mse_weight=2, ssim_weight=3, gradient_weight=5, frequency_weight=7),
            views(2, 1, 32, 32),
            lambda terms: (
                2 * terms["MSE"]
                + 3 * terms["1 - SSIM"]
                + 5 * terms["gradient"]
                + 7 * terms["frequency"]
            ),
        ),
        (
            TrainPrism(channels=8, refine_channels=8, part_weight=0.5, ssim_weight=3),
            views(2, 4, 64, 64),
            of_prism,
        ),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "lesson") else "",
)
def test_the_total_is_the_weighted_sum_of_the_terms(options, given, total):
    torch.manual_seed(0)
    with torch.no_grad():
        terms = options.lesson().losses(given)
    assert all(float(term) != 0 for term in terms.values())
    assert float(terms["total"]) == pytest.approx(float(total(terms)), rel=1e-5)


@pytest.mark.parametrize("options", [TrainSesf(), TrainDenseFuse()])
def test_the_pixel_loss_is_the_euclidean_norm_of_the_batch(options):
    torch.manual_seed(0)
    given, lesson = views(3, 1, 24, 24), options.lesson()
    with torch.no_grad():
        made, pixel = lesson.network(given), lesson.losses(given)["pixel"]
        target = lesson.network.normalise(given) if isinstance(options, TrainSesf) else given
    assert float(pixel) == pytest.approx(float(np.sqrt(((made - target).numpy() ** 2).sum())), 1e-4)


class Number(torch.nn.Module):
    """A network of one weight, which is what it makes of every pixel."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, given):
        return given * 0 + self.weight


class Rising:
    """A lesson whose loss of training falls without end while that of validation rises again."""

    def __init__(self):
        self.network = Number()

    def losses(self, given):
        goal = 10.0 if self.network.training else 2.5
        return {"total": (self.network.weight - goal).abs()}

    def sample(self, given):
        return self.network(given).clamp(0, 1)

    def export(self, network, folder):
        return []


class Grey:
    """One grey view, over and over."""

    paths = ()

    def prepare(self, on_progress):
        pass

    def batches(self, epoch, *, batch, repeats, skip=0):
        yield from [torch.full((1, 1, 16, 16), 0.5)] * (1 - skip)

    def batch_count(self, *, batch, repeats):
        return 1

    def fixed(self, count=None):
        yield torch.full((1, 1, 16, 16), 0.5)


@dataclass(frozen=True)
class NoOptions:
    """None."""


def test_the_best_weights_are_those_of_the_lowest_validation_loss(tmp_path):
    lesson = Rising()
    schedule = Schedule(6, 1, 1, 1.0, 1, "cpu", "fp32", 1)
    optimizer = torch.optim.SGD(lesson.network.parameters(), 1.0)  # a step of 1 an epoch
    training = Training(
        tmp_path, lesson, optimizer, schedule, options=NoOptions(), train=Grey(), validation=Grey()
    )
    history = training.run(lambda *_: None)
    # After the epochs the weight is 1, 2, 3…; 2 and 3 are as near to 2.5, and the later one counts.
    losses = [terms["total"] for terms in history.validation]
    assert losses == pytest.approx([1.5, 0.5, 0.5, 1.5, 2.5, 3.5])
    assert float(lesson.network.weight.detach()) == 6
    assert history.best_epoch == 2
    assert float(training.best().weight.detach()) == 3


def test_scenes_are_turned_in_all_ways_from_epoch_to_epoch(tmp_path):
    scenes = SceneDataset(tmp_path, [], 20, 8, seed=1)
    scenes._kept = [
        np.random.default_rng(number).integers(0, 65535, (3, 8, 8)).astype(np.uint16)
        for number in range(20)
    ]
    wanted = []
    for stack in scenes._kept:
        for turned in (stack, stack[:, ::-1]):
            wanted += [np.rot90(turned, quarter, (1, 2)) for quarter in range(4)]
    seen = set()
    for epoch in range(40):
        first = next(scenes.batches(epoch, batch=2, repeats=1))[0].numpy() * 65535
        place = [at for at, stack in enumerate(wanted) if np.abs(stack - first).max() < 1]
        assert len(place) == 1
        seen.add(place[0] % 8)
    assert seen == set(range(8))
