"""How the golden cases of ResShift are replayed; what each kind is stands beside the cases.

Networks are filled by name (`tests/filling.py`), inputs made by tag, and noise handed to
the same code that restores pictures.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from restobench.image import to_eight_bit
from restobench.noise import Noise
from restobench.tiling import restore_in_tiles, tile_starts
from restobench_methods.resshift.autoencoder import VQAutoencoder
from restobench_methods.resshift.diffusion import Diffusion
from restobench_methods.resshift.layers import step_embedding
from restobench_methods.resshift.network import UNet
from restobench_methods.resshift.pipeline import Pipeline, enlarge
from restobench_methods.resshift.schedule import Rate, learning_rate
from restobench_methods.resshift.swin import (
    SwinBlock,
    SwinLayer,
    relative_position_index,
    shifted_window_mask,
    window_and_shift,
)
from tests import filling
from tests import parity_resshift_degradations as parity_resshift_degradations
from tests.parity import Case, kind

# Options of the official constructors that have one usable value.
ONLY = {"conv_resample": True, "dims": 2, "use_fp16": False, "resblock_updown": False, "cond_lq": True}


def tensors(case: Case) -> dict[str, Tensor]:
    """The case's inputs by name."""
    return {name: _input(recipe) for name, recipe in case["inputs"].items()}


def _input(recipe: Mapping[str, Any]) -> Tensor:
    if "values" in recipe:
        return torch.tensor(recipe["values"], dtype=torch.float32)
    made = {"noise": filling.noise, "image": filling.image}[recipe["make"]]
    x = made(recipe["tag"], recipe["shape"], recipe["seed"])
    if recipe.get("round255"):
        x = (255 * x).round() / 255
    if "threshold" in recipe:
        x = (x > recipe["threshold"]).float()
    return x * recipe.get("mul", 1) + recipe.get("add", 0)


def unet_of(case: Case) -> UNet:
    """The case's U-Net, filled."""
    options = dict(case["config"]["unet"])
    for name, value in ONLY.items():
        if options.pop(name, value) != value:
            raise ValueError(f"{name} can only be {value}.")
    return filling.fill(UNet(**options), case["seed"]).eval()


def autoencoder_of(case: Case) -> VQAutoencoder | None:
    """The case's autoencoder, filled; None for pixels."""
    config = case["config"]["autoencoder"]
    if config == "identity":
        return None
    options = config["ddconfig"] | {name: config[name] for name in ("embed_dim", "n_embed")}
    assert not options.pop("double_z", False)
    assert not options.pop("attn_resolutions", [])
    for unused in ("padding_mode", "resolution"):
        options.pop(unused, None)
    return filling.fill(VQAutoencoder(**options), case["seed"]).eval()


def diffusion_of(case: Case) -> Diffusion:
    """The case's chain."""
    config = case["config"]["diffusion"]
    assert config["schedule_name"] == "exponential"
    return Diffusion(
        steps=config["steps"],
        kappa=config["kappa"],
        power=config["schedule_kwargs"]["power"],
        min_noise_level=config["min_noise_level"],
        sqrt_eta_end=config["etas_end"],
        prediction=config["predict_type"],
        normalise_input=config["normalize_input"],
        latent=config["latent_flag"],
        weighted=config["weighted_mse"],
        respacing=config["timestep_respacing"],
    )


def pipeline_of(case: Case) -> Pipeline:
    """The case's networks and chain."""
    return Pipeline(
        unet_of(case),
        autoencoder_of(case),
        diffusion_of(case),
        scale=case["config"]["diffusion"]["sf"],
        multiple=case["config"].get("padding_offset", 1),
        latent_factor=case["config"]["diffusion"]["scale_factor"] or 1.0,
    )


def noise_of(case: Case, batch: int, steps: int) -> Noise:
    """The official draws, by tag, through the object that real runs draw from."""
    seed = case["noise_seed"]

    def source(sample_id: str, part: str, number: int, shape: tuple[int, ...]) -> Any:
        name = f"step{steps - number}" if number else "prior"
        tag = f"{part.removeprefix('/').replace('tile', 'patch')}.{name}" if part else name
        return filling.noise(tag, (batch, *shape), seed)[int(sample_id)].numpy()

    return Noise([str(number) for number in range(batch)], source)


@kind("resshift", "schedule")
def schedule(case: Case) -> dict[str, Any]:
    """The tables, and the input's normalisation of 1 at every step."""
    chain = diffusion_of(case)
    ones = torch.ones(len(chain))
    return {
        "sqrt_etas": chain.sqrt_etas,
        "etas": chain.etas,
        "etas_prev": chain.etas_before,
        "alpha": chain.alpha,
        "posterior_variance": chain.posterior_variance,
        "posterior_variance_clipped": chain.posterior_variance_clipped,
        "posterior_log_variance_clipped": chain.posterior_log_variance,
        "posterior_mean_coef1": chain.coefficient_x,
        "posterior_mean_coef2": chain.coefficient_x_start,
        "weight_loss_mse": chain.loss_weights,
        "timestep_map": chain.steps,
        "num_timesteps": len(chain),
        "scale_input_of_one": chain.normalised(ones, torch.arange(len(chain))),
    }


@kind("resshift", "diffusion_ops")
def diffusion_ops(case: Case) -> dict[str, Tensor]:
    """Forward process, prior, posterior, conversions."""
    chain, given = diffusion_of(case), tensors(case)
    t = torch.tensor(case["config"]["t"])
    x_start, y, eps, x = (given[name] for name in ("x0", "y", "eps", "x_t"))
    variance = chain.marginal_variance(t, x)
    return {
        "q_sample": chain.diffuse(x_start, y, t, eps),
        "prior_sample": chain.prior(y, eps),
        "scale_input": chain.normalised(x, t),
        "q_mean": chain.marginal_mean(x_start, y, t),
        "q_variance": variance.expand_as(x),
        "q_log_variance": variance.log().expand_as(x),
        "posterior_mean": chain.posterior_mean(x, x_start, t),
        "posterior_variance": chain.at(chain.posterior_variance, t, x).expand_as(x),
        "posterior_log_variance_clipped": chain.at(chain.posterior_log_variance, t, x).expand_as(x),
        "xstart_from_eps": chain.x_start_from(eps, x, y, t, "epsilon"),
        "xstart_from_eps_scale": chain.x_start_from(eps, x, y, t, "epsilon_scale"),
        "xstart_from_residual": chain.x_start_from(eps, x, y, t, "residual"),
        "eps_from_xstart": chain.noise_from(x, x_start, y, t),
    }


@kind("resshift", "timestep_embedding")
def timestep_embedding(case: Case) -> dict[str, Tensor]:
    """The sines and cosines of the steps."""
    return {"value": step_embedding(torch.tensor(case["config"]["t"]), case["config"]["dim"])}


@kind("resshift", "relative_position_index")
def position_index(case: Case) -> dict[str, Any]:
    """Which row of the bias table each pair reads."""
    window = case["config"]["window_size"]
    return {"index": relative_position_index(window), "table_shape": [(2 * window - 1) ** 2, 1]}


@kind("resshift", "window_mask")
def window_mask(case: Case) -> dict[str, Any]:
    """What is added to the logits of each window."""
    config = case["config"]
    window, shift = window_and_shift(config["nominal"], config["window_size"], config["shift_size"])
    mask = shifted_window_mask(*config["size"], window, shift)
    return {
        "mask": mask,
        "blocked_per_window": mask.ne(0).sum(dim=(1, 2)),
        "values": mask.unique(),
    }


@kind("resshift", "swin_block")
@torch.no_grad()
def swin_block(case: Case) -> dict[str, Any]:
    """One block."""
    config = case["config"]
    block = SwinBlock(
        config["dim"],
        config["input_resolution"],
        config["num_heads"],
        window=config["window_size"],
        shift=config["shift_size"],
        mlp_ratio=config["mlp_ratio"],
        qkv_bias=config["qkv_bias"],
    )
    filling.fill(block, case["seed"]).eval()
    return {"out": block(tensors(case)["x"]), "effective_window": block.window, "effective_shift": block.shift}


@kind("resshift", "swin_layer")
@torch.no_grad()
def swin_layer(case: Case) -> dict[str, Any]:
    """One layer of blocks between its projections."""
    config = case["config"]
    assert config["patch_size"] == 1
    layer = SwinLayer(
        config["in_chans"],
        config["embed_dim"],
        config["img_size"],
        config["num_heads"],
        depth=config["depth"],
        window=config["window_size"],
        mlp_ratio=config["mlp_ratio"],
        qkv_bias=config["qkv_bias"],
        patch_norm=config["patch_norm"],
    )
    filling.fill(layer, case["seed"]).eval()
    return {"out": layer(tensors(case)["x"]), "keys": sorted(layer.state_dict())}


@kind("resshift", "unet")
@torch.no_grad()
def unet(case: Case) -> dict[str, Any]:
    """One forward pass, or the refusal of one."""
    given, steps = tensors(case), torch.tensor(case["config"]["t"])
    try:
        network = unet_of(case)
        out = network(given["x"], steps, given["lq"], given.get("mask"))
    except (ValueError, RuntimeError):
        if case["config"].get("expect_error"):
            return {"raises": True}
        raise
    return {"out": out, "parameters": sum(parameter.numel() for parameter in network.parameters()), "raises": False}


@kind("resshift", "feature_extractor")
@torch.no_grad()
def feature_extractor(case: Case) -> dict[str, Tensor]:
    """The condition's way down alone."""
    given = tensors(case)
    condition = torch.cat([given["lq"], *([given["mask"]] if "mask" in given else [])], dim=1)
    return {"out": unet_of(case).feature_extractor(condition)}


def _vq(case: Case) -> VQAutoencoder:
    autoencoder = autoencoder_of(case)
    assert autoencoder is not None
    return autoencoder


@kind("resshift", "vq_encode")
@torch.no_grad()
def vq_encode(case: Case) -> dict[str, Tensor]:
    """A picture's latent."""
    return {"latent": _vq(case).encode(tensors(case)["x"])}


@kind("resshift", "vq_decode")
@torch.no_grad()
def vq_decode(case: Case) -> dict[str, Any]:
    """A latent's codes and pictures."""
    autoencoder, z = _vq(case), tensors(case)["z"]
    return {
        "codes": autoencoder.quantize.codes(z),
        "quantised": autoencoder.quantize(z),
        "image": autoencoder.decode(z),
        "image_not_quantised": autoencoder.decode(z, quantise=False),
    }


@kind("resshift", "vq_reconstruct")
@torch.no_grad()
def vq_reconstruct(case: Case) -> dict[str, Tensor]:
    """There and back."""
    autoencoder = _vq(case)
    return {"image": autoencoder.decode(autoencoder.encode(tensors(case)["x"]))}


@kind("resshift", "upsample")
def upsample(case: Case) -> dict[str, Tensor]:
    """Bicubic."""
    return {"out": enlarge(tensors(case)["x"], case["config"]["sf"])}


@kind("resshift", "sampler")
@torch.no_grad()
def sampler(case: Case) -> dict[str, Tensor]:
    """The chain, step by step; `Pipeline.sample` is the same without the looking."""
    pipeline, given = pipeline_of(case), tensors(case)
    lq, mask, chain = given["lq"], given.get("mask"), pipeline.diffusion
    noise, drawn = noise_of(case, len(lq), len(chain)), []

    def draw() -> Tensor:
        drawn.append(noise.draw(y.shape[1:]))
        return drawn[-1]

    y = pipeline.encode(lq)
    outputs = {"z_y": y}
    for step in chain.sample(
        lambda x, steps: pipeline.unet(x, steps, lq, mask), y, draw, clip=case["config"]["clip_denoised"]
    ):
        outputs[f"step{step.number}.pred_xstart"] = step.x_start
        outputs[f"step{step.number}.x_prev"] = outputs["z_0"] = step.x
    outputs["x_T"] = chain.prior(y, drawn[0])
    outputs["decoded"] = pipeline.decode(outputs["z_0"])
    outputs["final"] = outputs["decoded"].clamp(-1, 1)
    return outputs


@kind("resshift", "pad_and_sample")
@torch.no_grad()
def pad_and_sample(case: Case) -> dict[str, Tensor]:
    """A whole picture of any size."""
    pipeline, given = pipeline_of(case), tensors(case)
    lq = torch.cat([given["lq"], *([given["mask"]] if "mask" in given else [])], dim=1)
    return {"final": pipeline.sample(lq, noise_of(case, len(lq), len(pipeline.diffusion)))}


@kind("resshift", "image_to_image")
@torch.no_grad()
def image_to_image(case: Case) -> dict[str, Tensor]:
    """A picture to the 8-bit picture that is saved."""
    pipeline, given, config = pipeline_of(case), tensors(case), case["config"]
    lq = torch.cat([given["image"], *([given["mask"]] if "mask" in given else [])], dim=1)
    tile, stride = config["chop_size"], config["chop_stride"]
    restored = pipeline.restore(lq, noise_of(case, len(lq), len(pipeline.diffusion)), tile=tile, overlap=tile - stride)
    return {"uint8": torch.from_numpy(to_eight_bit(restored[0]).astype(np.float64))}


@kind("resshift", "tiles")
def tiles(case: Case) -> dict[str, Any]:
    """Tiling alone, with a network that enlarges and brightens from tile to tile."""
    config, image = case["config"], tensors(case)["image"]
    tile, overlap, scale = config["chop_size"], config["chop_size"] - config["chop_stride"], config["sf"]
    starts = [tile_starts(side, tile, overlap) for side in image.shape[-2:]]
    numbers = iter(range(len(starts[0]) * len(starts[1])))

    def brighten(picture: Tensor, noise: Noise) -> Tensor:
        enlarged = picture.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)
        return enlarged * (1 + config["ramp"] * next(numbers))

    noise = Noise.of_seed(0, [str(number) for number in range(len(image))])
    count = torch.zeros(*image.shape[:2], *(scale * side for side in image.shape[-2:]))
    order = [[top, left] for top in starts[0] for left in starts[1]]
    for top, left in order:
        count[..., scale * top : scale * (top + tile), scale * left : scale * (left + tile)] += 1
    return {
        "height_starts": starts[0],
        "width_starts": starts[1],
        "order": order,
        "out": restore_in_tiles(brighten, image, noise, tile=tile, overlap=overlap, scale=scale),
        "count": count,
    }


@kind("resshift", "loss")
@torch.no_grad()
def loss(case: Case) -> dict[str, Tensor]:
    """The training objective of given pictures, steps and noise."""
    pipeline, given = pipeline_of(case), tensors(case)
    chain, t = pipeline.diffusion, torch.tensor(case["config"]["t"])
    y = pipeline.encode(given["lq"])
    x_start = pipeline.to_latent(given["gt"])
    x = chain.diffuse(x_start, y, t, given["eps"])
    output, predicted = chain.predict(
        lambda normalised, steps: pipeline.unet(normalised, steps, given["lq"], given.get("mask")), x, y, t
    )
    target = chain.target(x_start, y, t, given["eps"])
    return {"mse": chain.squared_error(output, target, t), "z_t": x, "pred_xstart": predicted}


@kind("resshift", "lr")
def lr(case: Case) -> dict[str, list[float]]:
    """The rate in each of some iterations."""
    config = case["config"]
    rate = Rate(
        highest=config["lr"],
        lowest=config["lr_min"],
        warm_up=config["warmup_iterations"],
        cosine={None: False, "cosin": True}[config["lr_schedule"]],
    )
    return {"lr": [learning_rate(rate, number, config["iterations"]) for number in config["iterations_to_report"]]}
