"""What of DeepFuse runs at inference."""

from hyperfocal.baselines._encoder_decoder_graphs import Decoder, Encoder

__all__ = ["Decoder", "Encoder"]
