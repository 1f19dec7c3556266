"""The published recipes, by name: what each paper's training and test pictures are degraded by.

Facts alone: the ranges, as the papers' released settings have them. A recipe that was used once
does not change; a correction is a new name.
"""

from collections.abc import Mapping
from types import MappingProxyType

from restobench.degradations.face import FaceRecipe
from restobench.degradations.kernels import BellKind, Bells, MixedKernels
from restobench.degradations.real_esrgan import RealEsrgan, Stage

_ALL_BELLS: Mapping[BellKind, float] = MappingProxyType(
    {
        "iso": 0.45,
        "aniso": 0.25,
        "generalised-iso": 0.12,
        "generalised-aniso": 0.03,
        "plateau-iso": 0.12,
        "plateau-aniso": 0.03,
    }
)
_GAUSSIANS: Mapping[BellKind, float] = MappingProxyType({"iso": 0.6, "aniso": 0.4})

REAL_ESRGAN_TRAINING = RealEsrgan(
    scale=4,
    kernel1=MixedKernels(21, Bells(_ALL_BELLS, (0.2, 3.0), (0.5, 4.0), (1, 2)), sinc_probability=0.1),
    kernel2=MixedKernels(15, Bells(_ALL_BELLS, (0.2, 1.5), (0.5, 4.0), (1, 2)), sinc_probability=0.1),
    final_sinc_probability=0.8,
    stage1=Stage((0.2, 0.7, 0.1), (0.15, 1.5), 0.5, (1, 30), (0.05, 3.0), 0.4, (30, 95)),
    stage2=Stage((0.3, 0.4, 0.3), (0.3, 1.2), 0.5, (1, 25), (0.05, 2.5), 0.4, (30, 95)),
    second_stage_probability=0.5,
    second_blur_probability=0.8,
)
"""What ResShift's `realsr` networks are trained on: Real-ESRGAN's ranges, the second stage half of the time."""

IMAGENET_TEST = RealEsrgan(
    scale=4,
    kernel1=MixedKernels(13, Bells(_GAUSSIANS, (0.2, 0.8)), sinc_probability=0.1),
    kernel2=MixedKernels(7, Bells(_GAUSSIANS, (0.2, 0.5)), sinc_probability=0.0),
    final_sinc_probability=0.2,
    stage1=Stage((0.2, 0.7, 0.1), (0.5, 1.5), 0.5, (1, 15), (0.05, 0.3), 0.4, (70, 95)),
    stage2=Stage((0.3, 0.4, 0.3), (0.8, 1.2), 0.5, (1, 10), (0.05, 0.2), 0.4, (80, 100)),
    second_stage_probability=0.0,
    second_blur_probability=0.2,
)
"""What ResShift's ImageNet-Test was made by. Without a second stage, the second kernel and most of
`stage2` are drawn or kept for nothing; only its JPEG quality is used."""

REAL_ESRGAN_RECIPES: Mapping[str, RealEsrgan] = MappingProxyType(
    {"real-esrgan-training": REAL_ESRGAN_TRAINING, "imagenet-test": IMAGENET_TEST}
)

FACE_RECIPES: Mapping[str, FaceRecipe] = MappingProxyType(
    {
        "gfpgan": FaceRecipe((0.1, 10), (0.8, 8), (0, 20), (60, 100)),
        "codeformer-paper": FaceRecipe((1, 15), (1, 30), (0, 20), (30, 90)),
        "codeformer-stage2": FaceRecipe((1, 15), (4, 30), (0, 20), (30, 80)),
        "resshift-faceir": FaceRecipe((0.1, 15), (0.8, 32), (0, 20), (30, 100), grey_probability=0.01),
        "interlcm": FaceRecipe((0.1, 10), (1, 12), (0, 15), (60, 100)),
        "interlcm-large": FaceRecipe((1, 15), (4, 30), (0, 20), (30, 80)),
    }
)
"""For training, by paper. InterLCM trains on `interlcm`; its program also draws a degradation by
`interlcm-large`, which is CodeFormer's second stage, and drops it."""
