"""Programs that get a signal at any moment: how they end, and what they leave."""
