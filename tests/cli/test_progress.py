"""One bar for the whole: it only goes up, and ends where the work ends."""

import numpy as np
import pytest
from scenes import as_type, scene

import hyperfocal
from hyperfocal import Recipe, registry
from hyperfocal.batch.ledger import Ledger
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.plan import make_plan
from hyperfocal.batch.runs import Work, run_jobs
from hyperfocal.cli.progress import Course, Progress, stages_of
from tests.batch.shoots import write_stack

FAST = "select:measure=tenengrad,consistency=no"


def course_of(recipe):
    return stages_of(recipe, registry.make("methods", recipe.method))


@pytest.mark.parametrize("method", [FAST, "lp", "lp:consistency=yes", "prism"])
@pytest.mark.parametrize("options", [{}, {"align": "none"}, {"order": "content"}, {"slab": "2:1"}])
def test_the_share_only_grows_and_ends_at_one(tmp_path, method, options):
    recipe = Recipe(method=method, **options)
    course, shares = Course(course_of(recipe)), []
    frames = as_type(scene(60, 90, 4)[1], np.uint8)
    out = tmp_path / "out.png" if "slab" in options else None
    hyperfocal.fuse(frames, out, recipe, on_step=lambda *step: shares.append(course.step(*step)))
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len({round(share, 3) for share in shares}) > 5


def test_the_share_of_a_batch_is_that_of_all_its_stacks(tmp_path):
    for name in ("a", "b"):
        write_stack(tmp_path / "in" / name)
    options, recipe = BatchOptions(), Recipe(method="lp")
    plan = make_plan(tmp_path / "in", tmp_path / "out", options)
    course, shares, ends = Course([("stack", 1.0)], course_of(recipe)), [], []
    with Ledger(tmp_path / "out") as ledger:
        work = Work(ledger, options, recipe)
        for _ in run_jobs(plan.jobs, work, on_step=lambda *step: shares.append(course.step(*step))):
            ends.append(shares[-1])
    assert ends == [0.5, 1]
    assert shares == sorted(shares)


def test_stages_that_are_not_known_have_the_bar_to_themselves():
    bar = Progress()
    for stage in ("epoch 1", "epoch 2"):
        bar.show(stage, 1, 2)
        bar.show(stage, 2, 2)
    bar.clear()
    course = Course([("align", 1.0)])
    assert course.step("elsewhere", 1, 1) == 0
    assert course.step("align", 1, 2) == 0.5
