"""From focus maps to the composite: arg-max, verification, weights."""
