"""What files tell about a picture beside its samples."""
