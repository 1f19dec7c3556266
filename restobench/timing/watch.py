"""What else goes on while a method is measured: other programs, throttling, clocks, memory. Read, never set."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import psutil

from restobench.provenance import peak_process_bytes

OTHERS = 0.1
"""Of the machine's processor time: what other programs may use before a row is `shared`."""

_SLOWED_DOWN = ("HwSlowdown", "SwThermalSlowdown", "HwThermalSlowdown", "HwPowerBrakeSlowdown")
"""What makes a call no measurement. The power cap is how a card usually runs, and is recorded."""
_REASONS = ("GpuIdle", "ApplicationsClocksSetting", "SwPowerCap", "SyncBoost", *_SLOWED_DOWN)


class ProcessorWatch:
    """How much of the machine's processor time other programs use."""

    def __init__(self) -> None:
        """Begin to watch."""
        self._busy, self._own = _busy_seconds(), _own_seconds()
        self._all = _all_seconds()

    def throttled(self) -> bool:
        """Nobody tells of a processor."""
        return False

    def finish(self) -> dict[str, Any]:
        """The share of the machine that others used since."""
        whole = _all_seconds() - self._all
        others = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        share = min(1.0, max(0.0, others / whole)) if whole > 0 else 0.0
        return {"used_by_others": round(share, 3), "shared": share > OTHERS}

    def peak_bytes(self) -> dict[str, int | None]:
        """The most memory that this process ever held."""
        return {"allocated": None, "reserved": None, "process": peak_process_bytes()}


class GpuWatch:
    """A CUDA device as NVML sees it. Where NVML does not answer, nothing is known and nothing is assumed."""

    def __init__(self, device: str) -> None:
        """Begin to watch; asks NVML for the card of this torch device."""
        import pynvml
        import torch

        self._nvml, self._device = pynvml, torch.device(device)
        try:
            pynvml.nvmlInit()
            uuid = f"GPU-{torch.cuda.get_device_properties(self._device).uuid}"
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        except (pynvml.NVMLError, AttributeError):
            self._handle = None
        torch.cuda.reset_peak_memory_stats(self._device)
        self._foreign = self._others()
        self._before = self._state()

    def throttled(self) -> bool:
        """Whether the card is slowed down right now."""
        return bool(set(self._reasons()) & set(_SLOWED_DOWN))

    def finish(self) -> dict[str, Any]:
        """Clocks, power, temperature and reasons, before and after, and whether others compute here."""
        foreign = max(self._foreign, self._others())
        return {"before": self._before, "after": self._state(), "other_processes": foreign, "shared": foreign > 0}

    def peak_bytes(self) -> dict[str, int | None]:
        """The most that torch's allocator held, and what all processes together hold on the card now."""
        import torch

        free, total = torch.cuda.mem_get_info(self._device)
        return {
            "allocated": torch.cuda.max_memory_allocated(self._device),
            "reserved": torch.cuda.max_memory_reserved(self._device),
            "process": total - free,
        }

    def _others(self) -> int:
        """Processes that compute on the card beside this one, which has a context by now."""
        if self._handle is None:
            return 0
        try:
            running = [one.pid for one in self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)]
        except self._nvml.NVMLError:
            return 0
        # In a container NVML may tell the host's numbers: then one of them is this process.
        return len(set(running) - {os.getpid()}) if os.getpid() in running else max(0, len(running) - 1)

    def _reasons(self) -> list[str]:
        if self._handle is None:
            return []
        try:
            bits = self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons(self._handle)
        except self._nvml.NVMLError:
            return []
        return [name for name in _REASONS if bits & getattr(self._nvml, f"nvmlClocksThrottleReason{name}")]

    def _state(self) -> dict[str, Any]:
        if self._handle is None:
            return {}
        nvml, handle = self._nvml, self._handle
        asked: dict[str, Callable[[], Any]] = {
            "sm_mhz": lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM),
            "memory_mhz": lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM),
            "power_limit_watts": lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000,
            "power_watts": lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
            "celsius": lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
        }
        found: dict[str, Any] = {"throttle_reasons": self._reasons()}
        for name, ask in asked.items():
            try:
                found[name] = ask()
            except nvml.NVMLError:
                found[name] = None  # not every card tells everything
        return found


def watch(device: str) -> ProcessorWatch | GpuWatch:
    """Begin to watch the device that a method computes on."""
    return GpuWatch(device) if device.startswith("cuda") else ProcessorWatch()


def _all_seconds() -> float:
    return float(sum(psutil.cpu_times()[:8]))  # guest time stands in user time already


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return _all_seconds() - float(times.idle) - float(getattr(times, "iowait", 0.0))


def _own_seconds() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
