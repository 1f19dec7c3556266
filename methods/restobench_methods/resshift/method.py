"""ResShift as a method: weights in, pictures through."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from restobench.checkpoint import load_strictly, read_configuration
from restobench.errors import RestobenchError
from restobench.method import Setup
from restobench.noise import Noise
from restobench.tiling import check_tiles
from restobench_methods.resshift.autoencoder import VQAutoencoder
from restobench_methods.resshift.configurations import CONFIGURATIONS, Configuration, shrunk
from restobench_methods.resshift.diffusion import Diffusion
from restobench_methods.resshift.network import UNet
from restobench_methods.resshift.pipeline import Pipeline, ready


class ResShift:
    """ResShift (Yue, Wang, Loy, NeurIPS 2023; arXiv:2307.12348), and its journal version (arXiv:2403.07319)."""

    def __init__(self, setup: Setup) -> None:
        """Load the variant's U-Net and autoencoder.

        Raises:
            RestobenchError: A checkpoint does not fit, a setting makes no sense for weights that
                were trained with another, or the scale is not the variant's.
        """
        name = f"resshift@{setup.variant}"
        configuration = _of_checkpoint(setup.weights.get("unet")) or CONFIGURATIONS[setup.variant]
        if setup.scale is not None and setup.scale != configuration.scale:
            raise RestobenchError(f"'{name}' works at x{configuration.scale}, and x{setup.scale} is asked for.")
        if setup.test:
            configuration = shrunk(configuration)
        self.needs_mask = bool(configuration.unet.get("cond_mask"))
        self.tile, self.overlap = int(setup.settings["tile"]), int(setup.settings["overlap"])
        self.at_once = int(setup.settings["tiles_at_once"])
        check_tiles(self.tile, self.overlap)
        diffusion = _chain(name, setup, configuration)
        parts = ("unet",) if configuration.autoencoder is None else ("unet", "autoencoder")
        if not setup.test and (missing := [part for part in parts if part not in setup.weights]):
            raise RestobenchError(f"'{name}' needs the weights of its {missing[0]}: --weights {missing[0]}=FILE.")

        # Seeded, so that a network of which no file is there, in a test, is always the same.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            unet = UNet(**configuration.unet)
            autoencoder = None if configuration.autoencoder is None else VQAutoencoder(**configuration.autoencoder)
        for part, module in {"unet": unet, "autoencoder": autoencoder}.items():
            if module is not None and part in setup.weights:
                setup.audit[part] = load_strictly(module, setup.weights[part])
        if setup.settings["compile"]:
            unet.predict = torch.compile(unet.predict)  # type: ignore[method-assign]  # of this one network
        self.pipeline = Pipeline(
            unet=ready(unet, setup.device, setup.dtype),
            autoencoder=None if autoencoder is None else ready(autoencoder, setup.device, setup.dtype),
            diffusion=diffusion,
            scale=configuration.scale,
            multiple=configuration.multiple,
            dtype=setup.dtype,
        )

    @torch.inference_mode()
    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) -> (B, 3, scale H, scale W), in [0, 1].

        Raises:
            RestobenchError: No mask for a variant that fills holes.
        """
        if self.needs_mask:
            if mask is None:
                raise RestobenchError("This variant of ResShift fills holes, and these pictures have no masks.")
            # It was trained on pictures that are black in the hole. What a data set has there
            # instead, the clean picture perhaps, is nothing that the network may see.
            lq = torch.cat([lq * (1 - mask), mask], dim=1)
        return self.pipeline.restore(lq, noise, tile=self.tile, overlap=self.overlap, at_once=self.at_once)


def _of_checkpoint(unet: Path | None) -> Configuration | None:
    """What a checkpoint of `restobench train resshift` says of itself; None where there is none that does.

    Raises:
        RestobenchError: It is another method's.
    """
    made = read_configuration(unet) if unet else None
    if made is None:
        return None
    if made.get("recipe") != "resshift":
        raise RestobenchError(f"{unet} was made by a training of {made.get('recipe')}, not of resshift.")
    return Configuration(**made["network"])


def _chain(name: str, setup: Setup, configuration: Configuration) -> Diffusion:
    """The chain that the settings ask for, where the weights can walk it."""
    kappa, power, min_noise_level = (float(setup.settings[key]) for key in ("kappa", "power", "min_noise_level"))
    steps, trained_steps = int(setup.settings["steps"]), configuration.steps
    if setup.settings["retrained"]:
        trained_steps = steps
    else:
        _refuse_untrained(name, setup, configuration)
    return Diffusion(
        steps=trained_steps,
        kappa=kappa,
        power=power,
        min_noise_level=min_noise_level,
        sqrt_eta_end=math.sqrt(float(setup.settings["eta_end"])),
        prediction=configuration.prediction,
        latent=configuration.autoencoder is not None,
        respacing=None if steps == trained_steps else steps,
    )


def _refuse_untrained(name: str, setup: Setup, configuration: Configuration) -> None:
    """A network knows a step by its number and expects there the noise it was trained with."""
    for key in ("kappa", "power", "min_noise_level"):
        asked, trained = setup.settings[key], getattr(configuration, key)
        if asked != trained:
            raise RestobenchError(
                f"'{name}' was trained with {key} = {trained:g} and cannot restore with {asked:g}. "
                f"Set {key}={trained:g}, or say retrained=true with a checkpoint that was trained so."
            )
    if int(setup.settings["steps"]) > configuration.steps:
        raise RestobenchError(
            f"'{name}' was trained on {configuration.steps} steps and can take fewer of them, but not "
            f"{setup.settings['steps']}. Set steps={configuration.steps} or fewer, or say retrained=true with a "
            "checkpoint that was trained so."
        )
