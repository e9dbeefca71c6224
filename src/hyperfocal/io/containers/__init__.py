"""Boxes, directories and volumes: how files hold pictures."""
