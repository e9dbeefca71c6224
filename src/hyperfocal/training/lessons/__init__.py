"""What each network learns, one a file."""
