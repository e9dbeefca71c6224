"""Scenes composed of photographs: layers, textures, defocus."""
