"""Published tables and regression baselines, as data."""
