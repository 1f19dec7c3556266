"""Runs as archives: packed to be shared, and taken in again with distrust."""
