"""The recipes by name. Naming them imports none of their code: some of it brings torch along."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from restobench.errors import unknown_name
from restobench.synthesis.recipe import FACE_SIDE, Recipe

if TYPE_CHECKING:
    from restobench.synthesis.recipe import Maker


def _face(name: str, summary: str, citation: str, seed: int = 0) -> Recipe:
    sides = FACE_SIDE, FACE_SIDE
    made = f"{FACE_SIDE} x {FACE_SIDE}"
    return Recipe(name, summary, "face", seed=seed, size=sides, made_size=made, citation=citation)


_CHAIN = ("numpy", "scipy", "torch", "pillow", "opencv-python-headless")
_GFPGAN = "Wang et al., GFPGAN, CVPR 2021"
_CODEFORMER = "Zhou et al., CodeFormer, NeurIPS 2022"
_RESSHIFT = "Yue et al., ResShift, NeurIPS 2023"
_DIFFACE = "Yue and Loy, DifFace, arXiv:2212.06512"
_INTERLCM = "Li et al., InterLCM, ICLR 2025"
_REAL_ESRGAN = "Wang et al., Real-ESRGAN, ICCVW 2021"

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "multi-degradation",
            "Rain, haze, noise, motion blur, low light or JPEG, or a mixture of two or three of them.",
            "restoration",
            citation="kinds of Nguyen et al., UFR-GAN, Pattern Recognition Letters 2025; ranges of restobench",
        ),
        *(
            Recipe(
                f"noise-{sigma}",
                f"Gaussian noise of sigma {sigma} on every channel, rounded to 8 bits, as colour denoising is tested.",
                "restoration",
                min_side=1,
            )
            for sigma in (15, 25, 50)
        ),
        Recipe(
            "imagenet-test",
            "ResShift's ImageNet-Test: 3,000 pictures, cut to 256 x 256 and mildly degraded at x4.",
            "super-resolution",
            scale=4,
            seed=10000,
            min_side=8,
            made_size="256 x 256",
            citation=_RESSHIFT,
            libraries=_CHAIN,
        ),
        Recipe(
            "real-esrgan-training",
            "Whole pictures by the two-stage chain that real-world super-resolution x4 is trained with.",
            "super-resolution",
            scale=4,
            min_side=64,
            citation=f"{_REAL_ESRGAN}; ranges of {_RESSHIFT}",
            libraries=_CHAIN,
        ),
        _face(
            "difface2000",
            "CelebA-Test of DifFace and ResShift, picture for picture: 2,000 faces out of CelebA-HQ.",
            f"{_DIFFACE}; {_RESSHIFT}",
            seed=10000,
        ),
        _face("gfpgan", "Faces by GFPGAN's training ranges.", _GFPGAN),
        _face("codeformer-paper", "Faces by the training ranges in CodeFormer's paper.", _CODEFORMER),
        _face("codeformer-stage2", "Faces by the ranges of CodeFormer's released second stage.", _CODEFORMER),
        _face("resshift-faceir", "Faces by the training ranges of ResShift's face restoration.", _RESSHIFT),
        _face("interlcm", "Faces by InterLCM's training ranges.", _INTERLCM),
        _face("interlcm-large", "Faces by the strong ranges that InterLCM's program draws and drops.", _INTERLCM),
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        RestobenchError: There is none; the nearest names are offered.
    """
    if name not in RECIPES:
        hint = "A set of another name is made by a recipe with NAME@RECIPE."
        raise unknown_name("recipe", name, RECIPES, hint)
    return RECIPES[name]


@cache
def maker_of(recipe: Recipe) -> Maker:
    """The recipe's code; the same object in every call."""
    match recipe.name:
        case "multi-degradation":
            from restobench.synthesis.mixed import MultiDegradation

            return MultiDegradation()
        case "noise-15" | "noise-25" | "noise-50":
            from restobench.synthesis.mixed import ColourNoise

            return ColourNoise(float(recipe.name.removeprefix("noise-")))
        case "imagenet-test" | "real-esrgan-training":
            from restobench.synthesis.enlarging import RealEsrganChain

            return RealEsrganChain(recipe.name)
        case "difface2000":
            from restobench.synthesis.faces import CelebaTest

            return CelebaTest()
        case _:
            from restobench.synthesis.faces import FaceTraining

            return FaceTraining(recipe.name)
