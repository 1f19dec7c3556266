"""ResShift beside a straightforward implementation of the same networks, in one process.

    python benchmarks/resshift.py [--device cuda] [--dtype float16] [--side 64] [--batch 1] [--rounds 3]

The other one is what one writes first: softmax(Q K^T + bias + mask) V spelled out, the mask
of the whole map and the table of relative positions made anew in every call, the condition's
features at every step, weights cast by autocast wherever they are used. Both have the same
random weights, take turns, and must agree; the largest difference is told. On the CPU one
thread's processor time is told, which other work on the machine blurs least. Needs no
checkpoint. Asserts nothing.
"""

from __future__ import annotations

import argparse
import copy
import platform
import statistics
import time
from collections.abc import Callable
from types import MethodType

import torch
from torch import Tensor

from restobench.noise import Noise
from restobench_methods.resshift.autoencoder import Attention, VQAutoencoder
from restobench_methods.resshift.configurations import CONFIGURATIONS
from restobench_methods.resshift.diffusion import Diffusion
from restobench_methods.resshift.network import UNet
from restobench_methods.resshift.pipeline import Pipeline, ready
from restobench_methods.resshift.swin import SwinBlock, relative_position_index, shifted_window_mask


def plain_window_attention(block: SwinBlock, x: Tensor) -> Tensor:
    """What `SwinBlock._attend` computes, as one writes it first."""
    batch, dim, height, width = x.shape
    window, shift, attention = block.window, block.shift, block.attn
    if shift:
        x = x.roll((-shift, -shift), dims=(2, 3))
    x = x.view(batch, dim, height // window, window, width // window, window).permute(0, 2, 4, 3, 5, 1)
    tokens = x.reshape(-1, window**2, dim)
    query, key, value = attention.qkv(tokens).unflatten(-1, (3, attention.heads, -1)).permute(2, 0, 3, 1, 4)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    index = relative_position_index(window).to(x.device)
    scores = scores + attention.relative_position_bias_table[index].permute(2, 0, 1)
    mask = shifted_window_mask(height, width, window, shift).to(x.device)
    scores = (scores.unflatten(0, (batch, -1)) + mask[:, None]).flatten(0, 1)
    mixed = scores.softmax(dim=-1).to(value.dtype) @ value
    tokens = attention.proj(mixed.transpose(1, 2).flatten(2))
    x = tokens.view(batch, height // window, width // window, window, window, dim)
    x = x.permute(0, 5, 1, 3, 2, 4).reshape(batch, dim, height, width)
    return x.roll((shift, shift), dims=(2, 3)) if shift else x


def plain_attention(attention: Attention, x: Tensor) -> Tensor:
    """What the autoencoder's attention computes, with all scores in memory."""
    normed = attention.norm(x)
    query, key, value = (part(normed).flatten(2) for part in (attention.q, attention.k, attention.v))
    shares = (query.mT @ key * query.shape[1] ** -0.5).softmax(dim=-1).to(value.dtype)
    added: Tensor = x + attention.proj_out((value @ shares.mT).reshape(x.shape))
    return added


class Plain(Pipeline):
    """The pipeline that tells the network of the picture anew at every step."""

    def sample(self, lq: Tensor, noise: Noise) -> Tensor:
        """(B, 3, H, W) in [-1, 1], sides multiples of 64 -> (B, 3, 4 H, 4 W)."""
        y = self.encode(lq)

        def predict(x: Tensor, steps: Tensor) -> Tensor:
            with self._autocast(x):
                predicted: Tensor = self.unet(x, steps, lq)
            return predicted

        *_, last = self.diffusion.sample(predict, y, lambda: noise.draw(y.shape[1:], device=y.device))
        return self.decode(last.x).clamp(-1, 1)


def spelled_out(network: UNet | VQAutoencoder) -> None:
    """Make the network's attention compute the straightforward way."""
    for module in network.modules():
        if isinstance(module, SwinBlock):
            module._attend = MethodType(plain_window_attention, module)  # type: ignore[method-assign]  # the point
        if isinstance(module, Attention):
            module.forward = MethodType(plain_attention, module)  # type: ignore[method-assign]  # the point


def pipelines(device: torch.device, dtype: torch.dtype) -> tuple[Pipeline, Plain]:
    """Ours and the straightforward one, with the same random weights, both of resshift@v3."""
    torch.manual_seed(0)
    configuration = CONFIGURATIONS["v3"]
    unet, autoencoder = UNet(**configuration.unet), VQAutoencoder(**configuration.autoencoder)
    plain_unet, plain_autoencoder = copy.deepcopy(unet).eval().to(device), copy.deepcopy(autoencoder).eval().to(device)
    spelled_out(plain_unet)
    spelled_out(plain_autoencoder)
    chain = Diffusion(steps=configuration.steps, min_noise_level=configuration.min_noise_level)
    ours = Pipeline(
        ready(unet, device, dtype), ready(autoencoder, device, dtype), chain, scale=4, multiple=64, dtype=dtype
    )
    return ours, Plain(plain_unet, plain_autoencoder, chain, scale=4, multiple=64, dtype=dtype)


def seconds(work: Callable[[], Tensor], device: torch.device) -> tuple[float, Tensor]:
    """How long a call takes, and what it gives: processor seconds, or on a graphics card the wall clock's."""
    if device.type == "cpu":
        begun = time.process_time()
        result = work()
        return time.process_time() - begun, result
    torch.cuda.synchronize(device)
    begun = time.perf_counter()
    result = work()
    torch.cuda.synchronize(device)
    return time.perf_counter() - begun, result


def compare(
    name: str, works: tuple[Callable[[], Tensor], Callable[[], Tensor]], device: torch.device, rounds: int
) -> None:
    """Print one row: the two take turns, and the first round is thrown away.

    The ratio is of the least times: other work on the machine only ever adds.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    difference = 0.0
    for number in range(rounds + 1):
        results = []
        for work, times in zip(works, taken, strict=True):
            needed, result = seconds(work, device)
            results.append(result.float())
            if number:
                times.append(needed)
        difference = (results[0] - results[1]).abs().max().item()
    columns = [f"{min(times):.3f} ({statistics.median(times):.3f})" for times in taken]
    print(f"| {name} | {' | '.join(columns)} | {min(taken[1]) / min(taken[0]):.2f} | {difference:.1g} |", flush=True)


def main() -> None:
    """Measure one step and a whole restoration, and print a Markdown table."""
    parser = argparse.ArgumentParser(description="ResShift beside a straightforward implementation.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "float16", "bfloat16"))
    parser.add_argument("--side", type=int, default=64, help="of the low-quality picture, a multiple of 64")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    device, dtype = torch.device(options.device), getattr(torch, options.dtype)
    torch.set_num_threads(1)
    both = pipelines(device, dtype)
    lq = 2 * torch.rand(options.batch, 3, options.side, options.side).to(device) - 1
    steps = torch.zeros(options.batch, dtype=torch.long, device=device)
    ids = [str(number) for number in range(options.batch)]

    def step(pipeline: Pipeline) -> Callable[[], Tensor]:
        features = pipeline.condition(lq, None)
        with_autocast = pipeline._autocast(lq)

        def work() -> Tensor:
            with with_autocast:
                return pipeline.unet.predict(lq, steps, features)

        return work

    print(
        f"python benchmarks/resshift.py --device {options.device} --dtype {options.dtype} --side {options.side} "
        f"--batch {options.batch} --rounds {options.rounds}"
    )
    where = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{torch.get_num_threads()} thread, processor seconds"
    )
    print(f"torch {torch.__version__}, {platform.machine()}, {where}\n")
    print("| resshift@v3 | seconds, least (median) | straightforward | ratio | largest difference |")
    print("|---|---:|---:|---:|---:|")
    with torch.inference_mode():
        compare("one step of the U-Net", (step(both[0]), step(both[1])), device, options.rounds)
        compare(
            "a whole picture, four steps",
            (
                lambda: both[0].sample(lq, Noise.of_seed(0, ids)),
                lambda: both[1].sample(lq, Noise.of_seed(0, ids)),
            ),
            device,
            options.rounds,
        )


if __name__ == "__main__":
    main()
