"""What is right and wrong with this installation, and what to do about it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import Literal

from restobench.card import MethodCard
from restobench.dataset import dataset_cards
from restobench.download import size_in_words
from restobench.environment import datasets_folder, home, runs_folder
from restobench.errors import RestobenchError
from restobench.metrics.registry import all_metrics, all_weight_parts
from restobench.plugins import plugins
from restobench.provenance import installed_version
from restobench.weights import all_parts, weights_folder


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    verdict: Literal["good", "note", "bad"]
    text: str


def examine() -> list[Finding]:
    """Look at everything; takes a few seconds, most of them to import torch."""
    return [
        *_versions(),
        *_devices(),
        *_folders(),
        *_opencv(),
        *_extras(),
        *_plugins(),
        *_weights(),
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

    if not torch.cuda.is_available():
        return [
            Finding(
                "device",
                "note",
                f"no CUDA device; methods run on the CPU ({torch.get_num_threads()} threads)",
            )
        ]
    return [
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
        text = f"{' and '.join(wheels)} share one folder: the one installed last is the one that runs"
        return [Finding("opencv", "note", text)]
    return [Finding("opencv", "good", wheels[0])] if wheels else [Finding("opencv", "bad", "not installed")]


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
    there = {part.path for part in parts if part.there}
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    text = f"{len(there)} files that methods and metrics use in {folder}, which holds {size_in_words(used)}"
    findings = [Finding("weights", "good", text)]
    if without:
        text = f"cannot be computed without weights: {', '.join(without)}; restobench weights fetch NAME"
        findings.append(Finding("metrics", "note", text))
    return findings
