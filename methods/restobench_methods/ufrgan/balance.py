"""When the discriminators rest, so that they do not leave the generators behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from restobench_methods.ufrgan.configuration import Balance as Configuration


class Balance:
    """One gate for both discriminators: frozen while they are right too often at too small a loss.

    While frozen they are evaluated as ever and the averages move on; only their optimiser's
    step is left out. On several devices `observe` is told the means over all of them, for
    devices that disagree would wait for each other for ever.
    """

    def __init__(self, configuration: Configuration) -> None:
        """Not frozen, and nothing observed yet."""
        self.configuration = configuration
        self.step = 0
        self.frozen = False
        self.since = 0
        self.accuracy = 0.0
        self.loss = 0.0

    def decide(self) -> bool:
        """Whether the discriminators are frozen in the step that begins; to be asked once, before `observe`."""
        told = self.configuration
        if self.frozen:
            self.frozen = self.accuracy >= told.accuracy_low and self.step - self.since < told.max_frozen
        elif self.step >= told.warm_up and self.accuracy > told.accuracy_high and self.loss < told.loss_low:
            self.frozen, self.since = True, self.step
        return self.frozen

    def observe(self, accuracy: float, loss: float) -> None:
        """What the step that ends has shown.

        Args:
            accuracy: Share of the patches that both discriminators judged right.
            loss: Mean of their losses.
        """
        kept = self.configuration.smoothing if self.step else 0.0
        self.accuracy = kept * self.accuracy + (1 - kept) * accuracy
        self.loss = kept * self.loss + (1 - kept) * loss
        self.step += 1

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training needs."""
        return {name: getattr(self, name) for name in ("step", "frozen", "since", "accuracy", "loss")}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from it."""
        self.step, self.since = int(state["step"]), int(state["since"])
        self.frozen = bool(state["frozen"])
        self.accuracy, self.loss = float(state["accuracy"]), float(state["loss"])
