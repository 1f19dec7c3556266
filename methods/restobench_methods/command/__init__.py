"""A program of somebody else's, in an environment of its own."""
