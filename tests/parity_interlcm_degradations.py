"""How the golden cases of InterLCM's degradation are replayed."""

import numpy as np
from numpy.typing import NDArray

from restobench.degradations.face import FaceRecipe, degrade_for_training
from restobench.degradations.generators import Generators
from restobench.degradations.kernels import gaussian
from tests import filling
from tests.parity import Case, kind


@kind("interlcm", "blur_kernel")
def blur_kernel(case: Case) -> dict[str, NDArray[np.float64] | float]:
    """A Gaussian from one or two sigmas and an angle."""
    config = case["config"]
    kernel = gaussian(config["size"], config["sigma"][0], config["sigma"][-1], config["rotation"])
    return {"kernel": kernel, "sum": float(kernel.sum())}


@kind("interlcm", "degradation")
def degradation(case: Case) -> dict[str, NDArray[np.float32]]:
    """A photograph flipped or not, degraded mildly, then from the clean one again strongly."""
    photo, options = case["inputs"]["photo"], case["config"]["options"]
    picture = filling.image(photo["tag"], photo["shape"], photo["seed"])[0].permute(1, 2, 0).numpy()
    gt = np.asarray((255 * picture).round()[..., ::-1] / 255, np.float32)
    generators = Generators.of_seed(case["config"]["random_seed"])
    if generators.python.random() < 0.5:
        gt = gt[:, ::-1]
    mild = degrade_for_training(gt, _recipe(options, ""), generators)
    strong = degrade_for_training(gt, _recipe(options, "_large"), generators)
    pictures: dict[str, NDArray[np.float32]] = {"gt": gt, "in": mild.lq, "in_large_de": strong.lq}
    return {name: (picture.transpose(2, 0, 1) - 0.5) / 0.5 for name, picture in pictures.items()}


def _recipe(options: Case, ending: str) -> FaceRecipe:
    return FaceRecipe(
        tuple(options[f"blur_sigma{ending}"]),
        tuple(options[f"downsample_range{ending}"]),
        tuple(options[f"noise_range{ending}"]),
        tuple(options[f"jpeg_range{ending}"]),
        isotropic_probability=options["kernel_prob"][0],
    )
