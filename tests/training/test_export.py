"""What training writes is what inference takes: networks of any width, with their graphs."""

import dataclasses
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from scenes import scene, texture  # noqa: E402

import hyperfocal  # noqa: E402
from hyperfocal import registry  # noqa: E402
from hyperfocal.baselines.deep_fuse.config import (  # noqa: E402
    DECODER_REACH as DEEP_DECODER_REACH,
)
from hyperfocal.baselines.deep_fuse.config import (  # noqa: E402
    ENCODER_REACH as DEEP_ENCODER_REACH,
)
from hyperfocal.baselines.dense_fuse.config import (  # noqa: E402
    DECODER_REACH as DENSE_DECODER_REACH,
)
from hyperfocal.batch.options import BatchOptions  # noqa: E402
from hyperfocal.batch.plan import Job  # noqa: E402
from hyperfocal.batch.runs import Work  # noqa: E402
from hyperfocal.bench import fingerprints  # noqa: E402
from hyperfocal.cli.main import main  # noqa: E402
from hyperfocal.errors import FormatError  # noqa: E402
from hyperfocal.fusion.recipe import Recipe  # noqa: E402
from hyperfocal.inference import weights  # noqa: E402
from hyperfocal.inference.checkpoints import graphs_of, load_network  # noqa: E402
from hyperfocal.inference.onnx_metadata import metadata_of  # noqa: E402
from hyperfocal.training.export import export  # noqa: E402

# Other widths and depths than the shipped ones.
CONFIGS = {
    "prism": {"channels": 8, "refine_channels": 12, "depth": 3, "power": 1.2, "epsilon": 1e-5},
    "sesf": {"growth": 8, "blocks": 6},
    "gacn": {"growth": 8, "blocks": 3, "decision": (20, 1), "gate": 5, "radius": 4},
    "ums": {"channels": (4, 4, 6, 8), "kernel": 5},
    "cnn_fuse": {"channels": (4, 8, 12), "hidden": 0},
    "dense_fuse": {"growth": 6, "layers": 6},
    "deep_fuse": {"channels": 12},
}


def network_of(name, seed=0, **changes):
    """A network of random weights, heads of zeros included, so large that far pixels matter."""
    torch.manual_seed(seed)
    kind = getattr(registry.network(name), f"{registry.class_name(name)}Network")
    network = kind(kind.config_class(**(CONFIGS[name] | changes))).eval()
    for values in network.parameters():
        if not values.any():
            values.data.uniform_(-0.3, 0.3)
        if name == "prism" and values.dim() > 1:
            values.data *= 3
    return network


@pytest.fixture(scope="module", params=CONFIGS)
def exported(request, tmp_path_factory):
    """The name of a network, and the weights file of one of other widths."""
    path = tmp_path_factory.mktemp("run") / f"{request.param}.safetensors"
    export(network_of(request.param), path)
    return request.param, path


def fused(method, **options):
    frames = scene(64, 96, 3, seed=3)[1]
    return hyperfocal.fuse(frames, method=method, align="none", exposure="none", **options)


def test_a_network_of_other_widths_fuses_with_onnx_as_with_torch(exported):
    name, path = exported
    found, expected = (
        fused(f"{name}:weights={path},precision=fp32,engine={engine}")
        for engine in ("onnxruntime", "torch")
    )
    scale = np.abs(expected.picture).max()
    apart = np.abs(found.picture - expected.picture)
    if found.decision is None or name == "prism":
        assert apart.max() < 1e-3 * scale
    else:
        assert (found.decision != expected.decision).mean() < 0.002
    shipped = fused(f"{name}:precision=fp32").picture
    assert np.abs(found.picture - shipped).max() > 0.01


@pytest.mark.parametrize("name", ["prism", "sesf", "ums", "dense_fuse", "deep_fuse"])
def test_a_network_of_other_reach_gives_in_tiles_what_it_gives_of_the_whole(name, tmp_path):
    path = tmp_path / f"{name}.safetensors"
    export(network_of(name), path)
    levels = ",levels=3" if name == "prism" else ""
    method = registry.make("methods", f"{name}:weights={path},precision=fp32{levels}")
    if name in ("sesf", "ums"):
        measure, frame = method.measure, texture(256, 224, channels=1)[:, :, 0].copy()
        shared, reach = measure.survey(frame), measure.halo
        whole = measure(frame, shared)
        top = -(-reach // measure.grid) * measure.grid
        tile = measure(frame[top - reach : 2 * top + reach], shared)
        inner = whole[top : 2 * top]
        # UMS sees farther than its halo, a little.
        apart = np.abs(tile[reach:-reach] - inner)
        assert apart.max() < (0.05 if name == "ums" else 1e-3) * inner.max()
        return
    rows = 2 * method.halo + 4 * method.grid
    frames = scene(rows + 3 * method.grid + 5, 40, 2, channels=1)[1]
    memory = str(method.bytes_per_pixel * 40 * rows)
    options = {"method": method, "align": "none", "exposure": "none"}
    whole, tiled = (
        hyperfocal.fuse(frames, **options),
        hyperfocal.fuse(frames, memory=memory, **options),
    )
    assert np.abs(tiled.picture - whole.picture).max() < 1e-3


def test_blocks_of_a_deeper_prism_give_what_its_network_gives_of_the_whole(tmp_path):
    network, path = network_of("prism"), tmp_path / "prism.safetensors"
    export(network, path)
    frames = scene(64, 704, 2, channels=1)[1]
    with torch.no_grad():
        expected = network(torch.from_numpy(np.stack(frames)[None, :, :, :, 0]))[0, 0].numpy()
    fold = registry.make("methods", f"prism:precision=fp32,weights={path}").fold(64, 704, 1)
    for work in (fold.observe, fold.add):
        for frame in frames:
            work(frame)
    fold._lowest[:], fold._highest[:] = -99, 99  # the network knows no limits
    assert np.abs(fold.result()[:, :, 0] - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("network", "encode", "reach"),
    [
        (network_of("sesf", attention="sse"), "features", 6),
        (network_of("dense_fuse"), "features", 6),
        (network_of("dense_fuse"), "decode", DENSE_DECODER_REACH),
        (network_of("deep_fuse"), "features", DEEP_ENCODER_REACH),
        (network_of("deep_fuse"), "decode", DEEP_DECODER_REACH),
    ],
)
def test_a_pixel_depends_on_those_within_reach_and_no_others(network, encode, reach):
    channels = 1 if encode == "features" else network.config.channels
    given = torch.rand(1, channels, 41, 41, requires_grad=True)
    getattr(network, encode)(given)[0, :, 20, 20].sum().backward()
    rows, columns = given.grad[0].abs().sum(0).nonzero().T
    for places in (rows, columns):
        assert (int(places.min()), int(places.max())) == (20 - reach, 20 + reach)
    told = getattr(network.config, "reach", getattr(network.config, "encoder_reach", reach))
    assert encode == "decode" or told == reach


def test_a_file_and_its_graphs_say_what_they_are(exported):
    name, path = exported
    read = weights.read(path, name)
    assert read.config(load_network(path).config_class) == load_network(path).config
    assert set(read.graphs) == set(graphs_of(load_network(path)))
    assert [stamp.path for stamp in read.stamps[1:]] == [read.graph(each) for each in read.graphs]
    for graph in read.graphs:
        told = metadata_of(read.graph(graph))
        assert told[weights.DIGEST] == weights.digest_of(path)
        assert (told["network"], told["config"]) == (name, read.settings)
    read.require_graphs()


@pytest.mark.parametrize("attention", ["cse", "sse", "scse"])
def test_every_attention_fuses(attention, tmp_path):
    path = tmp_path / "mine.safetensors"
    made = export(network_of("sesf", attention=attention), path)
    assert len(made) == (2 if attention == "sse" else 4)
    found, expected = (
        fused(f"sesf:weights={path},engine={engine}") for engine in ("onnxruntime", "torch")
    )
    assert (found.decision != expected.decision).mean() < 0.002


def test_graphs_of_weights_that_were_trained_on_are_told_and_made_again(tmp_path, capsys):
    path = tmp_path / "prism.safetensors"
    export(network_of("prism"), path)
    other = tmp_path / "other" / "prism.safetensors"
    export(network_of("prism", seed=1), other)
    expected = fused(f"prism:weights={other}").picture
    shutil.copy(other, path)
    with pytest.raises(FormatError, match=r"coarse\.onnx was made from other weights") as raised:
        registry.make("methods", f"prism:weights={path}")
    assert f"hyperfocal export {path}" in str(raised.value)
    # torch makes the graphs itself
    registry.make("methods", f"prism:engine=torch,weights={path}")
    main(["export", str(path)])
    assert capsys.readouterr().out.split() == [
        str(tmp_path / f"prism.{graph}.onnx") for graph in ("coarse", "fine", "refine")
    ]
    assert np.array_equal(fused(f"prism:weights={path}").picture, expected)


def test_a_graph_that_is_missing_is_told_by_name(tmp_path):
    path = tmp_path / "ums.safetensors"
    export(network_of("ums"), path)
    (tmp_path / "ums.gates.onnx").unlink()
    with pytest.raises(FormatError, match=r"^ums\.gates\.onnx not found beside"):
        registry.make("methods", f"ums:weights={path}")


def test_exporting_what_is_no_weights_is_one_line(tmp_path, capsys):
    (tmp_path / "w.safetensors").write_bytes(b"nonsense")
    with pytest.raises(SystemExit) as ended:
        main(["export", str(tmp_path / "w.safetensors")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_numbers_that_are_not_of_the_configuration_are_told(tmp_path):
    from safetensors.torch import load_file, save_file

    path = tmp_path / "deep_fuse.safetensors"
    export(network_of("deep_fuse"), path)
    told = {"network": "deep_fuse", "config": '{"channels": 13}', "format_version": "1"}
    save_file(load_file(path), path, told)
    with pytest.raises(FormatError, match="size mismatch"):
        load_network(path)


def test_keys_of_results_change_with_the_weights(tmp_path):
    path = tmp_path / "prism.safetensors"
    export(network_of("prism"), path)
    frames = (tmp_path / "0.png", tmp_path / "1.png")
    job = Job("stack", "stack", frames, "")

    def keys(method):
        work = Work(None, BatchOptions(), Recipe(method=method))
        return work.key(job), fingerprints.of_method(method)

    own, nested = f"prism:weights={path}", f'select:measure="sesf:weights={tmp_path}/s.safetensors"'
    export(network_of("sesf"), tmp_path / "s.safetensors")
    before, nested_before, shipped = keys(own), keys(nested), keys("prism")
    assert keys(own) == before
    export(network_of("prism", seed=1), path)
    assert all(one != other for one, other in zip(keys(own), before, strict=True))
    assert keys(nested) == nested_before
    assert keys("prism") == shipped
    export(network_of("sesf", seed=1), tmp_path / "s.safetensors")
    assert all(one != other for one, other in zip(keys(nested), nested_before, strict=True))
    path.unlink()
    assert Work(None, BatchOptions(), Recipe(method=own)).key(job) != before[0]


def test_options_of_one_s_own_weights_are_compared_by_their_text(tmp_path):
    path = tmp_path / "prism.safetensors"
    export(network_of("prism"), path)
    one, other = (registry.make("methods", f"prism:weights={path}") for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert dataclasses.replace(one, levels=4).config == one.config
