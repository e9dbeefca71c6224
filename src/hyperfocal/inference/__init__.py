"""Networks without torch: engines, blocks, weights."""
