"""What the released networks are, by variant. Anything that is not said is the default of `Restormer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BIAS_FREE = {"LayerNorm_type": "BiasFree"}
_GREY = {"inp_channels": 1, "out_channels": 1, **_BIAS_FREE}
_LEVELS = ("blind", "sigma15", "sigma25", "sigma50")

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "deraining": {},
    "motion_deblurring": {},
    "single_image_defocus_deblurring": {},
    "dual_pixel_defocus_deblurring": {"inp_channels": 6, "dual_pixel_task": True},
    "real_denoising": _BIAS_FREE,
    **{f"gaussian_color_denoising_{level}": _BIAS_FREE for level in _LEVELS},
    **{f"gaussian_gray_denoising_{level}": _GREY for level in _LEVELS},
}


def shrunk(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The same in small: every part is there, on a sixth of the channels; no released checkpoint fits it."""
    return {**configuration, "dim": 8, "num_blocks": (1, 1, 1, 1), "num_refinement_blocks": 1}
