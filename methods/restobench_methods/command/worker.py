"""Lets restobench keep your program running: copy this file beside yours as restobench_worker.py.

    from restobench_worker import serve

    def restore_file(input, output, seed, scale):  # two paths of PNGs, two whole numbers
        ...

    serve(restore_file)

The standard library alone, Python 3.8 or newer. Of restobench, Apache-2.0.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable


def serve(restore_file: Callable[[str, str, int, int | None], object]) -> None:
    """Answer a line of JSON with a line of JSON until there are no more.

    first:   {"ready": 1, "python": "3.8.18", "torch": null}
    request: {"id": "a", "input": "/x/1-lq.png", "output": "/x/1-restored.png", "seed": 7, "scale": 4}
    answer:  {"id": "a", "ok": true, "seconds": 0.12} or {"id": "a", "ok": false, "error": "text"}
    """
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    # From here on whatever is printed, also by libraries in C, goes to standard error.
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def say(message: dict[str, object]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    torch = getattr(sys.modules.get("torch"), "__version__", None)
    say({"ready": 1, "python": platform.python_version(), "torch": torch and str(torch)})
    for line in requests:
        request = json.loads(line)
        begun = time.perf_counter()
        try:
            restore_file(request["input"], request["output"], request["seed"], request["scale"])
            say({"id": request["id"], "ok": True, "seconds": time.perf_counter() - begun})
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            say({"id": request["id"], "ok": False, "error": f"{type(error).__name__}: {error}"})
        sys.stdout.flush()
