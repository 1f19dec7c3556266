"""One measurement: build the method, warm it up, time its calls, and tell what was found.

`python -m restobench.timing.child OUTCOME.json < job.json`, started by `job`. Inside the clock is
what stands between float32 pictures on the device and restored float32 pictures on the device;
reading, drawing noise and copying it are outside.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from restobench.attempt import is_out_of_memory
from restobench.errors import RestobenchError, in_words
from restobench.exchange import Exchange
from restobench.files import write_json
from restobench.method import FolderMethod, Method, SelfTimed, choose_method
from restobench.provenance import hardware, precision, set_tf32, versions
from restobench.timing.ahead import NoiseAhead
from restobench.timing.clock import clock_of
from restobench.timing.contents import contents_of, flops_of, networks_of
from restobench.timing.inputs import LEAST, Inputs
from restobench.timing.job import Job, Outcome
from restobench.timing.measure import first_call, measure, warm_up
from restobench.timing.watch import watch

if TYPE_CHECKING:
    from torch import Tensor

_KEPT = 5000
"""Of a very fast method's calls, how many are handed on: every so-manieth."""


def outcome_of(job: Job) -> Outcome:
    """Do the job; what goes wrong is told, not raised."""
    try:
        return _measured(job)
    except Exception as error:
        return {"out_of_memory" if is_out_of_memory(error) else "problem": in_words(error)}


def _measured(job: Job) -> Outcome:
    inputs = Inputs.load(Path(job.inputs))
    set_tf32(job.tf32)
    choice = choose_method(job.method, settings=job.settings, weights=job.weights)
    method = choice.build(device=job.device, dtype=job.dtype, scale=job.scale).method
    if isinstance(method, FolderMethod):
        found = _whole_program(method, inputs, job.scale)
    else:
        networks = networks_of(method)
        for network in networks:
            network.eval()
        found = time_calls(method, inputs, job)
        if not isinstance(method, SelfTimed):
            found["contents"] = asdict(contents_of(networks))
            if job.count and networks:
                found |= _counted(method, inputs, job)
    return found | {
        "hardware": hardware(job.device),
        "precision": precision(job.device, job.dtype, job.tf32),
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "versions": versions(choice.plugin.distribution),
    }


class Batch:
    """Pictures on the device, with their masks and with noise that is drawn ahead."""

    def __init__(self, inputs: Inputs, first: int, size: int, device: str) -> None:
        """`size` pictures from number `first` on; where there are fewer, they come again with other noise."""
        places = [(first + step) % len(inputs.ids) for step in range(size)]
        stored = torch.from_numpy(inputs.pictures[places]).permute(0, 3, 1, 2)
        self.lq: Tensor = (stored.float() / 255).contiguous().to(device)
        self.mask = None if inputs.masks is None else torch.from_numpy(inputs.masks[places])[:, None].float().to(device)
        self.ahead = NoiseAhead(0, [f"{inputs.ids[place]}#{step}" for step, place in enumerate(places)])

    def restore(self, method: Method) -> Tensor:
        """As the restore stage does it."""
        return method.restore(self.lq, self.ahead.noise(), self.mask)


def time_calls(method: Method, inputs: Inputs, job: Job) -> Outcome:
    """Time a method's calls by the rules.

    Raises:
        RestobenchError: What the method returns is no picture of every picture.
    """
    batches = [Batch(inputs, turn * job.batch, job.batch, job.device) for turn in range(ceil(LEAST / job.batch))]
    clock, rules = clock_of(job.device), job.rules
    first_restored: list[Tensor] = []

    def begin(number: int) -> None:
        first_restored.append(batches[number].restore(method))

    def call(number: int) -> float | None:
        batches[number % len(batches)].restore(method)
        return method.reported_seconds if isinstance(method, SelfTimed) else None

    with torch.inference_mode():
        first = first_call(begin, clock)
        size = _checked(first_restored.pop(), job.batch)
        for batch in batches:
            batch.ahead.prepare(batches[0].ahead)
        warm = warm_up(call, clock, rules)
        for batch in batches:
            batch.ahead.late = 0
        beside = watch(job.device)
        result = measure(call, clock, rules, typical=warm.typical, throttled=beside.throttled)
    # What is behind a pipe computes in a process of its own, of whose memory this one knows nothing.
    own = {} if isinstance(method, SelfTimed) else {"memory": beside.peak_bytes(), "watched": beside.finish()}
    return own | {
        "seconds": result.seconds[:: max(1, ceil(len(result.seconds) / _KEPT))],
        "calls": len(result.seconds),
        "dropped": result.dropped,
        "host_bound": result.host_bound,
        "first_call_seconds": first,
        "warm_up": warm._asdict(),
        "restored_size": size,
        "different_inputs": min(len(inputs.ids), len(batches) * job.batch),
        "late_draws": sum(batch.ahead.late for batch in batches),
    }


def _checked(restored: Any, batch: int) -> tuple[int, int]:
    """Width and height of what came back; what is no picture is not worth a time."""
    if not isinstance(restored, torch.Tensor) or restored.dim() != 4 or tuple(restored.shape[:2]) != (batch, 3):
        shape = tuple(restored.shape) if isinstance(restored, torch.Tensor) else type(restored).__name__
        raise RestobenchError(f"The method returned {shape} for a batch of {batch} pictures.")
    if not restored.isfinite().all():
        raise RestobenchError("The restored picture holds values that are not numbers.")
    return restored.shape[3], restored.shape[2]


def _counted(method: Method, inputs: Inputs, job: Job) -> Outcome:
    """FLOPs of one picture; a method that cannot be counted is not counted."""
    batch = Batch(inputs, 0, 1, job.device)
    try:
        with torch.inference_mode():
            return {"flops": flops_of(lambda: batch.restore(method))}
    except Exception as error:
        return {"flops_problem": in_words(error)}


def _whole_program(method: FolderMethod, inputs: Inputs, scale: int) -> Outcome:
    """One go over all pictures: the wall's time by their number.

    Raises:
        RestobenchError: The program fails, or a picture does not come back.
    """
    with Exchange(scale) as exchange:
        for sample_id, picture in zip(inputs.ids, inputs.pictures, strict=True):
            exchange.hand_over(sample_id, picture)
        begun = time.perf_counter()
        method.restore_folder(exchange.lq_dir, exchange.restored_dir, seed=0)
        seconds = time.perf_counter() - begun
        problems = [restored for _, restored in exchange.take_back() if isinstance(restored, RestobenchError)]
    if problems:
        raise RestobenchError(f"{len(problems)} of {len(inputs.ids)} pictures did not come back: {problems[0]}")
    return {"seconds": [seconds / len(inputs.ids)], "calls": 1, "different_inputs": len(inputs.ids)}


if __name__ == "__main__":
    write_json(Path(sys.argv[1]), outcome_of(Job.from_json(sys.stdin.read())))
