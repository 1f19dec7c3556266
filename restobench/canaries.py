"""Eight small pictures that show when a metric gives another number than it used to.

Drawn by integer arithmetic, so every machine has the same pixels. The values of metrics that need
no download are recorded in `canaries.json` with the versions that made them; those of all other
metrics are recorded in RESTOBENCH_HOME when a metric is first scored there, and compared from
then on. `python -m restobench.canaries` scores the shipped ones anew and prints the file.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from restobench.cache import Cache
from restobench.environment import home
from restobench.errors import RestobenchError, in_words
from restobench.files import write_json
from restobench.metrics.registry import Metric, all_metrics, choose_metrics
from restobench.provenance import installed_version
from restobench.scoring import score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[np.int64]
    """(H, W, 3), grey levels from 0 to 255."""

HEIGHT, WIDTH = 197, 211
"""Two blocks of 96, which NIQE wants, and odd."""
RECORD = Path(__file__).with_name("canaries.json")
TOLERANCE = 1e-6
"""Share of the value by which our own metrics may differ: sums of float64 in another order stay far below."""
FLOAT32_TOLERANCE = 1e-4
"""The same for metrics of a library and for those with weights: many compute in float32."""
SLOW = ("mad",)
"""Scored on the first canary alone: 3 s a picture."""
# Below this a value counts as this large, or zero could not move at all.
_FLOOR = 1e-3


@dataclass(frozen=True)
class Checked:
    """One metric, scored on the canaries."""

    metric: str
    drift: float | None
    """The largest share by which a value differs from the recorded one; None where it was not compared."""
    text: str
    """What to tell: what moved from where to where, under which libraries; or why nothing was compared."""

    @property
    def moved(self) -> bool:
        """Whether it gives another number than it did."""
        return self.drift is not None and self.drift > 0


def draw() -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """By name: the clean picture and its degraded partner, (H, W, 3), 8 bits."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.int64)
    disc = ((x - 105) ** 2 + (y - 98) ** 2 < 60**2) * 160 + 40
    terrain = sum((_blocks(seed, size) * size for seed, size in enumerate((32, 16, 8, 4, 2), 1)), start=y * 0) // 62
    clean = {
        "ramp": np.stack([x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), (x + y) * 255 // (WIDTH + HEIGHT - 2)], -1),
        "checkers": _grey(((x // 12 + y // 12) % 2) * 180 + 30),
        "rings": _grey(((x - 105) ** 2 + (y - 98) ** 2) // 40 % 256),
        "disc": np.stack([disc, 255 - disc, disc // 2 + 60], -1),
        "grain": np.stack([_noise(seed, HEIGHT, WIDTH) for seed in (11, 12, 13)], -1),
        "patches": np.stack([_blocks(seed, 24) for seed in (21, 22, 23)], -1),
        "terrain": np.stack([terrain, terrain * 3 // 4 + 30, 255 - terrain], -1),
        "script": _grey(240 - 200 * ((_blocks(31, 3) > 150) & (y // 9 % 2 == 0))),
    }
    noise = np.stack([_noise(seed, HEIGHT, WIDTH) for seed in (41, 42, 43)], -1) - 128
    degraded = {
        "ramp": clean["ramp"] // 16 * 16 + 8,
        "checkers": _blurred(clean["checkers"]),
        "rings": np.concatenate([clean["rings"][:, :1], clean["rings"][:, :-1]], axis=1),
        "disc": clean["disc"] + noise // 4,
        "grain": _blurred(clean["grain"]),
        "patches": clean["patches"] * 9 // 10 + np.array([12, 0, 5]),
        "terrain": clean["terrain"][y // 4 * 4, x // 4 * 4],
        "script": _blurred(clean["script"]) + noise // 8,
    }
    return {name: (_eight_bit(clean[name]), _eight_bit(degraded[name])) for name in clean}


def _noise(seed: int, height: int, width: int) -> Grid:
    """(height, width), 0 to 255: a multiplicative hash of the position, the same on every machine."""
    state = np.arange(height * width, dtype=np.uint64) + np.uint64(seed * 7919 + 1)
    for multiplier in (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D):
        state = (state ^ (state >> np.uint64(15))) * np.uint64(multiplier) % np.uint64(2**32)
    return (state >> np.uint64(24)).astype(np.int64).reshape(height, width)


def _blocks(seed: int, size: int) -> Grid:
    """Noise in squares of `size` pixels, (HEIGHT, WIDTH)."""
    small = _noise(seed, -(-HEIGHT // size), -(-WIDTH // size))
    return small.repeat(size, axis=0).repeat(size, axis=1)[:HEIGHT, :WIDTH]


def _grey(plane: Grid) -> Grid:
    return np.stack([plane] * 3, -1)


def _blurred(picture: Grid) -> Grid:
    """The mean of 3 x 3, the edge going on."""
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return sum((padded[i : i + HEIGHT, j : j + WIDTH] for i in range(3) for j in range(3)), start=picture * 0) // 9


def _eight_bit(picture: Grid) -> NDArray[np.uint8]:
    return picture.clip(0, 255).astype(np.uint8)


def score_canaries(metric: Metric) -> list[float]:
    """The metric's value for each degraded canary, in their order; of a set-level metric its one number.

    Raises:
        RestobenchError: It cannot be computed here, or the set is too small for it.
    """
    import torch

    pictures = draw().values()
    clean, degraded = (
        torch.stack([torch.from_numpy(pair[place]).permute(2, 0, 1) for pair in pictures]) / 255 for place in (0, 1)
    )
    if metric.name in SLOW:
        clean, degraded = clean[:1], degraded[:1]
    if metric.card.reference == "input":
        # What is scored must be a whole number of times as large.
        found = score(degraded[..., :196, :208], lq=clean[..., 2:196:4, 2:208:4], metrics=[metric.name])
    else:
        found = score(degraded, clean, metrics=[metric.name])
    values: list[float] = found[metric.name].tolist()
    return values


def check_canaries(local: Path | None = None, *, record: Path = RECORD) -> list[Checked]:
    """Score every metric that can be computed here, and compare with what was recorded.

    Args:
        local: Where the values of metrics are kept that `record` does not know; default: in RESTOBENCH_HOME.
        record: What ships.
    """
    local = local or home() / "canaries.json"
    shipped = _read(record, "It comes with restobench: install it again.")
    again = "Delete it, and the values are recorded again."
    kept = _read(local, again) if local.exists() else {"metrics": {}}
    fresh: dict[str, Any] = {}
    found = []
    cache = Cache()
    for metric in all_metrics():
        if metric.missing():
            continue  # said elsewhere, with what to do
        try:
            metric = metric.identified(cache)
            values = score_canaries(metric)
        except RestobenchError as error:
            found.append(Checked(metric.name, None, f"not scored on the canaries: {error}"))
            continue
        except Exception as error:  # a library that breaks must not hide what is wrong with the others
            found.append(Checked(metric.name, math.inf, f"fails on the canaries: {in_words(error)}"))
            continue
        known = shipped["metrics"].get(metric.name)
        if known and known["definition"] == _definition(metric):
            tolerance = FLOAT32_TOLERANCE if metric.card.library else TOLERANCE
            found.append(_compared(metric, values, known, tolerance, advice=""))
            continue
        known = kept["metrics"].get(_definition(metric))
        if known:
            advice = f" If that is meant, delete {local}, and the new values are recorded."
            found.append(_compared(metric, values, known, FLOAT32_TOLERANCE, advice))
        else:
            fresh[_definition(metric)] = _row(metric, values)
            found.append(Checked(metric.name, None, f"values recorded in {local}, to be compared from now on"))
    if fresh:
        write_json(local, {"metrics": kept["metrics"] | fresh})
    return found


def _read(path: Path, advice: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        content["metrics"].items()
    except FileNotFoundError:
        raise RestobenchError(f"The recorded values of the canaries are not there: {path}. {advice}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise RestobenchError(f"{path} is damaged: it holds no recorded values of the canaries. {advice}") from None
    return content


def _definition(metric: Metric) -> str:
    """What the metric is, whichever version of a library computes it."""
    return ":".join(part for part in metric.signature_parts() if not part.startswith("lib="))


def _libraries(metric: Metric) -> dict[str, str]:
    names = dict.fromkeys(name for name in (metric.card.library, "torch", "numpy", "restobench") if name)
    return {name: installed_version(name) or "missing" for name in names}


def _row(metric: Metric, values: Sequence[float]) -> dict[str, Any]:
    # JSON has no infinity and no NaN.
    finite = [value if math.isfinite(value) else str(value) for value in values]
    return {"definition": _definition(metric), "versions": _libraries(metric), "values": finite}


def _compared(
    metric: Metric, values: Sequence[float], known: Mapping[str, Any], tolerance: float, advice: str
) -> Checked:
    recorded = [float(value) for value in known["values"]]
    if len(recorded) != len(values):
        return Checked(metric.name, math.inf, f"gives {len(values)} values, {len(recorded)} were recorded.{advice}")
    shares = [_share(value, old) for value, old in zip(values, recorded, strict=True)]
    worst = max(range(len(shares)), key=shares.__getitem__)
    if shares[worst] <= tolerance:
        return Checked(metric.name, 0.0, f"gives the recorded values (within {tolerance:g})")
    name = list(draw())[worst] if metric.card.kind != "set" else "whole set"
    now = _libraries(metric)
    changed = [f"{key} {old}, now {now.get(key)}" for key, old in known["versions"].items() if now.get(key) != old]
    libraries = (
        f"recorded with {'; '.join(changed)}"
        if changed
        else (
            f"with the versions that it was recorded with ({', '.join(f'{key} {value}' for key, value in now.items())})"
        )
    )
    text = (
        f"gives {values[worst]:.8g} on the canary '{name}' and gave {recorded[worst]:.8g}: "
        f"{shares[worst]:.2g} of the value, {libraries}.{advice}"
    )
    return Checked(metric.name, shares[worst], text)


def _share(value: float, recorded: float) -> float:
    if value == recorded or (math.isnan(value) and math.isnan(recorded)):
        return 0.0
    share = abs(value - recorded) / max(abs(recorded), _FLOOR)
    return math.inf if math.isnan(share) else share


def pictures_sha256() -> str:
    """SHA-256 over all the pictures' pixels."""
    return hashlib.sha256(b"".join(part.tobytes() for pair in draw().values() for part in pair)).hexdigest()


def record_of(names: Sequence[str]) -> dict[str, Any]:
    """What ships, worked out now: the pictures' hash and a row for each named metric."""
    rows = {metric.name: _row(metric, score_canaries(metric)) for metric in choose_metrics(sorted(names))}
    return {"pictures": pictures_sha256(), "metrics": rows}


def main() -> None:
    """Print the file anew: the metrics that are recorded already, and any more that are named."""
    known = list(_read(RECORD, "Write into another file, and then put it in place.")["metrics"])
    print(json.dumps(record_of([*known, *sys.argv[1:]]), indent=1))


if __name__ == "__main__":
    try:
        main()
    except RestobenchError as error:
        sys.exit(str(error))
