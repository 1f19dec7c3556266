"""Replay golden cases: what the official programs gave, computed again by ours and compared.

    python tests/parity.py FILE.json [FILE.json ...]

A file is a list of cases: each names its `method` and `kind`, its inputs, and the `output` or
`outputs` that were measured. Exits with 1 where a case is off or of an unknown kind, and with 2
where a file cannot be read. `@kind` registers how a kind is replayed; those of a method may
stand in `parity_METHOD.py` beside this file, which is imported when the first case asks for it.
"""

import argparse
import importlib
import json
import math
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if __name__ == "__main__":
    # Python looks beside a script; this package is one folder up.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from restobench.metrics.registry import choose_metrics
from tests import filling

Case = Mapping[str, Any]
Replay = Callable[[Case], Any]
"""A case to its outputs by name (or its one output): tensors, numbers, lists, texts."""

MOMENTS = ("mean", "std", "min", "max")
# Golden values have seven decimals, so the true one is anywhere within half a unit.
ROUNDING = 5e-8
DEFAULT_RELATIVE = 1e-4
RELATIVE_OF_METRICS = 1e-6
# The resshift cases divide a list's differences by its standard deviation, the others by its largest value.
LISTS_BY_DEVIATION = ("resshift",)

_replays: dict[tuple[str, str], Replay] = {}


def kind(method: str, name: str) -> Callable[[Replay], Replay]:
    """Register the decorated function as the way to replay cases of this method and kind."""

    def register(replay: Replay) -> Replay:
        assert (method, name) not in _replays, f"{method}/{name} is registered twice"
        _replays[method, name] = replay
        return replay

    return register


def replay_of(method: str, name: str) -> Replay | None:
    """How a kind is replayed; None where nobody has registered it."""
    beside = Path(__file__).parent / f"parity_{method}.py"
    if (method, name) not in _replays and beside.exists():
        importlib.import_module(f"tests.{beside.stem}")
    return _replays.get((method, name))


@dataclass(frozen=True)
class Tolerance:
    """How far an output may be off.

    A difference passes if it is at most `absolute`, or at most `relative` of the output's
    scale: its standard deviation where the case brings a tolerance (`own`), else its
    largest absolute value.
    """

    own: bool
    relative: float
    relative_of: Mapping[str, float] = field(default_factory=dict)
    relative_of_numbers: float | None = None
    absolute: float = 0.0
    levels: float = 0.0
    """Grey levels by which 8-bit pictures (outputs with `bgr` in their names) may be off."""
    outliers: float = 0.0
    """Share of the values that may lie outside; minimum and maximum are then not compared."""
    mean_absolute: float = math.inf
    lists_by_deviation: bool = False

    @classmethod
    def of(cls, case: Case, method: str) -> "Tolerance":
        """The case's own tolerance, or the one that holds for its method."""
        numbers = RELATIVE_OF_METRICS if method == "metrics" else None
        by_deviation = method in LISTS_BY_DEVIATION
        given = case.get("tolerance")
        if given is None:
            return cls(False, DEFAULT_RELATIVE, relative_of_numbers=numbers, lists_by_deviation=by_deviation)
        if not isinstance(given, Mapping):
            given = {"rel": given}
        unknown = set(given) - {"rel", "rel_of", "abs", "levels", "outliers", "mean_abs"}
        if unknown:
            raise ValueError(f"the tolerance has parts that nobody knows: {', '.join(sorted(unknown))}")
        return cls(
            own=True,
            relative=given.get("rel", 0.0),
            relative_of=given.get("rel_of", {}),
            absolute=given.get("abs", 0.0),
            levels=given.get("levels", 0.0),
            outliers=given.get("outliers", 0.0),
            mean_absolute=given.get("mean_abs", math.inf),
            lists_by_deviation=by_deviation,
        )

    def bound(self, output: str, scale: float, *, number: bool = False) -> float:
        """The largest difference that passes, for an output of this name and scale."""
        relative = self.relative_of.get(output, self.relative)
        if number and self.relative_of_numbers is not None:
            relative = self.relative_of_numbers
        levels = self.levels if "bgr" in output else 0.0
        return max(relative * scale, self.absolute, levels)


@dataclass(frozen=True)
class Difference:
    """How far one part of an output is off: relative to its scale, and to what is allowed."""

    part: str
    relative: float
    of_allowed: float
    """Over 1: too far."""
    note: str = ""


def compare(case: Case, method: str, ours: Any) -> list[Difference]:
    """Every part of every expected output against ours; what ours has beyond them is not looked at."""
    tolerance = Tolerance.of(case, method)
    expected = _by_name(case["outputs"] if "outputs" in case else case["output"])
    found = _by_name(ours)
    differences: list[Difference] = []
    for output, reference in expected.items():
        if output not in found:
            differences.append(Difference(output, math.inf, math.inf, "is missing"))
        elif _is_sample(reference):
            differences += _compare_sample(output, found[output], reference, tolerance)
        else:
            differences.append(_compare_plain(output, found[output], reference, tolerance))
    return differences


def _by_name(outputs: Any) -> dict[str, Any]:
    return dict(outputs) if isinstance(outputs, Mapping) and not _is_sample(outputs) else {"output": outputs}


def _is_sample(output: Any) -> bool:
    return isinstance(output, Mapping) and {"shape", "index", "value"} <= output.keys()


def _compare_sample(output: str, ours: Any, reference: Case, tolerance: Tolerance) -> Iterator[Difference]:
    """A tensor against a `sample()` of the official one."""
    tensor = torch.as_tensor(ours).detach()
    yield _exact(f"{output}.shape", list(tensor.shape), reference["shape"])
    if list(tensor.shape) != reference["shape"]:
        return
    sampled = filling.sample(tensor, n=len(reference["index"]))
    yield _exact(f"{output}.index", sampled["index"], reference["index"])
    if sampled["index"] != reference["index"]:
        return
    values = tensor.double().flatten()[torch.tensor(reference["index"], dtype=torch.long)].cpu().numpy()
    golden = np.array(reference["value"], dtype=float)
    gaps = np.maximum(_gaps(values, golden) - ROUNDING, 0)

    value_scale = moment_scale = reference["std"] or 1.0
    if not tolerance.own:
        value_scale = np.abs(golden).max().item() or 1.0
        moment_scale = max(abs(reference["min"]), abs(reference["max"])) or 1.0
    bound = tolerance.bound(output, value_scale)
    worst = np.sort(gaps)[: gaps.size - math.floor(tolerance.outliers * gaps.size)].max(initial=0.0).item()
    yield _difference(f"{output}.value", worst, value_scale, bound)
    if math.isfinite(tolerance.mean_absolute):
        yield _difference(f"{output} (mean difference)", gaps.mean().item(), value_scale, tolerance.mean_absolute)

    moment_bound = tolerance.bound(output, moment_scale)
    if tolerance.outliers:
        moment_bound = max(moment_bound, 0.01 * reference["std"])
    for moment in MOMENTS[:2] if tolerance.outliers else MOMENTS:
        gap = _gaps(np.array([sampled[moment]]), np.array([reference[moment]])).item()
        yield _difference(f"{output}.{moment}", gap, moment_scale, moment_bound)


def _compare_plain(output: str, ours: Any, reference: Any, tolerance: Tolerance) -> Difference:
    """A number, a text, true or false, or nested lists of them. Whole numbers and texts: exactly equal."""
    if isinstance(ours, Tensor | np.ndarray | np.generic):
        ours = ours.tolist()
    if isinstance(ours, list | tuple) and len(ours) == 1 and not isinstance(reference, list):
        ours = ours[0]
    if not any(isinstance(leaf, float) for leaf in _leaves(reference)):
        return _exact(output, ours, reference)
    try:
        values, golden = np.array(ours, dtype=float), np.array(reference, dtype=float)
    except (TypeError, ValueError):
        return Difference(output, math.inf, math.inf, f"is {str(ours)[:60]}, not numbers like the reference")
    if values.shape != golden.shape:
        return Difference(output, math.inf, math.inf, f"has shape {list(values.shape)} instead of {list(golden.shape)}")
    finite = np.abs(golden[np.isfinite(golden)])
    scale = finite.max(initial=0.0).item()
    if golden.ndim and tolerance.own and tolerance.lists_by_deviation:
        scale = float(golden.std()) or scale
    scale = scale or 1.0
    bound = tolerance.bound(output, scale, number=True)
    return _difference(output, _gaps(values, golden).max(initial=0.0).item(), scale, bound)


def _leaves(nested: Any) -> Iterator[Any]:
    if isinstance(nested, list):
        for inner in nested:
            yield from _leaves(inner)
    else:
        yield nested


def _exact(part: str, ours: Any, reference: Any) -> Difference:
    if _as_lists(ours) == reference:
        return Difference(part, 0.0, 0.0)
    return Difference(part, math.inf, math.inf, f"is {str(ours)[:60]} instead of {str(reference)[:60]}")


def _as_lists(ours: Any) -> Any:
    return [_as_lists(inner) for inner in ours] if isinstance(ours, list | tuple) else ours


def _gaps(ours: NDArray[Any], reference: NDArray[Any]) -> NDArray[Any]:
    """Absolute differences; equal infinities do not differ, and NaN is infinitely far from everything."""
    with np.errstate(invalid="ignore"):
        gaps = np.abs(ours - reference)
    return np.where(ours == reference, 0.0, np.nan_to_num(gaps, nan=np.inf, posinf=np.inf))


def _difference(part: str, gap: float, scale: float, bound: float) -> Difference:
    of_allowed = gap / bound if bound else (math.inf if gap else 0.0)
    return Difference(part, gap / scale, of_allowed, f"is off by {gap:.2g}, allowed are {bound:.2g}")


def check_case(case: Case, method: str) -> tuple[bool, str]:
    """Replay one case: whether it passes, and the line that says how it went."""
    name = case.get("kind", "?")
    head = f"{method}/{name} {case.get('id', '?')}"
    replay = replay_of(method, name)
    if replay is None:
        return False, f"FAIL {head}: unknown kind"
    try:
        differences = compare(case, method, replay(case))
    except Exception as error:
        # One broken case must not hide how the others fare.
        traceback.print_exc()
        return False, f"FAIL {head}: {type(error).__name__}: {error}"
    if not differences:
        return False, f"FAIL {head}: holds no output to compare"
    largest = max(difference.relative for difference in differences)
    line = f"{head}: largest relative difference {largest:.2g}"
    failed = [difference for difference in differences if difference.of_allowed > 1]
    if failed:
        return False, f"FAIL {line}; " + "; ".join(f"{one.part} {one.note}" for one in failed)
    return True, f"ok   {line}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay every case of the files and print a line for each."""
    parser = argparse.ArgumentParser(description="Replay golden cases and compare.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.json")
    parser.add_argument("--method", help="of cases that do not name theirs; by default the name of the file's folder")
    options = parser.parse_args(arguments)
    cases: list[tuple[Case, str]] = []
    for file in options.files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            print(f"{file} cannot be read: {error.strerror}.", file=sys.stderr)
            return 2
        except ValueError as error:
            print(f"{file} is not valid JSON: {error}.", file=sys.stderr)
            return 2
        if not isinstance(content, list) or not all(isinstance(case, Mapping) for case in content):
            print(f"{file} is no list of golden cases.", file=sys.stderr)
            return 2
        folder = file.resolve().parent.name
        cases += [(case, case.get("method") or options.method or folder) for case in content]

    # With several threads the last digit of a made input may be another, and with it a hard bit on its threshold.
    torch.set_num_threads(1)
    failed = 0
    for case, method in cases:
        passed, line = check_case(case, method)
        failed += not passed
        print(line, flush=True)
    print(f"{len(cases) - failed} of {len(cases)} cases agree.")
    return 1 if failed else 0


@kind("metrics", "pair")
def pair(case: Case) -> dict[str, float]:
    """A smooth picture and a noisy one, both of 8 bits, through every metric that the case names."""
    shape, seed = (1, 3, *case["size"]), case["seed"]
    gt = eight_bit(filling.image("gt", shape, seed))
    restored = eight_bit(gt + 0.05 * filling.noise("n", shape, seed))
    return {metric.name: metric.load()(restored, gt).item() for metric in choose_metrics(case["output"])}


def eight_bit(picture: Tensor) -> Tensor:
    """Clamped and rounded, as a saved picture is read back."""
    return (255 * picture.clamp(0, 1)).round() / 255


if __name__ == "__main__":
    # By its import name, so that kinds registered from other files land in the same registry.
    from tests import parity

    sys.exit(parity.main())
