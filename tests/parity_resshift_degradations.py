"""How the golden cases of ResShift's degradations and of its metrics are replayed."""

import math
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restobench.degradations.face import FaceDegradation, degraded_face, small_size
from restobench.degradations.filter import filter2d
from restobench.degradations.generators import Generators
from restobench.degradations.jpeg import jpeg
from restobench.degradations.kernels import BellKind, Bells, BlurKernel, MixedKernels
from restobench.degradations.real_esrgan import KernelBatch, Stage, degrade_with, draw_choices, draw_kernels
from restobench.degradations.recipes import IMAGENET_TEST
from restobench.degradations.resize import resized_antialiased
from restobench.degradations.sharpen import unsharp_mask
from restobench.metrics.psnr import psnr
from restobench.metrics.ssim import ssim
from tests import filling
from tests.parity import Case, kind


def made(inputs: Case, name: str) -> Tensor:
    """An input of a case: the tensor itself, or a made one with its changes, in their order."""
    recipe = inputs[name]
    if "values" in recipe:
        return torch.tensor(recipe["values"], dtype=torch.float32)
    make = {"noise": filling.noise, "image": filling.image}[recipe["make"]]
    tensor: Tensor = make(recipe["tag"], recipe["shape"], recipe["seed"])
    if recipe.get("round255"):
        tensor = (255 * tensor).round() / 255
    if "threshold" in recipe:
        tensor = (tensor > recipe["threshold"]).float()
    changed: Tensor = tensor * recipe.get("mul", 1) + recipe.get("add", 0)
    return changed


@kind("resshift", "kernel")
def kernel(case: Case) -> dict[str, NDArray[np.float64]]:
    """One kernel by its formula."""
    config = case["config"]
    family, size = config["family"], config["kernel_size"]
    sigmas = config.get("sig_x", 1.0), config.get("sig_y", 1.0)
    if config.get("isotropic"):
        sigmas = sigmas[0], sigmas[0]
    drawn = BlurKernel(
        family,
        size,
        config.get("pad_to") or size,
        sigmas,
        config.get("theta", 0.0),
        config.get("beta", 1.0),
        config.get("cutoff", math.pi),
    )
    return {"kernel": drawn.values()}


@kind("resshift", "filter2d")
def filtering(case: Case) -> dict[str, Tensor]:
    """A batch filtered with a kernel."""
    return {"out": filter2d(made(case["inputs"], "x"), made(case["inputs"], "kernel"))}


@kind("resshift", "jpeg")
def compression(case: Case) -> dict[str, Tensor]:
    """A batch through the JPEG model, each picture with its quality."""
    return {"out": jpeg(made(case["inputs"], "x"), torch.tensor(case["config"]["quality"]))}


@kind("resshift", "usm")
def sharpening(case: Case) -> dict[str, Tensor]:
    """Unsharp masking."""
    return {"out": unsharp_mask(made(case["inputs"], "x"), case["config"]["weight"], case["config"]["threshold"])}


@kind("resshift", "matlab_resize")
def matlab_resize(case: Case) -> dict[str, Tensor]:
    """The antialiased bicubic."""
    small = resized_antialiased(made(case["inputs"], "x")[:1], case["config"]["scale"])
    return {"out": small[0].permute(1, 2, 0)}


@kind("resshift", "face_degradation")
def face_degradation(case: Case) -> dict[str, NDArray[np.float32]]:
    """A face of CelebA-Test with given values; the golden result is blue first, ours red first."""
    config = case["config"]
    picture = made(case["inputs"], "x")[0].permute(1, 2, 0).numpy()
    drawn = FaceDegradation(
        (config["sig_x"], config["sig_y"]), config["theta"], config["sf"], config["nf"], int(config["qf"])
    )
    generators = Generators.of_seed(config["rng_seed"])
    noise = generators.numpy.standard_normal((*small_size(picture, drawn.down_factor), 3))
    return {"lq_bgr_hwc": degraded_face(picture, drawn, noise)[..., ::-1].copy()}


@kind("resshift", "random_kernels")
def random_kernels(case: Case) -> dict[str, NDArray[np.float64]]:
    """The kernels of several pictures in a row from one seed."""
    options = case["config"]["opts"]
    recipe = IMAGENET_TEST._replace(
        kernel1=_mixed_kernels(options, ""),
        kernel2=_mixed_kernels(options, "2"),
        final_sinc_probability=options["final_sinc_prob"],
    )
    generators = Generators.of_seed(case["config"]["rng_seed"])
    drawn = {}
    for number in range(case["config"]["draws"]):
        first, second, final = draw_kernels(recipe, generators)
        drawn[f"draw{number}.kernel1"] = first.values()
        drawn[f"draw{number}.kernel2"] = second.values()
        drawn[f"draw{number}.sinc_kernel"] = final.values()
    return drawn


def _mixed_kernels(options: Case, ending: str) -> MixedKernels:
    kinds = [
        cast(BellKind, name.replace("generalized", "generalised").replace("_", "-"))
        for name in options[f"kernel_list{ending}"]
    ]
    weights = dict(zip(kinds, options[f"kernel_prob{ending}"], strict=True))
    bells = Bells(
        weights,
        tuple(options[f"blur_sigma{ending}"]),
        tuple(options[f"betag_range{ending}"]),
        tuple(options[f"betap_range{ending}"]),
    )
    return MixedKernels(options[f"blur_kernel_size{ending}"], bells, options[f"sinc_prob{ending}"])


@kind("resshift", "test_degradation")
def chain(case: Case) -> dict[str, Tensor]:
    """The two-stage chain with given kernels."""
    inputs, options = case["inputs"], case["config"]["degradation"]
    recipe = IMAGENET_TEST._replace(
        scale=options["sf"],
        stage1=_stage(options, ""),
        stage2=_stage(options, "2"),
        second_stage_probability=options["second_order_prob"],
        second_blur_probability=options["second_blur_prob"],
    )
    kernels = KernelBatch(made(inputs, "kernel1"), made(inputs, "kernel2"), made(inputs, "sinc_kernel"))
    generators = Generators.of_seed(case["config"]["rng_seed"])
    choices = draw_choices(recipe, generators.python)
    return {"lq": degrade_with(made(inputs, "gt"), kernels, choices, recipe, generators.torch).lq}


def _stage(options: Case, ending: str) -> Stage:
    return Stage(
        tuple(options[f"resize_prob{ending}"]),
        tuple(options[f"resize_range{ending}"]),
        options[f"gaussian_noise_prob{ending}"],
        tuple(options[f"noise_range{ending}"]),
        tuple(options[f"poisson_scale_range{ending}"]),
        options[f"gray_noise_prob{ending}"],
        tuple(options[f"jpeg_range{ending}"]),
    )


@kind("resshift", "metric")
def metric(case: Case) -> dict[str, Any]:
    """PSNR and SSIM as the official program has them: our metrics, of what it rounds to 8 bits."""
    x, y, z = (made(case["inputs"], name) for name in "xyz")
    x8, y8 = _eight_bit(x[:1]), _eight_bit(y[:1])
    inner = (..., slice(4, -4), slice(4, -4))
    return {
        "batch_psnr_y_sum": psnr(_eight_bit_luma(x), _eight_bit_luma(y)).sum(),
        "batch_psnr_rgb_sum": psnr(_eight_bit(x), _eight_bit(y)).sum(),
        "y_float": _luma(x),
        "psnr_y_uint8": psnr(_eight_bit_luma(x8), _eight_bit_luma(y8)),
        "psnr_rgb_uint8_border4": psnr(x8[inner], y8[inner]),
        "ssim_y_uint8": ssim(_eight_bit_luma(x8), _eight_bit_luma(y8)),
        "ssim_rgb_uint8": ssim(x8, y8),
        "y_uint8": 255 * _eight_bit_luma(x8)[0, 0],
        "tensor2img_rgb": 255 * _eight_bit(z[0]).permute(1, 2, 0),
    }


def _eight_bit(pictures: Tensor) -> Tensor:
    # Scaled in the pictures' own precision, as the official program does: else ties fall to the other side.
    return (255 * pictures.clamp(0, 1)).round().double() / 255


def _luma(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W), MATLAB's, in [0, 1]."""
    weights = torch.tensor((65.481, 128.553, 24.966), dtype=pictures.dtype).view(3, 1, 1)
    return (16 + (pictures * weights).sum(dim=1, keepdim=True)) / 255


def _eight_bit_luma(pictures: Tensor) -> Tensor:
    """The luma rounded to 8 bits, in all three channels: their mean is then that of the luma alone."""
    return _eight_bit(_luma(pictures)).expand(-1, 3, -1, -1)
