"""How the golden cases of UFR-GAN and Restormer are replayed.

Networks are filled by name (`tests/filling.py`), inputs made by tag, and given to the code
that restores and trains.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from skimage.metrics import structural_similarity
from torch import Tensor, nn
from torch.nn import functional as F

from restobench.metrics.psnr import psnr
from restobench.metrics.ssim import ssim
from restobench.noise import Noise
from restobench_methods.restormer.inference import Inference
from restobench_methods.restormer.network import (
    ChannelAttention,
    Downsample,
    FeedForward,
    LayerNorm,
    PatchEmbed,
    Restormer,
    TransformerBlock,
    Upsample,
)
from restobench_methods.ufrgan import configuration as told
from restobench_methods.ufrgan.adversarial import discriminator_loss, generator_loss
from restobench_methods.ufrgan.balance import Balance
from restobench_methods.ufrgan.contrast import ContrastiveTerm, nt_xent
from restobench_methods.ufrgan.discriminator import Discriminator
from restobench_methods.ufrgan.frequency import Stages, above, frequency_stages, grey
from restobench_methods.ufrgan.lineage import lineage_contrast, lineage_maps
from restobench_methods.ufrgan.restoration_loss import RestorationLoss, one_minus_ssim
from restobench_methods.ufrgan.vgg19 import Perceptual
from tests import filling
from tests import parity_ufrgan_degradations as parity_ufrgan_degradations
from tests.parity import Case, kind

FREQUENCY_NAMES = {"block_div": "block_divisor", "stride_div": "stride_divisor"}
STAGE_NAMES = {"gray": "grey"}


def tensors(case: Case) -> dict[str, Tensor]:
    """The case's inputs by name."""
    return {recipe["name"]: _input(recipe, case.get("seed", 0)) for recipe in case["inputs"]}


def _input(recipe: Mapping[str, Any], seed: int) -> Tensor:
    shape, seed = recipe["shape"], recipe.get("seed", seed)

    def made(term: Mapping[str, Any]) -> Tensor:
        return {"noise": filling.noise, "image": filling.image}[term["make"]](term["tag"], shape, seed)

    if recipe["make"] == "sum":
        x = sum((made(term) * term.get("amp", 1) for term in recipe["terms"]), torch.zeros(shape))
    else:
        x = made(recipe) * recipe.get("scale", 1) + recipe.get("shift", 0)
    return x.clamp(*recipe["clip"]) if "clip" in recipe else x


def _replayed(case: Case, module: nn.Module) -> dict[str, Any]:
    """The filled module's output on x, the number of its parameters, and what submodules gave."""
    filling.fill(module, case.get("seed", 0)).eval()
    taps: dict[str, Tensor] = {}

    def tap(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: taps.update({f"tap:{name}": output})

    for name in (name.removeprefix("tap:") for name in case["outputs"] if name.startswith("tap:")):
        module.get_submodule(name).register_forward_hook(tap(name))
    with torch.no_grad():
        y = module(*tensors(case).values())
    return {"y": y, "parameters": sum(parameter.numel() for parameter in module.parameters()), **taps}


@kind("ufrgan", "restormer")
def restormer(case: Case) -> dict[str, Any]:
    """The network on a picture; padded to a multiple of 8, or in tiles, where the case says so."""
    network = Restormer(**case["config"])
    if "call" not in case:
        return _replayed(case, network)
    call = dict(case["call"])
    assert call.pop("kind") in ("pad8", "tiled")
    filling.fill(network, case["seed"]).eval()
    lq = tensors(case)["x"]
    noise = Noise.of_seed(0, [str(number) for number in range(len(lq))])
    with torch.no_grad():
        y = Inference(network, **call).restore(lq, noise)
    return {"y": y, "y_clamped": y.clamp(0, 1), "parameters": sum(one.numel() for one in network.parameters())}


@kind("ufrgan", "mdta")
def mdta(case: Case) -> dict[str, Any]:
    """Attention across channels."""
    return _replayed(case, ChannelAttention(**case["config"]))


@kind("ufrgan", "gdfn")
def gdfn(case: Case) -> dict[str, Any]:
    """The gated feed-forward part."""
    return _replayed(case, FeedForward(**case["config"]))


@kind("ufrgan", "block")
def block(case: Case) -> dict[str, Any]:
    """Both, with their norms and skips."""
    config = dict(case["config"])
    return _replayed(case, TransformerBlock(norm=config.pop("LayerNorm_type"), **config))


@kind("ufrgan", "layernorm")
def layernorm(case: Case) -> dict[str, Any]:
    """One of the two norms."""
    return _replayed(case, LayerNorm(case["config"]["dim"], case["config"]["LayerNorm_type"]))


@kind("ufrgan", "down")
def down(case: Case) -> dict[str, Any]:
    """Half the size."""
    return _replayed(case, Downsample(case["config"]["n_feat"]))


@kind("ufrgan", "up")
def up(case: Case) -> dict[str, Any]:
    """Twice the size."""
    return _replayed(case, Upsample(case["config"]["n_feat"]))


@kind("ufrgan", "patch_embed")
def patch_embed(case: Case) -> dict[str, Any]:
    """The first convolution."""
    return _replayed(case, PatchEmbed(case["config"]["in_c"], case["config"]["embed_dim"]))


@kind("ufrgan", "discriminator")
def discriminator(case: Case) -> dict[str, Any]:
    """A PatchGAN's scores."""
    config = case["config"]
    assert config["in_channels"] == 3
    return _replayed(case, Discriminator(told.Discriminator(layout=config["layout"], width=config["base"])))


@kind("ufrgan", "gan_loss")
def gan_loss(case: Case) -> dict[str, Tensor]:
    """Both forms, for both sides."""
    given = tensors(case)
    real, fake = given["real"], given["fake"]
    return {
        "lsgan_d": discriminator_loss(real, fake, "lsgan"),
        "lsgan_g": generator_loss(fake, "lsgan"),
        "bce_d": discriminator_loss(real, fake, "bce"),
        "bce_g": generator_loss(fake, "bce"),
    }


def frequency_of(config: Mapping[str, Any]) -> told.Frequency:
    """The configuration under our names."""
    renamed = {FREQUENCY_NAMES.get(name, name): value for name, value in config.items()}
    assert renamed.pop("crop") == "centre-half"
    return told.Frequency(**renamed)


@kind("ufrgan", "freq_stages")
def freq_stages(case: Case) -> dict[str, Any]:
    """Every stage of the frequency features, and the shares of the centre above 1, 4 and 16."""
    configuration = frequency_of(case["config"])
    stages: Stages = frequency_stages(tensors(case)["x"], configuration)
    ones = [(stages.crop > above(threshold, configuration.eps)).double().mean() for threshold in (1, 4, 16)]
    return {name: getattr(stages, STAGE_NAMES.get(name, name)) for name in case["stages"]} | {
        "ones": torch.stack(ones).tolist()
    }


def _with_gradient(loss: Callable[[Tensor], Tensor], of: Tensor) -> dict[str, Tensor]:
    """The loss, and its gradient with respect to a tensor where it has one."""
    of = of.clone().requires_grad_()
    value = loss(of)
    if not value.requires_grad:
        return {"value": value}
    (gradient,) = torch.autograd.grad(value, of)
    return {"value": value.detach(), "grad": gradient, "grad_norm": gradient.norm()}


@kind("ufrgan", "nt_xent")
def nt_xent_kind(case: Case) -> dict[str, Tensor]:
    """The contrastive loss of given features."""
    given = tensors(case)
    return _with_gradient(lambda q: nt_xent(q, given["pos"], given["neg"], case["config"]["tau"]), given["q"])


@kind("ufrgan", "contrast")
def contrast(case: Case) -> dict[str, Tensor]:
    """From pictures to the loss. Here each sample has a bank of its own, so that they go one by one."""
    config, given = case["config"], tensors(case)
    term = ContrastiveTerm(
        told.Contrast(
            temperature=config["tau"],
            source_negative=config["source_negative"],
            frequency=frequency_of(config["freq"]),
        )
    )
    banks = given["bank"].unflatten(0, (len(given["anchor"]), -1))

    def loss(anchor: Tensor) -> Tensor:
        losses = []
        for number, bank in enumerate(banks):
            term.bank.size = len(bank)
            term.push(term.features(bank))
            one = slice(number, number + 1)
            features = (term.features(pictures[one]) for pictures in (anchor, given["positive"], given["source"]))
            losses.append(term(*features))
        return torch.stack(losses).mean()

    return _with_gradient(loss, given["anchor"])


@kind("ufrgan", "lineage_contrast")
def lineage_contrast_kind(case: Case) -> dict[str, Tensor]:
    """FCL-GAN's term."""
    given, window = tensors(case), case["config"]["window"]
    anchor, positive, bank = (lineage_maps(given[name], window) for name in ("anchor", "positive", "bank"))
    negatives = bank.unflatten(0, (len(anchor), -1))
    return {"value": lineage_contrast(anchor, positive, negatives, case["config"]["T"]), "maps": anchor}


@kind("ufrgan", "theta")
def theta(case: Case) -> dict[str, Any]:
    """L_theta, its terms without their weights, and the norms of their gradients."""
    weights = case["config"]["weights"]
    loss = RestorationLoss(
        told.Restoration(**{"perceptual" if name == "perc" else name: weight for name, weight in weights.items()}),
        vgg19=None,
    )
    loss.perceptual = Perceptual()
    filling.fill(loss.perceptual.features, case["seed"])
    x, y = tensors(case)["x"].requires_grad_(), tensors(case)["y"]
    outputs: dict[str, Any] = {"total": loss(x, y).detach()}
    for name, value in loss.terms(x, y).items():
        (gradient,) = torch.autograd.grad(value, x)
        short = "perc" if name == "perceptual" else name
        outputs |= {short: value.detach(), f"grad_norm:{short}": gradient.norm()}
    return outputs


@kind("ufrgan", "gate")
def gate(case: Case) -> dict[str, list[int]]:
    """When the discriminators rest."""
    config = case["config"]
    balance = Balance(
        told.Balance(
            smoothing=config["beta"],
            accuracy_high=config["acc_hi"],
            accuracy_low=config["acc_lo"],
            loss_low=config["loss_lo"],
            max_frozen=config["max_frozen"],
            warm_up=config["warmup"],
        )
    )
    frozen = []
    for accuracy, loss in zip(config["acc"], config["loss"], strict=True):
        frozen.append(int(balance.decide()))
        balance.observe(accuracy, loss)
    return {"frozen": frozen}


@kind("ufrgan", "ssim_conventions")
def ssim_conventions(case: Case) -> dict[str, Any]:
    """What programs call SSIM and PSNR, of one pair."""
    x, y = (picture.double() for picture in tensors(case).values())
    rounded = [(255 * picture).round() / 255 for picture in (x, y)]
    floored = [(255 * picture).floor() / 255 for picture in (x, y)]
    lumas = [(255 * grey(picture).double()[:, None]).round() / 255 for picture in (x, y)]
    arrays = [picture[0].permute(1, 2, 0).numpy() for picture in (x, y)]
    skimage: Any = structural_similarity  # it has no types
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return {
        "ours_valid_gauss11": 1 - one_minus_ssim(x, y),
        "zero_padded_gauss11": _gaussian_ssim(x, y, padding=5),
        "skimage_gaussian_population": skimage(*arrays, channel_axis=2, data_range=1, **gaussian),
        "skimage_default_uniform7_sample": skimage(*arrays, channel_axis=2, data_range=1),
        "pyiqa_ssim_y": _gaussian_ssim(*lumas, clamp=True),
        "pyiqa_ssim_rgb": _gaussian_ssim(*rounded, clamp=True),
        "psnr_float": psnr(x, y),
        "psnr_uint8_round": psnr(*rounded),
        "psnr_uint8_floor_lineage": psnr(*floored),
        "ssim_uint8_round": ssim(*rounded),
    }


def _gaussian_ssim(x: Tensor, y: Tensor, *, padding: int = 0, clamp: bool = False) -> Tensor:
    """The mean SSIM as other programs have it: with zeros around the picture, or negative contrast clamped to 0."""
    axis = torch.arange(11, dtype=x.dtype) - 5
    bell = torch.exp(-(axis**2) / (2 * 1.5**2))
    window = torch.outer(bell, bell) / bell.sum() ** 2

    def mean(z: Tensor) -> Tensor:
        return F.conv2d(z, window.expand(z.shape[1], 1, 11, 11), groups=z.shape[1], padding=padding)

    mean_x, mean_y = mean(x), mean(y)
    contrast = (2 * (mean(x * y) - mean_x * mean_y) + 0.03**2) / (
        mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2 + 0.03**2
    )
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return (luminance * (contrast.clamp(min=0) if clamp else contrast)).mean()
