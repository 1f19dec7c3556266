"""What is read when nothing is done: the input itself, and enlarging by interpolation."""
