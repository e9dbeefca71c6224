"""What of DeepFuse runs at inference."""

from hyperfocal.baselines._encoder_decoder_graphs import GRAPHS

__all__ = ["GRAPHS"]
