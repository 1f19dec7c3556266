"""An environment without pyiqa: every metric that is not its own works, and its own say what they need."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from restobench.metrics.registry import all_metrics
from tests.metrics.filled import MAKERS

PROGRAM = """
import json, sys
from importlib import metadata

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pyiqa", "timm", "clip"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
version = metadata.version
def without_pyiqa(name):
    if name == "pyiqa":
        raise metadata.PackageNotFoundError(name)
    return version(name)
metadata.version = without_pyiqa

import torch
import restobench
from restobench.metrics.registry import choose_metrics

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
lq = torch.rand(2, 3, 81, 85, generator=generator)
gt = lq.repeat_interleave(2, 2).repeat_interleave(2, 3)
restored = (gt + 0.1 * torch.randn(gt.shape, generator=generator)).clamp(0, 1)
found = {}
for name in sys.argv[1:]:
    found[name] = restobench.score(restored, gt, lq=lq, metrics=[name])[name].tolist()
print(json.dumps([found, choose_metrics(["musiq"])[0].missing()]))
"""
HEAVY = {"lpips-vgg", "lmd", "ids-cos", "fid-ffhq", "kid-gt"}
"""Metrics whose module and files others here have too."""


def test_metrics_that_are_not_pyiqa_s_do_without_it(with_weights: Callable[..., Path]) -> None:
    """It is non-commercial, and nothing in the core needs it."""
    names = [
        metric.name
        for metric in all_metrics()
        if metric.card.library != "pyiqa" and metric.name not in HEAVY
        if all(facts.file in MAKERS for facts in metric.card.weights.values())
        if metric.card.library is None or find_spec(metric.card.library)
    ]
    with_weights(*names)

    done = subprocess.run([sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    found, missing = json.loads(done.stdout)
    assert {"psnr", "lpips-alex", "clipiqa", "ids", "fid-gt", "vif", "consistency"} <= set(found) == set(names)
    assert missing == "needs the package 'pyiqa', which is not installed. Get it: pip install 'restobench[iqa]'"
