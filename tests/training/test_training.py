"""Training: found photographs, reproducible views, resumption, and what comes out."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scenes import texture  # noqa: E402

from hyperfocal.errors import FormatError, OptionError  # noqa: E402
from hyperfocal.inference.weights import shipped  # noqa: E402
from hyperfocal.training import photographs  # noqa: E402
from hyperfocal.training.lessons.sesf import TrainSesf  # noqa: E402
from hyperfocal.training.photographs import Views  # noqa: E402
from hyperfocal.training.run import export, options_of, train  # noqa: E402


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(6):
        picture = (texture(40, 50, seed=number) * 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"photo{number // 2}_r{number % 2}c0.png"), picture)
    return folder


def small(folder, **changes):
    values = {
        "out": str(folder / "run"), "epochs": 2, "batch": 2, "height": 16, "width": 16,
        "crop": True, "flip": True, "repeats": 2, "validation_share": 0.3, "device": "cpu",
        "precision": "fp32", "threads": 1, "learning_rate": 1e-2,
    }  # fmt: skip
    return TrainSesf(**{**values, **changes})


def weights_of(training):
    return {name: value.clone() for name, value in training.lesson.network.state_dict().items()}


@pytest.mark.parametrize("seed", range(4))
def test_tiles_of_a_photograph_stay_on_one_side(photos, seed):
    found = photographs.find([photos])
    sides = photographs.split(found, validation_share=0.3, seed=seed)
    train_paths, held_out = ([path.name for path in side] for side in sides)
    tiles = [[f"photo{number}_r{row}c0.png" for row in (0, 1)] for number in range(3)]
    assert held_out in tiles
    assert [train_paths[:2], train_paths[2:]] == [each for each in tiles if each != held_out]


def test_a_photograph_is_told_by_its_name_without_its_tile():
    for name, photograph in (
        ("pier_r0c2.jpg", "pier"), ("pier.jpg", "pier"), ("pier_r10c12.png", "pier"),
        ("pier_r0.jpg", "pier_r0"), ("r0c2.jpg", "r0c2"), ("pier_r0c2_b.jpg", "pier_r0c2_b"),
    ):  # fmt: skip
        assert photographs.name_of(Path(name)) == photograph


def test_a_folder_without_photographs_is_named(tmp_path):
    with pytest.raises(FormatError, match="no photographs"):
        photographs.find([tmp_path])
    with pytest.raises(FormatError, match="no folder"):
        photographs.find([tmp_path / "gone"])


def test_a_broken_photograph_is_named(photos):
    (photos / "photo0_r0c0.png").write_bytes(b"")
    views = Views(photographs.find([photos]), 16, 16, crop=False, flip=False, seed=0)
    with pytest.raises(FormatError, match="photo0_r0c0"):
        views.view(0, [0])


def test_views_depend_on_seed_epoch_and_place_alone(photos):
    views = Views(photographs.find([photos]), 16, 16, crop=True, flip=True, seed=3)
    whole = list(views.batches(1, batch=2, repeats=2))
    rest = list(views.batches(1, batch=2, repeats=2, skip=4))
    assert len(whole) == 6
    assert all(torch.equal(a, b) for a, b in zip(whole[4:], rest, strict=True))
    assert whole[0].shape == (2, 1, 16, 16)
    assert 0 <= float(whole[0].min()) <= float(whole[0].max()) <= 1


@pytest.mark.parametrize("what", ["order", "cut"])
def test_another_seed_and_another_epoch_change_order_and_cut_each(photos, what):
    def epoch_of(seed, epoch):
        paths = photographs.find([photos])[: 6 if what == "order" else 1]
        is_cut = what == "cut"
        views = Views(paths, 16, 16, crop=is_cut, flip=is_cut, seed=seed)
        return torch.cat(list(views.batches(epoch, batch=2, repeats=4)))

    assert torch.equal(epoch_of(3, 1), epoch_of(3, 1))
    assert not torch.equal(epoch_of(3, 1), epoch_of(4, 1))
    assert not torch.equal(epoch_of(3, 1), epoch_of(3, 2))
    if what == "order":  # the same views, in another order
        one, other = (epoch_of(seed, 1).flatten(1).tolist() for seed in (3, 4))
        assert sorted(one) == sorted(other)


class Killed(Exception):
    """The process is gone."""


@pytest.mark.parametrize(
    "fatal_step", [*(pytest.param(step, marks=pytest.mark.slow) for step in (1, 3)), 7]
)
def test_a_killed_run_ends_as_an_unbroken_one(photos, tmp_path, monkeypatch, fatal_step):
    # Four epochs of four steps; the learning rate falls after the second and after the fourth.
    options = {"epochs": 4, "decay_epochs": 2, "decay": 0.1}
    unbroken = train(small(tmp_path, out=str(tmp_path / "unbroken"), **options), [photos])
    steps = 0

    def dies(*_):
        nonlocal steps
        steps += 1
        if steps == fatal_step:
            raise Killed

    monkeypatch.setattr("hyperfocal.training.loop.CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        train(small(tmp_path, **options), [photos], on_progress=dies)
    resumed = train(small(tmp_path, **options), [photos])
    assert resumed.scheduler.get_last_lr() == unbroken.scheduler.get_last_lr()
    assert unbroken.scheduler.get_last_lr() == pytest.approx([1e-2 * 0.1**2])
    expected, found = weights_of(unbroken), weights_of(resumed)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert resumed.history.validation == unbroken.history.validation
    assert resumed.history.train == unbroken.history.train


def test_training_begins_with_the_weights_that_are_given(photos, tmp_path):
    first = train(small(tmp_path, epochs=1), [photos])
    start = export(first, [photos])[0]
    assert start.suffix == ".safetensors"
    still = small(tmp_path, out=str(tmp_path / "still"), start=str(start), learning_rate=0.0)
    second = train(still, [photos])
    card = export(second, [photos])[-1].read_text("utf-8")
    assert f"--start {start.name}" in card
    assert str(tmp_path) not in card
    learned = (first.lesson.network.parameters(), second.lesson.network.parameters())
    assert all(torch.equal(expected, found) for expected, found in zip(*learned, strict=True))


def test_weights_of_another_network_are_no_beginning(photos, tmp_path):
    start = str(shipped("ums").path)
    with pytest.raises(OptionError, match="ums"):
        train(small(tmp_path, start=start), [photos])
    with pytest.raises(FormatError, match="gone"):
        train(small(tmp_path, start=str(tmp_path / "gone.safetensors")), [photos])
    assert not (tmp_path / "run").exists()


def test_other_options_do_not_continue_a_run(photos, tmp_path):
    train(small(tmp_path, epochs=1), [photos])
    with pytest.raises(OptionError, match="learning_rate"):
        train(small(tmp_path, epochs=1, learning_rate=1e-4), [photos])
    assert len(train(small(tmp_path, epochs=2), [photos]).history.train) == 2


@pytest.mark.slow
def test_training_learns_to_reconstruct(photos, tmp_path):
    history = train(small(tmp_path, epochs=12), [photos]).history
    losses = [terms["total"] for terms in history.train]
    assert losses[-1] < 0.6 * losses[0]
    assert history.best_epoch == int(np.argmin([terms["total"] for terms in history.validation]))


def test_a_run_leaves_curves_samples_history_weights_and_a_card(photos, tmp_path):
    (photos / "PROVENANCE.md").write_text("# Where from\n\n| photo0 | A. Nother |\n")
    training = train(small(tmp_path), [photos])
    paths = export(training, [photos])
    names = {path.name for path in training.folder.iterdir()}
    assert names >= {"curves.png", "samples.png", "history.json", "best.pt", "checkpoint.pt"}
    assert not any(name.endswith(".part") for name in names)
    assert {path.name for path in paths} == {
        "sesf-cse.safetensors", "sesf-cse.onnx", "sesf-cse.gates.onnx", "sesf-cse.whole.onnx",
        "MODEL_CARD.md",
    }  # fmt: skip
    assert cv2.imread(str(training.folder / "samples.png")).shape == (32, 32, 3)
    assert len(json.loads((training.folder / "history.json").read_text())["validation"]) == 2
    card = paths[-1].read_text()
    assert "A. Nother" in card
    assert "--attention cse" in card
    assert "photo0" in card


def test_a_loss_that_is_no_number_stops_the_run(photos, tmp_path):
    with pytest.raises(Exception, match="lower the learning rate"):
        train(small(tmp_path, learning_rate=1e30, epochs=6), [photos])


def test_the_published_settings_are_the_defaults():
    options = options_of("sesf")()
    assert (options.epochs, options.batch, options.learning_rate) == (30, 48, 1e-4)
    assert (options.decay, options.decay_epochs) == (0.8, 2)
    assert (options.height, options.width, options.crop) == (256, 256, False)


def test_the_command_line_trains(photos, tmp_path, capsys):
    from hyperfocal.cli.main import main

    command = "train sesf --epochs 1 --batch 2 --height 16 --width 16 --device cpu --threads 1"
    main([*command.split(), "--photos", str(photos), "--out", str(tmp_path / "cli")])
    told = capsys.readouterr().out.split()
    assert [re.sub(r".*[/\\]", "", path) for path in told][-1] == "MODEL_CARD.md"
