"""The network of SESF-Fuse: its published shape, and that its files say what it says."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hyperfocal import registry  # noqa: E402
from hyperfocal.errors import FormatError  # noqa: E402
from hyperfocal.inference.checkpoints import load_network, save_network  # noqa: E402
from hyperfocal.inference.weights import read, shipped  # noqa: E402
from hyperfocal.measures.sesf.config import SesfConfig  # noqa: E402
from hyperfocal.measures.sesf.graphs import Gates, Gradient  # noqa: E402
from hyperfocal.measures.sesf.network import SesfNetwork  # noqa: E402
from hyperfocal.training.export import export  # noqa: E402

ATTENTIONS = ["cse", "sse", "scse"]


def random_network(attention="cse", seed=0):
    """A network whose batch norms are not the identity."""
    torch.manual_seed(seed)
    network = SesfNetwork(SesfConfig(attention=attention)).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(0, 0.5)
            module.running_var.uniform_(0.2, 1)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 0.5)
    return network


def exact_gates(network, picture):
    """Channel factors pooled over the whole picture, as the published network does."""
    found, maps = [], []
    for encode, attend in zip(network.encoder, network.attention, strict=True):
        made = encode(torch.cat(maps, 1) if maps else network.normalise(picture))
        unit = getattr(attend, "channel", attend)
        gate = unit.gate(made.mean((2, 3))) if hasattr(unit, "gate") else torch.ones(1, 16, 1, 1)
        found.append(gate)
        maps.append(attend(made))
    return torch.cat(found, 1)


def energy_by_definition(network, picture):
    features = network.features(picture)[0]
    across = features[:, 1:, 1:] - features[:, 1:, :-1]
    down = features[:, 1:, 1:] - features[:, :-1, 1:]
    return (across**2 + down**2).sum(0)


def test_the_network_has_the_published_number_of_parameters():
    assert sum(values.numel() for values in SesfNetwork().parameters()) == 74_803


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_features_and_reconstruction_keep_the_picture_s_size(attention):
    network = random_network(attention)
    picture = torch.rand(2, 1, 13, 21)
    assert network.features(picture).shape == (2, 64, 13, 21)
    assert network(picture).shape == (2, 1, 13, 21)
    back = network.denormalise(network.normalise(picture))
    assert torch.allclose(back, picture, atol=1e-6)


@pytest.mark.parametrize("attention", ATTENTIONS)
@torch.no_grad()
def test_the_inference_half_gives_the_gradient_energy_of_the_features(attention):
    network, picture = random_network(attention), torch.rand(1, 1, 40, 50)
    found = Gradient(network)(picture, exact_gates(network, picture))[0, 0]
    expected = energy_by_definition(network, picture)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_gates_of_many_windows_are_those_of_the_picture_they_cover():
    network = random_network()
    picture = torch.rand(1, 1, 500, 500)
    windows = picture[0, 0].unfold(0, 40, 30).unfold(1, 40, 30).reshape(-1, 1, 40, 40)
    inside = torch.zeros(1, 1, 40, 40)
    inside[:, :, 4:-4, 4:-4] = 1
    exact = exact_gates(network, picture)
    assert torch.allclose(Gates(network)(windows, inside), exact, atol=2e-3)
    assert torch.allclose(Gates(network)(picture, torch.ones_like(picture)), exact, atol=1e-5)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_saved_and_loaded_it_gives_the_same(attention, tmp_path):
    network = random_network(attention)
    save_network(network, tmp_path / "w.safetensors")
    loaded = load_network(tmp_path / "w.safetensors")
    picture = torch.rand(1, 1, 30, 30)
    assert loaded.config == network.config
    assert torch.equal(loaded(picture), network(picture))


def test_files_that_are_no_weights_are_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"nonsense")
    with pytest.raises(FormatError, match=r"w\.safetensors"):
        load_network(tmp_path / "w.safetensors")
    with pytest.raises(FormatError, match="gone"):
        load_network(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("engine", registry.names("engines"))
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_engine_computes_what_torch_does(engine, attention, tmp_path):
    module = registry.module("engines", engine)
    if not module.is_installed():
        pytest.skip(f"{engine} is not installed")
    network = random_network(attention)
    path = tmp_path / f"sesf-{attention}.safetensors"
    export(network, path)
    tile, gates = np.random.default_rng(0).random((2, 64, 64), np.float32)
    arrays = {"tile": tile.reshape(1, 1, 64, 64), "gates": gates[None, :, :1, None]}
    shapes = {name: array.shape for name, array in arrays.items()}
    found = module.open_network(read(path), "", precision="fp32", shapes=shapes, alone=False)(
        arrays
    )
    with torch.no_grad():
        expected = Gradient(network)(*(torch.from_numpy(array) for array in arrays.values()))
    assert np.allclose(found, expected.numpy(), rtol=1e-3, atol=1e-3)


def test_the_shipped_weights_say_what_they_are():
    network = load_network(shipped("sesf", "sesf-cse").path)
    assert network.config == SesfConfig(attention="cse")
    import onnx

    model = onnx.load(shipped("sesf", "sesf-cse").graph(""))
    told = {prop.key: prop.value for prop in model.metadata_props}
    assert told["network"] == "sesf"
    assert told["licence"] == "MIT"
