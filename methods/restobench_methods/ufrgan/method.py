"""UFR-GAN as a method: a checkpoint that was trained here goes in, pictures go through."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from restobench.checkpoint import load_strictly, read_configuration
from restobench.errors import RestobenchError
from restobench.method import Setup
from restobench.noise import Noise
from restobench_methods.restormer.inference import Inference, ready
from restobench_methods.ufrgan.configuration import GENERATORS, Generator
from restobench_methods.ufrgan.generator import UFRGANCheckpoint, build_generator

_TINY = Generator(dim=8, num_blocks=(1, 1, 1, 1), num_refinement_blocks=1)


class UFRGAN:
    """UFR-GAN (Nguyen et al., Pattern Recognition Letters 2025): its generator from low quality to high."""

    def __init__(self, setup: Setup) -> None:
        """Build the generator that the checkpoint describes, else the variant's, and load it.

        Raises:
            RestobenchError: The checkpoint does not fit or is another method's, the tiles make
                no sense, or pictures are to be enlarged.
        """
        name, path = f"ufrgan@{setup.variant}", setup.weights.get("generator")
        if setup.scale not in (None, 1):
            raise RestobenchError(f"'{name}' keeps a picture's size, and x{setup.scale} is asked for.")
        if path is None and not setup.test:
            raise RestobenchError(
                f"'{name}' needs a checkpoint of 'restobench train ufrgan': --weights FILE. None was ever published."
            )
        described = _described(path) if path else None
        # Seeded, so that the test configuration, of which there is no file, is always the same.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            generator = build_generator(described or (_TINY if setup.test else GENERATORS[setup.variant]))
        if path:
            setup.audit["generator"] = load_strictly(UFRGANCheckpoint(generator), path)
        self.inference = Inference(
            ready(generator, setup.device, setup.dtype),
            tile=int(setup.settings["tile"]),
            overlap=int(setup.settings["overlap"]),
            dtype=setup.dtype,
        )

    @torch.inference_mode()
    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H, W), in [0, 1]."""
        return self.inference.restore(lq, noise).clamp_(0, 1)


def _described(path: Path) -> Generator | None:
    """The sizes that a checkpoint of ours says it has; None where it says nothing."""
    made = read_configuration(path)
    if made is None:
        return None
    if (recipe := made.get("recipe", "ufrgan")) != "ufrgan":
        raise RestobenchError(f"{path} was made by a training of {recipe}, not of ufrgan.")
    try:
        return Generator.model_validate(made.get("network"))
    except ValidationError as error:
        raise RestobenchError(
            f"{path} does not say how its generator is built ({error.errors()[0]['msg']}); write it anew with "
            "'restobench train ufrgan'."
        ) from None
