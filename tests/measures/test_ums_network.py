"""The network of UMS-Fusion: its published shape, and that tiles and files give what it gives."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hyperfocal import registry  # noqa: E402
from hyperfocal.inference.checkpoints import load_network, save_network  # noqa: E402
from hyperfocal.inference.weights import read  # noqa: E402
from hyperfocal.measures.ums import network  # noqa: E402
from hyperfocal.measures.ums.graphs import Gates, Gradient, Whole, raised_evenly  # noqa: E402
from hyperfocal.measures.ums.network import UmsNetwork  # noqa: E402
from hyperfocal.training.export import export  # noqa: E402


def random_network(seed=0):
    """A network whose batch norms are not the identity."""
    torch.manual_seed(seed)
    network = UmsNetwork().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(0, 0.5)
            module.running_var.uniform_(0.02, 0.1)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 1.5)
    return network


def exact_gates(network, picture, upsample=network.raised):
    """Channel factors pooled over the whole picture, and the features they lead to."""
    found = []

    def attend(name, maps):
        found.append(network.nodes[name].attention.gate(maps.mean((2, 3))))
        return maps * found[-1]

    features = network.nested(picture, attend, upsample)
    return torch.cat(found, 1), features


def gradient_by_definition(features):
    across = features[0, :, 1:, 1:] - features[0, :, 1:, :-1]
    down = features[0, :, 1:, 1:] - features[0, :, :-1, 1:]
    return (across**2 + down**2).sqrt().sum(0)


def test_the_network_has_the_published_number_of_parameters():
    count = sum(values.numel() for values in UmsNetwork().parameters())
    assert count == 1_515_313
    assert round(count / 1e6, 3) == 1.515


def test_there_are_fifteen_nodes_of_two_convolutions():
    network = UmsNetwork()
    assert len(network.nodes) == 15
    widths = {name: node.body[0].in_channels for name, node in network.nodes.items()}
    assert (widths["0_0"], widths["0_1"], widths["0_4"]) == (1, 32, 80)
    assert (widths["4_0"], widths["3_1"], widths["2_2"]) == (32, 96, 96)
    assert network.config.gate_count == 368


@pytest.mark.parametrize("shape", [(16, 16), (17, 31), (45, 70)])
@torch.no_grad()
def test_features_and_reconstruction_keep_odd_sizes(shape):
    network, picture = random_network(), torch.rand(2, 1, *shape)
    features = network.features(picture)
    assert features.shape == (2, 16, *shape)
    assert float(features.min()) >= 0
    assert float(features.max()) <= 6
    assert network(picture).shape == picture.shape
    assert torch.allclose(network.denormalise(network.normalise(picture)), picture, atol=1e-6)


def test_raising_keeps_the_corners_and_pads_what_is_missing():
    maps = torch.rand(1, 2, 5, 7)
    even, odd = network.raised(maps, (10, 14)), network.raised(maps, (11, 15))
    assert torch.allclose(
        even[..., [0, 0, -1, -1], [0, -1, 0, -1]], maps[..., [0, 0, -1, -1], [0, -1, 0, -1]]
    )
    assert torch.equal(odd[..., :10, :14], even)
    assert odd[..., 10, :].abs().max() == odd[..., :, 14].abs().max() == 0


def test_both_ways_of_raising_agree_in_the_picture_s_middle():
    ramp = torch.arange(33.0).expand(1, 1, 33, 33)
    aligned, even = network.raised(ramp, (66, 66)), raised_evenly(ramp, (66, 66))
    difference = (aligned - even)[0, 0, 0, 1:-1]
    assert float(difference.abs().max()) < 0.25
    assert float(difference[31:33].abs().max()) < 0.01


@torch.no_grad()
def test_the_inference_half_gives_the_gradient_of_the_features():
    network, picture = random_network(), torch.rand(1, 1, 48, 64)
    gates, features = exact_gates(network, picture, raised_evenly)
    found = Gradient(network)(picture, gates)[0, 0]
    assert torch.allclose(found, gradient_by_definition(features), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(features, network.features(picture), rtol=1e-2)


@torch.no_grad()
def test_the_whole_gives_the_gradient_of_the_published_network_s_features():
    network, picture = random_network(), torch.rand(1, 1, 45, 70)
    expected = gradient_by_definition(network.features(picture))
    assert torch.allclose(Whole(network)(picture)[0, 0], expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.slow
def test_gates_are_pooled_inside_all_windows():
    network = random_network()
    picture = torch.rand(1, 1, 320, 320)
    whole, _ = exact_gates(network, picture, raised_evenly)
    windows = picture[0, 0].unfold(0, 192, 64).unfold(1, 192, 64).reshape(-1, 1, 192, 192)
    found = Gates(network)(windows)
    assert found.shape == whole.shape
    assert float((found - whole)[:, :16].abs().max()) < 0.002
    assert float((found - whole).abs().mean()) < 0.03


@torch.no_grad()
def test_saved_and_loaded_it_gives_the_same(tmp_path):
    network, picture = random_network(), torch.rand(1, 1, 30, 30)
    save_network(network, tmp_path / "w.safetensors")
    loaded = load_network(tmp_path / "w.safetensors")
    assert loaded.config == network.config
    assert torch.equal(loaded(picture), network(picture))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    network = random_network()
    return network, export(network, tmp_path_factory.mktemp("weights") / "ums.safetensors")[0]


@pytest.mark.parametrize("engine", registry.names("engines"))
@torch.no_grad()
def test_every_engine_computes_what_torch_does(engine, exported):
    module = registry.module("engines", engine)
    if not module.is_installed():
        pytest.skip(f"{engine} is not installed")
    network, path = exported
    rng = np.random.default_rng(0)
    tile, windows = rng.random((1, 1, 64, 96), np.float32), rng.random((3, 1, 128, 144), np.float32)
    for graph, part, arrays in (
        ("", Gradient, {"tile": tile, "gates": rng.random((1, 368, 1, 1), np.float32)}),
        ("gates", Gates, {"windows": windows}),
        ("whole", Whole, {"frame": rng.random((1, 1, 45, 70), np.float32)}),
    ):
        shapes = {name: array.shape for name, array in arrays.items()}
        found = module.open_network(read(path), graph, precision="fp32", shapes=shapes)(arrays)
        expected = part(network)(*(torch.from_numpy(array) for array in arrays.values()))
        assert np.allclose(found, expected.numpy(), rtol=1e-3, atol=1e-3)
