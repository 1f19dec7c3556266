"""Where gradients go in InterLCM's training, and how the memory that they need is kept small.

Only the visual and the spatial encoder are trained; U-Net and autoencoder are frozen and
stand in the graph, for nothing is detached between the steps.
"""

from __future__ import annotations

from restobench_methods.interlcm.pipeline import Pipeline


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
