"""Weights files: what they say of themselves is read without torch, and what is wrong is told."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import scene

import hyperfocal
from hyperfocal import registry
from hyperfocal.errors import FormatError
from hyperfocal.inference import weights
from hyperfocal.inference.onnx_metadata import metadata_of
from hyperfocal.methods.prism.config import PrismConfig
from hyperfocal.options import written as written_option
from tests.inference.files import METADATA, copy_of, header_of, written

SHIPPED = [
    ("prism", ""),
    ("ums", ""),
    ("sesf", "sesf-cse"),
    ("sesf", "sesf-sse"),
    ("sesf", "sesf-scse"),
    ("cnn_fuse", ""),
    ("dense_fuse", ""),
    ("deep_fuse", ""),
]


def fused(method, frames=None):
    frames = scene(64, 80, 2, seed=3)[1] if frames is None else frames
    return hyperfocal.fuse(frames, method=method, align="none", exposure="none").picture


@pytest.mark.parametrize(("network", "stem"), SHIPPED)
def test_what_weights_say_is_what_safetensors_reads(network, stem):
    safetensors = pytest.importorskip("safetensors")
    read = weights.shipped(network, stem)
    with safetensors.safe_open(read.path, "numpy") as opened:
        told = opened.metadata()
    assert (read.network, read.settings) == (told["network"], told["config"])
    assert read.stamps[0].path == read.path
    read.require_graphs()


@pytest.mark.parametrize(("network", "stem"), SHIPPED)
def test_what_graphs_say_is_what_onnx_reads(network, stem):
    onnx = pytest.importorskip("onnx")
    read = weights.shipped(network, stem)
    assert len(read.stamps) > 1
    for stamp in read.stamps[1:]:
        expected = {each.key: each.value for each in onnx.load(stamp.path).metadata_props}
        assert metadata_of(stamp.path) == expected


@pytest.mark.parametrize(("network", "stem"), [("prism", ""), ("ums", ""), ("sesf", "sesf-sse")])
def test_a_copy_of_the_shipped_weights_gives_the_same_picture(network, stem, tmp_path):
    # Graphs of ums take their numbers from its weights file, by its name.
    name = "" if network == "ums" else "mine, all=mine"
    path = copy_of(network, tmp_path / "my run, a=b", stem, name=name)
    own = f"{network}:weights={written_option(str(path))}"
    shipped = network if not stem else f"{network}:attention={stem[5:]}"
    assert np.array_equal(fused(own), fused(shipped))


def test_graphs_whose_numbers_were_renamed_say_what_to_do(tmp_path):
    path = copy_of("ums", tmp_path, name="mine")
    with pytest.raises(FormatError, match=r"numbers from a file called ums\.safetensors; "):
        fused(f"ums:weights={path}")
    torch = pytest.importorskip("torch")
    assert torch is not None
    from hyperfocal.cli.main import main

    main(["export", str(path)])
    assert np.array_equal(fused(f"ums:weights={path}").shape, fused("ums").shape)


def test_networks_are_opened_again_when_their_files_change(tmp_path):
    pytest.importorskip("onnx")
    import onnx

    path = copy_of("prism", tmp_path)
    method = f"prism:engine=onnxruntime,weights={path}"
    before = fused(method)
    graph = tmp_path / "prism.fine.onnx"
    model = onnx.load(graph)
    for values in model.graph.initializer:
        if values.name.endswith("head.weight"):
            array = -onnx.numpy_helper.to_array(values)
            values.CopyFrom(onnx.numpy_helper.from_array(array, values.name))
    onnx.save(model, graph)
    after = fused(method)
    copy_of("prism", tmp_path)
    assert np.abs(after - before).max() > 0.01
    assert np.array_equal(fused(method), before)


def test_files_that_change_while_they_are_in_use_are_told(tmp_path):
    path = copy_of("prism", tmp_path)
    method = registry.make("methods", f"prism:weights={path}")
    path.write_bytes(path.read_bytes() + b"\1")
    with pytest.raises(FormatError, match=r"prism\.safetensors has changed"):
        fused(method)


LONG = (1 << 40).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "cut off"),
        (b"\x10\0\0", "cut off"),
        ((900).to_bytes(8, "little") + b'{"__metadata__"', "cut off"),
        (LONG + b"{" + bytes(99), "no weights file"),
        (LONG, "cut off"),
        (b"PK\x03\x04" + bytes(99), "pickle"),
        (b"\x80\x02}q\x00." + bytes(99), "pickle"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "no weights file"),
        (header_of(end=17), "cut off"),
        (header_of(end="all"), "no weights file"),
        (header_of(end=float("inf")), "no weights file"),
        (header_of(more=[]), "no weights file"),
        ([1], "no weights file"),
        (b"{" * 100_000, "no weights file"),
        (b'{"a":' * 100_000, "no weights file"),
        (b"{\xff}", "no weights file"),
        (header_of({"network": 7}), "no weights file"),
        (header_of({}), "does not say what network"),
        (header_of({**METADATA, "network": "ums"}), "holds ums, not prism"),
        (header_of({**METADATA, "format_version": "2"}), "version 2.*update hyperfocal"),
        (header_of({**METADATA, "format_version": "x"}), "version x"),
        (header_of({**METADATA, "config": "[]"}), "does not say how"),
        (header_of({**METADATA, "config": "{"}), "does not say how"),
        (header_of({**METADATA, "config": '{"rings": 2}'}), "says rings = 2"),
        (header_of({**METADATA, "config": '{"channels": "32"}'}), 'channels = "32"'),
        (header_of({**METADATA, "config": '{"channels": true}'}), "channels = true"),
        (header_of({**METADATA, "config": '{"channels": 1e400}'}), "channels = Infinity"),
        (header_of({**METADATA, "config": '{"channels": 10000000}'}), "channels = 10000000"),
        (header_of({**METADATA, "config": '{"channels": -3}'}), "channels = -3"),
        (header_of({**METADATA, "config": '{"power": NaN}'}), "power = NaN"),
        (header_of(), r"prism\.\*\.onnx not found beside"),
        (header_of({**METADATA, "graphs": '["fine", "coarse"]'}), r"prism\.fine\.onnx and prism"),
        (header_of({**METADATA, "graphs": '["../../fine"]'}), r"prism\.\*\.onnx not found"),
    ],
    ids=lambda value: "" if isinstance(value, str) else repr(value)[:40],
)  # fmt: skip
def test_what_is_no_weights_of_the_network_is_told_in_one_line(content, told, tmp_path):
    path = tmp_path / "prism.safetensors"
    if isinstance(content, bytes) and not content.startswith(b"{"):
        path.write_bytes(content)
    else:
        written(path, content)
    with pytest.raises(FormatError, match=told) as raised:
        registry.make("methods", f"prism:weights={path}")
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_places_that_are_no_file_are_told(tmp_path):
    with pytest.raises(FormatError, match="is a folder"):
        registry.make("methods", f"prism:weights={tmp_path}")
    with pytest.raises(FormatError, match=r"gone\.safetensors is not there"):
        registry.make("methods", f"prism:weights={tmp_path / 'gone.safetensors'}")
    with pytest.raises(FormatError, match="a graph and no weights"):
        registry.make("methods", f"prism:weights={weights.shipped('prism').graph('fine')}")
    with pytest.raises(FormatError, match="cannot be read"):
        registry.make("methods", f"prism:weights={'y' * 300}.safetensors")


def test_weights_are_looked_at_before_any_frame(tmp_path):
    command = [sys.executable, "-m", "hyperfocal", "fuse", "no1.png", "no2.png", "-o", "out.png"]
    run = subprocess.run(
        [*command, "--method", "prism:weights=gone.safetensors"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr.startswith("hyperfocal: gone.safetensors is not there")
    assert run.stderr.count("\n") == 1


def test_the_attention_is_that_of_the_weights(tmp_path):
    path = copy_of("sesf", tmp_path, "sesf-scse", name="mine")
    assert registry.make("methods", f"sesf:weights={path}").config.attention == "scse"
    assert registry.make("methods", "sesf").config.attention == "cse"
    with pytest.raises(FormatError, match="holds sesf with attention scse, not sse"):
        registry.make("methods", f"sesf:weights={path},attention=sse")


def test_a_network_that_is_not_said_to_have_a_number_has_the_default(tmp_path):
    path = written(tmp_path / "w.safetensors", header_of({**METADATA, "config": '{"depth": 3}'}))
    assert weights.read(path).config(PrismConfig) == PrismConfig(depth=3)


def test_graphs_of_other_weights_are_told(tmp_path):
    path = copy_of("sesf", tmp_path, "sesf-cse")
    other = weights.shipped("sesf", "sesf-scse").graph("gates")
    (tmp_path / "sesf-cse.gates.onnx").write_bytes(other.read_bytes())
    with pytest.raises(FormatError, match=r"gates\.onnx was made from other weights"):
        registry.make("methods", f"sesf:weights={path}")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_graphs_that_are_cut_off_are_told(share, tmp_path):
    path = copy_of("ums", tmp_path)
    graph = tmp_path / "ums.whole.onnx"
    content = graph.read_bytes()
    graph.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FormatError, match=r"ums\.whole\.onnx (is cut off|was made from other)"):
        registry.make("methods", f"ums:weights={path}")


def test_a_graph_that_no_engine_opens_is_told(tmp_path):
    path = copy_of("deep_fuse", tmp_path)
    graph = tmp_path / "deep_fuse.encoder.onnx"
    content = bytearray(graph.read_bytes())
    content[60:160] = bytes(100)
    graph.write_bytes(content)
    method = registry.make("methods", f"deep_fuse:engine=onnxruntime,weights={path}")
    with pytest.raises(FormatError, match=r"encoder\.onnx cannot be opened"):
        fused(method)


def refused_or(reading, path):
    """What reading gives; None where it refuses the file by its name, and nothing else."""
    try:
        return reading(path)
    except FormatError as error:
        if str(path) in str(error):
            return None
        raise


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_is_told_or_does_not_matter(data, tmp_path_factory):
    path = weights.shipped("deep_fuse").path
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(3):
            content[data.draw(st.integers(0, 919))] = data.draw(st.integers(0, 255))
    damaged = tmp_path_factory.mktemp("damaged") / path.name
    damaged.write_bytes(content)
    read = refused_or(weights.read, damaged)
    assert read is None or (read.network and len(content) == path.stat().st_size)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 60_000), bytes_=st.binary(min_size=1, max_size=9))
def test_any_damage_of_a_graph_is_told_or_does_not_matter(place, bytes_, tmp_path_factory):
    content = bytearray(weights.shipped("sesf", "sesf-cse").graph("gates").read_bytes())
    content[place : place + len(bytes_)] = bytes_
    damaged = tmp_path_factory.mktemp("damaged") / "graph.onnx"
    damaged.write_bytes(content)
    read = refused_or(metadata_of, damaged)
    assert read is None or isinstance(read, dict)


def test_own_weights_need_neither_torch_nor_safetensors_nor_onnx(tmp_path):
    path = copy_of("prism", tmp_path)
    program = (
        "import sys\nfor name in ('torch', 'safetensors', 'onnx'): sys.modules[name] = None\n"
        "import hyperfocal, numpy as np\n"
        "frames = np.random.default_rng(0).integers(0, 255, (2, 60, 70, 3), np.uint8)\n"
        f"print(hyperfocal.fuse(frames, method='prism:weights={path}').picture.shape)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "(60, 70, 3)", run.stderr


def test_the_remedy_is_one_that_is_here(tmp_path):
    path = written(tmp_path / "my prism.safetensors", header_of())
    program = (
        "import sys, importlib.machinery as m\n"
        "find = m.PathFinder.find_spec\n"
        "m.PathFinder.find_spec = classmethod(lambda cls, name, *where: None "
        "if name == 'torch' else find(name, *where))\n"
        "import hyperfocal.cli.main as main\n"
        f"main.main(['fuse', 'a.png', 'b.png', '-o', 'o.png', '--method', 'prism:weights={path}'])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "copy the .onnx files" in run.stderr
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    with pytest.raises(FormatError, match=r"hyperfocal export '.*my prism\.safetensors'"):
        registry.make("methods", f"prism:weights={path}")


def test_the_shipped_weights_name_only_what_this_version_knows():
    for network, stem in SHIPPED:
        config = json.loads(weights.shipped(network, stem).settings)
        assert set(config) >= {"channels"} or set(config) >= {"growth"}
