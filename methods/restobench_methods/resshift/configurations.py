"""What the networks are, by variant: the facts of the released configurations, and of our own `tiny`.

Anything that is not said is the default of `UNet`, `VQAutoencoder` and `Diffusion`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Prediction = Literal["xstart", "residual", "epsilon", "epsilon_scale"]
"""What the network's output is: x_0, y - x_0, the unit noise, or kappa sqrt(eta_t) times it."""


@dataclass(frozen=True)
class Configuration:
    """One network with its autoencoder, and the chain that it was trained on."""

    scale: int
    steps: int
    min_noise_level: float
    unet: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `UNet`."""
    autoencoder: Mapping[str, Any] | None = field(default_factory=dict)
    """Arguments of `VQAutoencoder`; None: the chain runs on pixels."""
    kappa: float = 2.0
    power: float = 0.3
    prediction: Prediction = "xstart"

    @property
    def multiple(self) -> int:
        """Sides that the networks take are multiples of it, in pixels of the low-quality picture."""
        if self.autoencoder is not None:
            return int(self.unet.get("lq_size", 64))
        # On pixels the lowest level alone asks for something: windows that fit.
        pixels = int(self.unet["window_size"]) << (len(self.unet["channel_mult"]) - 1)
        return max(1, pixels // self.scale)

    def changed(self, values: Mapping[str, Any]) -> Configuration:
        """With other values of some fields; arguments of networks are added to those it has."""
        changes = dict(values)
        for name in ("unet", "autoencoder"):
            present, own = getattr(self, name), changes.pop(name, {})
            if present is not None:
                changes[name] = {**present, **own}
        return replace(self, **changes)


_INPAINTING = {"lq_size": 256, "cond_mask": True}
# The same network as for natural pictures, trained on faces.
_FACE_256: dict[str, Any] = {}
_FACE_512 = {
    "embed_dim": 8,
    "n_embed": 4096,
    "z_channels": 8,
    "ch": 64,
    "ch_mult": (1, 2, 4, 8),
    "num_res_blocks": (1, 2, 3, 4),
}

_TINY = {
    "image_size": 64,
    "lq_size": 64,
    "model_channels": 32,
    "num_res_blocks": 1,
    "channel_mult": (1, 2, 3),
    "attention_resolutions": (32, 16),
    "swin_embed_dim": 64,
    "window_size": 8,
    "mlp_ratio": 2.0,
}

CONFIGURATIONS = {
    "v1": Configuration(4, 15, 0.04),
    "v2": Configuration(4, 15, 0.04),
    "v3": Configuration(4, 4, 0.2),
    "bicsr": Configuration(4, 4, 0.2),
    "faceir": Configuration(1, 4, 0.2, {"in_channels": 8, "out_channels": 8, "lq_size": 512}, _FACE_512),
    "inpaint-imagenet": Configuration(1, 4, 0.2, _INPAINTING),
    "inpaint-face": Configuration(1, 4, 0.2, _INPAINTING, _FACE_256),
    # Ours, small enough to train on two processor cores in an hour: on pixels, with less noise
    # than in latents, and from the enlarged picture on, which it need not learn to copy.
    "tiny": Configuration(4, 4, 0.04, _TINY, None, kappa=0.5, prediction="residual"),
}


def shrunk(configuration: Configuration) -> Configuration:
    """The same in small: every part is there, on a quarter of the size; no released checkpoint fits it."""
    unet: dict[str, Any] = {
        "image_size": 16,
        "model_channels": 32,
        "num_res_blocks": 1,
        "attention_resolutions": (16, 8),
        "channel_mult": (1, 2),
        "swin_embed_dim": 64,
    }
    if configuration.autoencoder is None:
        return configuration
    lq_size = configuration.multiple // 4
    autoencoder = {"ch": 32, "n_embed": 64, "num_res_blocks": 1}
    return replace(
        configuration,
        unet={**configuration.unet, **unet, "lq_size": lq_size},
        autoencoder={**configuration.autoencoder, **autoencoder},
    )
