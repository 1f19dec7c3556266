"""InterLCM beside the bare calls of its networks, in one process; and, on request, once at full size.

    python benchmarks/interlcm.py [--device cuda] [--dtype float16] [--batch 1] [--rounds 20]
    python benchmarks/interlcm.py --full [--device cuda] [--dtype float16] [--batch 1]

The bare calls are what nobody can do without: CLIP, the two encoders, the U-Net and the
autoencoder, each called as often as the method calls it, with inputs that lie there ready.
What the method needs beyond them is pre-processing, noise, the arithmetic of the steps and
the colour fix. In small networks, of which the calls are cheap, that is seen best. `--full`
builds the released sizes with random weights and restores one batch: peak memory and seconds.
Needs no checkpoint. Asserts nothing.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import time
from collections.abc import Callable

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPVisionConfig

from restobench.noise import Noise
from restobench_methods.interlcm import clip
from restobench_methods.interlcm.loading import Networks, build_spatial_encoder
from restobench_methods.interlcm.pipeline import Pipeline, VisualModule
from restobench_methods.interlcm.sampler import Sampler, guidance_embedding
from restobench_methods.interlcm.tiny import SIDE, tiny_networks
from restobench_methods.interlcm.visual_encoder import VisualEncoder


def random_weights(network: nn.Module) -> nn.Module:
    """Small random numbers in every tensor of a network that was built without any; norms and biases as usual."""
    network.to_empty(device="cpu")
    for name, parameter in network.named_parameters():
        if parameter.dim() > 1:
            nn.init.uniform_(parameter, -0.02, 0.02)
        else:
            nn.init.constant_(parameter, float(name.endswith("weight")))
    return network


def full_size_networks() -> Networks:
    """As released; the base model's are those of Stable Diffusion 1.5, and CLIP's of ViT-B/16."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768, time_cond_proj_dim=256)
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
        )
    vision = CLIPVisionConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, patch_size=16
    )
    conditioner = VisualModule(clip.image_tower(vision), VisualEncoder())
    spatial_encoder = random_weights(build_spatial_encoder(unet.config))
    return Networks(random_weights(unet), random_weights(vae), conditioner, spatial_encoder)


def ready(networks: Networks, device: torch.device, dtype: torch.dtype) -> Pipeline:
    """As the method makes it: U-Net and spatial encoder in `dtype`, the others in float32."""
    precisions = (dtype, torch.float32, torch.float32, dtype)
    for network, precision in zip(networks, precisions, strict=True):
        assert network is not None
        nn.Module.to(network.eval().requires_grad_(False), device, precision)
    return Pipeline(*networks, Sampler())


def bare_calls(pipeline: Pipeline, lq: Tensor) -> Callable[[], Tensor]:
    """Every call of a network that the method makes, and nothing else."""
    unet, vae, spatial_encoder = pipeline.unet, pipeline.vae, pipeline.spatial_encoder
    conditioner = pipeline.conditioner
    assert isinstance(conditioner, VisualModule)
    assert spatial_encoder is not None
    pixels = clip.preprocess(lq, conditioner.side)
    latent = pipeline.encode(lq)
    embedding, picture, seen = pipeline.embed(lq).to(unet.dtype), lq.to(unet.dtype), latent.to(unet.dtype)
    guidance = guidance_embedding(8.0, unet.config.time_cond_proj_dim).to(lq.device, unet.dtype)

    def work() -> Tensor:
        vae.encode(lq)
        conditioner.encoder(clip.tokens(conditioner.tower, pixels))
        for timestep in pipeline.sampler.timesteps[1:]:
            down, middle = spatial_encoder(
                seen, timestep, encoder_hidden_states=embedding, controlnet_cond=picture, return_dict=False
            )
            unet(
                seen,
                timestep,
                encoder_hidden_states=embedding,
                timestep_cond=guidance,
                down_block_additional_residuals=down,
                mid_block_additional_residual=middle,
                return_dict=False,
            )
        decoded: Tensor = vae.decode(latent, return_dict=False)[0]
        return decoded

    return work


def seconds(work: Callable[[], Tensor], device: torch.device) -> float:
    """How long a call takes: processor seconds, or on a graphics card the wall clock's."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begun = clock()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return clock() - begun


def compare(device: torch.device, dtype: torch.dtype, batch: int, rounds: int) -> None:
    """Print one row: the two take turns, and the first round is thrown away."""
    pipeline = ready(tiny_networks(), device, dtype)
    lq = (2 * torch.rand(batch, 3, SIDE, SIDE) - 1).to(device)
    ids = [str(number) for number in range(batch)]
    works = (lambda: pipeline.restore(lq, Noise.of_seed(0, ids)), bare_calls(pipeline, lq))
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for work, times in zip(works, taken, strict=True):
            needed = seconds(work, device)
            if number:
                times.append(needed)
    columns = [f"{1000 * min(times):.1f} ({1000 * statistics.median(times):.1f})" for times in taken]
    beyond = 1000 * (min(taken[0]) - min(taken[1]))
    print("| small networks, three calls | the method, ms | bare calls, ms | beyond, ms | of the method |")
    print("|---|---:|---:|---:|---:|")
    print(f"| least (median) | {' | '.join(columns)} | {beyond:.1f} | {beyond / 1000 / min(taken[0]):.1%} |")


def full(device: torch.device, dtype: torch.dtype, batch: int) -> None:
    """Restore one batch of 512 x 512 with the released sizes, stage by stage, and print what it took."""
    torch.manual_seed(0)
    pipeline = ready(full_size_networks(), device, dtype)
    lq = (2 * torch.rand(batch, 3, 512, 512) - 1).to(device)
    noise = Noise.of_seed(0, [str(number) for number in range(batch)])
    latent, embedding = pipeline.encode(lq), pipeline.embed(lq)
    predict = pipeline.predictor(lq, embedding)
    stages: dict[str, Callable[[], Tensor]] = {
        "CLIP and visual encoder": lambda: pipeline.embed(lq),
        "autoencoder, encoding": lambda: pipeline.encode(lq),
        "spatial encoder and U-Net, one call": lambda: predict(latent, 759),
        "autoencoder, decoding": lambda: pipeline.decode(latent),
        "the whole of it": lambda: pipeline.restore(lq, noise),
    }
    print(f"| released sizes, random weights, {batch} x 512 x 512 | seconds |")
    print("|---|---:|")
    for name, work in stages.items():
        begun = time.perf_counter()
        processor = seconds(work, device)
        wall = time.perf_counter() - begun
        also = f" ({processor:.1f} of the processor)" if device.type == "cpu" else ""
        print(f"| {name} | {wall:.2f}{also} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"\npeak memory of the process: {peak:.1f} GB")
    if device.type == "cuda":
        print(f"of the graphics card: {torch.cuda.max_memory_allocated(device) / 1e9:.1f} GB")


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description="InterLCM beside the bare calls of its networks.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "float16", "bfloat16"))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--full", action="store_true", help="the released sizes once; about 8 GB of memory")
    options = parser.parse_args()
    device, dtype = torch.device(options.device), getattr(torch, options.dtype)
    if not options.full:
        torch.set_num_threads(1)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, {options.dtype}, {platform.machine()}, {where}\n")
    with torch.inference_mode():
        if options.full:
            full(device, dtype, options.batch)
        else:
            compare(device, dtype, options.batch, options.rounds)


if __name__ == "__main__":
    main()
