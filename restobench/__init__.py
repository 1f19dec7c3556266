"""restobench: a benchmark harness for image restoration.

    import restobench
    table = restobench.run(["bicubic", "lanczos"], "demo")

Importing this module imports nothing heavy: each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from restobench.benchmark import run
    from restobench.dataset import open_dataset
    from restobench.errors import RestobenchError
    from restobench.frames import read_results
    from restobench.image import read_picture
    from restobench.method import load_method
    from restobench.noise import Noise
    from restobench.planning import Options
    from restobench.scoring import score

__all__ = [
    "Noise",
    "Options",
    "RestobenchError",
    "load_method",
    "open_dataset",
    "read_picture",
    "read_results",
    "run",
    "score",
]

_HOME = {
    "Noise": "noise",
    "Options": "planning",
    "RestobenchError": "errors",
    "load_method": "method",
    "open_dataset": "dataset",
    "read_picture": "image",
    "read_results": "frames",
    "run": "benchmark",
    "score": "scoring",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"restobench.{_HOME[name]}"), name)
    raise AttributeError(f"module 'restobench' has no attribute {name!r}")
