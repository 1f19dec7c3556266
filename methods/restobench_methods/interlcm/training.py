"""Parts of InterLCM's training that are its own: the learning rate, and memory saved on the way back.

Only the visual and the spatial encoder are trained; U-Net and autoencoder are frozen and
stand in the graph, for nothing is detached between the steps.
"""

from __future__ import annotations

import math

from restobench_methods.interlcm.pipeline import Pipeline

LEARNING_RATE = 5e-5
LEAST_LEARNING_RATE = 2e-5
PERIOD = 150_000
"""Iterations in which the rate would reach its least; training ends after a tenth of them."""


def learning_rate(iteration: int) -> float:
    """Of both optimisers, in an iteration counted from 1: the first tenth of a cosine, 5e-5 to 4.927e-5."""
    falling = (1 + math.cos(math.pi * (iteration - 1) / PERIOD)) / 2
    return LEAST_LEARNING_RATE + (LEARNING_RATE - LEAST_LEARNING_RATE) * falling


def freeze(pipeline: Pipeline) -> None:
    """Leave gradients to the visual and the spatial encoder alone.

    The frozen networks let gradients through, as `torch.no_grad` would not.
    """
    pipeline.unet.requires_grad_(False)
    pipeline.vae.requires_grad_(False)
    pipeline.conditioner.requires_grad_(False)
    if hasattr(pipeline.conditioner, "encoder"):
        pipeline.conditioner.encoder.requires_grad_(True)
    if pipeline.spatial_encoder is not None:
        pipeline.spatial_encoder.requires_grad_(True)


def compute_activations_again(pipeline: Pipeline) -> None:
    """Keep only the inputs of blocks for the way back, and compute the rest again (gradient checkpointing).

    Same losses and gradients, about a third more time, a fraction of the memory. The networks
    stay in evaluation mode.
    """
    for network in (pipeline.unet, pipeline.vae, pipeline.spatial_encoder):
        if network is not None:
            network.enable_gradient_checkpointing()
