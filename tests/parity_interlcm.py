"""How InterLCM's golden cases are replayed; `parity.py` imports this when the first of them asks for it.

Networks are filled by name (`tests/filling.py`), inputs made by tag, and noise handed to
the same code that restores and trains.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torchvision.transforms.v2.functional as torchvision_functional
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPVisionConfig

from restobench.image import to_eight_bit
from restobench.lpips_network import empty_network
from restobench.train.perceptual import PerceptualLoss
from restobench_methods.interlcm import clip
from restobench_methods.interlcm.colour_fix import COLOUR_FIXES, adain, split_frequencies, wavelet
from restobench_methods.interlcm.discriminator import PatchDiscriminator
from restobench_methods.interlcm.gradients import freeze
from restobench_methods.interlcm.losses import (
    absolute_difference,
    adversarial_loss,
    discriminator_loss,
    normalised_again,
)
from restobench_methods.interlcm.pipeline import Pipeline, VisualModule
from restobench_methods.interlcm.sampler import (
    Draw,
    Sampler,
    alphas_cumprod,
    boundary_scalings,
    guidance_embedding,
    timesteps,
)
from restobench_methods.interlcm.schedule import learning_rate
from restobench_methods.interlcm.training_settings import Rate
from restobench_methods.interlcm.visual_encoder import VisualEncoder
from tests import filling
from tests import parity_interlcm_degradations as parity_interlcm_degradations
from tests import parity_interlcm_faces as parity_interlcm_faces
from tests.parity import Case, kind

MAPS: Mapping[str | None, Callable[[Tensor], Tensor]] = {
    None: lambda x: x,
    "2x-1": lambda x: 2 * x - 1,
    "1.2(2x-1)": lambda x: 1.2 * (2 * x - 1),
}


def tensors(case: Case) -> dict[str, Tensor]:
    """The case's inputs by name."""
    makers = {"noise": filling.noise, "image": filling.image}
    return {
        name: MAPS[recipe["map"]](makers[recipe["fn"]](recipe["tag"], recipe["shape"], recipe["seed"]))
        for name, recipe in case["inputs"].items()
    }


def visual_encoder_of(case: Case, config: Mapping[str, Any]) -> VisualEncoder:
    """The case's visual encoder, filled."""
    assert config["ch_mult"] == [2, 4, 8]
    encoder = VisualEncoder(
        config["emb_dim"],
        width=config["nf"],
        residuals=config["res_blocks"],
        embeddings=config.get("out_channels", 77),
    )
    return filling.fill(encoder, case["seed"]).eval()


def tower_of(case: Case) -> nn.Module:
    """The case's image tower. OpenAI's names decide what each tensor is filled with."""
    vit, seed = case["config"]["vit"], case["seed"]
    width, patches = vit["width"], (vit["input_resolution"] // vit["patch_size"]) ** 2
    shapes: dict[str, tuple[int, ...]] = {
        "class_embedding": (width,),
        "positional_embedding": (patches + 1, width),
        "proj": (width, vit["output_dim"]),
        "conv1.weight": (width, 3, vit["patch_size"], vit["patch_size"]),
    }
    norms = ["ln_pre", "ln_post"]
    for number in range(vit["layers"]):
        block = f"transformer.resblocks.{number}"
        norms += [f"{block}.ln_1", f"{block}.ln_2"]
        for name, outputs, inputs in (
            ("attn.in_proj_", 3 * width, width),
            ("attn.out_proj.", width, width),
            ("mlp.c_fc.", 4 * width, width),
            ("mlp.c_proj.", width, 4 * width),
        ):
            shapes |= {f"{block}.{name}weight": (outputs, inputs), f"{block}.{name}bias": (outputs,)}
    shapes |= {f"{norm}.{name}": (width,) for norm in norms for name in ("weight", "bias")}
    filled = {name: torch.from_numpy(filling.values(name, shape, seed)) for name, shape in shapes.items()}
    config = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=vit["layers"],
        num_attention_heads=vit["heads"],
        image_size=vit["input_resolution"],
        patch_size=vit["patch_size"],
        hidden_act="quick_gelu",
    )
    tower = clip.image_tower(config)
    tower.load_state_dict(clip.tower_weights(filled))
    return tower


def pipeline_of(case: Case, colour_fix: str = "none") -> Pipeline:
    """The case's networks and steps. Without a tower in the case, its visual module has none."""
    config, seed = case["config"], case["seed"]
    plain = UNet2DConditionModel(**config["unet"])
    unet = UNet2DConditionModel(**config["unet"], time_cond_proj_dim=config["time_cond_proj_dim"])
    return Pipeline(
        unet=filling.fill(unet, seed).eval(),
        vae=filling.fill(AutoencoderKL(**config["vae"]), seed).eval(),
        conditioner=VisualModule(
            tower_of(case) if "vit" in config else nn.Identity(), visual_encoder_of(case, config["visual_encoder"])
        ),
        spatial_encoder=filling.fill(ControlNetModel.from_unet(plain), seed).eval(),
        sampler=Sampler(config["steps"], config["start_step"]),
        guidance_scale=config["guidance_scale"],
        colour_fix=colour_fix,
    )


def drawer(given: Mapping[str, Tensor]) -> Draw:
    """The case's draws in their order: the initial noise where there is some, then one a step."""
    names = [name for name in ("initial_noise", *(f"step{number}" for number in range(len(given)))) if name in given]
    draws = iter([given[name] for name in names])
    return lambda: next(draws)


@kind("interlcm", "visual_encoder")
@torch.no_grad()
def visual_encoder(case: Case) -> dict[str, Any]:
    """Every block's output."""
    encoder = visual_encoder_of(case, case["config"])
    outputs: dict[str, Any] = {"parameters": sum(parameter.numel() for parameter in encoder.parameters())}
    for number, block in enumerate(encoder.blocks):
        block.register_forward_hook(
            lambda block, inputs, output, number=number: outputs.update({f"after_block_{number}": output})
        )
    outputs["embedding"] = encoder(tensors(case)["tokens"])
    return outputs


@kind("interlcm", "clip_tokens")
@torch.no_grad()
def clip_tokens(case: Case) -> dict[str, Tensor]:
    """All tokens of pixels that are ready."""
    return {"tokens": clip.tokens(tower_of(case), tensors(case)["pixels"])}


@kind("interlcm", "clip_preprocess")
def clip_preprocess(case: Case) -> dict[str, Tensor]:
    """The pixels that CLIP is shown; those with antialiasing are torchvision's, and no part of ours."""
    lq, size = tensors(case)["lq"], case["config"]["size"]
    if not case["config"]["antialias"]:
        return {"pixels": clip.preprocess(lq, size)}
    resized = torchvision_functional.resize(
        (lq + 1) / 2, [size], torchvision_functional.InterpolationMode.BICUBIC, antialias=True
    )
    return {"pixels": clip.normalise(clip.centre_crop(resized, size))}


@kind("interlcm", "timesteps")
def schedule(case: Case) -> dict[str, Any]:
    """The time steps, and the tables at some of them."""
    alphas, at = alphas_cumprod(), case["config"]["at"]
    scalings = [boundary_scalings(timestep) for timestep in at]
    return {
        **{f"timesteps.{steps}": timesteps(steps) for steps in case["config"]["steps"]},
        "alphas_cumprod_at": alphas[at],
        "sqrt_alpha_bar_at": alphas[at].sqrt(),
        "sqrt_one_minus_alpha_bar_at": (1 - alphas[at]).sqrt(),
        "c_skip_at": [c_skip for c_skip, _ in scalings],
        "c_out_at": [c_out for _, c_out in scalings],
        "alphas_cumprod_all": alphas,
        # The scheduler's, which the loop does without: noise is never scaled, and nothing comes after the last step.
        "init_noise_sigma": 1.0,
        "final_alpha_cumprod": 1.0,
    }


@kind("interlcm", "lcm_step")
def lcm_step(case: Case) -> dict[str, Any]:
    """The sampler with networks that answer what is written."""
    given = tensors(case)
    answers = iter([given[f"eps{number}"] for number in range(1, case["config"]["steps"])])
    drawn: list[Tensor] = []

    def draw() -> Tensor:
        drawn.append(given[f"step{len(drawn)}"])
        return drawn[-1]

    sampler = Sampler(case["config"]["steps"])
    outputs: dict[str, Any] = {}
    for number, step in enumerate(sampler.walk(lambda latent, timestep: next(answers), given["lq_latent"], draw)):
        outputs[f"steps.{number}.timestep"] = step.timestep
        outputs[f"steps.{number}.denoised"] = step.denoised
        outputs[f"steps.{number}.next_latent"] = step.latent
    return outputs | {"noise_draws": len(drawn)}


@kind("interlcm", "guidance_embedding")
def guidance(case: Case) -> dict[str, Any]:
    """The embedding of one strength, for every picture of a batch."""
    config = case["config"]
    embedding = guidance_embedding(config["guidance_scale"], config["dim"]).expand(config["batch"], -1)
    return {"w": config["guidance_scale"] - 1, "values": embedding[0], "shape": list(embedding.shape)}


@kind("interlcm", "pipeline")
@torch.no_grad()
def pipeline(case: Case) -> dict[str, Any]:
    """A face restored, with a look at every stage."""
    given, pipe = tensors(case), pipeline_of(case)
    outputs: dict[str, Any] = {}
    assert isinstance(pipe.conditioner, VisualModule)
    if "tokens" in given:
        embedding = pipe.conditioner.encoder(given["tokens"])
    else:
        outputs["clip_tokens"] = clip.tokens(pipe.conditioner.tower, clip.preprocess(given["lq"]))
        embedding = pipe.embed(given["lq"])
    seen: dict[str, Tensor] = {}
    assert pipe.spatial_encoder is not None
    pipe.spatial_encoder.register_forward_hook(lambda network, inputs, output: seen.update(controlnet_mid=output[1]))
    pipe.unet.register_forward_hook(lambda network, inputs, output: seen.update(unet_out=output[0]))
    latent = pipe.encode(given["lq"])
    drawn: list[Tensor] = []
    draw_next = drawer(given)

    def draw() -> Tensor:
        drawn.append(draw_next())
        return drawn[-1]

    outputs |= {"visual_embedding": embedding, "lq_latent": latent}
    for number, step in enumerate(pipe.steps(given["lq"], embedding, latent, draw)):
        stage = {"timestep": step.timestep, "denoised": step.denoised, "next_latent": step.latent, **seen}
        outputs |= {f"steps.{number}.{name}": output for name, output in stage.items()}
        seen.clear()
    decoded = pipe.decode(step.denoised)
    outputs |= {f"image.{name}": fix(decoded, given["lq"]) for name, fix in COLOUR_FIXES.items()}
    outputs["noise_draws"] = len(drawn) - ("initial_noise" in given)
    return outputs | {"wavelet_uint8_bgr_first_image": eight_bit_bgr(outputs["image.wavelet"][0])}


def eight_bit_bgr(picture: Tensor) -> Tensor:
    """(3, H, W) in [-1, 1] as it is saved, (H, W, 3), blue first."""
    return torch.from_numpy(to_eight_bit((picture + 1) / 2)[..., ::-1].astype(float))


@kind("interlcm", "gradients")
def gradients(case: Case) -> dict[str, Any]:
    """What the absolute difference of pictures tells the two encoders."""
    given, pipe = tensors(case), pipeline_of(case)
    freeze(pipe)
    assert isinstance(pipe.conditioner, VisualModule)
    embedding = pipe.conditioner.encoder(given["tokens"])
    *_, last = pipe.steps(given["lq"], embedding, pipe.encode(given["lq"]), drawer(given))
    loss = absolute_difference(pipe.decode(last.denoised), given["gt"])
    loss.backward()
    outputs: dict[str, Any] = {"loss": loss}
    assert pipe.spatial_encoder is not None
    trained: dict[str, nn.Module] = {
        "visual_encoder": pipe.conditioner.encoder, "spatial_encoder": pipe.spatial_encoder,
    }  # fmt: skip
    for part, module in trained.items():
        found = {name: parameter.grad for name, parameter in module.named_parameters()}
        squares = sum(grad.double().square().sum() for grad in found.values() if grad is not None)
        outputs[f"grad.{part}:total_norm"] = torch.as_tensor(squares).sqrt()
        outputs[f"grad.{part}:without_grad"] = [name for name, grad in found.items() if grad is None]
        outputs |= {f"grad.{part}:{name}": found[name] for name in case["config"]["parameters"][part]}
    return outputs


@kind("interlcm", "wavelet")
def wavelet_fix(case: Case) -> dict[str, Tensor]:
    """Fine parts of one picture on the coarse part of the other."""
    given = tensors(case)
    fine, coarse = split_frequencies(given["content"])
    return {
        "result": wavelet(given["content"], given["style"]),
        "content_high": fine,
        "content_low": coarse,
    }


@kind("interlcm", "adain")
def adain_fix(case: Case) -> dict[str, Tensor]:
    """Mean and deviation of one picture in the other."""
    given = tensors(case)
    return {"result": adain(given["content"], given["style"])}


@kind("interlcm", "tensor2img")
def saved(case: Case) -> dict[str, Any]:
    """The first picture as it is saved."""
    assert case["config"]["min_max"] == [-1, 1]
    return {"bits": 8, "image_bgr_hwc": eight_bit_bgr(tensors(case)["image"][0])}


def discriminator_of(case: Case, config: Mapping[str, Any]) -> PatchDiscriminator:
    """The case's discriminator, filled."""
    network = PatchDiscriminator(config["nc"], width=config["ndf"], halvings=config["n_layers"])
    return filling.fill(network, case["seed"])


@kind("interlcm", "discriminator")
@torch.no_grad()
def discriminator(case: Case) -> dict[str, Any]:
    """Verdicts by the running statistics, then by the batch's own, which move the running ones."""
    network, image = discriminator_of(case, case["config"]), tensors(case)["image"]
    outputs: dict[str, Any] = {"parameters": sum(parameter.numel() for parameter in network.parameters())}
    outputs["eval"] = network.eval()(image)
    outputs["train"] = network.train()(image)
    norm = network.main[3]
    outputs["running_mean_after_train_forward"] = norm.running_mean
    outputs["running_var_after_train_forward"] = norm.running_var
    return outputs


def filled_perceptual_loss(seed: int) -> PerceptualLoss:
    """Its trunk filled by name and read from a file as torchvision's is."""
    network = filling.fill(empty_network("vgg"), seed, skip=("lin", "scaling_layer"))
    trunk = {
        re.sub(r"^net\.slice\d\.", "features.", name): tensor
        for name, tensor in network.state_dict().items()
        if name.startswith("net.")
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vgg16.pth"
        torch.save(trunk, path)
        return PerceptualLoss(path)


@kind("interlcm", "losses")
@torch.no_grad()
def losses(case: Case) -> dict[str, Tensor]:
    """Every term of the two losses."""
    given, config = tensors(case), case["config"]
    output, gt, logits = given["output"], given["gt"], given["logits"]

    perceptual = filled_perceptual_loss(case["seed"])
    plain, lpips = perceptual(output, gt).mean(), perceptual(normalised_again(output), normalised_again(gt)).mean()

    network = discriminator_of(case, config["discriminator"]).train()
    # Verdicts of 1 and -1 leave one half of the hinge alone.
    one = torch.ones(1)
    l1 = absolute_difference(output, gt)
    generator, real, fake = adversarial_loss(network(output)), network(gt), network(output)
    return {
        "l1": l1,
        "lpips": lpips,
        "gan_generator": generator,
        "gan_disc_real": discriminator_loss(real, -one),
        "gan_disc_fake": discriminator_loss(one, fake),
        "total_before_gan": l1 + lpips,
        "total_with_gan": l1 + lpips + config["gan_weight"] * generator,
        "for_information_lpips_without_the_extra_normalisation": plain,
        "hinge_on_logits.g": adversarial_loss(logits),
        "hinge_on_logits.d_real": discriminator_loss(logits, -one),
        "hinge_on_logits.d_fake": discriminator_loss(one, logits),
    }


@kind("interlcm", "lr_schedule")
def lr_schedule(case: Case) -> dict[str, list[float]]:
    """The rate in force in some iterations."""
    return {"lr": [learning_rate(iteration, Rate()) for iteration in case["config"]["iterations"]]}
