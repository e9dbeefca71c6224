"""Killed at any moment, and on full disks: all outputs of `fuse` or none, nothing beside them."""

import contextlib
import os
import random
import signal
import subprocess
import time

import numpy as np
import pytest
from scenes import as_type, scene

import hyperfocal
from hyperfocal import HyperfocalError
from hyperfocal.fusion.api import Extras
from hyperfocal.fusion.flow import fuse_to_files
from hyperfocal.fusion.recipe import Recipe
from tests.batch.shoots import started, write_stack

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.slow

FAST = "select:measure=tenengrad,consistency=no"
NAMES = ("picture.tif", "decision.png", "depth.tif", "maps", "transforms.json", "recipe.json")
SLABS = ("picture_slab01.tif", "picture_slab02.tif")
COMMAND = [
    *("-o", "picture.tif", "--decision-map", "decision.png", "--depth", "depth.tif"),
    *("--maps", "maps", "--transforms", "transforms.json", "--save-recipe", "recipe.json"),
    *("--method", FAST, "--slab", "4:1"),
]


def tree(folder):
    """Every file's bytes, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    write_stack(folder, 7, height=240, width=320)
    return folder


@pytest.fixture(scope="module")
def whole(stack, tmp_path_factory):
    """All outputs as a run makes them that nobody disturbs, and how long that takes."""
    out = tmp_path_factory.mktemp("whole")
    begun = time.monotonic()
    process = started("fuse", stack, *COMMAND, cwd=out)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    made = tree(out)
    assert {name.split("/")[0] for name in made} == {*NAMES, *SLABS}
    return made, time.monotonic() - begun


def test_killed_at_any_moment_leaves_all_or_nothing(stack, whole, tmp_path):
    made, seconds = whole
    rng, kills = random.Random(3), int(os.environ.get("HYPERFOCAL_KILLS", "12"))
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    lefts = 0
    for number in range(kills):
        out = tmp_path / f"{number}"
        out.mkdir()
        process = started("fuse", stack, *COMMAND, cwd=out, env=environment)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.3, 1.05) * seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        shown = {name: each for name, each in tree(out).items() if not name.startswith(".")}
        assert shown in ({}, made)
        lefts += bool(list((tmp_path / "tmp").iterdir()))
        again = started("fuse", stack, *COMMAND, "--overwrite", cwd=out, env=environment)
        _, errors = again.communicate()
        assert again.returncode == 0, errors
        assert tree(out) == made
        assert list((tmp_path / "tmp").iterdir()) == []
    assert lefts, "no kill came while there was scratch"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_at_any_moment_leaves_all_or_nothing(stack, whole, tmp_path, number, code):
    made, seconds = whole
    rng = random.Random(int(number))
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    for at in range(int(os.environ.get("HYPERFOCAL_KILLS", "4"))):
        out = tmp_path / f"{at}"
        out.mkdir()
        process = started("fuse", stack, *COMMAND, cwd=out, env=environment)
        # From where there is something that could be left.
        while not list((tmp_path / "tmp").iterdir()) and process.poll() is None:
            time.sleep(0.005)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0, 0.6) * seconds)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        # Python itself hears no signal any more while it ends.
        is_over = process.returncode in (0, -number) and tree(out) == made
        assert process.returncode == code or is_over, errors
        assert "Traceback" not in errors
        assert tree(out) in ({}, made)
        assert list((tmp_path / "tmp").iterdir()) == []


def fused(out, *, slab=None, overwrite=False):
    """A run with all outputs, in this process; whether it made them."""
    kinds = ("decision_map", "depth", "maps", "transforms", "recipe")
    extras = Extras(**{kind: out / name for kind, name in zip(kinds, NAMES[1:], strict=True)})
    recipe, told = Recipe(method=FAST, slab=slab), ""
    try:
        fuse_to_files(frames(), out / NAMES[0], recipe, extras=extras, overwrite=overwrite)
    except HyperfocalError as error:
        told = str(error)
    assert "None" not in told
    assert f"{out}/.hyperfocal-" not in told
    return not told


def frames():
    return as_type(scene(96, 128, 7)[1], np.uint8)


@contextlib.contextmanager
def largest_file(byte_count):
    """As if the disk were full at so many bytes of each file."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (byte_count, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("slab", [None, "4:1"])
def test_files_that_cannot_grow_leave_all_or_nothing(tmp_path, slab):
    counts = {True: 0, False: 0}
    for level in (0, 1, 50, 100, 200, 1000, 4000, 8000, 12_000, 16_000, 24_000, 49_200, 90_000):
        for is_old in (False, True):
            out = tmp_path / f"{level}-{is_old}"
            out.mkdir()
            if is_old:
                assert fused(out, slab=slab)
                (out / NAMES[0]).write_bytes(b"old")
            before = tree(out)
            with largest_file(level):
                is_made = fused(out, slab=slab, overwrite=is_old)
            counts[is_made] += 1
            if is_made:
                assert {*NAMES} <= {path.name for path in out.iterdir()}
                assert not list(out.rglob(".*"))
            else:
                assert tree(out) == before
    assert min(counts.values()) > 0


@pytest.fixture
def disk(tmp_path):
    """A small disk, and what gives it another size."""
    place = tmp_path / "disk"
    place.mkdir()

    def mounted(*arguments):
        return subprocess.run(["mount", *arguments, str(place)], capture_output=True)

    try:
        done = mounted("-t", "tmpfs", "-o", "size=64k", "tmpfs")
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("no small disk can be mounted here")
    yield place, lambda size: mounted("-o", f"remount,size={size}k").check_returncode()
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("slab", [None, "4:1"])
def test_a_full_disk_leaves_all_or_nothing(disk, slab):
    place, resize = disk
    counts = {True: 0, False: 0}
    for size in (4, 8, 16, 32, 48, *range(64, 640, 32), 1000):
        resize(size)
        is_made = fused(place, slab=slab)
        counts[is_made] += 1
        assert {path.name for path in place.iterdir()} >= ({*NAMES} if is_made else set())
        assert is_made or tree(place) == {}
        assert not list(place.rglob(".*"))
        for path in sorted(place.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
    assert min(counts.values()) > 0


@pytest.mark.parametrize(
    "suffix", [".png", ".jpg", ".webp", ".ome.tif", ".ome.zarr", ".npy", ".bmp"]
)
def test_a_full_disk_leaves_no_part_of_a_picture(disk, suffix):
    place, resize = disk
    if suffix == ".ome.zarr":
        pytest.importorskip("zarr")
    for size in range(4, 200, 12):
        resize(size)
        try:
            hyperfocal.fuse(frames(), place / f"p{suffix}", method=FAST, overwrite=True)
        except HyperfocalError:
            assert tree(place) == {}
        else:
            assert [path.name for path in place.iterdir()] == [f"p{suffix}"]
            return
    pytest.fail("no disk was large enough")
