"""The networks, one file each; the only subpackage besides `training` that imports torch."""
