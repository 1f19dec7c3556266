"""One measurement as it is ordered from a process of its own, and what comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from restobench.card import Value
from restobench.timing.measure import Rules

Outcome = dict[str, Any]
"""What a process found, as JSON; `problem` or `out_of_memory` where it found nothing."""
Asked = Literal["calls", "folder"]
"""Whether calls are timed, or one go of a program over a folder of pictures."""

_KILLED = -9
"""What Linux does to a process when memory runs out."""


@dataclass(frozen=True)
class Job:
    """What is measured in one process, and how."""

    method: str
    """NAME@VARIANT or PATH.py:CLASS@VARIANT."""
    settings: dict[str, Value]
    weights: dict[str, str]
    """Files by part."""
    scale: int
    device: str
    dtype: str
    tf32: bool
    inputs: str
    """The folder that `Inputs.save` filled."""
    rules: Rules
    batch: int = 1
    asked: Asked = "calls"
    count: bool = False
    """Whether FLOPs are counted, by one more call."""

    def to_json(self) -> str:
        """For the other process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """What `to_json` wrote."""
        content = json.loads(text)
        return cls(**content | {"rules": Rules(**content["rules"])})


def in_a_fresh_process(job: Job) -> Outcome:
    """Do a job where no other method was before: allocator, caches and libraries are as they start."""
    with TemporaryDirectory(prefix="restobench-time-") as folder:
        path = Path(folder) / "outcome.json"
        done = subprocess.run(
            # -P: a copy.py in the folder that one is in must not stand in for Python's own.
            [sys.executable, "-P", "-m", "restobench.timing.child", str(path)],
            input=job.to_json(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if path.exists():
            outcome: Outcome = json.loads(path.read_text(encoding="utf-8"))
            return outcome
    if done.returncode == _KILLED:
        return {"out_of_memory": "the process was killed, as happens where memory runs out"}
    said = done.stderr.strip().splitlines()
    return {"problem": said[-1] if said else f"the process ended with exit code {done.returncode}"}
