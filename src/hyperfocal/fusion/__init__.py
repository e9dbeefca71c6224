"""The flow: the only room that knows the order of things."""
