"""The interface that a method's training meets: what it brings, and what the loop does with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from restobench.degradations.generators import Generators
from restobench.train.configuration import Settings, Training

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Tensor


class Configuration(Protocol):
    """What every recipe's configuration has; else it is a pydantic model of the recipe's own."""

    @property
    def training(self) -> Training:
        """What the loop is told."""


class Weights(NamedTuple):
    """What a checkpoint is made of."""

    tensors: Mapping[str, Tensor]
    """By the names that the method loads."""
    network: Mapping[str, Any]
    """How the method builds the network that they fit, as JSON holds it."""


class Recipe(Protocol):
    """A method's training: what is learned, from what, and by which step.

    The loop does the rest: devices, batches, seeds, log, samples, checkpoints, resuming. For a
    resumed training to be equal to an undisturbed one, `example` may depend on its number
    alone, and `step` on what `state` and `rank_state` hold, its arguments and PyTorch's,
    NumPy's and Python's global generators, which the loop seeds before every step.
    """

    settings: type[Settings]
    """The model of its configuration, with a field `training: Training`."""

    best_by: str | None
    """The value of `validate` whose highest makes the best checkpoint; None: there is no best."""

    remarks: Sequence[str]
    """What the user is told before it begins, and what checkpoints keep: a part that is left out, say."""

    def __init__(self, configuration: Any, accelerator: Accelerator) -> None:
        """Build networks and optimisers, each through `accelerator.prepare`.

        Raises:
            RestobenchError: Pictures or weights that the configuration names are not there or do not fit.
        """

    def example(self, number: int) -> Mapping[str, Any]:
        """What is trained on as the example of this number, from 0 on: tensors, collated to a batch by their names.

        Called in worker processes. Iteration k (from 1) takes numbers (k - 1) batch to k batch - 1.
        """

    def step(self, batch: Mapping[str, Any], iteration: int, generators: Generators) -> Mapping[str, float]:
        """One iteration, counted from 1: losses, gradients, optimisers, averages.

        Args:
            batch: Collated examples of this device, on it.
            iteration: Of the training, not of this process.
            generators: The iteration's and the device's own, for whatever is drawn.

        Returns:
            What is logged: losses, rates, norms; the same names at every iteration.
        """

    def state(self) -> dict[str, Any]:
        """What a resumed training needs and all devices share: weights, averages, optimisers; tensors and numbers."""

    def rank_state(self) -> dict[str, Any]:
        """What each device has of its own: pools, banks."""

    def resume(self, state: Mapping[str, Any], rank_state: Mapping[str, Any]) -> None:
        """Go on from what `state` and `rank_state` gave."""

    def weights(self) -> Weights:
        """What inference needs of the training so far."""

    def samples(self) -> Tensor:
        """Pictures to look at, (R, C, 3, H, W) in [0, 1]: a row each, from what is given to what is wanted."""

    def validate(self) -> Mapping[str, float]:
        """Values on held-out pictures; the same names every time."""
