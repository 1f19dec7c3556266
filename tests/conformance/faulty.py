"""Methods that each break one promise, and two that keep it in a way of their own."""

import pickle
import socket
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import torch
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.method import Setup
from restobench.noise import Noise

CHECKPOINT = Path(__file__).with_name("state.pth")


class Keeps:
    """Adds noise as it should."""

    def __init__(self, setup: Setup) -> None:
        self.calls = 0

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        return self.made_of(lq + 0.1 * noise.draw(lq.shape[1:], device=lq.device), lq)

    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        """What becomes of a picture that was restored as it should be."""
        return restored.clamp(0, 1)


class Draws(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return (restored + 0.1 * torch.randn_like(lq)).clamp(0, 1)


class DrawsWithNumpy(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return restored + 0.1 * float(np.random.rand())


class DrawsForTheBatch(Keeps):
    """From a generator that is seeded in every call: only the place in the batch gives it away."""

    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        drawn = torch.randn(lq.shape, generator=torch.Generator().manual_seed(0))
        return (restored + 0.1 * drawn).clamp(0, 1)


class Counts(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        self.calls += 1
        return restored + 0.01 * self.calls


class Normalises(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return restored - lq.mean() + 0.5


class RoundsWithTheBatch(Keeps):
    """As a library does that chooses another kernel for another shape."""

    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return restored.clamp(0, 1) * (1 - 2**-12 * (len(lq) - 1))


class OneAtATime(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        (only,) = restored
        return only[None]


class DividesByZero(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return lq / lq.amax(dim=(1, 2, 3), keepdim=True)


class MinusOneToOne(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return 2 * restored - 1


class Bytes(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return 255 * restored


class Half(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return restored.clamp(0, 1).half()


class Pads(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return torch.nn.functional.pad(restored, (0, -lq.shape[3] % 8, 0, -lq.shape[2] % 8))


class NeedsMultiplesOfEight(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        assert lq.shape[2] % 8 == lq.shape[3] % 8 == 0, "sides must divide by 8"
        return restored


class GivesAList(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return list(restored)  # type: ignore[return-value]


class WritesIntoItsInput(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return lq.mul_(0.5)


class OpensASocket(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        socket.create_connection(("192.0.2.1", 443), timeout=1).close()
        return restored


class DownloadsIfItCan(Keeps):
    """And says in its own words that it could not."""

    def __init__(self, setup: Setup) -> None:
        try:
            urlopen("https://weights.example/model.pth")
        except OSError as error:
            raise RestobenchError("The weights could not be downloaded.") from error


class LooksForNews(Keeps):
    """And goes on without."""

    def __init__(self, setup: Setup) -> None:
        try:
            socket.getaddrinfo("news.example", 80)
        except OSError:
            self.calls = 0


class LoadsAnything(Keeps):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        torch.load(CHECKPOINT, weights_only=False)


class Unpickles(Keeps):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        with CHECKPOINT.open("rb") as file:
            pickle.load(file)


class LoadsWeights(Keeps):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        torch.load(CHECKPOINT, weights_only=True)


class StartsAtRandom(Keeps):
    """A layer that the checkpoint lacks."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.layer = torch.nn.Conv2d(3, 3, 1)

    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        return self.layer(restored).sigmoid()  # type: ignore[no-any-return]


class CannotBeBuilt(Keeps):
    def __init__(self, setup: Setup) -> None:
        raise KeyError("backbone")


class RefusesSmall(Keeps):
    def made_of(self, restored: Tensor, lq: Tensor) -> Tensor:
        if min(lq.shape[2:]) < 128:
            raise RestobenchError("A face must be at least 128 pixels wide.")
        return restored


class ForgetsTheMask:
    """Takes no third argument."""

    def __init__(self, setup: Setup) -> None:
        """Nothing to prepare."""

    def restore(self, lq: Tensor, noise: Noise) -> Tensor:
        return lq


class RestoresNothing:
    """Has another interface in mind."""

    def __init__(self, setup: Setup) -> None:
        """Nothing to prepare."""


class RestoresAFolder(RestoresNothing):
    """All pictures in one go."""

    def restore_folder(self, lq_dir: Path, restored_dir: Path, *, seed: int) -> None:
        """Restores it."""
