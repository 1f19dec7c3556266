"""Restormer as a method: weights in, pictures through."""

from __future__ import annotations

import torch
from torch import Tensor

from restobench.checkpoint import load_strictly
from restobench.errors import RestobenchError
from restobench.method import Setup
from restobench.noise import Noise
from restobench_methods.restormer.configurations import CONFIGURATIONS, shrunk
from restobench_methods.restormer.inference import Inference, ready
from restobench_methods.restormer.network import Restormer as Network

_LUMA = (0.299, 0.587, 0.114)
"""BT.601, of red, green and blue."""


class Restormer:
    """Restormer (Zamir et al., CVPR 2022; arXiv:2111.09881)."""

    def __init__(self, setup: Setup) -> None:
        """Load the variant's network.

        Raises:
            RestobenchError: The checkpoint does not fit, the tiles make no sense, or pictures are to be enlarged.
        """
        self.name = f"restormer@{setup.variant}"
        if setup.scale not in (None, 1):
            raise RestobenchError(f"'{self.name}' keeps a picture's size, and x{setup.scale} is asked for.")
        configuration = CONFIGURATIONS[setup.variant]
        self.channels = int(configuration.get("inp_channels", 3))
        if not setup.test and "model" not in setup.weights:
            raise RestobenchError(f"'{self.name}' needs its weights: --weights FILE.")
        # Seeded, so that the test configuration, of which there is no file, is always the same.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = Network(**(shrunk(configuration) if setup.test else configuration))
        if "model" in setup.weights:
            setup.audit["model"] = load_strictly(network, setup.weights["model"], wrappers=("params", "state_dict"))
        self.inference = Inference(
            ready(network, setup.device, setup.dtype),
            tile=int(setup.settings["tile"]),
            overlap=int(setup.settings["overlap"]),
            dtype=setup.dtype,
        )

    @torch.inference_mode()
    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H, W), in [0, 1]; the dual-pixel network takes (B, 6, H, W), left view first.

        A network for grey pictures is given the luma, and what it makes of that is all three channels.

        Raises:
            RestobenchError: Three channels for the dual-pixel network.
        """
        if self.channels == 6 != lq.shape[1]:
            raise RestobenchError(
                f"'{self.name}' restores from the left and the right view of a dual-pixel camera, six channels, "
                "and needs a data set of its own; take 'restormer@single_image_defocus_deblurring' for pictures."
            )
        if self.channels == 1:
            lq = (lq * lq.new_tensor(_LUMA)[:, None, None]).sum(dim=1, keepdim=True)
        restored = self.inference.restore(lq, noise).clamp_(0, 1)
        return restored.expand(-1, 3, -1, -1).contiguous() if self.channels == 1 else restored
