"""Metrics: pictures to numbers. Each is a pure function of pictures and knows no method."""
