"""Metrics of fused pictures, one function a file; what they need is told by their parameters.

A metric takes `(fused, sources)` in grey, as `to_grey` makes it, or `(fused, reference)`, and
perhaps `depth`, as `to_values` makes them.
"""

from hyperfocal.metrics._grey import CONVENTIONS, to_grey, to_values

__all__ = ["CONVENTIONS", "to_grey", "to_values"]
