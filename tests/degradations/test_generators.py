"""Where randomness comes from."""

import random

import numpy as np
import torch

from restobench.degradations.generators import Generators, uniform_tensor


def drawn(generators: Generators) -> tuple[float, float, float]:
    python, numpy, tensors = generators
    return python.random(), float(numpy.uniform()), uniform_tensor(0, 1, 1, tensors).item()


def test_a_seed_gives_what_the_global_generators_would() -> None:
    """So that a program that seeds these can be repeated without touching them."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(7)
    np.random.seed(7)
    torch.manual_seed(7)
    theirs = random.random(), np.random.uniform(), torch.rand(1).item()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])

    assert drawn(Generators.of_seed(7)) == theirs


def test_a_sample_s_streams_depend_on_seed_and_id_alone() -> None:
    """What is drawn for one sample must not move what another gets."""
    first = drawn(Generators.of_sample(0, "a"))
    drawn(Generators.of_sample(0, "b"))

    assert drawn(Generators.of_sample(0, "a")) == first
    assert len({drawn(Generators.of_sample(seed, name)) for seed in (0, 1) for name in ("a", "b", "1a")}) == 6


def test_no_two_streams_of_a_sample_are_one() -> None:
    """Equal numbers in two streams would couple a kernel's size to its sigma."""
    assert len(set(drawn(Generators.of_sample(3, "face/0001")))) == 3
