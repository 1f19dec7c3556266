"""The restore stage in many processes, each with a device of its own."""
