"""What is right and wrong with this installation, and what to do about it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from importlib.metadata import distributions
from importlib.util import find_spec
from typing import Literal

from restobench.canaries import check_canaries
from restobench.dataset import dataset_cards
from restobench.download import size_in_words
from restobench.environment import datasets_folder, home, runs_folder
from restobench.errors import RestobenchError
from restobench.method_card import MethodCard
from restobench.metrics.registry import all_metrics, all_weight_parts
from restobench.plugins import plugins
from restobench.provenance import installed_version
from restobench.weights import all_parts, parts_of, weights_folder


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    verdict: Literal["good", "note", "bad"]
    text: str


def examine() -> list[Finding]:
    """Look at everything; takes some seconds, most of them to import torch and to score the canaries."""
    return [
        *_versions(),
        *_devices(),
        *_folders(),
        *_opencv(),
        _sqrtm(),
        _pkg_resources(),
        _basicsr(),
        *_extras(),
        *_plugins(),
        *_weights(),
        *_faces(),
        *_canaries(),
    ]


def _versions() -> list[Finding]:
    findings = []
    for name in ("torch", "torchvision", "diffusers", "transformers", "numpy", "pillow", "pandas"):
        version = installed_version(name)
        if version is None:
            findings.append(Finding(name, "bad", f"not installed; pip install {name}"))
        elif name == "torch" and version.split("+")[0] == "2.13.0":
            findings.append(Finding(name, "bad", "2.13.0: no torchvision matches it; pip install -U torch torchvision"))
        else:
            findings.append(Finding(name, "good", version))
    return findings


def _devices() -> list[Finding]:
    import torch

    findings = []
    for variable in ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"):
        if os.environ.get(variable) == "1":
            text = f"{variable}=1 lets TF32 stand in for float32 whatever a run asks for; unset it"
            findings.append(Finding("TF32", "bad" if torch.cuda.is_available() else "note", text))
    if not torch.cuda.is_available():
        return [
            *findings,
            Finding(
                "device",
                "note",
                f"no CUDA device; methods run on the CPU ({torch.get_num_threads()} threads)",
            ),
        ]
    return findings + [
        Finding(
            f"cuda:{i}",
            "good",
            f"{torch.cuda.get_device_name(i)}, CUDA {torch.version.cuda}, TF32 off unless --tf32",
        )
        for i in range(torch.cuda.device_count())
    ]


def _folders() -> list[Finding]:
    findings = []
    for name, folder in (
        ("RESTOBENCH_HOME", home()),
        ("RESTOBENCH_DATASETS", datasets_folder()),
        ("RESTOBENCH_RUNS", runs_folder()),
    ):
        there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        free = shutil.disk_usage(there).free / 2**30
        if not there.is_dir() or not os.access(there, os.W_OK):
            findings.append(Finding(name, "bad", f"{folder} cannot be written; set {name} to a folder that can"))
        else:
            findings.append(Finding(name, "note" if free < 5 else "good", f"{folder} ({free:.0f} GiB free)"))
    return findings


def _opencv() -> list[Finding]:
    wheels = sorted(
        {
            f"{distribution.name} {distribution.version}"
            for distribution in distributions()
            if (distribution.name or "").startswith("opencv-")
        }
    )
    if len(wheels) > 1:
        import cv2

        text = (
            f"{' and '.join(wheels)} share one folder: the one installed last is the one that runs, "
            f"here {cv2.__version__}"
        )
        return [Finding("opencv", "note", text)]
    return [Finding("opencv", "good", wheels[0])] if wheels else [Finding("opencv", "bad", "not installed")]


def _sqrtm() -> Finding:
    """Tried, and not read off a version."""
    import numpy as np
    from scipy.linalg import sqrtm

    version = installed_version("scipy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # DeprecationWarning, in the versions before it goes
        try:
            sqrtm(np.eye(2), disp=False)
        except TypeError:
            text = (
                f"{version}: sqrtm has no 'disp' any more, so FID of pyiqa, basicsr and clean-fid fails; ours does not"
            )
            return Finding("scipy", "note", text)
    return Finding(
        "scipy", "good", f"{version}: sqrtm still has 'disp', which FID of pyiqa, basicsr and clean-fid needs"
    )


def _pkg_resources() -> Finding:
    version = installed_version("setuptools")
    if find_spec("pkg_resources"):
        return Finding("pkg_resources", "good", f"there (setuptools {version})")
    text = "not there, and some older packages import it; where one fails: pip install 'setuptools<82'"
    return Finding("pkg_resources", "note", text)


_SHIM = (
    "import sys, torchvision.transforms.functional as f; "
    "sys.modules['torchvision.transforms.functional_tensor'] = f; import basicsr"
)


def _basicsr() -> Finding:
    """Imported in processes of their own: a shim in this one would hide the fault from everybody else."""
    version = installed_version("basicsr")
    if version is None:
        return Finding("basicsr", "note", "not installed; restobench does not need it")
    errors = []
    for code in ("import basicsr", _SHIM):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
        if done.returncode == 0:
            break
        errors.append(done.stderr.strip().rpartition("\n")[2])
    if not errors:
        return Finding("basicsr", "good", f"{version}, can be imported")
    if len(errors) == 1:
        text = (
            f"{version} cannot be imported as it is ({errors[0]}); it can where "
            "sys.modules['torchvision.transforms.functional_tensor'] = torchvision.transforms.functional stands before"
        )
        return Finding("basicsr", "note", text)
    return Finding("basicsr", "note", f"{version} cannot be imported ({errors[1]}); restobench does not need it")


def _extras() -> list[Finding]:
    findings = []
    for extra, distribution, remark in (
        ("iqa", "pyiqa", "PolyForm-Noncommercial: MUSIQ, NIQE and others; nothing in the core needs it"),
        ("face", "facexlib", "face detection and alignment"),
        (
            "spandrel-extra",
            "spandrel-extra-arches",
            "CodeFormer and Restormer files; parts are non-commercial",
        ),
    ):
        version = installed_version(distribution)
        text = f"{distribution} {version}. {remark}" if version else f"not installed: pip install 'restobench[{extra}]'"
        findings.append(Finding(extra, "good" if version else "note", text))
    return findings


def _faces() -> list[Finding]:
    missing = [part.title for part in parts_of("faces") if not part.there]
    if missing:
        advice = "restobench weights fetch faces"
        return [Finding("faces", "note", f"not there: {', '.join(missing)}; for photographs with faces: {advice}")]
    return [Finding("faces", "good", "the weights that find and paste faces are there")]


def _canaries() -> list[Finding]:
    """Metrics that give another number than they used to; those that do not, in one line."""
    try:
        checked = check_canaries()
    except (RestobenchError, OSError) as error:
        return [Finding("canaries", "bad", str(error))]
    moved = [Finding(one.metric, "bad", one.text) for one in checked if one.moved]
    untold = [Finding(one.metric, "note", one.text) for one in checked if one.drift is None]
    steady = [one.metric for one in checked if one.drift == 0]
    told = f"give the values that were recorded: {', '.join(steady)}"
    return moved + untold + ([Finding("canaries", "good", told)] if steady else [])


def _plugins() -> list[Finding]:
    findings = []
    try:
        methods = plugins("restobench.methods")
    except RestobenchError as error:
        return [Finding("methods", "bad", str(error))]
    broken = []
    for plugin in methods.values():
        try:
            plugin.card(MethodCard)
        except RestobenchError as error:
            broken.append(Finding(plugin.name, "bad", str(error)))
    findings += broken or [Finding("methods", "good", f"{len(methods)} registered, every card is valid")]
    try:
        findings.append(Finding("data sets", "good", f"{len(dataset_cards())} known, every card is valid"))
    except RestobenchError as error:
        findings.append(Finding("data sets", "bad", str(error)))
    for metric in all_metrics():
        if metric.lacks_library:
            findings.append(Finding(metric.name, "note", str(metric.missing())))
    return findings


def _weights() -> list[Finding]:
    folder = weights_folder()
    try:
        parts = [*all_parts(), *all_weight_parts()]
        without = [metric.name for metric in all_metrics() if metric.absent_parts]
    except RestobenchError:
        return []  # two packages of one name: said above
    there = {part.path for part in parts if part.there and not part.facts.bundled}
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    text = f"{len(there)} files that methods and metrics use in {folder}, which holds {size_in_words(used)}"
    findings = [Finding("weights", "good", text)]
    if without:
        text = f"cannot be computed without weights: {', '.join(without)}; restobench weights fetch NAME"
        findings.append(Finding("metrics", "note", text))
    return findings
