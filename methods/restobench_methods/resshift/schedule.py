"""The learning rate of ResShift's trainings."""

import math

from restobench.train.configuration import Settings


class Rate(Settings):
    """AdamW's rate, `[rate]`; the released trainings' values."""

    highest: float = 5e-5
    lowest: float = 2e-5
    warm_up: int = 5000
    """Iterations until it is at its highest; 0: at once."""
    cosine: bool = False
    """Whether it falls to the lowest by a cosine after that; else it stays."""


def learning_rate(rate: Rate, iteration: int, iterations: int) -> float:
    """The rate in force in an iteration, counted from 1.

    The released program sets the rate after each update: so the first iteration runs at the
    full rate, and only the second begins the warm-up.
    """
    done = iteration - 1
    if done == 0:
        return rate.highest
    if done <= rate.warm_up:
        return rate.highest * done / rate.warm_up
    if not rate.cosine:
        return rate.highest
    share = (done - rate.warm_up) / (iterations - rate.warm_up)
    return rate.lowest + (rate.highest - rate.lowest) * (1 + math.cos(math.pi * share)) / 2
