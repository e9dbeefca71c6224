"""Training of the networks, on photographs without labels. Needs the `train` extra (torch)."""
