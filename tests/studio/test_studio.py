"""A studio's stacks: looked at, fused, exported, queued; and what goes wrong on the way."""

import concurrent.futures
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.extras import is_installed

if not (is_installed("uvicorn") and is_installed("httpx")):
    pytest.skip("the studio needs uvicorn and httpx", allow_module_level=True)

import hyperfocal
from hyperfocal.studio import serve, vendor
from tests.studio.served import Served, write_shoot

if not vendor.FILES["openseadragon.js"].is_file():
    pytest.skip("the studio's viewer is not there (npm ci)", allow_module_level=True)


def rgb(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def children(process):
    """The processes that a process has started."""
    task = Path(f"/proc/{process.pid}/task")
    return [int(each) for one in task.iterdir() for each in (one / "children").read_text().split()]


def until(run, seconds=30):
    """What `run` gives once it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = run()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError


@pytest.fixture(scope="module")
def shoot(tmp_path_factory):
    root = tmp_path_factory.mktemp("shoot")
    sharp = write_shoot(root, stacks=("beetle", "fly"))
    with Served(root) as served:
        served.root, served.sharp = root, sharp
        yield served


@pytest.fixture(scope="module")
def fused(shoot):
    """The id of a stack with the results lp, prism and a region."""
    stack = shoot.opened()["id"]
    shoot.fused(stack)
    shoot.fused(stack, method="prism")
    shoot.fused(stack, kind="region", rectangle=[60, 50, 120, 90])
    return stack


def test_stacks_are_those_of_batch_with_the_reason(shoot):
    cards = shoot.send("POST", "/api/shoot", path=".").json()["stacks"]
    assert [(card["name"], card["count"], card["reason"]) for card in cards] == [
        ("beetle", 4, "a folder"),
        ("fly", 4, "a folder"),
    ]
    assert (cards[0]["width"], cards[0]["height"]) == (320, 240)
    by_two = shoot.send("POST", "/api/shoot", path="beetle", options={"group": "count=2"}).json()
    assert [card["reason"] for card in by_two["stacks"]] == ["frames 2 by 2"] * 2
    refused = shoot.send("POST", "/api/shoot", path=".", options={"group": "nonsense"})
    assert refused.status_code == 422
    assert "nonsense" in refused.json()["error"]


def test_thumbnails_are_small_pictures_of_the_frames(shoot):
    card = shoot.send("POST", "/api/shoot", path=".").json()["stacks"][0]
    answer = shoot.get("/api/thumbnail", path=card["shown"][0])
    shown = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    exact = cv2.imread(card["shown"][0])
    assert shown.shape == exact.shape
    assert np.abs(shown.astype(int) - exact).mean() < 4


def test_a_frame_is_seen_as_its_file_has_it(shoot):
    stack = shoot.opened()
    tile = shoot.tile(stack["id"], "raw-1", stack["levels"], black=0, white=0.999999)
    exact = rgb(shoot.root / "beetle" / "frame_1.png")
    assert np.abs(tile.astype(int) - exact).max() <= 1


def test_a_result_is_what_fuse_makes(shoot, fused):
    levels = shoot.get(f"/api/stacks/{fused}").json()["levels"]
    tile = shoot.tile(fused, "result-1", levels)
    exact = hyperfocal.fuse(shoot.root / "beetle", method="lp").picture
    assert np.array_equal(tile, exact)
    assert np.abs(tile.astype(int) - shoot.sharp["beetle"][:, :, ::-1]).mean() < 2


def test_maps_of_a_result_can_be_seen(shoot, fused):
    results = shoot.get(f"/api/stacks/{fused}").json()["results"]
    assert results[0]["maps"] == []
    assert results[1]["maps"] == ["decision", "depth", "confidence"]
    level = shoot.get(f"/api/stacks/{fused}").json()["levels"]
    decision = shoot.tile(fused, "decision-2", level)
    rows = [tuple(decision[row, 160]) for row in (30, 90, 150, 210)]
    assert len(set(rows)) == 4  # a colour for each of four bands
    for layer in ("depth-2", "confidence-2"):
        assert shoot.tile(fused, layer, level).shape == (240, 320, 3)


def test_a_region_equals_the_whole_there(shoot, fused):
    result = shoot.get(f"/api/stacks/{fused}").json()["results"][2]
    assert result["area"] == {"left": 60, "top": 50, "width": 120, "height": 90}
    level = shoot.get(f"/api/stacks/{fused}").json()["levels"]
    part = np.s_[50:140, 60:180]
    whole, region = (shoot.tile(fused, f"result-{number}", level)[part] for number in (1, 3))
    assert np.array_equal(whole, region)


def test_a_difference_is_that_of_the_tiles(shoot, fused):
    level = shoot.get(f"/api/stacks/{fused}").json()["levels"]
    one, other = (shoot.tile(fused, f"result-{number}", level) for number in (1, 2))
    apart = shoot.tile(fused, "difference:result-1:result-2", level)
    exact = np.minimum(np.abs(one.astype(int) - other).max(2) * 4, 255)
    assert np.array_equal(apart[:, :, 0], exact)
    assert not shoot.tile(fused, "difference:result-1:result-1", level).any()


@pytest.mark.parametrize(
    "layer",
    ["result-9", "frame-9", "raw--1", "nothing", "frame-", "decision-1", "difference:a",
     "difference:raw-0:raw-0:raw-0", "difference:raw-0", "frame-99999999999", "placed-1"],
)  # fmt: skip
def test_layers_that_are_not_there_are_a_line(shoot, fused, layer):
    answer = shoot.get(f"/api/stacks/{fused}/tiles/{layer}/9/0/0.jpg")
    assert answer.status_code == 422
    assert "unexpected" not in answer.json()["error"]


@pytest.mark.parametrize(
    "place", ["9/1/0.jpg", "99/0/0.jpg", "9/0/0.gif", "9/0/x.jpg", "9/0/9.jpg"]
)
def test_tiles_that_are_not_there_are_a_line(shoot, fused, place):
    answer = shoot.get(f"/api/stacks/{fused}/tiles/raw-0/{place}")
    assert answer.status_code == 422
    assert "unexpected" not in answer.json()["error"]


def test_sharpness_tells_the_frame_that_is_sharp_there(shoot, fused):
    until(lambda: None not in shoot.get(f"/api/stacks/{fused}/sharpness", x=0, y=0).json())
    for band in range(4):
        values = shoot.get(f"/api/stacks/{fused}/sharpness", x=0.5, y=(band + 0.5) / 4).json()
        assert int(np.argmax(values)) == band


def test_ticks_and_order_shape_the_result(shoot):
    stack = shoot.opened("fly")["id"]
    place = f"/api/stacks/{stack}"
    changed = shoot.send("PUT", place, ticked=[True, True, False, True], order=[3, 2, 1, 0],
                         is_ordered=True)  # fmt: skip
    assert changed.status_code == 200
    result = shoot.fused(stack)
    assert result["frames"] == ["frame_3.png", "frame_1.png", "frame_0.png"]
    level = changed.json()["levels"]
    tile = shoot.tile(stack, f"result-{result['number']}", level).astype(int)
    apart = np.abs(tile - shoot.sharp["fly"][:, :, ::-1]).mean((1, 2))
    assert apart[130:170].mean() > 3 * apart[10:50].mean()  # the band of the frame that is out


@pytest.mark.parametrize(
    "change",
    [{"order": [0, 1]}, {"order": [0, 0, 1, 2]}, {"order": [0.0, 1, 2, 3]}, {"ticked": [True]},
     {"ticked": [1, 0, 1, 1]}, {"recipe": []}, {"recipe": {"nothing": 1}}, {"order": "abcd"}],
    ids=str,
)  # fmt: skip
def test_decisions_that_cannot_be_are_a_line(shoot, change):
    stack = shoot.opened("fly")
    assert shoot.send("PUT", f"/api/stacks/{stack['id']}", **change).status_code == 422
    assert shoot.get(f"/api/stacks/{stack['id']}").json()["ticked"] == stack["ticked"]


@pytest.mark.parametrize(
    "body",
    [{"kind": "nonsense"}, {"kind": "region"}, {"kind": "region", "rectangle": [1, 2]},
     {"recipe": {"method": "lp", "slab": "x"}}, {"recipe": {"slabs_only": True}},
     {"recipe": {"apply_transforms": "/etc/passwd"}}, {"recipe": 3}],
    ids=str,
)  # fmt: skip
def test_tasks_that_cannot_be_are_a_line(shoot, body):
    stack = shoot.opened()["id"]
    answer = shoot.send("POST", f"/api/stacks/{stack}/tasks", **{"kind": "fuse", **body})
    assert answer.status_code == 422


def test_a_method_that_is_not_there_fails_in_a_line(shoot):
    stack = shoot.opened()["id"]
    task = shoot.send("POST", f"/api/stacks/{stack}/tasks", kind="fuse", recipe={"method": "x"})
    ended = shoot.wait(task.json()["number"])
    assert ended["state"] == "failed"
    assert "no method is called 'x'" in ended["line"]
    assert not ended["trace"]


@pytest.mark.slow
def test_every_format_is_offered_or_refused_with_the_reason(tmp_path):
    folder = tmp_path / "deep"
    folder.mkdir()
    for index in range(2):
        frame = np.random.default_rng(index).integers(0, 65535, (80, 90, 3), np.uint16)
        cv2.imwrite(str(folder / f"a{index}.png"), frame)
    with Served(tmp_path) as served:
        stack = served.opened("deep")["id"]
        served.fused(stack, recipe={"align": "none"})
        known = served.get(f"/api/stacks/{stack}/results/1/formats").json()["formats"]
    why = {each["suffix"]: each["why_not"] for each in known}
    assert why[".tif"] == why[".png"] == ""
    assert "uint8" in why[".jpg"]
    from hyperfocal.io import formats

    assert list(why) == formats.writable_suffixes()


def test_an_export_equals_the_result_and_replaces_nothing_unasked(shoot, fused):
    place = f"/api/stacks/{fused}/results/2/export"
    body = {"folder": str(shoot.root / "fused"), "name": "bug", "suffix": ".png",
            "beside": ["depth", "decision", "recipe", "transforms"]}  # fmt: skip
    task = shoot.wait(shoot.send("POST", place, **body).json()["number"])
    assert task["state"] == "done", task
    names = sorted(path.name for path in (shoot.root / "fused").iterdir())
    assert names == ["bug.png", "bug.recipe.json", "bug.transforms.json", "bug_decision.png",
                     "bug_depth.tif"]  # fmt: skip
    level = shoot.get(f"/api/stacks/{fused}").json()["levels"]
    tile = shoot.tile(fused, "result-2", level)
    assert np.array_equal(rgb(shoot.root / "fused" / "bug.png"), tile)
    again = shoot.send("POST", place, **body)
    assert again.status_code == 409
    assert "bug.png" in again.json()["there"]
    replaced = shoot.send("POST", place, **body, overwrite=True)
    assert shoot.wait(replaced.json()["number"])["state"] == "done"


def test_a_result_that_is_removed_is_gone(shoot):
    stack = shoot.opened("fly")["id"]
    number = shoot.fused(stack)["number"]
    place = f"/api/stacks/{stack}/results/{number}"
    assert shoot.send("DELETE", place).status_code == 200
    assert shoot.send("DELETE", place).status_code == 422
    assert not list(shoot.root.glob(f".hyperfocal-studio/stacks/{stack}/results/{number}"))


@pytest.mark.slow
def test_frames_lie_on_the_result_when_they_moved(tmp_path):
    rng = np.random.default_rng(5)
    big = cv2.GaussianBlur(rng.uniform(0, 255, (600, 700, 3)), (0, 0), 2)
    big = cv2.normalize(big, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    folder = tmp_path / "moved"
    folder.mkdir()
    for index, (dx, dy) in enumerate([(0, 0), (12, -9), (23, 4)]):
        cv2.imwrite(str(folder / f"m{index}.png"), big[60 + dy : 540 + dy, 60 + dx : 640 + dx])
    with Served(tmp_path) as served:
        stack = served.opened("moved")
        result = served.fused(stack["id"])
        assert result["area"]["width"] < 580
        served.fused(stack["id"], kind="quick", method="lp")
        level = stack["levels"]

        def all_of(layer):
            right = served.tile(stack["id"], layer, level, 1, 0)
            return np.hstack([served.tile(stack["id"], layer, level), right]).astype(int)

        tiles = [all_of(f"frame-{index}") for index in range(3)] + [all_of("result-1")]
        area = result["area"]
        part = np.s_[
            int(area["top"]) + 5 : int(area["top"] + area["height"]) - 5,
            int(area["left"]) + 5 : int(area["left"] + area["width"]) - 5,
        ]
        # As little apart as an interpolation that is not the pipeline's own leaves them.
        for tile in tiles[:3]:
            assert np.abs(tile[:512] - tiles[3][:512])[part].mean() < 2
        raw = all_of("raw-0") - all_of("raw-2")
        assert np.abs(raw)[part].mean() > 15


@pytest.mark.slow
def test_a_thousand_tiles_at_once_come_and_memory_stays(tmp_path):
    rng = np.random.default_rng(1)
    folder = tmp_path / "large"
    folder.mkdir()
    for index in range(3):
        low = rng.integers(0, 255, (150, 200, 3), np.uint8)
        frame = cv2.resize(low, (4000, 3000), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{index}.jpg"), frame)
    with Served(tmp_path) as served:
        stack = served.opened("large")
        places = [
            f"/api/stacks/{stack['id']}/tiles/raw-{index % 3}/12/{x}/{y}.jpg?n={index}"
            for index, (x, y) in enumerate([(i % 7, i // 7 % 5) for i in range(1000)])
        ]

        def fetched(place):
            return served.client.get(place, timeout=120).status_code

        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            statuses = list(pool.map(fetched, sorted(places, key=lambda place: place[-60:])))
        assert set(statuses) == {200}
        assert time.monotonic() - began < 60
        status = Path(f"/proc/{served.process.pid}/status").read_text()
        peak = int(next(line.split()[1] for line in status.splitlines() if "VmHWM" in line))
        assert peak < 480 << 10  # kB


@pytest.mark.slow
def test_a_frame_that_is_replaced_is_shown_anew(tmp_path):
    write_shoot(tmp_path)
    with Served(tmp_path) as served:
        stack = served.opened()
        level = stack["levels"]
        before = served.tile(stack["id"], "raw-0", level)
        grey = np.full((240, 320, 3), 90, np.uint8)
        cv2.imwrite(str(tmp_path / "beetle" / "frame_0.png"), grey)
        after = served.tile(stack["id"], "raw-0", level)
        assert not np.array_equal(before, after)
        assert np.abs(after.astype(int) - 90).max() <= 1
        version = served.get(f"/api/stacks/{stack['id']}").json()["frames"][0]["version"]
        assert version != stack["frames"][0]["version"]
        cv2.imwrite(str(tmp_path / "beetle" / "frame_1.png"), grey[:100])
        answer = served.get(f"/api/stacks/{stack['id']}/tiles/raw-1/{level}/0/0.jpg")
        assert answer.status_code == 422
        assert "open the stack again" in answer.json()["error"]


@pytest.mark.slow
def test_a_folder_that_vanishes_is_a_line_and_nothing_is_lost(tmp_path):
    write_shoot(tmp_path)
    with Served(tmp_path) as served:
        stack = served.opened()["id"]
        served.fused(stack)
        shutil.move(tmp_path / "beetle", tmp_path.with_name("elsewhere"))
        answer = served.get(f"/api/stacks/{stack}/tiles/raw-0/9/0/0.jpg")
        assert answer.status_code == 422
        assert "is gone" in answer.json()["error"]
        assert served.tile(stack, "result-1", 9).any()
        recipe = {"kind": "fuse", "recipe": {"method": "lp"}}
        begun = served.send("POST", f"/api/stacks/{stack}/tasks", **recipe)
        ended = served.wait(begun.json()["number"])
        assert ended["state"] == "failed"
        assert "frame_0.png" in ended["line"]
        assert not ended["trace"]
        shutil.move(tmp_path.with_name("elsewhere"), tmp_path / "beetle")
        served.fused(stack)


@pytest.mark.slow
def test_a_stack_that_cannot_be_aligned_fails_in_a_line(tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    for index in range(2):
        noise = np.random.default_rng(index).uniform(0, 255, (200, 300, 3))
        frame = cv2.GaussianBlur(noise, (0, 0), 2 + 2 * index) * (1 + index)
        cv2.imwrite(str(folder / f"{index}.png"), np.clip(frame, 0, 255).astype(np.uint8))
    with Served(tmp_path) as served:
        stack = served.opened("odd")["id"]
        recipe = {"method": "lp", "on_misaligned": "error"}
        begun = served.send("POST", f"/api/stacks/{stack}/tasks", kind="fuse", recipe=recipe)
        ended = served.wait(begun.json()["number"])
    assert ended["state"] == "failed"
    assert not ended["trace"], ended


def slow_shoot(root):
    """A stack that takes long: large, and by the learned method."""
    write_shoot(root, stacks=("slow",), count=10, height=1200, width=1600)
    return {"kind": "fuse", "recipe": {"method": "prism"}}


def begun_in(served, task):
    """The number of a task on the slow stack, which is well under way."""
    stack = served.opened("slow")["id"]
    begun = served.send("POST", f"/api/stacks/{stack}/tasks", **task).json()["number"]
    until(lambda: served.get(f"/api/tasks/{begun}").json()["index"] > 1)
    return begun


@pytest.mark.slow
def test_cancelling_is_certain_and_leaves_nothing(tmp_path):
    task = slow_shoot(tmp_path)
    with Served(tmp_path) as served:
        begun = begun_in(served, task)
        pids = children(served.process)
        assert pids
        assert served.send("DELETE", f"/api/tasks/{begun}").status_code == 200
        assert served.wait(begun)["state"] == "cancelled"
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
        assert list((tmp_path / ".hyperfocal-studio" / "scratch").iterdir()) == []
        assert list(tmp_path.glob(".hyperfocal-studio/stacks/*/results/*")) == []
        assert served.send("DELETE", f"/api/tasks/{begun}").status_code == 422


@pytest.mark.slow
def test_a_fusion_that_the_system_ends_spares_the_studio(tmp_path):
    task = slow_shoot(tmp_path)
    with Served(tmp_path) as served:
        begun = begun_in(served, task)
        (pid,) = children(served.process)
        score = int(Path(f"/proc/{pid}/oom_score_adj").read_text())
        own = int(Path(f"/proc/{served.process.pid}/oom_score_adj").read_text())
        assert score > own
        os.kill(pid, signal.SIGKILL)  # as the system does for want of memory
        ended = served.wait(begun)
        assert ended["state"] == "failed"
        assert "want of memory" in ended["line"]
        assert served.get("/api/state").status_code == 200


@pytest.mark.slow
def test_a_fusion_ends_with_a_studio_that_is_killed(tmp_path):
    task = slow_shoot(tmp_path)
    served = Served(tmp_path)
    begun_in(served, task)
    (pid,) = children(served.process)
    served.process.kill()
    served.process.wait()

    def is_over():
        place = Path(f"/proc/{pid}/stat")
        return not place.exists() or place.read_text().rpartition(")")[2].split()[0] == "Z"

    until(is_over, 10)
    served.close()


@pytest.mark.slow
def test_results_and_decisions_are_there_after_a_restart(tmp_path):
    write_shoot(tmp_path)
    with Served(tmp_path) as served:
        stack = served.opened()["id"]
        served.send("PUT", f"/api/stacks/{stack}", ticked=[True, True, True, False],
                    recipe={"method": "lp:levels=5"})  # fmt: skip
        served.fused(stack)
        before = served.tile(stack, "result-1", 9)
    with Served(tmp_path) as served:
        again = served.get(f"/api/stacks/{stack}").json()
        assert again["ticked"] == [True, True, True, False]
        assert again["recipe"] == {"method": "lp:levels=5"}
        assert [result["number"] for result in again["results"]] == [1]
        assert np.array_equal(served.tile(stack, "result-1", 9), before)
        assert served.fused(stack)["number"] == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (json.dumps({"hyperfocal": "stack", "version": 99}), "newer"),
        ('{"hyperfocal": "stack", "ver', "cannot be read"),
        ("[]", "cannot be read"),
        (json.dumps({"hyperfocal": "stack", "version": 1, "frames": []}), "cannot be read"),
    ],
)
def test_a_project_that_cannot_be_followed_is_told_and_kept(tmp_path, text, why):
    write_shoot(tmp_path)
    with Served(tmp_path) as served:
        stack = served.opened()["id"]
        served.send("PUT", f"/api/stacks/{stack}", ticked=[True, True, True, False])
    place = tmp_path / ".hyperfocal-studio" / "stacks" / stack / "project.json"
    place.write_text(text)
    with Served(tmp_path) as served:
        opened = served.opened()
        assert any(why in line for line in opened["notices"])
        assert opened["ticked"] == [True] * 4
    assert place.with_name("project.before.json").read_text() == text


@pytest.mark.slow
def test_a_full_disk_at_export_is_a_line(tmp_path):
    write_shoot(tmp_path)
    with Served(tmp_path) as served:
        stack = served.opened()["id"]
        served.fused(stack)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limit[1]))
    try:
        served = Served(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    with served:
        served.get(f"/api/stacks/{stack}")
        begun = served.send("POST", f"/api/stacks/{stack}/results/1/export",
                            folder=str(tmp_path / "fused"), name="a", suffix=".tif")  # fmt: skip
        ended = served.wait(begun.json()["number"])
        assert ended["state"] == "failed"
        assert not ended["trace"], ended
        assert list((tmp_path / "fused").iterdir()) == []
        assert served.tile(stack, "result-1", 9).any()


def rows_done(served, count):
    rows = served.get("/api/queue").json()["rows"]
    done = [row for row in rows if row["status"] not in ("waiting", "running")]
    return rows if len(done) >= count else None


@pytest.mark.slow
def test_a_queue_goes_on_after_the_studio_was_killed(tmp_path):
    write_shoot(tmp_path, stacks=("a", "b", "c"), height=600, width=800, count=6)
    served = Served(tmp_path)
    served.send("POST", "/api/queue", path=".", stacks=["a", "b", "c"], recipe={"method": "lp"})
    until(lambda: rows_done(served, 1))
    served.process.send_signal(signal.SIGKILL)
    served.process.wait()
    served.close()
    made = (tmp_path / "fused" / "a.tif").stat().st_mtime_ns
    with Served(tmp_path) as served:
        rows = until(lambda: rows_done(served, 3), 60)
    assert [row["status"] for row in rows] == ["made"] * 3
    assert (tmp_path / "fused" / "a.tif").stat().st_mtime_ns == made
    for name in ("b", "c"):
        assert rgb(tmp_path / "fused" / f"{name}.tif").shape == (600, 800, 3)


@pytest.mark.slow
def test_a_queue_can_be_paused_changed_and_cleared(tmp_path):
    write_shoot(tmp_path, stacks=("a", "b", "c"))
    with Served(tmp_path) as served:
        change = lambda **body: served.send("PUT", "/api/queue", **body)  # noqa: E731
        change(what="pause")
        served.send("POST", "/api/queue", path=".", stacks=["a", "b", "c"],
                    recipe={"method": "lp"})  # fmt: skip
        assert [row["status"] for row in served.get("/api/queue").json()["rows"]] == ["waiting"] * 3
        assert [row["name"] for row in change(what="first", number=3).json()["rows"]] == list("cab")
        change(what="remove", number=1)
        change(what="resume")
        rows = until(lambda: rows_done(served, 2))
        assert [(row["name"], row["status"]) for row in rows] == [("c", "made"), ("b", "made")]
        assert change(what="clear").json()["rows"] == []
        assert change(what="retry", number=2).status_code == 422
        assert change(what="nonsense").status_code == 422
        again = served.send("POST", "/api/queue", path=".", stacks=["c"], recipe={"method": "lp"})
        assert again.status_code == 202
        assert until(lambda: rows_done(served, 1))[0]["status"] == "kept"


@pytest.mark.slow
def test_what_fails_in_a_queue_is_told_and_tried_again(tmp_path):
    write_shoot(tmp_path, stacks=("a", "b"))
    whole = (tmp_path / "a" / "frame_2.png").read_bytes()
    (tmp_path / "a" / "frame_2.png").write_bytes(whole[:2000])
    with Served(tmp_path) as served:
        served.send("POST", "/api/queue", path=".", stacks=["a", "b"], recipe={"method": "lp"})
        rows = until(lambda: rows_done(served, 2))
        assert [row["status"] for row in rows] == ["failed", "made"]
        assert "frame_2.png" in rows[0]["line"]
        (tmp_path / "a" / "frame_2.png").write_bytes(whole)
        served.send("PUT", "/api/queue", what="retry", number=1)
        until(lambda: served.get("/api/queue").json()["rows"][0]["status"] == "made")


@pytest.mark.slow
def test_a_folder_that_is_watched_feeds_the_queue(tmp_path):
    write_shoot(tmp_path, stacks=("old",))
    for path in (tmp_path / "old").iterdir():
        os.utime(path, (0, 0))
    with Served(tmp_path) as served:
        answer = served.send("PUT", "/api/watch", on=True, path=".", recipe={"method": "lp"})
        assert answer.json()["watched"] == str(tmp_path)
        until(lambda: rows_done(served, 1), 60)
        assert served.send("PUT", "/api/watch", on=False).json()["watched"] is None


def test_a_port_that_is_taken_is_a_line(tmp_path):
    held = serve.bound(None)
    try:
        port = str(held[0].getsockname()[1])
        run = subprocess.run(
            [sys.executable, "-m", "hyperfocal", "studio", str(tmp_path), "--no-browser",
             "--port", port],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        other = serve.bound(None)  # unasked, another port is taken
        assert other[0].getsockname()[1] != int(port)
        for each in other:
            each.close()
    finally:
        for each in held:
            each.close()
    assert run.returncode == 2
    assert f"port {port} is taken" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("folder", ["missing", "file.txt"])
def test_a_folder_that_is_none_is_a_line(tmp_path, folder):
    (tmp_path / "file.txt").write_text("x")
    run = subprocess.run(
        [sys.executable, "-m", "hyperfocal", "studio", str(tmp_path / folder), "--no-browser"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1


def test_without_a_viewer_a_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(vendor.FILES, "openseadragon.js", tmp_path / "nothing.js")
    with pytest.raises(hyperfocal.MissingExtra, match="npm ci --prefix"):
        serve.run([tmp_path], opens_browser=False)


def test_it_listens_on_loopback_alone(shoot):
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [line.split()[1] for line in lines if line.split()[3] == "0A"]
    own = [each for each in listening if each.endswith(f":{shoot.port:04X}")]
    assert own == [f"0100007F:{shoot.port:04X}"]


def test_a_folder_without_pictures_is_an_empty_list(tmp_path):
    with Served(tmp_path) as served:
        answer = served.send("POST", "/api/shoot", path=".")
        assert answer.status_code == 200
        assert answer.json()["stacks"] == []


def test_what_is_packed_is_what_is_served():
    import tomllib

    root = Path(hyperfocal.__file__).parent
    declared = tomllib.loads((root.parents[1] / "pyproject.toml").read_text("utf-8"))
    patterns = declared["tool"]["setuptools"]["package-data"]["hyperfocal"]
    packed = {path for pattern in patterns for path in root.glob(pattern)}
    assert set(vendor.FILES.values()) <= packed
    assert set((root / "studio" / "static").iterdir()) <= packed
    locked = json.loads((root / "studio" / "package-lock.json").read_text("utf-8"))
    assert not any("resolved" in each for each in locked["packages"].values())
