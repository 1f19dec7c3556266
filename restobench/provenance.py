"""What a run was made with: versions, commit, hardware, precision. Read, never set."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_LIBRARIES = (
    "restobench",
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "pillow",
    "opencv-python-headless",
    "diffusers",
    "transformers",
    "spandrel",
    "pandas",
)


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution; None where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def versions(*more: str) -> dict[str, str]:
    """Versions of Python, of the libraries that move pixels or numbers, and of `more`."""
    found = {"python": platform.python_version()}
    for distribution in (*_LIBRARIES, *more):
        if installed := installed_version(distribution):
            found[distribution] = installed
    return found


def git_commit(folder: Path) -> str | None:
    """The commit checked out in `folder`, with `+changes` where files differ; None outside git."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def hardware(device: str) -> dict[str, Any]:
    """The machine, and the device that restores."""
    import psutil
    import torch

    found: dict[str, Any] = {
        "device": device,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "threads": torch.get_num_threads(),
    }
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(torch.device(device))
        found |= {
            "gpu": properties.name,
            "gpu_memory_bytes": properties.total_memory,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "driver": _driver(),
        }
    return found


def peak_process_bytes() -> int:
    """The most memory that this process ever held, in bytes."""
    if sys.platform == "linux":
        # getrusage would tell the parent's, where that was larger when it started this process.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def device_name(device: str) -> str:
    """What the device that restores is called: its GPU's name, or the processor's."""
    import torch

    return torch.cuda.get_device_properties(torch.device(device)).name if device.startswith("cuda") else _cpu_name()


def _cpu_name() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _driver() -> str | None:
    import pynvml

    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None


def precision(device: str, dtype: str, tf32: bool) -> dict[str, Any]:
    """The part of a run's key that says how its arithmetic was done."""
    import torch

    kind = torch.device(device).type
    backends = torch.backends.cuda
    attention = {
        "flash": backends.flash_sdp_enabled(),
        "efficient": backends.mem_efficient_sdp_enabled(),
        "cudnn": backends.cudnn_sdp_enabled(),
        "math": backends.math_sdp_enabled(),
    }
    on_gpu = kind == "cuda"
    return {
        "device": kind,
        "dtype": dtype,
        "tf32": tf32 and on_gpu,
        "attention": "+".join(name for name, enabled in attention.items() if enabled) if on_gpu else "default",
    }


def best_device() -> str:
    """`cuda`, `mps` or `cpu`: the fastest that is here."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def evaluation_device(chosen: str | None) -> str:
    """Where metrics compute: on the chosen device, but not on `mps`, which has no float64.

    The driver of a cluster may lack the card that its workers have.
    """
    import torch

    device = chosen or best_device()
    absent = device.startswith("cuda") and not torch.cuda.is_available()
    return "cpu" if absent or device.startswith("mps") else device


def set_tf32(allowed: bool) -> None:
    """Let TF32 stand in for float32 on the GPU, or not: torch's own default is different for each use."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
