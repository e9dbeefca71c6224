"""A stack: frames of one scene, opened, ordered, looked at small."""
