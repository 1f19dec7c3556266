"""The degradations beside those of basicsr, where that extra is installed."""

import random
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.transforms import functional  # type: ignore[import-untyped]  # it ships no types

from restobench.degradations import kernels
from restobench.degradations.filter import filter2d
from restobench.degradations.generators import Generators
from restobench.degradations.jpeg import jpeg
from restobench.degradations.noise import add_gaussian, add_poisson, draw_noise_levels
from restobench.degradations.recipes import REAL_ESRGAN_TRAINING
from restobench.degradations.resize import resized_antialiased
from restobench.degradations.sharpen import unsharp_mask
from tests.filling import image

pytestmark = [
    pytest.mark.skipif(find_spec("basicsr") is None, reason="needs the extra basicsr"),
    # It is of 2022; what its imports warn of is not ours.
    pytest.mark.filterwarnings("ignore"),
]

Load = Callable[[str], Any]


@pytest.fixture
def basicsr() -> Iterator[Load]:
    """A function that imports a module of basicsr, for which torchvision gets back what it gave up in 0.17."""
    name = "torchvision.transforms.functional_tensor"
    given_up = ModuleType(name)
    given_up.rgb_to_grayscale = functional.rgb_to_grayscale  # type: ignore[attr-defined]  # a module made here
    added = name not in sys.modules
    sys.modules.setdefault(name, given_up)
    yield import_module
    if added:
        del sys.modules[name]


@pytest.fixture
def global_generators() -> Iterator[Callable[[int], None]]:
    """A function that seeds the three global generators; they get their states back."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()

    def seed(number: int) -> None:
        random.seed(number)
        np.random.seed(number)
        torch.manual_seed(number)

    yield seed
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def test_kernels_are_basicsr_s(basicsr: Load) -> None:
    """Every family, with its angle's direction."""
    theirs = basicsr("basicsr.data.degradations")

    for ours, other in (
        (kernels.gaussian(21, 1.2, 3.4, 0.7), theirs.bivariate_Gaussian(21, 1.2, 3.4, 0.7, isotropic=False)),
        (
            kernels.generalised(13, 1.2, 3.4, -2.0, 0.6),
            theirs.bivariate_generalized_Gaussian(13, 1.2, 3.4, -2.0, 0.6, isotropic=False),
        ),
        (kernels.plateau(15, 2.0, 0.4, 1.0, 1.8), theirs.bivariate_plateau(15, 2.0, 0.4, 1.0, 1.8, isotropic=False)),
        (kernels.padded(kernels.sinc(9, 1.9), 21), theirs.circular_lowpass_kernel(1.9, 9, pad_to=21)),
    ):
        np.testing.assert_allclose(ours, other, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_the_mixed_list_draws_as_basicsr_s(basicsr: Load, global_generators: Callable[[int], None], seed: int) -> None:
    """Seeded alike, the same kernel: its kind, its values and the order of their draws."""
    theirs = basicsr("basicsr.data.degradations")
    bells = REAL_ESRGAN_TRAINING.kernel1.bells
    names = [kind.replace("generalised", "generalized").replace("-", "_") for kind in bells.weights]
    global_generators(seed)
    sigma = bells.sigma_px
    other = theirs.random_mixed_kernels(
        names,
        list(bells.weights.values()),
        13,
        sigma,
        sigma,
        betag_range=bells.beta_generalised,
        betap_range=bells.beta_plateau,
    )

    generators = Generators.of_seed(seed)
    ours = bells.draw(13, 13, generators.python, generators.numpy).values()

    np.testing.assert_allclose(ours, other, rtol=1e-6, atol=1e-12)


def test_filter_sharpening_and_resize_are_basicsr_s(basicsr: Load) -> None:
    """In float32, on a picture whose sides nothing divides."""
    x = image("x", (2, 3, 67, 83), 0)
    kernel = torch.from_numpy(np.random.default_rng(0).random((2, 9, 9))).float()
    process = basicsr("basicsr.utils.img_process_util")
    imresize = basicsr("basicsr.utils.matlab_functions").imresize

    torch.testing.assert_close(filter2d(x, kernel), process.filter2D(x, kernel))
    torch.testing.assert_close(unsharp_mask(x), process.USMSharp()(x), atol=1e-5, rtol=0)
    for scale in (0.25, 1 / 3, 0.5, 2.0):
        torch.testing.assert_close(resized_antialiased(x, scale)[0], imresize(x[0], scale), atol=1e-5, rtol=0)


def test_jpeg_is_basicsr_s_but_for_ties(basicsr: Load) -> None:
    """A coefficient between two steps may fall to either side, and takes its block with it."""
    x = image("x", (3, 3, 67, 83), 1)
    quality = torch.tensor([31.5, 50.0, 93.2])

    theirs = basicsr("basicsr.utils.diffjpeg").DiffJPEG(differentiable=False)(x, quality.clone())

    assert ((jpeg(x, quality) - theirs).abs() < 1e-4).float().mean() > 0.98


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_basicsr_s(basicsr: Load, global_generators: Callable[[int], None], seed: int) -> None:
    """Seeded alike, the same field; of the seeds, some have grey pictures and some none."""
    x = image("x", (2, 3, 37, 53), seed)
    theirs = basicsr("basicsr.data.degradations")

    for draw, add, levels in (
        (theirs.random_add_gaussian_noise_pt, add_gaussian, (1.0, 30.0)),
        (theirs.random_add_poisson_noise_pt, add_poisson, (0.05, 3.0)),
    ):
        global_generators(seed)
        other = draw(x, levels, gray_prob=0.4, clip=True, rounds=False)
        generator = Generators.of_seed(seed).torch
        ours = add(x, draw_noise_levels(levels, 0.4, 2, generator), generator)

        torch.testing.assert_close(ours, other, atol=1e-5, rtol=0)
