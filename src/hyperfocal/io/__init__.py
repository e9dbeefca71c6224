"""Files in and out: formats, what is in them, safe writing."""
