"""CNN-Fuse, DenseFuse, DeepFuse: published shapes, and that files and parts give what they give."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hyperfocal import registry  # noqa: E402
from hyperfocal.baselines._encoder_decoder_graphs import Decoder, Encoder  # noqa: E402
from hyperfocal.baselines.cnn_fuse.graphs import Scores, focus_map  # noqa: E402
from hyperfocal.baselines.cnn_fuse.network import CnnFuseNetwork, merged  # noqa: E402
from hyperfocal.baselines.deep_fuse.network import DeepFuseNetwork  # noqa: E402
from hyperfocal.baselines.dense_fuse.network import DenseFuseNetwork  # noqa: E402
from hyperfocal.inference.checkpoints import load_network, name_of, save_network  # noqa: E402
from hyperfocal.inference.weights import read  # noqa: E402
from hyperfocal.training.export import export  # noqa: E402


def seeded(network_class):
    torch.manual_seed(0)
    return network_class().eval()


@pytest.mark.parametrize(
    ("network_class", "by_layer"),
    [
        (CnnFuseNetwork, [640, 73_856, 295_168, 512 * 64 * 256, 256 * 2]),
        (DenseFuseNetwork, [160, 2_320, 4_624, 6_928, 36_928, 18_464, 4_624, 145]),
        (DeepFuseNetwork, [416, 25_120, 50_208, 12_816, 401]),
    ],
)
def test_layers_are_those_published(network_class, by_layer):
    network = network_class()
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert [sum(p.numel() for p in layer.parameters()) for layer in layers] == by_layer
    assert sum(p.numel() for p in network.parameters()) == sum(by_layer)


@torch.no_grad()
def test_merging_the_last_layers_changes_nothing_but_their_size():
    network, patches = seeded(CnnFuseNetwork), torch.rand(2, 5, 1, 16, 16)
    slim = merged(network)
    assert torch.allclose(slim(*patches), network(*patches), atol=1e-5)
    assert sum(p.numel() for p in slim.parameters()) == 369_664 + 512 * 64 * 2


@torch.no_grad()
def test_the_difference_of_two_scores_is_the_comparison_in_both_orders():
    network, (first, second) = seeded(CnnFuseNetwork), torch.rand(2, 5, 1, 16, 16)
    forth, back = network(first, second), network(second, first)
    expected = ((forth[:, 0] - forth[:, 1]) - (back[:, 0] - back[:, 1])) / 2
    scores = Scores(network)
    found = torch.stack(
        [scores(one[None]) - scores(other[None]) for one, other in zip(first, second, strict=True)]
    )
    assert torch.allclose(found.flatten(), expected, atol=1e-5)


def test_a_focus_map_is_the_mean_over_the_patches_that_cover_a_pixel():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 5, 9)).astype(np.float32)
    totals, counts = np.zeros((2, 24, 32))
    for row, column in np.ndindex(first.shape):
        chance = 1 / (1 + np.exp(second[row, column] - first[row, column]))
        patch = np.s_[2 * row : 2 * row + 16, 2 * column : 2 * column + 16]
        totals[patch] += chance
        counts[patch] += 1
    found = focus_map(*(torch.from_numpy(scores)[None, None] for scores in (first, second)))
    assert np.abs(found[0, 0].numpy() - totals / counts).max() < 1e-5


@pytest.mark.parametrize("shape", [(2, 2), (7, 31), (40, 25)])
@torch.no_grad()
def test_dense_features_are_never_negative_and_keep_what_came_before(shape):
    network, picture = seeded(DenseFuseNetwork), torch.rand(2, 1, *shape)
    features = network.features(picture)
    assert features.shape == (2, 64, *shape)
    assert float(features.min()) >= 0
    assert torch.equal(features[:, :16], torch.relu(network.encoder[0](picture)))
    assert network(picture).shape == picture.shape


@torch.no_grad()
def test_features_of_two_frames_are_added_as_published():
    network, frames = seeded(DeepFuseNetwork), torch.rand(1, 2, 9, 12)
    added = network.features(frames[:, :1]) + network.features(frames[:, 1:])
    assert torch.allclose(network(frames), network.decoder(added), atol=1e-6)
    assert torch.allclose(network(frames), network(frames.flip(1)), atol=1e-6)
    assert torch.allclose(network(frames), network(frames.repeat(1, 2, 1, 1)), atol=1e-6)


@pytest.mark.parametrize("network_class", [CnnFuseNetwork, DenseFuseNetwork, DeepFuseNetwork])
@torch.no_grad()
def test_saved_and_loaded_it_gives_the_same(network_class, tmp_path):
    network, picture = seeded(network_class), torch.rand(1, 1, 16, 18)
    save_network(network, tmp_path / "w.safetensors")
    loaded = load_network(tmp_path / "w.safetensors")
    assert loaded.config == network.config
    assert torch.equal(loaded.features(picture), network.features(picture))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    networks = {c: seeded(c) for c in (CnnFuseNetwork, DenseFuseNetwork, DeepFuseNetwork)}
    for network in networks.values():
        export(network, folder / f"{name_of(network)}.safetensors")
    return networks, folder


@pytest.mark.parametrize("engine", registry.names("engines"))
@pytest.mark.parametrize(
    ("graph", "network_class", "part", "name", "channels"),
    [
        ("scores", CnnFuseNetwork, Scores, "tile", 1),
        ("encoder", DenseFuseNetwork, Encoder, "maps", 1),
        ("decoder", DenseFuseNetwork, Decoder, "maps", 64),
        ("encoder", DeepFuseNetwork, Encoder, "maps", 1),
        ("decoder", DeepFuseNetwork, Decoder, "maps", 32),
    ],
)
@torch.no_grad()
def test_every_engine_computes_what_torch_does(
    engine, graph, network_class, part, name, channels, exported
):
    module = registry.module("engines", engine)
    if not module.is_installed():
        pytest.skip(f"{engine} is not installed")
    networks, folder = exported
    arrays = {name: np.random.default_rng(0).random((1, channels, 34, 50), np.float32)}
    shapes = {name: array.shape for name, array in arrays.items()}
    weights = read(folder / f"{name_of(networks[network_class])}.safetensors")
    found = module.open_network(weights, graph, precision="fp32", shapes=shapes)(arrays)
    expected = part(networks[network_class])(torch.from_numpy(arrays[name])).numpy()
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
