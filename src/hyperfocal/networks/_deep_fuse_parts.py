"""What of DeepFuse runs at inference."""

from hyperfocal.networks._halves import Decoder, Encoder

__all__ = ["Decoder", "Encoder"]
