"""House rules that a test can hold."""

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import hyperfocal

SOURCE = Path(hyperfocal.__file__).parent
ORDER = [
    {"errors", "escapes", "example_stack", "progress", "version"},
    {"options"},
    {"frame", "registry"},
    {"compute", "metrics"},
    {"inference", "io", "decision"},
    {"stack", "measures"},
    {"alignment", "methods"},
    {"baselines"},
    {"fusion"},
    {"evaluation", "visualisation"},
    {"__init__"},
    {"training", "bench", "batch"},
    {"studio"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
HEAVY = [
    "torch",
    "onnxruntime",
    "openvino",
    "onnx",
    "safetensors",
    "matplotlib",
    "tifffile",
    "imagecodecs",
    "rawpy",
    "zarr",
    "pillow_heif",
    "tqdm",
    "skimage",
    "scipy",
    "pywt",
    "curvelets",
    "http.server",
    "starlette",
    "uvicorn",
]


def part_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path):
    """Parts of hyperfocal that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "hyperfocal":
            for name in node.names:
                yield name.name if name.name in RANK else "__init__"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hyperfocal."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from ("__init__" for name in node.names if name.name == "hyperfocal")


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.name))
def test_imports_run_one_way(path):
    part = part_of(path)
    for other in imported(path):
        assert other == part or RANK[other] < RANK[part], other


def test_importing_hyperfocal_is_light():
    program = f"import sys, hyperfocal; print([m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_fusing_needs_no_torch():
    program = (
        "import sys; sys.modules['torch'] = None; import hyperfocal, numpy as np;"
        "frames = np.random.default_rng(0).integers(0, 255, (2, 60, 70, 3), np.uint8);"
        "print(hyperfocal.fuse(frames).picture.shape)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "(60, 70, 3)"


def test_the_public_names_are_those_listed():
    listed = list(hyperfocal.__all__)
    assert listed == sorted(set(listed))
    assert set(listed) <= set(dir(hyperfocal))
    for name in listed:
        value = getattr(hyperfocal, name)
        assert value.__name__ == name
        assert value.__module__.startswith("hyperfocal.")
    public = {
        name
        for name, value in vars(hyperfocal).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("hyperfocal.")
    }
    assert public <= set(listed)
    with pytest.raises(AttributeError, match="fuze"):
        hyperfocal.fuze  # noqa: B018


def test_the_command_line_answers_signals_before_anything_heavy_is_loaded():
    program = (
        "import sys, hyperfocal.cli.main;print([m for m in ('numpy', 'cv2') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_nothing_speaks_of_one_machine():
    root = SOURCE.parents[1]
    files = [*SOURCE.rglob("*.py"), *root.glob("*.md"), *root.glob("docs/**/*.md")]
    for path in files:
        text = path.read_text("utf-8")
        assert not any(place in text for place in ("/" + "work/", "/" + "root/", "/" + "home/")), (
            path
        )


def test_the_program_that_is_installed_can_be_called():
    declared = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text("utf-8"))
    for place in declared["project"]["scripts"].values():
        module, _, name = place.partition(":")
        assert callable(getattr(importlib.import_module(module), name)), place


def test_the_weights_of_every_learned_choice_are_packed():
    declared = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text("utf-8"))
    patterns = declared["tool"]["setuptools"]["package-data"]["hyperfocal"]
    packed = {path for pattern in patterns for path in SOURCE.glob(pattern)}
    assert packed >= {*SOURCE.rglob("*.onnx"), *SOURCE.rglob("*.safetensors")}
    assert packed
