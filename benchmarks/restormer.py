"""Restormer beside a straightforward implementation of the same network, in one run: time and memory of a picture.

    python benchmarks/restormer.py [--device cuda] [--dtype float16] [--side 256] [--batch 1] [--rounds 3]

The other one is what one writes first: positions rearranged to tokens for every norm and back,
its mean and variance spelled out, softmax(Q K^T temperature) V from normalised copies of Q and
K. Both have the same random weights, take turns, and must agree; the largest difference is
told. On the CPU one thread's processor time is told, which other work on the machine blurs
least, and the most memory that a process of its own held beyond network and input. Needs no
checkpoint. Asserts nothing.
"""

from __future__ import annotations

import argparse
import copy
import platform
import resource
import statistics
import subprocess
import sys
import time
from types import MethodType
from typing import Any

import psutil
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restobench_methods.restormer.inference import ready
from restobench_methods.restormer.network import ChannelAttention, Norm, Restormer
from restobench_methods.ufrgan.configuration import GENERATORS

NETWORKS: dict[str, dict[str, Any]] = {
    "restormer@deraining": {},
    "ufrgan@lite": GENERATORS["lite"].model_dump(),
}


def plain_attention(attention: ChannelAttention, x: Tensor) -> Tensor:
    """What `ChannelAttention.forward` computes, as one writes it first."""
    batch, dim, height, width = x.shape
    query, key, value = (
        part.reshape(batch, attention.num_heads, -1, height * width)
        for part in attention.qkv_dwconv(attention.qkv(x)).chunk(3, dim=1)
    )
    query, key = F.normalize(query, dim=-1), F.normalize(key, dim=-1)
    shares = ((query @ key.transpose(-2, -1)) * attention.temperature).softmax(dim=-1).to(value.dtype)
    out: Tensor = attention.project_out((shares @ value).reshape(batch, dim, height, width))
    return out


def plain_norm(norm: Norm, x: Tensor) -> Tensor:
    """What `Norm.forward` computes, on tokens."""
    batch, dim, height, width = x.shape
    tokens = x.flatten(2).transpose(1, 2)
    mean, variance = tokens.mean(dim=-1, keepdim=True), tokens.var(dim=-1, keepdim=True, unbiased=False)
    normed: Tensor = (tokens - mean) / torch.sqrt(variance + 1e-5) * norm.weight + norm.bias
    return normed.transpose(1, 2).reshape(batch, dim, height, width)


def both_networks(name: str, device: torch.device, dtype: torch.dtype) -> dict[str, nn.Module]:
    """Ours and the straightforward one, with the same random weights."""
    torch.manual_seed(0)
    network = Restormer(**NETWORKS[name])
    plain = copy.deepcopy(network).eval().to(device)
    for module in plain.modules():
        if isinstance(module, ChannelAttention):
            module.forward = MethodType(plain_attention, module)  # type: ignore[method-assign]  # the point
        if isinstance(module, Norm):
            module.forward = MethodType(plain_norm, module)  # type: ignore[method-assign]  # the point
    return {"ours": ready(network, device, dtype), "straightforward": plain}


def restore(network: nn.Module, lq: Tensor, dtype: torch.dtype) -> tuple[float, Tensor]:
    """How long one picture takes, and what it becomes: processor seconds, or on a graphics card the wall clock's."""
    on_cpu = lq.device.type == "cpu"
    clock = time.process_time if on_cpu else time.perf_counter
    with torch.inference_mode(), torch.autocast(lq.device.type, dtype=dtype, enabled=dtype != torch.float32):
        if not on_cpu:
            torch.cuda.synchronize(lq.device)
        begun = clock()
        restored = network(lq)
        if not on_cpu:
            torch.cuda.synchronize(lq.device)
        return clock() - begun, restored.float()


def peak_bytes(network: nn.Module, lq: Tensor, dtype: torch.dtype) -> int:
    """The most memory that one picture takes beyond what is there before; on the CPU once in a process alone."""
    restore(network, lq[..., :64, :64], dtype)  # what libraries take once for ever is no part of it
    if lq.device.type == "cpu":
        before = psutil.Process().memory_info().rss
        restore(network, lq, dtype)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) - before
    torch.cuda.reset_peak_memory_stats(lq.device)
    held = torch.cuda.memory_allocated(lq.device)
    restore(network, lq, dtype)
    return int(torch.cuda.max_memory_allocated(lq.device) - held)


def main() -> None:
    """Measure every network, and print a Markdown table."""
    parser = argparse.ArgumentParser(description="Restormer beside a straightforward implementation.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "float16", "bfloat16"))
    parser.add_argument("--side", type=int, default=256, help="of the picture, a multiple of 8")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peak-of", nargs=2, metavar=("NETWORK", "WHICH"), help="print one peak alone, in bytes")
    options = parser.parse_args()
    device, dtype = torch.device(options.device), getattr(torch, options.dtype)
    torch.set_num_threads(1)
    lq = torch.rand(options.batch, 3, options.side, options.side).to(device)
    if options.peak_of:
        name, which = options.peak_of
        print(peak_bytes(both_networks(name, device, dtype)[which], lq, dtype))
        return

    arguments = [f"--{name}={getattr(options, name)}" for name in ("device", "dtype", "side", "batch")]
    print(f"python benchmarks/restormer.py {' '.join(arguments)} --rounds={options.rounds}")
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "one thread, processor seconds"
    print(f"torch {torch.__version__}, {platform.machine()}, {card}\n")
    print("| network | seconds, least (median) | straightforward | ratio | peak, MB | straightforward | difference |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in NETWORKS:
        networks = both_networks(name, device, dtype)
        taken: dict[str, list[float]] = {which: [] for which in networks}
        difference = 0.0
        for number in range(options.rounds + 1):  # the first is thrown away
            restored = []
            for which, network in networks.items():
                seconds, picture = restore(network, lq, dtype)
                restored.append(picture)
                if number:
                    taken[which].append(seconds)
            difference = (restored[0] - restored[1]).abs().max().item()
        peaks = [
            int(
                subprocess.run(
                    [sys.executable, __file__, *arguments, "--peak-of", name, which],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            / 1e6
            for which in networks
        ]
        times = [f"{min(seconds):.3f} ({statistics.median(seconds):.3f})" for seconds in taken.values()]
        ratio = min(taken["straightforward"]) / min(taken["ours"])
        print(
            f"| {name} | {' | '.join(times)} | {ratio:.2f} | {peaks[0]:.0f} | {peaks[1]:.0f} | {difference:.1g} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
