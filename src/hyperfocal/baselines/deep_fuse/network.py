"""DeepFuse: two layers see each frame, their features are added, three layers make the picture.

For luma; colour is fused outside. Fuses focus as it fuses exposure, for which it was published:
the training decides. Activations are leaky as in its authors' program, whose layers are otherwise
wider than the paper's, which are these.
Prabhakar, Srikar, Babu: DeepFuse, a deep unsupervised approach for exposure fusion with extreme
exposure image pairs, ICCV 2017.
"""

from __future__ import annotations

from torch import Tensor, nn

from hyperfocal.baselines.deep_fuse.config import DeepFuseConfig

multiple_of = 1  # any picture size will do
minimum = 1  # px

_LEAK = 0.01


def convolution(channels_in: int, channels_out: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2)


class DeepFuseNetwork(nn.Module):
    """Fuses grey frames (N, K, H, W), 0…1, K being two as published."""

    config_class = DeepFuseConfig

    def __init__(self, config: DeepFuseConfig | None = None):
        super().__init__()
        self.config = config = config or DeepFuseConfig()
        self.encoder = nn.Sequential(
            convolution(1, 16, 5),
            nn.LeakyReLU(_LEAK),
            convolution(16, config.channels, 7),
            nn.LeakyReLU(_LEAK),
        )
        self.decoder = nn.Sequential(
            convolution(config.channels, 32, 7),
            nn.LeakyReLU(_LEAK),
            convolution(32, 16, 5),
            nn.LeakyReLU(_LEAK),
            convolution(16, 1, 5),
        )

    def features(self, pictures: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, C, H, W)."""
        return self.encoder(pictures)

    def decode(self, features: Tensor) -> Tensor:
        """Mean features of the frames -> (N, 1, H, W)."""
        # Two frames are added, as published; the mean lets there be any number of them.
        return self.decoder(2 * features)

    def forward(self, frames: Tensor) -> Tensor:
        count, depth, height, width = frames.shape
        features = self.features(frames.reshape(count * depth, 1, height, width))
        return self.decode(features.reshape(count, depth, -1, height, width).mean(1))
