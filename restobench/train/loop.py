"""The training loop, whatever is trained.

    folder/
        configuration.json      what was asked for; the same folder takes no other
        log.csv validation.csv  and tensorboard/, samples/
        checkpoints/            last.safetensors, best.safetensors, with their configuration inside
        state/                  what a stopped training goes on from

Everything random in iteration k follows from (seed, k, device), and the n-th example from n: so a
training that was killed and resumed gives the numbers of one that was not, whatever the number of
workers.
"""

from __future__ import annotations

import json
import math
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from restobench.checkpoint import write_checkpoint
from restobench.degradations.generators import Generators
from restobench.errors import RestobenchError
from restobench.files import write_json, writing
from restobench.provenance import versions
from restobench.train.configuration import Training, differences
from restobench.train.log import Log
from restobench.train.recipe import Recipe
from restobench.train.state import read_state, save_state

if TYPE_CHECKING:
    from accelerate import Accelerator

Listener = Callable[[int, Mapping[str, float]], None]
"""Told of every iteration: its number, and what it logged."""


class StoppedError(RestobenchError):
    """The training was asked to stop, and did so after saving its state."""


class _Examples(Dataset[Mapping[str, Any] | RestobenchError]):
    """A recipe's examples as a data set of PyTorch's, without a length.

    An error for the user is handed on as a value: raised in a worker it would come out with
    that process's traceback for a text.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._example = recipe.example

    def __getitem__(self, number: int) -> Mapping[str, Any] | RestobenchError:
        try:
            return self._example(number)
        except RestobenchError as error:
            return error


def _collated(examples: Sequence[Mapping[str, Any] | RestobenchError]) -> Mapping[str, Any] | RestobenchError:
    for example in examples:
        if isinstance(example, RestobenchError):
            return example
    batch: Mapping[str, Any] = default_collate(list(examples))
    return batch


def train(
    name: str,
    recipe_type: type[Recipe],
    configuration: Any,
    folder: Path,
    *,
    listener: Listener | None = None,
    say: Callable[[str], None] = lambda _: None,
    device: str | None = None,
) -> int:
    """Train, from the start or from where a training in this folder stopped.

    Under `accelerate launch` every process calls it, and each takes its share of every batch.

    Args:
        name: The recipe's, for the checkpoints.
        recipe_type: What is trained.
        configuration: Of the type `recipe_type.settings`.
        folder: Where all goes that comes of it.
        listener: Told of every iteration, on the main process.
        say: Told what the recipe remarks before it begins, on the main process.
        device: `cpu` keeps off the GPU; None: the best there is.

    Returns:
        How many iterations were done now; 0 where the training was complete.

    Raises:
        RestobenchError: The folder holds another training, something in the configuration does not
            fit, a loss is no number, or the disk is full.
        StoppedError: Ctrl-C or SIGTERM: the iteration was finished and the state saved.
    """
    from accelerate import Accelerator

    training: Training = configuration.training
    accelerator = Accelerator(mixed_precision=training.precision, cpu=device == "cpu")
    if training.batch % accelerator.num_processes:
        raise RestobenchError(
            f"A batch of {training.batch} cannot be shared by {accelerator.num_processes} devices; "
            f"set training.batch to a multiple of {accelerator.num_processes}."
        )
    described = configuration.model_dump(mode="json")
    _claim(folder, name, described, accelerator)
    # Networks begin the same on every device, whatever each draws later.
    _seed_everything(_seed_of(training.seed, 0, 0))
    loop = _Loop(recipe_type(configuration, accelerator), {"recipe": name, "configuration": described}, folder)
    for remark in loop.recipe.remarks if accelerator.is_main_process else ():
        say(remark)
    begin = loop.resume(accelerator)
    if begin >= training.iterations:
        return 0
    with _stop_signals() as asked_to_stop, _log(folder, begin, training, accelerator) as log:
        batches = _batches(loop.recipe, training, begin, accelerator)
        for iteration, batch in zip(range(begin + 1, training.iterations + 1), batches, strict=True):
            values = loop.step(batch, iteration, training, accelerator)
            last = iteration == training.iterations
            if log:
                loop.report(log, iteration, training, last=last)
            stop = _agreed(bool(asked_to_stop), iteration, training, accelerator)
            if last or stop or iteration % training.save_every == 0:
                loop.save(iteration, training, accelerator)
            if listener and accelerator.is_main_process:
                listener(iteration, values)
            if stop and not last:
                raise StoppedError(
                    f"Stopped after iteration {iteration} of {training.iterations}; the same command goes on."
                )
    return training.iterations - begin


class _Loop:
    """A recipe on its way, and what the loop itself remembers."""

    def __init__(self, recipe: Recipe, described: Mapping[str, Any], folder: Path) -> None:
        self.recipe, self.described, self.folder = recipe, described, folder
        self.sums: dict[str, float] = {}
        """Of what was logged since the last row."""
        self.since = time.monotonic()
        self.best: float | None = None

    def resume(self, accelerator: Accelerator) -> int:
        """Go on from the newest state; the iteration it was made after, 0 where there is none."""
        state = read_state(self.folder, accelerator)
        if state is None:
            return 0
        self.sums, self.best = state.shared["sums"], state.shared["best"]
        self.recipe.resume(state.shared["recipe"], state.rank["recipe"])
        if accelerator.scaler is not None:
            accelerator.scaler.load_state_dict(state.shared["scaler"])
        return state.iteration

    def save(self, iteration: int, training: Training, accelerator: Accelerator) -> None:
        """Write a state, and the last checkpoint."""
        scaler = accelerator.scaler.state_dict() if accelerator.scaler is not None else {}
        shared = {"recipe": self.recipe.state(), "sums": self.sums, "best": self.best, "scaler": scaler}
        save_state(self.folder, iteration, shared, {"recipe": self.recipe.rank_state()}, accelerator)
        if accelerator.is_main_process:
            self._checkpoint("last", iteration, training)

    def step(
        self, batch: Mapping[str, Any], iteration: int, training: Training, accelerator: Accelerator
    ) -> Mapping[str, float]:
        """One iteration, seeded."""
        seed = _seed_of(training.seed, iteration, accelerator.process_index)
        _seed_everything(seed)
        values = self.recipe.step(_moved(batch, accelerator.device), iteration, Generators.of_seed(seed))
        if faults := [f"{what} {value}" for what, value in values.items() if not math.isfinite(value)]:
            raise RestobenchError(
                f"Iteration {iteration} gave {', '.join(faults)}; the state before is kept in {self.folder / 'state'}. "
                "Try a lower rate, or training.precision no or bf16."
            )
        self.sums = {what: self.sums.get(what, 0.0) + value for what, value in values.items()}
        return values

    def report(self, log: Log, iteration: int, training: Training, *, last: bool) -> None:
        """Log, validate and show samples, where it is time to."""
        if iteration % training.log_every == 0:
            seconds = time.monotonic() - self.since
            means = {what: total / training.log_every for what, total in self.sums.items()}
            log.losses(iteration, means | {"seconds": seconds})
            self.sums, self.since = {}, time.monotonic()
        if training.validate_every and (last or iteration % training.validate_every == 0):
            self._validate(log, iteration, training)
        if training.samples_every and (last or iteration % training.samples_every == 0):
            log.samples(iteration, self.recipe.samples())

    def _validate(self, log: Log, iteration: int, training: Training) -> None:
        found = self.recipe.validate()
        log.validation(iteration, found)
        value = found.get(self.recipe.best_by) if self.recipe.best_by else None
        if value is not None and (self.best is None or value > self.best):
            self.best = value
            self._checkpoint("best", iteration, training)

    def _checkpoint(self, which: str, iteration: int, training: Training) -> None:
        weights = self.recipe.weights()
        made = {
            **self.described,
            "iteration": iteration,
            "network": weights.network,
            "remarks": list(self.recipe.remarks),
            "versions": versions("accelerate"),
        }
        stored_as: torch.dtype = getattr(torch, training.store_as)
        stored = {
            name: tensor.to(stored_as) if tensor.is_floating_point() else tensor
            for name, tensor in weights.tensors.items()
        }
        write_checkpoint(self.folder / "checkpoints" / f"{which}.safetensors", stored, made)


def _claim(folder: Path, name: str, described: Mapping[str, Any], accelerator: Accelerator) -> None:
    """Make the folder this training's; the folder of another is refused."""
    path = folder / "configuration.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before["recipe"] != name:
            raise RestobenchError(f"{folder} holds a training of {before['recipe']}; name another folder: --output.")
        if other := differences(described, before["configuration"]):
            raise RestobenchError(
                f"{folder} holds a training with another configuration: {'; '.join(other[:5])}. "
                "Name another folder (--output), or set them back to go on with it."
            )
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        with writing():
            folder.mkdir(parents=True, exist_ok=True)
            write_json(path, {"recipe": name, "configuration": described})


def _batches(recipe: Recipe, training: Training, begin: int, accelerator: Accelerator) -> Iterator[Mapping[str, Any]]:
    """This device's share of every iteration's batch, from the one after `begin` on."""
    share = training.batch // accelerator.num_processes
    first = share * accelerator.process_index
    starts = (before * training.batch + first for before in range(begin, training.iterations))
    # Ranges, which PyTorch takes as it takes lists: a long training has tens of millions of examples.
    numbers: Any = [range(start, start + share) for start in starts]
    loader: DataLoader[Mapping[str, Any] | RestobenchError] = DataLoader(
        _Examples(recipe),
        batch_sampler=numbers,
        collate_fn=_collated,
        num_workers=training.workers,
        pin_memory=accelerator.device.type == "cuda",
        worker_init_fn=_quiet_worker,
    )
    for batch in loader:
        if isinstance(batch, RestobenchError):
            raise batch
        yield batch


def _quiet_worker(_: int) -> None:
    """Ctrl-C reaches the whole group; the training itself decides when its workers end. One thread each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _moved(batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    return {
        name: value.to(device, non_blocking=True) if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
    }


def _seed_of(seed: int, iteration: int, rank: int) -> int:
    """32 bits that differ for every seed, iteration and device."""
    return int(np.random.SeedSequence([seed, iteration, rank]).generate_state(1)[0])


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def _log(folder: Path, begin: int, training: Training, accelerator: Accelerator) -> Iterator[Log | None]:
    """The log, on the main process alone."""
    if not accelerator.is_main_process:
        yield None
        return
    with Log(folder, after=begin, tensorboard=training.tensorboard) as log:
        yield log


@contextmanager
def _stop_signals() -> Iterator[Sequence[int]]:
    """Collect Ctrl-C and SIGTERM instead of dying of them; a second Ctrl-C does what it always did."""
    asked: list[int] = []

    def ask(number: int, _: FrameType | None) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    except RuntimeError as error:
        # A scheduler stops the workers too, and PyTorch says so in the middle of whatever is done
        # then: what is in memory is no state, and the last saved one is what remains.
        if asked and "DataLoader worker" in str(error):
            message = "Stopped together with its workers; the same command goes on from the last saved state."
            raise StoppedError(message) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _agreed(asked: bool, iteration: int, training: Training, accelerator: Accelerator) -> bool:
    """Whether any device was asked to stop; several devices ask each other only now and then."""
    if accelerator.num_processes == 1:
        return asked
    if iteration % training.log_every:
        return False
    flag = torch.tensor([float(asked)], device=accelerator.device)
    total = accelerator.reduce(flag, reduction="sum")
    return bool(total.item())
