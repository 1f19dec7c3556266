"""A recipe small enough to be trained in a test: one convolution that learns to take noise away.

Everything a real one has is there: a random example, draws in the step, a pool of its own, an
average. `python -m tests.train.smoothing FOLDER ITERATIONS WORKERS` trains it.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from restobench.degradations.generators import Generators
from restobench.train.average import Average
from restobench.train.clean import CleanPictures, random_crop, shuffled
from restobench.train.configuration import Data, Drawn, Settings, Training
from restobench.train.loop import train
from restobench.train.recipe import Weights


class SmoothingSettings(Settings):
    """Its configuration."""

    training: Training
    data: Data = Data(drawn=Drawn(count=5, size=40, held_out=2))
    rate: float = 0.01


class Smoothing:
    """The recipe."""

    settings = SmoothingSettings
    best_by = "psnr"
    remarks = ("It smooths.",)

    def __init__(self, configuration: SmoothingSettings, accelerator: Accelerator) -> None:
        self.told = configuration
        self.clean = CleanPictures(configuration.data, "training")
        network = nn.Conv2d(3, 3, 3, padding=1)
        self.average = Average(network, 0.9)
        self.network, self.optimiser = accelerator.prepare(
            network, torch.optim.Adam(network.parameters(), lr=configuration.rate)
        )
        self.accelerator, self.last = accelerator, torch.zeros(3, 16, 16)

    def example(self, number: int) -> Mapping[str, Any]:
        seed = self.told.training.seed
        draw = Generators.of_sample(seed, str(number)).numpy
        assert isinstance(draw, np.random.Generator)
        crop = random_crop(self.clean[shuffled(number, len(self.clean), seed)], 16, draw)
        return {"gt": torch.from_numpy(crop.copy()).permute(2, 0, 1) / 255}

    def step(self, batch: Mapping[str, Any], iteration: int, generators: Generators) -> Mapping[str, float]:
        gt: Tensor = batch["gt"]
        lq = gt + 0.1 * torch.randn_like(gt) + 0.1 * torch.rand(gt.shape, generator=generators.torch)
        # What another example left behind, as pools and banks do.
        lq, self.last = lq + 0.1 * self.last, gt[-1]
        loss = (self.network(lq) - gt).square().mean()
        self.accelerator.backward(loss)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.average.update(self.accelerator.unwrap_model(self.network))
        return {"loss": loss.item()}

    def state(self) -> dict[str, Any]:
        return {
            "network": self.accelerator.unwrap_model(self.network).state_dict(),
            "average": self.average.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def rank_state(self) -> dict[str, Any]:
        return {"last": self.last}

    def resume(self, state: Mapping[str, Any], rank_state: Mapping[str, Any]) -> None:
        self.accelerator.unwrap_model(self.network).load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.last = rank_state["last"]

    def weights(self) -> Weights:
        return Weights(self.average.network.state_dict(), {"channels": 3})

    def samples(self) -> Tensor:
        held_out = CleanPictures(self.told.data, "held-out")
        pictures = torch.stack([torch.from_numpy(picture.copy()) for picture in held_out]).permute(0, 3, 1, 2) / 255
        return torch.stack([pictures, self.average.network(pictures).clamp(0, 1)], dim=1)

    def validate(self) -> Mapping[str, float]:
        pictures = self.samples()
        return {"psnr": float(-10 * (pictures[:, 0] - pictures[:, 1]).square().mean().log10())}


def settings(iterations: int, workers: int = 0, **more: Any) -> SmoothingSettings:
    """A configuration of it that saves, samples and validates often."""
    training = {
        "iterations": iterations, "batch": 3, "workers": workers, "log_every": 4, "save_every": 3,
        "samples_every": 6, "validate_every": 5, "tensorboard": False, "seed": 7,
    }  # fmt: skip
    return SmoothingSettings(training=Training(**(training | more)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    train("smoothing", Smoothing, settings(int(sys.argv[2]), int(sys.argv[3])), Path(sys.argv[1]), device="cpu")
