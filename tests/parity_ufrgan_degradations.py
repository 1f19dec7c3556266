"""How the golden cases of the multi-degradation recipe's steps are replayed."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restobench.degradations.multi import Step, apply_steps
from restobench.degradations.weather import line_kernel
from tests import filling
from tests.parity import Case, kind

_MAKE = {"image": filling.image, "noise": filling.noise}
_OURS = {"A": "airlight"}


@kind("ufrgan", "line_kernel")
def line(case: Case) -> dict[str, NDArray[np.float64]]:
    """A motion blur's kernel."""
    return {"kernel": line_kernel(case["config"]["length"], case["config"]["angle"])}


@kind("ufrgan", "degrade")
def degrade(case: Case) -> dict[str, Tensor]:
    """One step or several, with given values."""
    (recipe,) = case["inputs"]
    terms = [
        _MAKE[term["make"]](term["tag"], recipe["shape"], recipe["seed"]) * term.get("amp", 1)
        for term in recipe["terms"]
    ]
    x = sum(terms[1:], terms[0]).clip(*recipe["clip"])
    steps = []
    for step in case["config"]["steps"]:
        values = {_OURS.get(name, name): value for name, value in step.items() if name not in ("kind", "tag", "seed")}
        steps.append(Step(step["kind"], step["tag"], step["seed"], values))
    return {"y": torch.from_numpy(apply_steps(x[0].double().numpy(), steps))[None]}
