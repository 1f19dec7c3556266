"""What is measured, call by call, on a method that was chosen and a device.

A picture may depend on the input, the noise and the weights; not on its neighbours in the
batch, on PyTorch's generators or on the call before.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from restobench.conformance.probe import PLAIN, difference, make_pictures, seed_everything
from restobench.conformance.report import FAR, Check, Difference, Finding, Report
from restobench.errors import RestobenchError
from restobench.method import FolderMethod, MethodChoice
from restobench.noise import Noise

BATCHES = (2, 3, 8)
ROUNDING = 0.05
"""In grey levels: what two runs of the same arithmetic may differ by in another order of summing."""
OUTSIDE = 0.5
"""How far a restored picture may leave [0, 1]: networks overshoot, other ranges go further."""


class StopError(Exception):
    """Ends the measurement: after this nothing else can be measured."""

    def __init__(self, check: Check, measured: str, fault: str) -> None:
        """With the finding that ends it."""
        super().__init__(fault)
        self.finding = Finding(check, measured, fault)


@dataclass
class Measurement:
    """A method under test, and what its calls have shown so far."""

    choice: MethodChoice
    report: Report
    scale: int | None
    sizes: list[tuple[int, int]]
    changed_input: bool = False
    tensors: set[str] = field(default_factory=set)
    lowest: float = float("inf")
    highest: float = float("-inf")
    broken: set[int] = field(default_factory=set)
    """The pictures that held something other than numbers."""

    def measure(self) -> None:
        """Fill the report.

        Raises:
            StopError: Nothing more can be measured; it holds the finding.
            RestobenchError: The method refuses its setup, or all the pictures.
        """
        self._build()
        self._size()
        assert self.report.size
        pictures = make_pictures(*self.report.size)
        try:
            first = self._restore(pictures[:2])
            repeats = self._repeat(pictures[:2], first)
            if repeats and self._noise(pictures[:2], first):
                self._batch(pictures)
            if repeats:
                self._build_again(pictures[:2], first)
        finally:
            if self.tensors:
                self._values()

    def _found(self, check: Check, measured: str, fault: str | None = None) -> None:
        self.report.findings.append(Finding(check, measured, fault))

    def _build(self, rng: int = 0) -> None:
        seed_everything(rng)
        try:
            method = self.choice.build(device=self.report.device, dtype=self.report.dtype, scale=self.scale).method
        except RestobenchError:
            raise
        except Exception as error:
            raise StopError("build", "fails", f"It cannot be built: {self._in_words(error)}.") from error
        if isinstance(method, FolderMethod):
            raise RestobenchError(
                f"'{self.choice.name}' restores a folder at a time, so that there is no batch to look into; "
                "run it on a small data set instead."
            )
        if not hasattr(method, "restore"):
            raise StopError("build", "built", "It has no restore(lq, noise, mask=None).")
        self.method = method

    def _size(self) -> None:
        """One picture of each size; the first that works is the one for all that follows."""
        worked: list[str] = []
        refused: list[str] = []
        faults: list[str] = []
        last: Exception | None = None
        for width, height in self.sizes:
            shown = f"{width} x {height}"
            lq = make_pictures(width, height)[:1]
            try:
                restored = self._restore(lq, check_size=False)
            except RestobenchError as error:
                refused.append(f"{shown} ({error})")
                last = error
                continue
            except Exception as error:
                faults.append(
                    f"It fails at {shown} pixels: {self._in_words(error)}. Pad inside restore and cut it away again, "
                    "or say min_side or native_size in the card"
                )
                last = error
                continue
            if problem := self._wrong_size(restored, lq):
                faults.append(f"At {shown} pixels it {problem}")
                continue
            worked.append(shown)
            if self.report.size is None:
                self.report.size = (width, height)
                self.scale = self.scale or restored.shape[-1] // width
                self.report.scale = self.scale
        measured = f"x{self.report.scale} at {', '.join(worked)}" if worked else "none came out right"
        if refused:
            measured += f"; refused: {'; '.join(refused)}"
        fault = f"{'; '.join(faults)}." if faults else None
        if worked:
            self._found("size", measured, fault)
        elif fault:
            raise StopError("size", measured, fault) from last
        else:
            assert last
            raise RestobenchError(
                f"'{self.choice.name}' refuses every size that was tried; name one that it takes with "
                f"--size WIDTHxHEIGHT. It says: {last}"
            )

    def _wrong_size(self, restored: Any, lq: Tensor) -> str | None:
        """What is wrong with the result's type or shape; None where nothing is."""
        if not isinstance(restored, Tensor):
            return f"returns a {type(restored).__name__}; return one tensor (B, 3, scale H, scale W)"
        batch, _, height, width = lq.shape
        scale = self.scale or max(1, restored.shape[-1] // width if restored.ndim else 1)
        wanted = (batch, 3, scale * height, scale * width)
        if tuple(restored.shape) == wanted:
            return None
        return (
            f"returns the shape {tuple(restored.shape)} where {wanted} is wanted (x{scale}); "
            "cut away what was padded, and keep to the scale that is asked for"
        )

    def _repeat(self, lq: Tensor, first: Tensor) -> bool:
        apart = difference(self._restore(lq), first)
        if apart.grey_levels <= ROUNDING:
            self._found("repeat", f"{apart} when called again")
            return True
        self._found(
            "repeat",
            f"{apart} when called again",
            f"The same call gives other pictures (by up to {apart.grey_levels:.3g} grey levels): keep nothing from "
            "one call to the next, draw from `noise` alone, and use deterministic kernels.",
        )
        return False

    def _noise(self, lq: Tensor, first: Tensor) -> bool:
        """Whether all that is random comes from the noise object."""
        own = difference(self._restore(lq, rng=1), first)
        if own.grey_levels > ROUNDING:
            self._found(
                "noise",
                f"{own} when PyTorch's, NumPy's and Python's generators are seeded otherwise",
                f"It draws noise of its own (other pictures, by up to {own.grey_levels:.3g} grey levels, when the "
                "global generators are seeded otherwise): draw from the `noise` that restore is given, "
                "`noise.draw((C, H, W))`.",
            )
            return False
        seeded = difference(self._restore(lq, seed=1), first)
        self.report.stochastic = seeded.grey_levels > ROUNDING
        if self.report.stochastic:
            fault = None
            if not self.choice.card.stochastic:
                fault = "The card says stochastic = false, and another seed gives other pictures: take the line out."
            self._found("noise", f"used; another seed: {seeded}", fault)
        else:
            # Where files decide, another one may draw noise.
            decided = self.choice.card.stochastic and not self.choice.weights
            hint = "; the card may say stochastic = false" if decided else ""
            self._found("noise", f"not used{hint}")
        return True

    def _batch(self, pictures: Tensor) -> None:
        """Eight pictures one by one, and the same in batches, where the plain ones only stand beside the others."""
        singly = torch.cat([self._restore(pictures[i : i + 1], first=i) for i in range(len(pictures))])
        worst = Difference()
        done = []
        for batch in BATCHES:
            start = 3 if batch < len(pictures) - 3 else 0  # another place in the batch than in the list
            part = slice(start, start + batch)
            try:
                together = self._restore(pictures[part], first=start)
            except torch.cuda.OutOfMemoryError:
                break
            # A norm of a plain picture divides rounding by rounding, and batches round otherwise.
            told = [index for index in range(start, start + batch) if index not in PLAIN]
            apart = difference(together[[index - start for index in told]], singly[told])
            worst = worst.with_worse(apart)
            done.append(batch)
        self.report.batches, self.report.difference = tuple(done), worst
        sizes = f"at batch {', '.join(map(str, [1, *done]))}"
        fault = None
        if self.report.batch == "dependent":
            fault = (
                f"A picture depends on the batch that it is in (up to {worst.grey_levels:.3g} grey levels, "
                f"{worst.far_share:.0%} of the pixels by more than {FAR}): take no mean, norm or draw over the batch, "
                "and put the network into eval()."
            )
        self._found("batch", f"{self.report.batch}: {worst} {sizes}", fault)

    def _values(self) -> None:
        """What all the calls so far have shown of the values, their kind and their place."""
        kind = torch.device(self.report.device).type
        wanted = f"float32 on {kind}"
        shown = ", ".join(sorted(self.tensors))
        fault = f"It returns {shown}; return {wanted}: `.float()` at the end." if self.tensors != {wanted} else None
        self._found("tensor", shown, fault)
        self._found("range", *self._range())
        fault = "It writes into the pictures that it is given; work on a copy: `lq.clone()`."
        self._found("input", "changed", fault) if self.changed_input else self._found("input", "left as it was")

    def _range(self) -> tuple[str, str | None]:
        if self.broken:
            plain = self.broken <= set(PLAIN)
            return f"not numbers in {len(self.broken)} pictures", (
                f"It returns values that are not numbers{' for a picture of one colour' if plain else ''}: "
                "look for divisions by zero, and for roots and logarithms of what can be negative."
            )
        measured = f"{self.lowest:.3f} to {self.highest:.3f}"
        if self.lowest >= -OUTSIDE and self.highest <= 1 + OUTSIDE:
            return measured, None
        looks = "[0, 255]" if self.highest > 10 else "[-1, 1]" if self.lowest < -OUTSIDE else "a range of its own"
        return measured, (
            f"It returns values from {self.lowest:.3g} to {self.highest:.3g}, which looks like {looks}: "
            "convert to [0, 1] at the end."
        )

    def _build_again(self, lq: Tensor, first: Tensor) -> None:
        del self.method
        self._build(rng=1)
        apart = difference(self._restore(lq), first)
        fault = None
        if apart.grey_levels > ROUNDING:
            fault = (
                f"Built a second time it restores otherwise (by up to {apart.grey_levels:.3g} grey levels): load every "
                "weight from the file, and seed what a test configuration draws."
            )
        self._found("build", f"{apart} when built again", fault)

    def _restore(self, lq: Tensor, *, seed: int = 0, rng: int = 0, first: int = 0, check_size: bool = True) -> Tensor:
        """One call as the restore stage makes it; returns the pictures on the CPU, in float32.

        Args:
            lq: (B, 3, H, W); what is handed over is a copy.
            seed: Of the noise.
            rng: Of the generators that a method must not use.
            first: The number of the first picture, which names its noise.
            check_size: Stop where the result has another size than is wanted.
        """
        batch, _, height, width = lq.shape
        given = lq.clone().to(self.report.device)
        mask = None
        if self.choice.card.needs_mask:
            mask = torch.zeros(batch, 1, height, width, device=self.report.device)
            mask[..., height // 4 : height // 2, width // 3 : width // 2] = 1
        kept = None if mask is None else mask.clone()
        noise = Noise.of_seed(seed, [f"conformance/{first + index}" for index in range(batch)])
        seed_everything(rng)
        try:
            with torch.inference_mode():
                restored = self.method.restore(given, noise, mask)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:
            if not check_size:
                raise
            raise StopError(
                "batch" if batch > 1 else "repeat",
                f"fails at a batch of {batch}",
                f"It fails at a batch of {batch} where one picture went well: {self._in_words(error)}. Take any number "
                "of pictures, one by one inside restore if it must be.",
            ) from error
        if not torch.equal(given.cpu(), lq) or (mask is not None and kept is not None and not torch.equal(mask, kept)):
            self.changed_input = True
        if not check_size:
            return restored
        if problem := self._wrong_size(restored, lq):
            raise StopError("size", "not always right", f"At {width} x {height} pixels it {problem}.")
        self.tensors.add(f"{str(restored.dtype).removeprefix('torch.')} on {restored.device.type}")
        # A copy of its own: what is returned may be a buffer that the next call fills.
        plain = restored.detach().to("cpu", torch.float32, copy=True)
        finite = plain.isfinite()
        self.broken |= {first + index for index in range(batch) if not finite[index].all()}
        if finite.any():
            self.lowest = min(self.lowest, float(plain[finite].min()))
            self.highest = max(self.highest, float(plain[finite].max()))
        return plain

    def _in_words(self, error: Exception) -> str:
        """The error, and where in the method's own files it was raised."""
        text = f"{type(error).__name__}: {str(error).strip().rstrip('.')}"
        own = {path.resolve() for path in self.choice.plugin.sources()}
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if Path(frame.filename).resolve() in own:
                return f"{text} ({Path(frame.filename).name}, line {frame.lineno})"
        return text
