"""The learning rate of InterLCM's trainings."""

import math

from restobench_methods.interlcm.training_settings import Rate


def learning_rate(iteration: int, rate: Rate) -> float:
    """Of both optimisers, in an iteration counted from 1: the beginning of a cosine, 5e-5 to 4.927e-5 in 15,001."""
    falling = (1 + math.cos(math.pi * (iteration - 1) / rate.period)) / 2
    return rate.lowest + (rate.highest - rate.lowest) * falling
